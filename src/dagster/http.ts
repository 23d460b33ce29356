import type { Context } from "../domain/context.ts";
import { messageOf } from "../domain/errors.ts";
import type { Reply } from "./judge.ts";
import { DagsterOutOfReach, type Sent, type Way } from "./way.ts";

/** Where a webserver is reached, and how whoever stands in front of it lets one in. */
export interface DagsterAddress {
  /** Base URL, path prefix included. */
  readonly url: string;
  /** null: nobody asks for one. */
  readonly login: Login | null;
}

/** What lets one in to a webserver. */
export interface Login extends Sent {
  /** By name: looked up at the first request, and kept. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
}

/** One answer takes at most so long, in milliseconds; the first one of a large workspace can take seconds. */
const answerTimeout = 15_000;

/** Straight from this process. */
export function httpWay({ url, login }: DagsterAddress, context: Context): Way {
  const base = url.replace(/\/+$/, "");
  return {
    base,
    login,
    send: async ({ path, body }) => {
      const headers = { ...(await login?.headers()), accept: "application/json" };
      return request(context, `${base}${path}`, {
        ...(body === null
          ? { method: "GET", headers }
          : { method: "POST", headers: { ...headers, "content-type": "application/json" }, body }),
        redirect: "manual",
      });
    },
  };
}

async function request(context: Context, url: string, init: RequestInit): Promise<Reply> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(answerTimeout)]);
  try {
    const response = await fetch(url, { ...init, signal });
    const { status, headers } = response;
    const body = await response.text();
    return { status, location: headers.get("location"), challenge: headers.get("www-authenticate"), body };
  } catch (error) {
    context.signal.throwIfAborted();
    throw new DagsterOutOfReach(`${url} does not answer: ${reasonOf(error)}`, { cause: error });
  }
}

/** `fetch` hides the reason in its cause. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
}
