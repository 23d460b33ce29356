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
import type { LogStream } from "../tasks/follow-log.ts";
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
  readonly log: (LogStream & { readonly container: string }) | null;
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

/** Lines of one page. GetLogEvents gives 1 MiB at most: a page of nearly that many characters is a full one as well. */
const pageLines = 1000;
const fullPageCharacters = 900_000;
/** Pages that are read of a task's log, from its start, and tasks whose logs are read. */
const pagesAtMost = 5;
const tasksAtMost = 5;

/** Errors that are quoted. */
const quoted = 3;

/**
 * Looks at what the tasks of a service have written since they were started: once, in two calls for one task with a short log; and
 * once more at a daemon's that is too young to have heard of another one. Errors at the level `error` fail the gate, and so do two daemons; others, and a log that cannot be
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
  const { errors } = read;
  const extent = extentOf(read);
  for (const why of read.unread) report({ kind: "finding", finding: unread(scan, why) });
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
  /** Of those with one headline in several tasks the first. */
  readonly errors: readonly StartUpError[];
  readonly lines: number;
  /** Milliseconds since 1970 of the first line of its youngest task; null: there is none. */
  readonly begun: number | null;
  /** Another daemon is named in it. */
  readonly isHeardOf: boolean;
  /** All that was written is in it. */
  readonly isWhole: boolean;
  readonly tasks: number;
  /** How many of them were read, and why others could not be. */
  readonly readTasks: number;
  readonly unread: readonly string[];
}

function extentOf({ lines, isWhole, tasks, readTasks }: ReadLog): string {
  const which = tasks === 1 ? "its task" : `${readTasks === tasks ? "" : `${readTasks} of `}its ${tasks} tasks`;
  return `${lines} line${lines === 1 ? "" : "s"}${isWhole ? "" : ", the first ones,"} of ${which}`;
}

/** @returns why it cannot be read, as a clause */
async function readLog(
  { ecs, logs }: { readonly ecs: EcsSend; readonly logs: LogsSend },
  { cluster, serviceName, service, log }: LogScan,
): Promise<ReadLog | string> {
  if (log === null) return `${service} has no log group in CloudWatch`;
  const cannotBeRead = `the log of ${service} cannot be read`;
  try {
    const { taskArns = [] } = await ecs(new ListTasksCommand({ cluster, serviceName }), {
      resource: `service ${serviceName} in cluster ${cluster}`,
    });
    if (taskArns.length === 0) return `ECS names no task of ${serviceName}`;
    const streams = taskArns.slice(0, tasksAtMost).map((task) => `${log.prefix}/${log.container}/${nameOf(task)}`);
    const reads = await Promise.all(streams.map((stream) => readStream(logs, log, stream)));
    const unread = reads.flatMap((read) => (typeof read === "string" ? [`${cannotBeRead}: ${read}`] : []));
    const known = reads.filter((read) => typeof read !== "string");
    if (known.length === 0) return unread[0] ?? cannotBeRead;
    const errors = new Map<string, StartUpError>();
    for (const error of known.flatMap(({ messages }) => startUpErrors(messages)))
      if (!errors.has(error.headline)) errors.set(error.headline, error);
    const begun = known.flatMap((read) => read.begun ?? []);
    return {
      errors: [...errors.values()],
      lines: known.reduce((sum, { messages }) => sum + messages.length, 0),
      begun: begun.length === 0 ? null : Math.max(...begun),
      isHeardOf: [...errors.values()].some(({ kind }) => kind === "two-daemons"),
      isWhole: known.every(({ isWhole }) => isWhole),
      tasks: taskArns.length,
      readTasks: known.length,
      unread,
    };
  } catch (error) {
    if (!isAwsError(error)) throw error;
    return `${cannotBeRead}: ${error.what}`;
  }
}

interface ReadStream {
  readonly messages: readonly string[];
  readonly begun: number | null;
  readonly isWhole: boolean;
}

/** The first pages of a stream. @returns why it cannot be read, in AWS's words */
async function readStream(
  logs: LogsSend,
  { group: logGroupName, region = null }: LogStream,
  logStreamName: string,
): Promise<ReadStream | string> {
  const messages: string[] = [];
  let begun: number | null = null;
  let nextToken: string | undefined;
  try {
    for (let page = 0; page < pagesAtMost; page += 1) {
      const from = nextToken === undefined ? {} : { nextToken };
      const { events = [], nextForwardToken } = await logs(
        new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, limit: pageLines, ...from }),
        { resource: `log stream ${logStreamName} of ${logGroupName}`, region },
      );
      begun ??= events[0]?.timestamp ?? null;
      const read = events.map(({ message = "" }) => message);
      messages.push(...read);
      const characters = read.reduce((sum, { length }) => sum + length, 0);
      if (events.length < pageLines && characters < fullPageCharacters) return { messages, begun, isWhole: true };
      if (nextForwardToken === undefined) break;
      nextToken = nextForwardToken;
    }
  } catch (error) {
    if (!isAwsError(error)) throw error;
    if (messages.length === 0) return error.what;
  }
  return { messages, begun, isWhole: false };
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
