import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { isAwsError, isWeather } from "../aws/error.ts";
import type { LogsSend } from "../aws/logs.ts";
import type { Context } from "../domain/context.ts";
import { untrusted } from "../domain/evidence.ts";

/** Where the awslogs driver writes: the stream is `<prefix>/<container>/<task id>`. */
export interface LogStream {
  readonly group: string;
  readonly prefix: string;
}

export interface FollowedLog {
  /** Reports what is new. */
  read(): Promise<void>;
  /** Reads on until nothing new comes: a stream may lag behind the task by some seconds. */
  drain(): Promise<void>;
  /** The last lines, oldest first. Foreign text. */
  lastLines(): readonly string[];
}

const keptLines = 50;
/** The agent sends what it holds within seconds of the container's end; milliseconds. */
const quietEnough = 1000;

/** Follows one container's log; each line is reported once, in order. */
export function followLog(
  logs: LogsSend,
  context: Context,
  { group, prefix, container, taskId }: LogStream & { readonly container: string; readonly taskId: string },
): FollowedLog {
  const logStreamName = `${prefix}/${container}/${taskId}`;
  const kept: string[] = [];
  let nextToken: string | undefined;
  /** @returns how many lines were new */
  const readOnce = async (signal?: AbortSignal): Promise<number> => {
    let count = 0;
    for (;;) {
      const command = new GetLogEventsCommand({ logGroupName: group, logStreamName, startFromHead: true, nextToken });
      const page = await logs(command, {
        resource: `log stream ${logStreamName} of ${group}`,
        ...(signal === undefined ? {} : { signal }),
      }).catch((error: unknown) => {
        // The stream is made with the first line; and a look at the log is never worth a failed task.
        if (isAwsError(error, "not-found") || isWeather(error)) return null;
        throw error;
      });
      const events = page?.events ?? [];
      for (const { message = "" } of events) {
        context.report({ kind: "foreign", from: container, text: untrusted(message) });
        kept.push(message);
      }
      kept.splice(0, Math.max(0, kept.length - keptLines));
      count += events.length;
      // The same token again: the end of the stream, for now.
      if (page === null || page.nextForwardToken === nextToken) return count;
      nextToken = page.nextForwardToken;
    }
  };
  return {
    read: async () => void (await readOnce(detached())),
    drain: async () => {
      let quietSince = context.clock.now();
      while (context.clock.now() - quietSince < quietEnough) {
        if ((await readOnce(detached())) > 0) quietSince = context.clock.now();
        await context.clock.sleep(500);
      }
    },
    lastLines: () => [...kept],
  };
}

/** What a task says after we gave up belongs to the story: it is read all the same. */
function detached(): AbortSignal {
  return AbortSignal.timeout(10_000);
}
