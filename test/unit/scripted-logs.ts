import type { ScriptedRuntime } from "../local-aws/runtimes/scripted.ts";
import { inProcessHandler, type RequestHandler } from "../local-aws/wire/in-process.ts";

/** What API_FilterLogEvents in the same reference says: events of all streams of a group by time, page by page. */
export function filteredLogs(
  events: () => readonly {
    readonly group: string;
    readonly stream: string;
    readonly at: number;
    readonly text: string;
  }[],
  { pageSize = 10_000, asked = [] }: { readonly pageSize?: number; readonly asked?: Filter[] } = {},
): RequestHandler {
  const answer = (body: Uint8Array): { readonly statusCode: number; readonly said: object } => {
    const filter = JSON.parse(new TextDecoder().decode(body)) as Filter;
    asked.push(filter);
    const group = events()
      .map((event, id) => ({ ...event, id }))
      .filter((event) => event.group === filter.logGroupName);
    if (group.length === 0)
      return {
        statusCode: 400,
        said: { __type: "ResourceNotFoundException", message: "The specified log group does not exist." },
      };
    const found = group
      .filter(({ stream }) => stream.startsWith(filter.logStreamNamePrefix ?? ""))
      .filter(({ at }) => at >= filter.startTime && at <= filter.endTime)
      .filter(({ text }) => text.includes(filter.filterPattern?.slice(1, -1) ?? ""))
      .sort((one, other) => one.at - other.at);
    const from = Number(filter.nextToken ?? 0);
    const to = from + Math.min(pageSize, filter.limit);
    const page = found.slice(from, to);
    return {
      statusCode: 200,
      said: {
        events: page.map(({ id, stream, at, text }) => ({
          eventId: String(id),
          logStreamName: stream,
          timestamp: at,
          message: text,
        })),
        ...(to < found.length ? { nextToken: String(to) } : {}),
      },
    };
  };
  return {
    ...inProcessHandler({ handle: () => Promise.reject(new Error("logs only")) }),
    handle: ({ body }: { readonly body: Uint8Array }) => {
      const { statusCode, said } = answer(body);
      const bytes = new TextEncoder().encode(JSON.stringify(said));
      return Promise.resolve({ response: { statusCode, headers: {}, body: bytes } });
    },
  };
}

/** What FilterLogEvents is asked. */
export interface Filter {
  readonly logGroupName: string;
  readonly logStreamNamePrefix?: string;
  readonly filterPattern?: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly limit: number;
  readonly nextToken?: string;
}

interface Asked {
  readonly logStreamName: string;
  readonly limit?: number;
  readonly startFromHead?: boolean;
  readonly nextToken?: string;
}

/**
 * GetLogEvents over what the scripted containers wrote. From the head it gives pages forward; the token it was asked with comes
 * back at the end of the stream. Source: API_GetLogEvents in the CloudWatch Logs API reference.
 */
export function scriptedLogs(runtime: Pick<ScriptedRuntime, "lines">, pageSize = 10_000): RequestHandler {
  return {
    ...inProcessHandler({ handle: () => Promise.reject(new Error("logs only")) }),
    handle: ({ body }: { readonly body: Uint8Array }) => {
      const { statusCode, answer } = answerLogEvents(runtime, body, pageSize);
      return Promise.resolve({ response: { statusCode, headers: {}, body: new TextEncoder().encode(answer) } });
    },
  };
}

/** The same for whoever has a wire of his own. */
export function answerLogEvents(
  { lines }: Pick<ScriptedRuntime, "lines">,
  body: Uint8Array,
  pageSize = 10_000,
): { readonly statusCode: number; readonly answer: string } {
  const asked = JSON.parse(new TextDecoder().decode(body)) as Asked;
  const stream = lines.filter((line) => line.stream === asked.logStreamName);
  if (stream.length === 0) {
    const error = { __type: "ResourceNotFoundException", message: "The specified log stream does not exist." };
    return { statusCode: 400, answer: JSON.stringify(error) };
  }
  const from =
    asked.startFromHead === true
      ? Number(asked.nextToken?.slice(2) ?? 0)
      : Math.max(0, stream.length - (asked.limit ?? pageSize));
  const page = stream.slice(from, from + Math.min(asked.limit ?? pageSize, pageSize));
  const events = page.map(({ at, text }) => ({ timestamp: at, message: text }));
  const tokens = { nextForwardToken: `f/${from + page.length}`, nextBackwardToken: `b/${from}` };
  return { statusCode: 200, answer: JSON.stringify({ events, ...tokens }) };
}
