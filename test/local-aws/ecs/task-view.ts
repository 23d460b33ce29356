import type { Container as ContainerView, Tag, Task as TaskView } from "@aws-sdk/client-ecs";
import { healthStatusOf } from "./health.ts";
import { dateOf, type Container, type Task } from "./state.ts";

/** A task as DescribeTasks, RunTask and StopTask show it. */
export function taskView(task: Task, tags: readonly Tag[] | undefined): TaskView {
  const { content } = task.definition;
  return {
    taskArn: task.arn,
    clusterArn: task.cluster.arn,
    taskDefinitionArn: content.taskDefinitionArn,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    startedBy: task.startedBy,
    group: task.group,
    launchType: task.launchType,
    ...(task.launchType === "FARGATE" ? { platformVersion: "1.4.0", platformFamily: "Linux" } : {}),
    cpu: content.cpu,
    memory: content.memory,
    connectivity: "CONNECTED",
    version: task.version,
    healthStatus: healthStatusOf(task),
    overrides: { containerOverrides: [], inferenceAcceleratorOverrides: [], ...task.overrides },
    containers: task.containers.map((container) => containerView(task, container)),
    attachments: content.networkMode === "awsvpc" ? [attachment(task)] : [],
    attributes: [],
    tags: tags === undefined ? undefined : [...tags],
    createdAt: new Date(task.createdAt),
    pullStartedAt: dateOf(task.pullStartedAt),
    pullStoppedAt: dateOf(task.pullStoppedAt),
    startedAt: dateOf(task.startedAt),
    stoppingAt: dateOf(task.stoppingAt),
    executionStoppedAt: dateOf(task.executionStoppedAt),
    stoppedAt: dateOf(task.stoppedAt),
    stopCode: task.stopCode,
    stoppedReason: task.stoppedReason,
  };
}

function containerView(task: Task, container: Container): ContainerView {
  const { interface: network, address } = task;
  return {
    containerArn: container.arn,
    taskArn: task.arn,
    name: container.name,
    image: container.image,
    imageDigest: container.digest,
    runtimeId: container.runtimeId,
    lastStatus: containerStatus(task, container),
    exitCode: container.exitCode,
    reason: container.reason,
    networkBindings: [],
    networkInterfaces: address === null ? [] : [{ attachmentId: network.attachmentId, privateIpv4Address: address }],
    healthStatus: container.health,
    cpu: "0",
  };
}

function containerStatus(task: Task, { state }: Container): string {
  if (state === "running") return "RUNNING";
  return state === "exited" || task.lastStatus === "STOPPED" ? "STOPPED" : "PENDING";
}

function attachment({ interface: network, address, lastStatus }: Task) {
  const details = [
    { name: "subnetId", value: network.subnetId },
    { name: "networkInterfaceId", value: network.id },
    { name: "macAddress", value: network.macAddress },
    ...(address === null ? [] : [{ name: "privateIPv4Address", value: address }]),
  ];
  const status = lastStatus === "STOPPED" ? "DELETED" : address === null ? "PRECREATED" : "ATTACHED";
  return { id: network.attachmentId, type: "ElasticNetworkInterface", status, details };
}
