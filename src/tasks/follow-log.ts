import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { isAwsError, isWeather } from "../aws/error.ts";
import type { LogsSend } from "../aws/logs.ts";
import type { Context } from "../domain/context.ts";
import { untrusted } from "../domain/evidence.ts";
import { hideSecrets } from "../domain/redaction.ts";

/** Where the awslogs driver writes: the stream is `<prefix>/<container>/<task id>`. */
export interface LogStream {
  readonly group: string;
  readonly prefix: string;
}

/** Lines that a program writes for whoever has started it: what follows the mark in a line. */
export interface Marked {
  /** So long that no other line holds it by chance. */
  readonly mark: string;
  /** Is all there that is wanted? Until then the end of the log is waited for, for a while. */
  readonly isWhole: (lines: readonly string[]) => boolean;
}

export interface FollowedLog {
  /** Reports what is new. */
  read(): Promise<void>;
  /** Reads on until nothing new comes: a stream may lag behind the task by some seconds. */
  drain(): Promise<void>;
  /** The last lines, oldest first, each of bounded length. Foreign text. */
  lastLines(): readonly string[];
  /** What follows the mark in the lines that hold it, oldest first; none of these is reported. Foreign text. */
  marked(): readonly string[];
}

const keptLines = 50;
/** Of a line that is kept: a summary holds 1 MiB, one event of CloudWatch Logs 256 kB. Characters. */
const keptCharacters = 2000;
/** The agent sends what it holds within seconds of the container's end; milliseconds. */
const quietEnough = 1000;
/** Lines that are known to be missing are waited for as long as this, in milliseconds. */
const longestLag = 5000;

/** Follows one container's log; each line is reported once, in order, without what only a secret looks like. */
export function followLog(
  logs: LogsSend,
  context: Context,
  { group, prefix, container, taskId }: LogStream & { readonly container: string; readonly taskId: string },
  awaited: Marked | null = null,
): FollowedLog {
  const logStreamName = `${prefix}/${container}/${taskId}`;
  const kept: string[] = [];
  const marked: string[] = [];
  let nextToken: string | undefined;
  /** This job may not read it: said once, and not asked for again. */
  let isClosed = false;
  const take = (message: string): void => {
    const at = awaited === null ? -1 : message.indexOf(awaited.mark);
    if (awaited !== null && at >= 0) marked.push(hideSecrets(message.slice(at + awaited.mark.length)));
    // Before the mark may stand what somebody wrote without ending the line.
    const text = untrusted(at < 0 ? message : message.slice(0, at));
    if (at >= 0 && text.untrusted === "") return;
    context.report({ kind: "foreign", from: container, text });
    kept.push(text.untrusted.slice(0, keptCharacters));
  };
  /** @returns how many lines were new */
  const readOnce = async (signal?: AbortSignal): Promise<number> => {
    let count = 0;
    while (!isClosed) {
      const command = new GetLogEventsCommand({ logGroupName: group, logStreamName, startFromHead: true, nextToken });
      const page = await logs(command, {
        resource: `log stream ${logStreamName} of ${group}`,
        ...(signal === undefined ? {} : { signal }),
      }).catch((error: unknown) => {
        // The stream is made with the first line; and a look at the log is never worth a failed task.
        if (isAwsError(error, "not-found") || isWeather(error)) return null;
        if (!isAwsError(error)) throw error;
        isClosed = true;
        const text = `the log of ${container} cannot be read, so its lines are missing here: ${error.what}`;
        context.report({ kind: "line", text });
        return null;
      });
      const events = page?.events ?? [];
      for (const { message = "" } of events) take(message);
      kept.splice(0, Math.max(0, kept.length - keptLines));
      count += events.length;
      // The same token again: the end of the stream, for now.
      if (page === null || page.nextForwardToken === nextToken) return count;
      nextToken = page.nextForwardToken;
    }
    return count;
  };
  return {
    read: async () => void (await readOnce(detached())),
    drain: async () => {
      const begun = context.clock.now();
      let quietSince = begun;
      const isDone = (): boolean => {
        if (isClosed) return true;
        const now = context.clock.now();
        if (now - quietSince < quietEnough) return false;
        return awaited === null || awaited.isWhole(marked) || now - begun >= longestLag;
      };
      while (!isDone()) {
        if ((await readOnce(detached())) > 0) quietSince = context.clock.now();
        await context.clock.sleep(500);
      }
    },
    lastLines: () => [...kept],
    marked: () => [...marked],
  };
}

/** What a task says after we gave up belongs to the story: it is read all the same. */
function detached(): AbortSignal {
  return AbortSignal.timeout(10_000);
}
