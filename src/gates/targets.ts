import { DescribeTargetHealthCommand, type ElbSend } from "../aws/elb.ts";
import { isAwsError, isWeather } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import { askUntil, type GateResult } from "./gate.ts";
import { adviceFor, judgeTargets, showTarget, type Target } from "./targets/judge.ts";

export interface TargetsExpectation {
  /** Key of the service. */
  readonly service: string;
  /** Its target groups, by ARN. */
  readonly groups: readonly string[];
  /** Tasks that it is to run, as it is now: what scales it may change that while its targets are waited for. */
  readonly tasks: () => Promise<number>;
  /** Where it is told that this job may not read them, or never reached who tells of them, and goes on; null: that ends the gate. */
  readonly unread: Place | null;
  readonly timeoutSeconds: number;
}

/**
 * Passes when every target of the service's target groups is healthy, and each group has as many as there are tasks.
 * @throws AwsError when they may not be read, and must be
 */
export function targetsGate(
  { elb }: { readonly elb: ElbSend },
  context: Context,
  { service, groups, tasks, unread, timeoutSeconds }: TargetsExpectation,
): Promise<GateResult> {
  let ill: readonly Target[] = [];
  let unreachedSince: number | null = null;
  let wasTold = false;
  return askUntil(
    context,
    { gate: "targets", on: service, timeoutSeconds },
    async () => {
      let targets: readonly (readonly Target[])[];
      try {
        targets = await Promise.all(groups.map((group) => targetsOf(elb, group)));
        wasTold = true;
      } catch (error) {
        const now = context.clock.now();
        unreachedSince ??= now;
        // A network without a way to that service never has one; what answered once is weather.
        const isUnreached = isWeather(error) && !wasTold && now - unreachedSince >= unreachedMilliseconds;
        if (unread === null || !(isAwsError(error, "denied") || isUnreached)) throw error;
        return { seen: "not asked", since: now, findings: [notAsked(unread, service, isUnreached)] };
      }
      const wanted = await tasks();
      const answer = judgeTargets(groups.map(groupName), targets.flat(), wanted);
      if (answer.kind === "healthy") return { seen: answer.seen, since: context.clock.now() };
      ({ ill } = answer);
      return { waiting: answer.why };
    },
    (waiting) => ({
      cause: {
        id: "targets-unhealthy",
        what: `Behind the load balancer ${service} is not healthy after ${timeoutSeconds} s: ${waiting}.`,
        fix: adviceFor(ill),
      },
      evidence: ill.map((target) => ({
        kind: "target",
        at: instant(context.clock.now()),
        subject: `target group ${target.group}`,
        text: untrusted(showTarget(target)),
      })),
    }),
  );
}

/** So long who tells of targets is tried to be reached before it is given up, in milliseconds. */
const unreachedMilliseconds = 60_000;

function notAsked(where: Place, service: string, isUnreached: boolean): Finding {
  const why = isUnreached
    ? "this job does not reach Elastic Load Balancing"
    : "this job may not call DescribeTargetHealth";
  const way = isUnreached
    ? "Give its network a way there, an endpoint `elasticloadbalancing` for instance"
    : "Allow the job's role `elasticloadbalancing:DescribeTargetHealth` on `*`";
  return {
    id: "not-checked",
    level: "notice",
    where,
    what: `Whether the targets of service ${service} are healthy was not asked: ${why}. ECS waits for them by itself while it rolls a service.`,
    fix: `${way}; or \`gates: { expect: { target-health: false } }\`.`,
  };
}

async function targetsOf(elb: ElbSend, arn: string): Promise<readonly Target[]> {
  const group = groupName(arn);
  const { TargetHealthDescriptions: described = [] } = await elb(
    new DescribeTargetHealthCommand({ TargetGroupArn: arn }),
    { resource: `target group ${group}` },
  );
  return described.map(({ Target: target, TargetHealth: health }) => ({
    group,
    address: target?.Port === undefined ? (target?.Id ?? "") : `${target.Id ?? ""}:${target.Port}`,
    state: health?.State ?? "unknown",
    reason: health?.Reason ?? null,
    description: health?.Description ?? null,
  }));
}

/** `arn:aws:elasticloadbalancing:…:targetgroup/<name>/<id>` */
function groupName(arn: string): string {
  return arn.split("/").at(-2) ?? arn;
}
