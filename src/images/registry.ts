import { pauseAfter } from "../aws/send.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { untrusted } from "../domain/evidence.ts";
import { adviseOn, type Refusal, readRefusal, showRefusal } from "./refusal.ts";
import type { Payload } from "../files/archive.ts";
import { type Answer, asNoAnswer, drop, NoAnswer, sendHttp, textOf } from "./transport.ts";

export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT";
  /** `/v2/…`, or an address that the registry has given. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Payload;
  /** Statuses that are an answer. Any other is an error. */
  readonly expect: readonly number[];
}

/** A registry that speaks the OCI distribution protocol. */
export interface Registry {
  /** `https://host`, without a slash at its end. */
  readonly endpoint: string;
  /**
   * Sends a request once. A token that is not taken any more is renewed, once. The answer is read within, so that one that breaks
   * off is no answer.
   */
  exchange<T>(request: RegistryRequest, read: (answer: Answer) => Promise<T> | T): Promise<T>;
  /**
   * Does the work again while the registry is busy or out of reach: five times in all, with growing pauses.
   * @param work is told how often it was tried before.
   * @throws UserError when it stays so.
   */
  persist<T>(work: (before: number) => Promise<T>): Promise<T>;
}

/** How a registry lets us in: values of the Authorization header. */
export interface Access {
  readonly first: string | null;
  /** Asked when the registry does not let us in. @param challenge its WWW-Authenticate header. */
  renew(challenge: string | null): Promise<string | null>;
}

/** The registry is busy, or nobody answers: worth another try. */
export class Weather extends Error {
  override readonly name = "Weather";
  readonly retryAfterMilliseconds: number;

  constructor(what: string, retryAfterMilliseconds = 0, options: { readonly cause?: unknown } = {}) {
    super(what, options);
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

export function openRegistry(context: Context, endpoint: string, access: Access): Registry {
  const { signal } = context;
  let authorization = Promise.resolve(access.first);

  const exchange: Registry["exchange"] = async (request, read) => {
    try {
      const used = authorization;
      let answer = await deliver(request, endpoint, await used, signal);
      // ECR answers 403 to a token that has expired, and the answer to a HEAD has no body to tell why.
      if (answer.status === 401 || answer.status === 403) {
        drop(answer);
        if (authorization === used) {
          const renewed = access.renew(answer.header("www-authenticate"));
          renewed.catch(() => {
            authorization = used; // the next request asks again
          });
          authorization = renewed;
        }
        answer = await deliver(request, endpoint, await authorization, signal);
      }
      if (!request.expect.includes(answer.status)) throw await failureOf(context, endpoint, request, answer);
      return await readWhole(answer, read);
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asNoAnswer(thrown);
      if (!(error instanceof NoAnswer)) throw error;
      throw new Weather(`${request.method} ${pathOf(request)} had no answer: ${error.message}`, 0, { cause: error });
    }
  };

  const persist: Registry["persist"] = async (work) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work(attempt - 1);
      } catch (error) {
        if (!(error instanceof Weather)) throw error;
        if (attempt === attempts) throw outOfReach(endpoint, error);
        const wanted = Math.min(error.retryAfterMilliseconds, longestPauseMilliseconds);
        await context.clock.sleep(Math.max(wanted, pauseAfter(attempt, Math.random())), signal);
      }
    }
  };
  return { endpoint, exchange, persist };
}

/** Sends a request as often as it takes. For requests that may be sent twice. */
export function send<T>(to: Registry, request: RegistryRequest, read: (answer: Answer) => Promise<T> | T): Promise<T> {
  return to.persist(() => to.exchange(request, read));
}

/** Where a redirect leads, or an upload goes on. @throws UserError when it leaves TLS. */
export function nextHop(from: URL, location: string): URL {
  const to = new URL(location, from);
  if (from.protocol !== "https:" || to.protocol === "https:") return to;
  throw new UserError({
    what: `The registry sends us from ${from.host} to ${to.host} over plain HTTP.`,
    where: from.origin,
    fix: "Have its storage answer over HTTPS, or use another registry.",
  });
}

const attempts = 5;
const longestPauseMilliseconds = 20_000;
const redirects = 5;

async function deliver(
  { method, path, headers, body }: RegistryRequest,
  endpoint: string,
  authorization: string | null,
  signal: AbortSignal,
): Promise<Answer> {
  let url = new URL(path, endpoint);
  for (let hop = 0; hop <= redirects; hop += 1) {
    // Only the registry itself is told who we are. The signed address of a blob in S3 neither needs it nor takes it.
    const known = authorization !== null && hop === 0 && url.origin === new URL(endpoint).origin;
    const all = { ...headers, ...(known ? { authorization } : {}) };
    const answer = await sendHttp(url, { method, headers: all, body: body ?? null, signal });
    const location = answer.header("location");
    const isRead = method === "GET" || method === "HEAD";
    if (!isRead || ![301, 302, 303, 307, 308].includes(answer.status) || location === null) return answer;
    drop(answer);
    url = nextHop(url, location);
  }
  throw new Weather(`${method} ${path} was sent on more than ${redirects} times`);
}

/** Whatever was not read is dropped, so that the connection can be used again; or is, when the reading failed, cut. */
async function readWhole<T>(answer: Answer, read: (answer: Answer) => Promise<T> | T): Promise<T> {
  try {
    const result = await read(answer);
    drop(answer);
    return result;
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
}

async function failureOf(
  { report }: Context,
  endpoint: string,
  request: RegistryRequest,
  answer: Answer,
): Promise<Error> {
  const { status } = answer;
  const { code, message } = readRefusal(await textOf(answer));
  const refusal: Refusal = { endpoint, method: request.method, path: pathOf(request), status, code };
  if (status === 429 || status >= 500) {
    return new Weather(showRefusal(refusal), 1000 * (Number(answer.header("retry-after")) || 0));
  }
  if (message !== "") report({ kind: "foreign", from: endpoint, text: untrusted(message) });
  return adviseOn(refusal);
}

function outOfReach(endpoint: string, cause: Weather): UserError {
  return new UserError(
    {
      what: `The registry gave no proper answer, ${attempts} times: ${cause.message}.`,
      where: endpoint,
      fix: "Run it again; an image that is pushed stays so. When it goes on, look at the state of that registry (of ECR in this region), and at the way to it from here; or, where it has a base only, set `layers.base` to one in a registry that is reached.",
    },
    { cause },
  );
}

/** The path without its query: an upload's address may hold a signature. */
function pathOf({ path }: RegistryRequest): string {
  return new URL(path, "http://registry").pathname;
}
