import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../../../src/domain/errors.ts";
import type { BedClock } from "../../clock.ts";
import { type AgentCall, AgentCallFailed } from "./agent.ts";

/** Where the lines of one container go. */
export interface LogStream {
  write(line: string): void;
  /** Resolves when every line has arrived. */
  flush(): Promise<void>;
}

/** Lines wait this long for others to travel with. */
const batchMilliseconds = 100;
/**
 * Limits of PutLogEvents: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
 */
const batchEvents = 10_000;
const batchBytes = 1_048_576;
const eventOverheadBytes = 26;
const attempts = 3;

/**
 * Opens the stream that the `awslogs` driver would write: `<prefix>/<container>/<task id>`.
 * @returns a stream that forgets what it is given when the container logs elsewhere.
 * @throws Error in the words that ECS has for it, when the group is missing.
 */
export async function openLogStream(
  call: AgentCall,
  definition: ContainerDefinition,
  taskId: string,
  clock: BedClock,
): Promise<LogStream> {
  const { logDriver, options = {} } = definition.logConfiguration ?? {};
  const logGroupName = options["awslogs-group"];
  if (logDriver !== "awslogs" || logGroupName === undefined)
    return { write: () => undefined, flush: async () => undefined };
  const logStreamName = `${options["awslogs-stream-prefix"] ?? "ecs"}/${definition.name}/${taskId}`;
  try {
    if (options["awslogs-create-group"] === "true") await unlessThere(call("logs", "CreateLogGroup", { logGroupName }));
    await unlessThere(call("logs", "CreateLogStream", { logGroupName, logStreamName }));
  } catch (cause) {
    const words = [
      "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times",
      "failed to create Cloudwatch log stream",
      `${messageOf(cause)} : exit status 1`,
    ];
    throw new Error(words.join(": "), { cause });
  }
  return batchingStream(clock, async (logEvents) => {
    await call("logs", "PutLogEvents", { logGroupName, logStreamName, logEvents });
  });
}

interface LogEvent {
  readonly timestamp: number;
  readonly message: string;
}

/** One request at a time, in order; while it is under way lines gather for the next one. */
function batchingStream(clock: BedClock, put: (events: readonly LogEvent[]) => Promise<void>): LogStream {
  const waiting: LogEvent[] = [];
  let sending: Promise<void> | null = null;

  const send = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, sizeOfBatch(waiting));
      await withRetries(() => put(batch));
    }
    sending = null;
  };
  return {
    write: (message) => {
      // The API refuses empty messages.
      if (message === "") return;
      waiting.push({ timestamp: clock.now(), message });
      sending ??= sleep(batchMilliseconds).then(send);
    },
    flush: async () => {
      while (sending !== null) await sending;
    },
  };
}

function sizeOfBatch(events: readonly LogEvent[]): number {
  let bytes = 0;
  const tooMuch = events.findIndex(({ message }) => {
    bytes += Buffer.byteLength(message) + eventOverheadBytes;
    return bytes > batchBytes;
  });
  return Math.min(batchEvents, tooMuch === -1 ? events.length : Math.max(1, tooMuch));
}

/** A line that cannot be delivered is lost, as the driver has it: a task never fails over its log. */
async function withRetries(put: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    try {
      return await put();
    } catch {
      await sleep(batchMilliseconds * attempt);
    }
  }
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  await creation.catch((error: unknown) => {
    if (!(error instanceof AgentCallFailed && error.code === "ResourceAlreadyExistsException")) throw error;
  });
}
