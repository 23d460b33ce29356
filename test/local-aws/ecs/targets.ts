import type { LoadBalancer } from "@aws-sdk/client-ecs";
import type { TargetGroup } from "../neighbours/state.ts";
import type { TargetAnswer } from "../runtime.ts";
import type { Bed } from "./bed.ts";
import { eventTexts, tell } from "./events.ts";
import type { Target, Task } from "./state.ts";

/**
 * Registers a task with the target groups of its service, and checks it from then on at the pace of each group.
 * @param changed is called whenever a target's state has changed.
 */
export function registerTargets(bed: Bed, task: Task, changed: () => void): void {
  const groups = task.deployment?.revision.shape.settings.loadBalancers ?? [];
  task.targets = groups.flatMap((balancer) => {
    const group = groupOf(bed, balancer);
    if (group === null) return [];
    const target: Target = {
      targetGroupArn: group.arn,
      port: balancer.containerPort ?? group.port,
      state: "initial",
      reason: null,
    };
    if (task.service !== null) tell(bed, task.service, eventTexts.registered(group.arn));
    keepChecking(bed, task, group, target, changed);
    return [target];
  });
}

/**
 * Takes a task out of its target groups.
 * @returns the longest time that one of them lets connections end, in seconds
 */
export function deregisterTargets(bed: Bed, task: Task): number {
  const targets = task.targets ?? [];
  if (targets.length === 0) return 0;
  for (const target of targets) {
    target.state = "draining";
    if (task.service !== null) tell(bed, task.service, eventTexts.deregistered(target.targetGroupArn));
  }
  if (task.service !== null) tell(bed, task.service, eventTexts.draining());
  return Math.max(
    ...targets.map(
      ({ targetGroupArn }) => bed.neighbours.targetGroups.get(targetGroupArn)?.deregistrationDelaySeconds ?? 0,
    ),
  );
}

function groupOf(bed: Bed, { targetGroupArn }: LoadBalancer): TargetGroup | null {
  return targetGroupArn === undefined ? null : (bed.neighbours.targetGroups.get(targetGroupArn) ?? null);
}

/** One check after the other, each an interval after the last began; ends when the target drains or the task is gone. */
function keepChecking(bed: Bed, task: Task, group: TargetGroup, target: Target, changed: () => void): void {
  const { path, port, intervalSeconds, timeoutSeconds, healthyThreshold, unhealthyThreshold } = group.healthCheck;
  const checkedPort = port === "traffic-port" ? target.port : Number(port);
  let passed = 0;
  let failed = 0;
  const judge = (answer: TargetAnswer) => {
    passed = answer.healthy ? passed + 1 : 0;
    failed = answer.healthy ? 0 : failed + 1;
    const before = target.state;
    if (isDraining(target)) return;
    // A new target is healthy after its first passed check.
    if (answer.healthy && (passed >= healthyThreshold || before === "initial")) target.state = "healthy";
    if (!answer.healthy && failed >= unhealthyThreshold) target.state = "unhealthy";
    target.reason = answer.healthy ? null : answer.reason;
    if (target.state !== before) changed();
  };
  const check = () => {
    if (isDraining(target) || task.lastStatus === "STOPPED") return;
    bed.time.laterAtPace(intervalSeconds, check);
    bed.runtime.checkTarget(task.id, checkedPort, path, timeoutSeconds * 1000).then(judge, (error: unknown) => {
      judge({ healthy: false, reason: error instanceof Error ? error.message : "Request failed" });
    });
  };
  bed.time.laterAtPace(0, check);
}

/** In a function of its own: the state changes while a check is under way, which the compiler cannot see. */
function isDraining({ state }: Target): boolean {
  return state === "draining";
}
