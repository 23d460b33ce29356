import type { ECSClientConfig } from "@aws-sdk/client-ecs";
import type { Handle } from "../api.ts";
import { answer, type Headers } from "./route.ts";

/** What an SDK client takes as its `requestHandler`. */
export type RequestHandler = NonNullable<ECSClientConfig["requestHandler"]>;

interface SdkRequest {
  readonly headers: Headers;
  readonly body?: Uint8Array | string;
}

interface SdkAnswer {
  readonly response: {
    readonly statusCode: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
  };
}

/**
 * Reaches the bed without a socket, over the same wire formats: the `requestHandler` of any SDK client.
 * @param caller overrides the access key id that the client signs with.
 */
export function inProcessHandler(aws: { readonly handle: Handle }, caller?: string): RequestHandler {
  const named =
    caller === undefined
      ? aws
      : ({ handle: (request) => aws.handle({ ...request, caller }) } satisfies { handle: Handle });
  return {
    metadata: { handlerProtocol: "http/1.1" },
    handle: async (
      { headers, body = "" }: SdkRequest,
      options: { readonly abortSignal?: AbortSignal } = {},
    ): Promise<SdkAnswer> => {
      const { abortSignal } = options;
      if (abortSignal?.aborted === true) throw aborted();
      const answered = await Promise.race([answer(named, { headers, body }), whenAborted(abortSignal)]);
      if (answered === null) throw connectionReset();
      const { status, headers: answerHeaders, body: text } = answered;
      return { response: { statusCode: status, headers: answerHeaders, body: new TextEncoder().encode(text) } };
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
    destroy: () => undefined,
  };
}

function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(aborted()), { once: true });
  });
}

/** As node's own HTTP client throws them; the SDK knows them by name and code. */
function aborted(): Error {
  return Object.assign(new Error("Request aborted"), { name: "AbortError" });
}

function connectionReset(): Error {
  return Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
}
