import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeTaskDefinitionCommand, type LogConfiguration } from "@aws-sdk/client-ecs";
import { logStreamPage } from "../../aws/console.ts";
import { isAwsError } from "../../aws/error.ts";
import { type Evidence, untrusted } from "../../domain/evidence.ts";
import { instant } from "../../domain/identifiers.ts";
import { type Revision, showRevision } from "../../domain/verdict.ts";
import type { DeploymentClients } from "../clients.ts";
import { suspects } from "./explain.ts";
import type { StoppedTask } from "./read.ts";

/** Log lines of one container that are worth a look. */
const lastLines = 20;

/**
 * The last log lines of what failed in this task. Only the `awslogs` driver says where they are: `prefix/container/task id`.
 * Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
 * @returns one piece for each container, empty where there is nothing to read; a log that may not be read is evidence of that.
 * @throws AwsError when the definition cannot be read
 */
export async function readLastLogLines(
  { ecs, logs }: DeploymentClients,
  definition: Revision,
  task: StoppedTask,
): Promise<readonly Evidence[]> {
  const { taskDefinition } = await ecs(
    new DescribeTaskDefinitionCommand({ taskDefinition: showRevision(definition) }),
    { resource: `task definition ${showRevision(definition)}` },
  );
  const evidence: Evidence[] = [];
  for (const container of suspects(task)) {
    const defined = taskDefinition?.containerDefinitions?.find(({ name }) => name === container);
    const place = placeOf(defined?.logConfiguration, container, task.id);
    if (place === null) continue;
    const page = pageOf(place, taskDefinition?.taskDefinitionArn ?? "");
    const tail = await readTail(logs, place, container, task);
    evidence.push(...tail.map((one) => (page === null ? one : { ...one, page })));
  }
  return evidence;
}

interface LogPlace {
  readonly logGroupName: string;
  readonly logStreamName: string;
  /** null: the task's own. */
  readonly region: string | null;
}

function pageOf({ logGroupName: group, logStreamName: stream, region }: LogPlace, near: string): string | null {
  return logStreamPage(near, { group, stream, region: region ?? undefined });
}

function placeOf(configuration: LogConfiguration | undefined, container: string, taskId: string): LogPlace | null {
  if (configuration?.logDriver !== "awslogs") return null;
  const options = configuration.options ?? {};
  const { "awslogs-group": logGroupName, "awslogs-stream-prefix": prefix, "awslogs-region": region } = options;
  if (logGroupName === undefined || prefix === undefined) return null;
  return { logGroupName, logStreamName: `${prefix}/${container}/${taskId}`, region: region ?? null };
}

async function readTail(
  logs: DeploymentClients["logs"],
  { logGroupName, logStreamName }: LogPlace,
  container: string,
  task: StoppedTask,
): Promise<readonly Evidence[]> {
  const subject = `container ${container} of task ${task.id}`;
  try {
    const { events = [] } = await logs(
      new GetLogEventsCommand({ logGroupName, logStreamName, limit: lastLines, startFromHead: false }),
      {
        resource: `log group ${logGroupName}`,
      },
    );
    const last = events.at(-1);
    if (last === undefined) return [];
    const text = events.map(({ message }) => (message ?? "").trimEnd()).join("\n");
    return [{ kind: "log", at: instant(last.timestamp ?? task.at), subject, text: untrusted(text) }];
  } catch (error) {
    if (!isAwsError(error)) throw error;
    // A container that wrote nothing has no stream.
    if (error.failure === "not-found" && /log stream/.test(error.what)) return [];
    return [{ kind: "call", at: instant(task.at), subject: `log of ${subject}`, text: untrusted(error.message) }];
  }
}
