import { GetLogEventsCommand, type GetLogEventsCommandOutput } from "@aws-sdk/client-cloudwatch-logs";
import { type AwsError, isAwsError, isGivenUp, isWeather } from "../aws/error.ts";
import type { LogsSend } from "../aws/logs.ts";
import type { Context } from "../domain/context.ts";
import { untrusted } from "../domain/evidence.ts";
import { hideSecrets } from "../domain/redaction.ts";
import { keepYoungGeneration } from "../programs/young-generation.ts";

/** Where the awslogs driver writes: the stream is `<prefix>/<container>/<task id>`. */
export interface LogStream {
  readonly group: string;
  readonly prefix: string;
  /** null or absent: the client's. */
  readonly region?: string | null;
}

/** Lines that a program writes for whoever has started it: what follows the mark in a line. */
export interface Marked {
  /** So long that no other line holds it by chance. */
  readonly mark: string;
  /** Is all there that is wanted? Until then the end of the log is waited for, for a while. */
  readonly isWhole: (lines: readonly string[]) => boolean;
  /** Is given each of them as it is read, and then none is kept. */
  readonly take?: (line: string) => void;
}

export interface FollowedLog {
  /** Reports what is new, in lines; a hundred at once. */
  read(): Promise<void>;
  /**
   * Reads on until nothing new comes: a stream may lag behind the task by some seconds.
   * @param since when its containers were seen to have ended, in milliseconds; what was read since then counts
   */
  drain(since: number): Promise<void>;
  /** The last lines, oldest first, each of bounded length. Foreign text. */
  lastLines(): readonly string[];
  /** What follows the mark in the lines that hold it, oldest first; none of these is reported. Foreign text. */
  marked(): readonly string[];
  /** Why this job may not read it, and will not be able to; null: it may. */
  refusal(): AwsError | null;
}

const keptLines = 50;
/** Of a line that is kept: a summary holds 1 MiB, one event of CloudWatch Logs 256 kB. Characters. */
const keptCharacters = 2000;
/** Events of one page. CloudWatch gives up to 10,000; what a page holds is in memory several times while it is read. */
const limit = 1000;
/** Lines that are reported together: who shows them has them in memory in several forms. */
const linesAtOnce = 100;
/** The agent sends what it holds within seconds of the container's end; milliseconds. */
const quietEnough = 1000;
/** Lines that are known to be missing, or a log that cannot be read now, are waited for as long as this, in milliseconds. */
const longestLag = 5000;
/** Time between two looks at the end of a log, in milliseconds. */
const pause = 250;

/** Follows one container's log; each line is reported once, in order, without what only a secret looks like. */
export function followLog(
  logs: LogsSend,
  context: Context,
  {
    group,
    prefix,
    region = null,
    container,
    taskId,
  }: LogStream & { readonly container: string; readonly taskId: string },
  awaited: Marked | null = null,
): FollowedLog {
  keepYoungGeneration();
  const logStreamName = `${prefix}/${container}/${taskId}`;
  const kept: string[] = [];
  const marked: string[] = [];
  let nextToken: string | undefined;
  /** This job may not read it: said once, and not asked for again. */
  let refusal: AwsError | null = null;
  /** When something new was read last, and when it was last asked for and there was nothing; milliseconds. */
  let newAt = 0;
  let emptyAt = 0;
  const take = (messages: readonly string[]): void => {
    const lines = messages.flatMap((message) => {
      const at = awaited === null ? -1 : message.indexOf(awaited.mark);
      if (awaited === null || at < 0) return [message];
      const line = hideSecrets(message.slice(at + awaited.mark.length));
      if (awaited.take === undefined) marked.push(line);
      else awaited.take(line);
      // Before the mark may stand what somebody wrote without ending the line.
      return at === 0 ? [] : [message.slice(0, at)];
    });
    if (lines.length === 0) return;
    for (let at = 0; at < lines.length; at += linesAtOnce) {
      const text = untrusted(lines.slice(at, at + linesAtOnce).join("\n"));
      context.report({ kind: "foreign", from: container, text });
    }
    const last = lines.slice(-keptLines).map((line) => untrusted(line).untrusted.slice(0, keptCharacters));
    kept.push(...last);
    kept.splice(0, Math.max(0, kept.length - keptLines));
  };
  /** @returns null when it cannot be read now */
  const nextPage = async (): Promise<GetLogEventsCommandOutput | "no stream yet" | null> => {
    const command = new GetLogEventsCommand({
      logGroupName: group,
      logStreamName,
      startFromHead: true,
      nextToken,
      limit,
    });
    try {
      return await logs(command, { resource: `log stream ${logStreamName} of ${group}`, region, signal: detached() });
    } catch (error) {
      // The stream is made with the first line; and a look at the log is never worth a failed task.
      if (isAwsError(error, "not-found")) return "no stream yet";
      if (isWeather(error) || isGivenUp(error)) return null;
      if (!isAwsError(error)) throw error;
      refusal = error;
      const text = `the log of ${container} cannot be read, so its lines are missing here: ${error.what}`;
      context.report({ kind: "line", text });
      return null;
    }
  };
  const read = async (): Promise<void> => {
    while (refusal === null) {
      const askedAt = context.clock.now();
      const page = await nextPage();
      if (page === null) return;
      // Without a token there is no way on: an answer that is empty is none, and from the head all would be reported again.
      if (page !== "no stream yet" && page.nextForwardToken === undefined) return;
      const events = page === "no stream yet" ? [] : (page.events ?? []);
      take(events.map(({ message = "" }) => message));
      if (events.length > 0) newAt = context.clock.now();
      // The same token again: the end of the stream, for now.
      if (page === "no stream yet" || page.nextForwardToken === nextToken) {
        if (events.length === 0) emptyAt = askedAt;
        return;
      }
      nextToken = page.nextForwardToken;
      // What comes after a page that is not full comes with the next look: nobody needs to know now that this was all.
      if (events.length > 0 && events.length < limit) return;
    }
  };
  return {
    read,
    drain: async (since) => {
      const begun = context.clock.now();
      const isDone = (): boolean => {
        if (refusal !== null || context.clock.now() - Math.max(newAt, begun) >= longestLag) return true;
        return emptyAt - Math.max(newAt, since) >= quietEnough && (awaited === null || awaited.isWhole(marked));
      };
      while (!isDone()) {
        await context.clock.sleep(pause);
        await read();
      }
    },
    lastLines: () => [...kept],
    marked: () => [...marked],
    refusal: () => refusal,
  };
}

/** What a task says after we gave up belongs to the story: it is read all the same. For one page, however many there are. */
function detached(): AbortSignal {
  return AbortSignal.timeout(10_000);
}
