import type { ScriptedRuntime } from "../local-aws/runtimes/scripted.ts";
import { inProcessHandler, type RequestHandler } from "../local-aws/wire/in-process.ts";

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
export function scriptedLogs({ lines }: Pick<ScriptedRuntime, "lines">, pageSize = 10_000): RequestHandler {
  return {
    ...inProcessHandler({ handle: () => Promise.reject(new Error("logs only")) }),
    handle: ({ body }: { readonly body: Uint8Array }) => {
      const asked = JSON.parse(new TextDecoder().decode(body)) as Asked;
      const stream = lines.filter((line) => line.stream === asked.logStreamName);
      if (stream.length === 0) {
        const error = { __type: "ResourceNotFoundException", message: "The specified log stream does not exist." };
        return Promise.resolve(answer(400, error));
      }
      const from =
        asked.startFromHead === true
          ? Number(asked.nextToken?.slice(2) ?? 0)
          : Math.max(0, stream.length - (asked.limit ?? pageSize));
      const page = stream.slice(from, from + Math.min(asked.limit ?? pageSize, pageSize));
      const events = page.map(({ at, text }) => ({ timestamp: at, message: text }));
      return Promise.resolve(
        answer(200, { events, nextForwardToken: `f/${from + page.length}`, nextBackwardToken: `b/${from}` }),
      );
    },
  };
}

function answer(statusCode: number, body: object) {
  return { response: { statusCode, headers: {}, body: new TextEncoder().encode(JSON.stringify(body)) } };
}
