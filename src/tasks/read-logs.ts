import { FilterLogEventsCommand, type FilteredLogEvent } from "@aws-sdk/client-cloudwatch-logs";
import { isAwsError } from "../aws/error.ts";
import type { LogsSend } from "../aws/logs.ts";
import type { Clock, Context } from "../domain/context.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";

/** Where containers of one kind write by awslogs, each task into a stream of its own: `<prefix>/<container>/<task id>`. */
export interface LogSource {
  /** What people know it by. */
  readonly name: string;
  readonly group: string;
  readonly prefix: string;
  readonly container: string;
  /** null or absent: the client's. */
  readonly region?: string | null;
}

/** What is wanted of them. */
export interface LogWish {
  /** Milliseconds since 1970. */
  readonly since: number;
  /** One task's lines only; null: those of all. */
  readonly taskId: string | null;
  /** Lines with this in them only; null: all. */
  readonly containing: string | null;
}

export interface LogLine {
  /** Name of its source. */
  readonly source: string;
  readonly taskId: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: Untrusted;
}

/** Events of one page. What a page holds is in memory several times while it is read. */
const limit = 1000;
/** Between two looks at the end of the logs, in milliseconds. */
const pause = 2000;
/** A line may come to CloudWatch this much later than others of its time: the awslogs driver collects for seconds. Milliseconds. */
const longestLag = 20_000;

/**
 * Lines that were written until now, oldest first, whichever tasks wrote them, ended ones among them. A page of each group is in
 * memory at a time.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
 * @throws AwsError
 */
export async function* readLogs(
  logs: LogsSend,
  context: Pick<Context, "clock" | "report">,
  sources: readonly LogSource[],
  wish: LogWish,
): AsyncGenerator<LogLine> {
  for await (const { line } of merged(logs, context, sources, { ...wish, until: context.clock.now() })) yield line;
}

/** The same, and then what is written from now on, until the signal aborts. @throws AwsError, and the signal's reason */
export async function* followLogs(
  logs: LogsSend,
  { clock, signal, report }: Context,
  sources: readonly LogSource[],
  wish: LogWish,
): AsyncGenerator<LogLine> {
  const missed = new Set<string>();
  const once: Context["report"] = (progress) => {
    const said = JSON.stringify(progress);
    if (!missed.has(said)) report(progress);
    missed.add(said);
  };
  const seen = new Map<string, number>();
  for (let since = wish.since; ; await clock.sleep(pause, signal)) {
    const until = clock.now();
    for await (const { key, line } of merged(logs, { clock, report: once }, sources, { ...wish, since, until })) {
      if (seen.has(key)) continue;
      seen.set(key, line.at);
      yield line;
    }
    since = Math.max(wish.since, until - longestLag);
    for (const [key, at] of seen) if (at < since) seen.delete(key);
  }
}

interface Found {
  /** Which event it is. */
  readonly key: string;
  readonly line: LogLine;
}

interface Reading {
  readonly clock: Clock;
  readonly report: Context["report"];
}

/** Each group gives its events by their time; so do all together. */
async function* merged(
  logs: LogsSend,
  reading: Reading,
  sources: readonly LogSource[],
  wish: LogWish & { readonly until: number },
): AsyncGenerator<Found> {
  const groups = Map.groupBy(sources, ({ group, region = null }) => JSON.stringify([region, group]));
  const readers = [...groups.values()].map((ofGroup) => eventsOf(logs, reading, ofGroup, wish));
  const heads = await Promise.all(readers.map((reader) => reader.next()));
  for (;;) {
    let first = -1;
    for (const [at, head] of heads.entries()) {
      const best = heads[first];
      if (head.done !== true && (best === undefined || best.done === true || head.value.line.at < best.value.line.at))
        first = at;
    }
    const [head, reader] = [heads[first], readers[first]];
    if (head === undefined || head.done === true || reader === undefined) return;
    yield head.value;
    heads[first] = await reader.next();
  }
}

async function* eventsOf(
  logs: LogsSend,
  { report }: Reading,
  sources: readonly LogSource[],
  { since, until, taskId, containing }: LogWish & { readonly until: number },
): AsyncGenerator<Found> {
  const [{ group, region = null } = { group: "" }] = sources;
  const [only, ...others] = [...new Set(sources.map(streamsOf))];
  const prefix = only !== undefined && others.length === 0 ? `${only}${taskId ?? ""}` : undefined;
  let nextToken: string | undefined;
  do {
    const command = new FilterLogEventsCommand({
      logGroupName: group,
      logStreamNamePrefix: prefix,
      filterPattern: containing === null ? undefined : `"${containing}"`,
      startTime: since,
      endTime: until,
      limit,
      nextToken,
    });
    try {
      const page = await logs(command, { resource: `log group ${group}`, region });
      for (const event of page.events ?? []) {
        const found = foundIn(sources, event);
        if (found !== null && (taskId === null || found.line.taskId === taskId)) yield found;
      }
      // A page without an event may have another one behind it.
      nextToken = page.nextToken;
    } catch (error) {
      if (!isAwsError(error, "not-found")) throw error;
      report({ kind: "line", text: `log group ${group} does not exist: nothing is read of it` });
      return;
    }
  } while (nextToken !== undefined);
}

/** What the names of its streams begin with. */
function streamsOf({ prefix, container }: LogSource): string {
  return `${prefix}/${container}/`;
}

/** @returns null for what none of the sources has written */
function foundIn(sources: readonly LogSource[], event: FilteredLogEvent): Found | null {
  const { eventId, logStreamName: stream = "", timestamp: at = 0, message = "" } = event;
  const source = sources.find((one) => stream.startsWith(streamsOf(one)));
  if (source === undefined) return null;
  const key = eventId ?? JSON.stringify([stream, at, message]);
  const taskId = stream.slice(streamsOf(source).length);
  return { key, line: { source: source.name, taskId, at, text: untrusted(message.trimEnd()) } };
}
