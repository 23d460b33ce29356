import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { ListTasksCommand } from "@aws-sdk/client-ecs";
import { nameOf } from "../aws/arn.ts";
import type { EcsSend } from "../aws/ecs.ts";
import { isAwsError } from "../aws/error.ts";
import type { LogsSend } from "../aws/logs.ts";
import type { Context } from "../domain/context.ts";
import type { Place } from "../domain/errors.ts";
import { type Evidence, untrusted } from "../domain/evidence.ts";
import type { Finding, Level } from "../domain/finding.ts";
import { instant } from "../domain/identifiers.ts";
import type { Cause } from "../domain/verdict.ts";
import type { GateResult } from "./gate.ts";
import { type StartUpError, startUpErrors } from "./log-scan/judge.ts";

/** Whose log is looked at. */
export interface LogScan {
  /** Key of the service, and ECS's name of it. */
  readonly service: string;
  readonly serviceName: string;
  readonly cluster: string;
  readonly place: Place;
  /** null: its definition names none. */
  readonly log: { readonly group: string; readonly prefix: string; readonly container: string } | null;
  /** What an error in it is; two daemons at once are one whatever it is. */
  readonly level: Level;
  /** It is a daemon, which hears of another one only a while after its start. */
  readonly isDaemon: boolean;
}

/**
 * Milliseconds from a daemon's first line until it has said that another one beats as well: it looks every 30 s, and its line is
 * in CloudWatch some seconds later. Source: DEFAULT_HEARTBEAT_INTERVAL_SECONDS in dagster/_daemon/daemon.py
 */
const hearsOthersAfter = 40_000;

/** Lines from the start of a stream that are read, in one call: GetLogEvents gives 1 MiB at most. */
const readLines = 1000;

/** Errors that are quoted. */
const quoted = 3;

/**
 * Looks at what the task of a service has written since it was started: once, in two calls; and once more at a daemon's that is too young
 * to have heard of another one. Errors at the level `error` fail the gate, and so do two daemons; others, and a log that cannot be
 * read, are said, and it passes.
 */
export async function logScanGate(
  clients: { readonly ecs: EcsSend; readonly logs: LogsSend },
  context: Context,
  scan: LogScan,
): Promise<GateResult> {
  const { clock, report } = context;
  const begun = clock.now();
  const { service, level } = scan;
  const common = { gate: "log-scan" as const, on: service };
  const pass = (seen: string): GateResult => {
    const now = clock.now();
    return { ...common, cause: null, seen, evidence: [], seconds: (now - begun) / 1000, since: now };
  };
  const read = await readGrown(clients, context, scan);
  if (typeof read === "string") {
    report({ kind: "finding", finding: unread(scan, read) });
    return pass(`not looked at: ${read}`);
  }
  const errors = startUpErrors(read.messages);
  const extent = `${read.messages.length} line${read.messages.length === 1 ? "" : "s"}${read.isWhole ? "" : ", the first ones,"} of ${read.tasks === 1 ? "its task" : `one of its ${read.tasks} tasks`}`;
  if (errors.length === 0) return pass(`no start-up error in ${extent}`);
  const evidence = errors.slice(0, quoted).map((error) => evidenceOf(scan, error, clock.now()));
  const cause = causeOf(scan, errors);
  if (level === "error" || cause.id === "two-daemons")
    return { ...common, cause, seen: cause.what, evidence, seconds: (clock.now() - begun) / 1000, since: null };
  report({ kind: "finding", finding: foundOf(scan, cause) });
  for (const { subject, text } of evidence) report({ kind: "foreign", from: subject, text });
  return pass(`${errors.length === 1 ? "1 start-up error" : `${errors.length} start-up errors`} in ${extent}`);
}

/** The log, by the time that whatever a start brings is in it. */
async function readGrown(
  clients: { readonly ecs: EcsSend; readonly logs: LogsSend },
  { clock, report, signal }: Context,
  scan: LogScan,
): Promise<ReadLog | string> {
  const read = await readLog(clients, scan);
  if (!scan.isDaemon || typeof read === "string" || read.isHeardOf) return read;
  const left = (read.begun ?? clock.now()) + hearsOthersAfter - clock.now();
  if (left <= 0) return read;
  report({
    kind: "line",
    text: `log-scan ${scan.service}: would hear of another daemon within ${Math.ceil(left / 1000)} s`,
  });
  await clock.sleep(left, signal);
  return readLog(clients, scan);
}

interface ReadLog {
  readonly messages: readonly string[];
  /** Milliseconds since 1970 of its first line; null: it has none. */
  readonly begun: number | null;
  /** Another daemon is named in it. */
  readonly isHeardOf: boolean;
  /** All that was written is in it. */
  readonly isWhole: boolean;
  readonly tasks: number;
}

/** @returns why it cannot be read, as a clause */
async function readLog(
  { ecs, logs }: { readonly ecs: EcsSend; readonly logs: LogsSend },
  { cluster, serviceName, service, log }: LogScan,
): Promise<ReadLog | string> {
  if (log === null) return `${service} has no log group in CloudWatch`;
  try {
    const { taskArns = [] } = await ecs(new ListTasksCommand({ cluster, serviceName }), {
      resource: `service ${serviceName} in cluster ${cluster}`,
    });
    const [task] = taskArns;
    if (task === undefined) return `ECS names no task of ${serviceName}`;
    const logStreamName = `${log.prefix}/${log.container}/${nameOf(task)}`;
    const { events = [] } = await logs(
      new GetLogEventsCommand({ logGroupName: log.group, logStreamName, startFromHead: true, limit: readLines }),
      { resource: `log stream ${logStreamName} of ${log.group}` },
    );
    const messages = events.map(({ message = "" }) => message);
    const isHeardOf = startUpErrors(messages).some(({ kind }) => kind === "two-daemons");
    const begun = events[0]?.timestamp ?? null;
    return { messages, begun, isHeardOf, isWhole: messages.length < readLines, tasks: taskArns.length };
  } catch (error) {
    if (!isAwsError(error)) throw error;
    return `the log of ${service} cannot be read: ${error.what}`;
  }
}

function causeOf({ service, log }: LogScan, errors: readonly StartUpError[]): Cause {
  const isTwice = errors.some(({ kind }) => kind === "two-daemons");
  const times = errors.length === 1 ? "an error" : `${errors.length} errors`;
  return {
    id: isTwice ? "two-daemons" : "start-up-errors",
    what: isTwice
      ? `${service} hears the heartbeats of another daemon: two tick the same schedules.`
      : `The log of ${service} holds ${times} from its start.`,
    fix: isTwice
      ? "Find the other daemon, in another service, cluster or machine with the same database, and stop it; let the daemon's own service have `minimumHealthyPercent` 0 and `maximumPercent` 100."
      : `Read them in ${log?.group ?? "its log"}, and mend what they name; or set \`log-scan: notice\`.`,
  };
}

function foundOf({ place, level }: LogScan, { what, fix }: Cause): Finding {
  return { id: "start-up-errors", level, where: place, what, fix: fix ?? "" };
}

function unread({ place }: LogScan, why: string): Finding {
  return {
    id: "start-up-errors",
    level: "notice",
    where: place,
    what: `Not looked at for start-up errors: ${why}.`,
    fix: "Give the service a `log-group`, and the role of this job `logs:GetLogEvents` on it and `ecs:ListTasks`; or set `log-scan: { level: off, reason: … }`.",
  };
}

function evidenceOf({ service }: LogScan, { lines }: StartUpError, now: number): Evidence {
  return { kind: "log", at: instant(now), subject: `log of ${service}`, text: untrusted(lines.join("\n")) };
}
