import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import type { Task } from "@aws-sdk/client-ecs";
import { nameOf } from "../../aws/arn.ts";
import { isAwsError } from "../../aws/error.ts";
import type { Dagster } from "../../dagster/client.ts";
import { runEvents } from "../../dagster/documents.ts";
import { type Evidence, untrusted } from "../../domain/evidence.ts";
import { instant } from "../../domain/identifiers.ts";
import { tracebackTail } from "../judge.ts";
import { containerOf, logOf, type ProofClients } from "./reads.ts";

/** Log lines that are quoted. */
const lastLines = 20;

/** The last errors of a run, each with the end of its traceback, which the run has from its step; without any, its last messages. */
export async function quoteEvents(dagster: Dagster, runId: string, now: number): Promise<readonly Evidence[]> {
  const { logsForRun: log } = await dagster.ask(runEvents, { runId });
  if (!("events" in log)) return [];
  const telling = log.events
    .filter(({ level }) => level === "ERROR" || level === "CRITICAL")
    .map(({ message = "", error, stepKey }) => ({
      message,
      step: stepKey,
      traceback: error ? tracebackTail(error) : "",
    }));
  const raised = telling.filter(
    ({ traceback }, at) => traceback !== "" && telling.findIndex((other) => other.traceback === traceback) === at,
  );
  return (raised.length > 0 ? raised : telling).slice(-3).map(({ message, step, traceback }) => ({
    kind: "graphql",
    at: instant(now),
    subject: step ? `step ${step} of run ${runId}` : `run ${runId}`,
    text: untrusted([message, traceback].filter((part) => part !== "").join("\n")),
  }));
}

/**
 * How the task of a run ended, and the last lines that it wrote. What cannot be read is evidence of that: that the run failed stands
 * already.
 */
export async function quoteTask(
  { ecs, logs }: ProofClients,
  task: Task,
  image: string,
  now: number,
): Promise<readonly Evidence[]> {
  const subject = `container ${containerOf(task, image)} of task ${nameOf(task.taskArn ?? "")}`;
  const ended = endOf(task);
  const evidence: Evidence[] =
    ended === null ? [] : [{ kind: "task", at: instant(now), subject, text: untrusted(ended) }];
  try {
    const place = await logOf(ecs, task, image);
    if (typeof place === "string") return evidence;
    const { logGroupName, logStreamName, region } = place;
    const command = new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: false, limit: lastLines });
    const { events = [] } = await logs(command, { resource: `log group ${logGroupName}`, region });
    const text = events.map(({ message }) => (message ?? "").trimEnd()).join("\n");
    return text === "" ? evidence : [...evidence, { kind: "log", at: instant(now), subject, text: untrusted(text) }];
  } catch (error) {
    if (!isAwsError(error)) throw error;
    return [
      ...evidence,
      { kind: "call", at: instant(now), subject: `log of ${subject}`, text: untrusted(error.message) },
    ];
  }
}

/** Why a task has stopped, as ECS says it; null: it runs, or has ended as it should. */
export function endOf({ lastStatus, stopCode, stoppedReason, containers = [] }: Task): string | null {
  if (lastStatus !== "STOPPED" && lastStatus !== "DEPROVISIONING" && lastStatus !== "STOPPING") return null;
  const exits = containers.flatMap(({ name = "?", exitCode, reason }) =>
    exitCode === 0 && reason === undefined
      ? []
      : [
          `${name}: ${exitCode === undefined ? "never started" : `exit code ${exitCode}`}${reason === undefined ? "" : `, ${reason}`}`,
        ],
  );
  return exits.length === 0 ? null : [`${stopCode ?? "stopped"}: ${stoppedReason ?? ""}`, ...exits].join("\n");
}
