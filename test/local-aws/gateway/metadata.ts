import type { PlayedTask } from "../runtimes/tasks/task.ts";

/**
 * The task metadata endpoint, version 4, as far as Dagster's EcsRunLauncher and the AWS SDKs read it:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
 * @param path `/v4/<task id>/<container>`, or that and `/task`.
 * @returns null when there is no such task or container.
 */
export function metadata(path: string, tasks: ReadonlyMap<string, PlayedTask>): unknown {
  const [, , taskId = "", encoded = "", what] = path.split("/");
  const played = tasks.get(taskId);
  const name = decodeURIComponent(encoded);
  const containers = played?.task.definition.containerDefinitions ?? [];
  if (played === undefined || !containers.some((container) => container.name === name)) return null;
  const described = containers.map((container) =>
    describeContainer(played, container.name ?? "", container.image ?? ""),
  );
  if (what === undefined) return described.find((container) => container.Name === name) ?? null;
  if (what !== "task") return null;
  const { task } = played;
  return {
    Cluster: task.clusterArn,
    TaskARN: task.arn,
    Family: task.definition.family,
    Revision: String(task.definition.revision),
    DesiredStatus: "RUNNING",
    KnownStatus: "RUNNING",
    LaunchType: "FARGATE",
    Containers: described,
  };
}

function describeContainer({ task, address }: PlayedTask, name: string, image: string) {
  return {
    DockerId: `${task.id}-${name}`,
    Name: name,
    DockerName: name,
    Image: image,
    Labels: {
      "com.amazonaws.ecs.cluster": task.clusterArn,
      "com.amazonaws.ecs.container-name": name,
      "com.amazonaws.ecs.task-arn": task.arn,
      "com.amazonaws.ecs.task-definition-family": task.definition.family,
      "com.amazonaws.ecs.task-definition-version": String(task.definition.revision),
    },
    DesiredStatus: "RUNNING",
    KnownStatus: "RUNNING",
    Type: "NORMAL",
    ContainerARN: `${task.arn.replace(":task/", ":container/")}/${name}`,
    Networks: [{ NetworkMode: "awsvpc", IPv4Addresses: [address] }],
  };
}
