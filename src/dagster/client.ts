import type * as z from "zod";
import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";

/** Where a webserver is reached, and what it wants to see in each request. */
export interface DagsterAddress {
  /** Base URL, path prefix included. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A GraphQL document with what its answer must look like. */
export interface Document<Answer> {
  readonly name: string;
  readonly text: string;
  readonly answer: z.ZodType<Answer>;
}

export interface Dagster {
  /**
   * Asks once.
   * @throws DagsterUnreachable when there is no answer of a Dagster: worth another try.
   * @throws UserError when the answer is a login page, or an error of the document.
   */
  ask<Answer>(document: Document<Answer>, variables?: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** `GET /server_info`. @throws as `ask` does. */
  serverInfo(): Promise<unknown>;
}

/** Nobody, or somebody who is not ready, answered: connection refused, 502 to 504, a time-out. */
export class DagsterUnreachable extends Error {
  override readonly name = "DagsterUnreachable";
}

/** One answer takes at most so long, in milliseconds; the first one of a large workspace can take seconds. */
const answerTimeout = 15_000;

/** GraphQL over HTTP as Dagster's webserver speaks it. */
export function dagster(address: DagsterAddress, context: Context): Dagster {
  const base = address.url.replace(/\/+$/, "");
  return {
    ask: async (document, variables = {}) => {
      const body = JSON.stringify({ operationName: document.name, query: document.text, variables });
      const json = await request(context, `${base}/graphql`, {
        method: "POST",
        headers: { ...address.headers, "content-type": "application/json", accept: "application/json" },
        body,
      });
      const data = dataOf(json, document, base);
      const answer = document.answer.safeParse(data);
      if (answer.success) return answer.data;
      const issue = answer.error.issues[0];
      throw new UserError({
        what: `Dagster's answer to ${document.name} has another shape than this version knows: ${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? ""}.`,
        where: base,
        fix: "Use a Dagster of 1.9 or newer; if it is one, please report this.",
      });
    },
    serverInfo: () =>
      request(context, `${base}/server_info`, {
        method: "GET",
        headers: { ...address.headers, accept: "application/json" },
      }),
  };
}

/** Errors of resolvers come with HTTP 500 and of documents with 400: the body is read whatever the status is (dagster_webserver/graphql.py). */
async function request(context: Context, url: string, init: RequestInit): Promise<unknown> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(answerTimeout)]);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, redirect: "manual", signal });
    text = await response.text();
  } catch (error) {
    context.signal.throwIfAborted();
    throw new DagsterUnreachable(`${url} does not answer: ${reasonOf(error)}`, { cause: error });
  }
  if (response.status >= 300 && response.status < 400)
    throw loginInFront(url, `it redirects to ${hostOf(response.headers.get("location"), url)}`);
  if (response.status === 401 || response.status === 403) throw loginInFront(url, `it answers HTTP ${response.status}`);
  if ([502, 503, 504].includes(response.status)) throw new DagsterUnreachable(`${url} answers HTTP ${response.status}`);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    if (/^\s*</.test(text)) throw loginInFront(url, "it answers with a web page instead of JSON");
    throw new DagsterUnreachable(`${url} answers HTTP ${response.status} with something that is not JSON`);
  }
}

function dataOf(json: unknown, document: Document<unknown>, base: string): unknown {
  const { data, errors } = json as { data?: unknown; errors?: readonly { message?: string }[] };
  if (data !== undefined && data !== null && errors === undefined) return data;
  throw new UserError({
    what: `Dagster refuses the query ${document.name}: ${errors?.map(({ message }) => message ?? "").join("; ") ?? "no data"}`,
    where: base,
    fix: "Use a Dagster of 1.9 or newer; if it is one, please report this.",
  });
}

function loginInFront(url: string, what: string): UserError {
  return new UserError({
    what: `Something in front of Dagster asks for a login: ${what}.`,
    where: url,
    fix: "Give the URL behind the login, or credentials under `auth:` in the stack file, or set `gates: { reach: task }` to ask from inside the VPC.",
  });
}

function hostOf(location: string | null, url: string): string {
  return location !== null && URL.canParse(location, url) ? new URL(location, url).host : "somewhere else";
}

/** `fetch` hides the reason in its cause. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
}
