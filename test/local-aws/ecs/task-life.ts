import type { AwsVpcConfiguration, TaskOverride } from "@aws-sdk/client-ecs";
import type { RuntimeObserver } from "../runtime.ts";
import type { Bed } from "./bed.ts";
import { stoppedReasons } from "./events.ts";
import { deregisterTargets, registerTargets } from "./targets.ts";
import type { Cluster, Container, Definition, Deployment, Service, StopCode, Task, TaskStatus } from "./state.ts";

/**
 * The life of one task, whoever asked for it:
 * PROVISIONING → PENDING → (ACTIVATING) → RUNNING → (DEACTIVATING) → STOPPING → DEPROVISIONING → STOPPED.
 */
export interface TaskRequest {
  readonly cluster: Cluster;
  readonly definition: Definition;
  readonly overrides: TaskOverride;
  readonly startedBy: string | undefined;
  readonly group: string;
  readonly launchType: "FARGATE" | "EC2";
  readonly network: AwsVpcConfiguration | undefined;
  readonly service: Service | null;
  readonly deployment: Deployment | null;
}

/**
 * - `changed`: a state or its health.
 * - `ended`: it was told to stop, or stopped by itself; it counts no longer.
 * - `gone`: STOPPED.
 */
export type TaskChange = "changed" | "ended" | "gone";

export type TaskListener = (task: Task, change: TaskChange) => void;

export function startTask(bed: Bed, request: TaskRequest, listener: TaskListener): Task {
  const id = bed.names.hexadecimal();
  const { cluster, definition, network } = request;
  const task: Task = {
    ...request,
    id,
    arn: bed.names.arn("task", cluster.name, id),
    createdAt: bed.time.now(),
    containers: containersOf(bed, request, id),
    interface: {
      attachmentId: bed.names.uuid(),
      id: `eni-${bed.names.hexadecimal().slice(0, 17)}`,
      macAddress: `02:${(bed.names.hexadecimal().slice(0, 10).match(/../g) ?? []).join(":")}`,
      subnetId: network?.subnets?.[0] ?? "",
      securityGroupIds: network?.securityGroups ?? [],
      publicAddress: network?.assignPublicIp === "ENABLED" ? `203.0.113.${(bed.state.tasks.size % 250) + 1}` : null,
    },
    lastStatus: "PROVISIONING",
    desiredStatus: "RUNNING",
    version: 1,
    address: null,
    targets: null,
    named: false,
    settled: false,
    condemned: null,
    outdated: false,
    wasHealthy: false,
    handedOver: false,
  };
  bed.state.tasks.set(id, task);
  const life = { bed, task, listener };
  bed.time.later(bed.rules.provisioningSeconds, () => {
    if (task.desiredStatus === "STOPPED") return;
    move(life, "PENDING");
    task.pullStartedAt = bed.time.now();
    task.handedOver = true;
    const { arn, overrides, startedBy, group } = task;
    const { content } = definition;
    bed.runtime.start(
      { id, arn, clusterArn: cluster.arn, definition: content, overrides, startedBy, group },
      observe(life),
    );
  });
  lives.set(task, life);
  return task;
}

/** Tells a task to stop; nothing happens to one that was told before. */
export function stopTask(task: Task, stopCode: StopCode, reason: string): void {
  const life = lives.get(task);
  if (life !== undefined) end(life, stopCode, reason);
}

interface Life {
  readonly bed: Bed;
  readonly task: Task;
  readonly listener: TaskListener;
}

/** How a task is reached from the outside, without its life being part of what the API shows. */
const lives = new WeakMap<Task, Life>();

function observe(life: Life): RuntimeObserver {
  const { bed, task } = life;
  const container = (name: string) => task.containers.find((one) => one.name === name);
  return {
    pulled: (name, digest) => {
      const pulled = container(name);
      if (pulled === undefined) return;
      pulled.digest = digest;
      if (task.containers.every(({ digest: known }) => known !== undefined)) task.pullStoppedAt = bed.time.now();
      changed(life);
    },
    address: (ip) => {
      task.address = ip;
    },
    started: (name) => {
      const started = container(name);
      if (started === undefined || task.lastStatus === "STOPPED") return;
      started.state = "running";
      started.runtimeId = `${task.id}-${bed.names.decimal().slice(0, 10)}`;
      if (task.lastStatus === "PENDING" && task.containers.every(({ state }) => state !== "waiting")) activate(life);
    },
    health: (name, status) => {
      const checked = container(name);
      if (checked === undefined) return;
      checked.health = status;
      changed(life);
    },
    exited: (name, exitCode, reason) => {
      const exited = container(name);
      if (exited === undefined || exited.state === "exited" || task.lastStatus === "STOPPED") return;
      exited.state = "exited";
      exited.exitCode = exitCode;
      if (reason !== undefined) exited.reason = reason;
      if (task.desiredStatus === "RUNNING" && exited.essential) {
        end(life, "EssentialContainerExited", stoppedReasons.essentialExited);
      } else if (task.lastStatus === "PENDING" && task.containers.every(({ state }) => state !== "waiting")) {
        activate(life);
      } else if (task.lastStatus === "STOPPING") {
        finishIfAllExited(life);
      }
    },
    failedToStart: (reason) => {
      if (task.desiredStatus === "STOPPED") return;
      for (const one of task.containers) one.reason = reason;
      end(life, "TaskFailedToStart", reason);
    },
  };
}

/** Every container has begun: registers the task where its service wants it known, then it is RUNNING. */
function activate(life: Life): void {
  const { bed, task } = life;
  const settings = task.deployment?.revision.shape.settings;
  const registers = (settings?.loadBalancers?.length ?? 0) + (settings?.serviceRegistries?.length ?? 0) > 0;
  if (!registers) {
    run(life);
    return;
  }
  move(life, "ACTIVATING");
  bed.time.later(bed.rules.registrationSeconds, () => {
    if (task.desiredStatus === "STOPPED") return;
    registerTargets(bed, task, () => changed(life));
    task.named = (settings?.serviceRegistries?.length ?? 0) > 0;
    run(life);
  });
}

function run(life: Life): void {
  const { bed, task } = life;
  task.startedAt = bed.time.now();
  move(life, "RUNNING");
  bed.time.later(bed.rules.settlingSeconds, () => {
    task.settled = true;
    changed(life);
  });
  const graceSeconds = task.service?.healthCheckGracePeriodSeconds ?? 0;
  if (graceSeconds > 0) bed.time.laterAtPace(graceSeconds, () => changed(life));
}

function end(life: Life, stopCode: StopCode, reason: string): void {
  const { bed, task, listener } = life;
  if (task.desiredStatus === "STOPPED") return;
  task.desiredStatus = "STOPPED";
  task.stopCode = stopCode;
  task.stoppedReason = reason;
  task.stoppingAt = bed.time.now();
  const registered = task.named || (task.targets ?? []).length > 0;
  task.named = false;
  const drainSeconds = deregisterTargets(bed, task);
  listener(task, "ended");
  if (stopCode === "EssentialContainerExited" || !registered) {
    quit(life);
    return;
  }
  move(life, "DEACTIVATING");
  bed.time.later(bed.rules.registrationSeconds + drainSeconds, () => quit(life));
}

/** Ends the containers that still run. */
function quit(life: Life): void {
  const { bed, task } = life;
  task.targets = [];
  if (!task.handedOver || task.stopCode === "TaskFailedToStart") {
    deprovision(life);
    return;
  }
  move(life, "STOPPING");
  bed.runtime.stop(task.id);
  finishIfAllExited(life);
}

function finishIfAllExited(life: Life): void {
  const { bed, task } = life;
  if (task.lastStatus !== "STOPPING" || task.containers.some(({ state }) => state === "running")) return;
  task.executionStoppedAt = bed.time.now();
  deprovision(life);
}

function deprovision(life: Life): void {
  const { bed, task, listener } = life;
  move(life, "DEPROVISIONING");
  bed.time.later(bed.rules.deprovisioningSeconds, () => {
    task.stoppedAt = bed.time.now();
    task.lastStatus = "STOPPED";
    task.version += 1;
    listener(task, "gone");
    bed.time.later(bed.rules.stoppedTasksKeptSeconds, () => void bed.state.tasks.delete(task.id));
  });
}

function move(life: Life, status: TaskStatus): void {
  life.task.lastStatus = status;
  changed(life);
}

function changed({ task, listener }: Life): void {
  task.version += 1;
  listener(task, "changed");
}

function containersOf(bed: Bed, { definition, cluster }: TaskRequest, taskId: string): readonly Container[] {
  return (definition.content.containerDefinitions ?? []).map(({ name, image, essential, healthCheck }) => ({
    name: name ?? "",
    image: image ?? "",
    essential: essential ?? true,
    checked: healthCheck !== undefined,
    arn: bed.names.arn("container", cluster.name, taskId, bed.names.uuid()),
    state: "waiting",
    health: "UNKNOWN",
  }));
}
