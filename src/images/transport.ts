import { createReadStream } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Payload } from "../files/archive.ts";

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT";
  readonly headers: Readonly<Record<string, string>>;
  /** Read anew for each attempt. */
  readonly body: Payload | null;
  readonly signal: AbortSignal;
}

/** An answer whose body has still to be read, or dropped. */
export interface Answer {
  readonly status: number;
  /** Null when the header is not there. */
  readonly header: (name: string) => string | null;
  readonly body: Readable;
}

/** Nobody answered, or the answer broke off. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/**
 * Sends a request over HTTP, and follows no redirect.
 *
 * Not `fetch`: it reads a file faster than it sends it, so that half a gigabyte of packages was half a gigabyte of memory.
 *
 * @throws NoAnswer, and the signal's reason.
 */
export async function sendHttp(url: URL, { method, headers, body, signal }: HttpRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const length = body === null ? 0 : sizeOf(body);
  const request = (url.protocol === "https:" ? https : http).request(url, {
    method,
    headers: { ...headers, ...(method === "PUT" || method === "POST" ? { "content-length": length } : {}) },
    signal,
  });
  request.setTimeout(silenceMilliseconds, () => request.destroy(new NoAnswer("nothing was heard for five minutes")));
  request.once("response", resolve);
  request.on("error", reject); // also one that comes after the answer: nobody waits for it any more
  if (body?.kind === "file") pipeline(createReadStream(body.path), request).catch(reject);
  else request.end(body?.bytes);
  try {
    const response = await promise;
    return {
      status: response.statusCode ?? 0,
      header: (name) => {
        const value = response.headers[name];
        return value === undefined ? null : String(value);
      },
      body: response,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw asNoAnswer(error);
  }
}

/** The whole body. For small ones. @throws NoAnswer when it breaks off. */
export async function bytesOf({ body }: Answer): Promise<Uint8Array> {
  return buffer(body);
}

export async function textOf(answer: Answer): Promise<string> {
  return (await buffer(answer.body)).toString();
}

/** Reads the rest of the body and forgets it, so that the connection can be used again. */
export function drop({ body }: Answer): void {
  body.on("error", () => undefined).resume();
}

function sizeOf(payload: Payload): number {
  return payload.kind === "memory" ? payload.bytes.length : payload.size;
}

/** What a socket or TLS throws, as the failure that it is; anything else as it was. */
export function asNoAnswer(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return networkError.test(code) ? new NoAnswer(code, { cause: error }) : error;
}

/** A registry that has been sent a gigabyte takes its time to look it through. */
const silenceMilliseconds = 300_000;
const networkError =
  /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_\w+|EHOST\w+|ENET\w+|EPROTO|HPE_\w+|ERR_(TLS|SSL)\w+|ERR_STREAM_PREMATURE_CLOSE|CERT_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_\w+)$/;
