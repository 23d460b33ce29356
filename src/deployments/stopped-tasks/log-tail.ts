import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import { logStreamPage } from "../../aws/console.ts";
import { isAwsError } from "../../aws/error.ts";
import { type LogPlace, logPlaceOf } from "../../aws/log-place.ts";
import { type Evidence, untrusted } from "../../domain/evidence.ts";
import { instant } from "../../domain/identifiers.ts";
import { type Revision, showRevision } from "../../domain/verdict.ts";
import type { DeploymentClients } from "../clients.ts";
import { excerptOf } from "./excerpt.ts";
import { suspects } from "./explain.ts";
import type { StoppedTask } from "./read.ts";

/** Lines that are read: a chain of exceptions begins with what happened, and is long. */
const readLines = 400;

/**
 * The last log lines of what failed in this task.
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
    const place = logPlaceOf(taskDefinition, container, task.id);
    if (typeof place === "string") continue;
    const page = pageOf(place, taskDefinition?.taskDefinitionArn ?? "");
    const tail = await readTail(logs, place, container, task);
    evidence.push(...tail.map((one) => (page === null ? one : { ...one, page })));
  }
  return evidence;
}

function pageOf({ logGroupName: group, logStreamName: stream, region }: LogPlace, near: string): string | null {
  return logStreamPage(near, { group, stream, region: region ?? undefined });
}

async function readTail(
  logs: DeploymentClients["logs"],
  { logGroupName, logStreamName, region }: LogPlace,
  container: string,
  task: StoppedTask,
): Promise<readonly Evidence[]> {
  const subject = `container ${container} of task ${task.id}`;
  try {
    const { events = [] } = await logs(
      new GetLogEventsCommand({ logGroupName, logStreamName, limit: readLines, startFromHead: false }),
      { resource: `log group ${logGroupName}`, region },
    );
    const last = events.at(-1);
    if (last === undefined) return [];
    const lines = events.flatMap(({ message }) => (message ?? "").trimEnd().split("\n"));
    const text = excerptOf(lines).join("\n");
    return [{ kind: "log", at: instant(last.timestamp ?? task.at), subject, text: untrusted(text) }];
  } catch (error) {
    if (!isAwsError(error)) throw error;
    // A container that wrote nothing has no stream.
    if (error.failure === "not-found" && /log stream/.test(error.what)) return [];
    return [{ kind: "call", at: instant(task.at), subject: `log of ${subject}`, text: untrusted(error.message) }];
  }
}
