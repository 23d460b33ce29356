import type { Sent } from "./way.ts";
import type { Advice } from "../domain/errors.ts";
import { parsedJson } from "../domain/json.ts";
import { hideSecrets } from "../domain/redaction.ts";

/** What came back to a request, from Dagster or from whatever stands in front of it. */
export interface Reply {
  readonly status: number;
  /** Where a redirect leads; null: it is none. */
  readonly location: string | null;
  /** How whoever answers wants to be logged in to, `www-authenticate`; null: it does not say. */
  readonly challenge: string | null;
  readonly body: string;
}

/** What a reply is. */
export type Judged =
  /** A mapping, from Dagster: with `data`, or with `errors` that no second try mends; or what another path answers. */
  | { readonly kind: "json"; readonly json: Readonly<Record<string, unknown>> }
  /** Nobody, or somebody who is not ready, answered: worth another try. */
  | { readonly kind: "weather"; readonly what: string }
  /** It stays so until somebody changes something. */
  | { readonly kind: "refused"; readonly advice: Advice };

/**
 * Reads a reply. Errors of Dagster's resolvers come with HTTP 500 and those of documents with 400 (dagster_webserver/graphql.py), so
 * that an answer may be whole whatever the status is. A resolver that fails over its database may not fail the next time; JSON with
 * another status, and nothing of GraphQL in it, is of whoever stands in front.
 * @param url that was asked
 * @param login what was sent along to be let in; null: nothing was
 */
export function judgeReply(reply: Reply, url: string, login: Sent | null): Judged {
  const { status, location, body } = reply;
  if (status >= 300 && status < 400) return { kind: "refused", advice: redirected(location, url, login) };
  if (status === 401 || status === 403) return { kind: "refused", advice: unauthorized(reply, url, login) };
  if ([502, 503, 504].includes(status)) return { kind: "weather", what: `${url} answers HTTP ${status}` };
  const json = parsedJson(body);
  if (isMapping(json)) return judgeJson(status, json, url);
  const isPage = status < 300 && /^\s*</.test(body);
  if (!isPage) return { kind: "weather", what: `${url} answers HTTP ${status}, and not as Dagster does` };
  // Dagster answers every path that it does not know with the page of its own UI.
  return {
    kind: "refused",
    advice: /<title>\s*Dagster\b/i.test(body) ? elsewhere(url) : notLetIn(url, "it answers with a web page", login),
  };
}

function isMapping(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function judgeJson(status: number, json: Readonly<Record<string, unknown>>, url: string): Judged {
  const isWhole = json["errors"] === undefined && typeof json["data"] === "object" && json["data"] !== null;
  if (isWhole || status < 400) return { kind: "json", json };
  const errors = errorsIn(json);
  if (status === 400 && errors.length > 0) return { kind: "json", json };
  if (errors.length === 0) return { kind: "weather", what: `${url} answers HTTP ${status}, and not as Dagster does` };
  return { kind: "weather", what: `${url} answers HTTP ${status}: ${errors.join("; ")}` };
}

/** Messages of GraphQL's errors, without what may be a secret: Dagster repeats what its database says. */
export function errorsIn({ errors }: Readonly<Record<string, unknown>>): readonly string[] {
  if (!Array.isArray(errors)) return [];
  return errors.flatMap((error: unknown) =>
    isMapping(error) && typeof error["message"] === "string" ? [hideSecrets(error["message"])] : [],
  );
}

/** Only where it leads is said: what follows a `?` may be a secret of the login. */
function redirected(location: string | null, url: string, login: Sent | null): Advice {
  const asked = new URL(url);
  const target = location !== null && URL.canParse(location, url) ? new URL(location, url) : null;
  if (target === null) return notLetIn(url, "it redirects to somewhere else", login);
  const isMoved = target.hostname === asked.hostname && target.pathname.endsWith(lastPart(asked));
  if (!isMoved) {
    const where = target.host === asked.host ? target.pathname : target.host;
    return notLetIn(url, `it redirects to ${where}`, login);
  }
  const base = `${target.origin}${target.pathname.slice(0, -lastPart(asked).length)}`;
  return {
    what: `Dagster's webserver is asked at ${url}, and redirects to ${target.origin}${target.pathname}.`,
    where: url,
    fix: `Write the address that answers as the webserver's \`url\`: ${base}`,
  };
}

/** `/graphql` */
function lastPart({ pathname }: URL): string {
  return pathname.slice(pathname.lastIndexOf("/"));
}

/** Headers are of the login that answers, whatever it answers with. */
function notLetIn(url: string, how: string, login: Sent | null): Advice {
  if (login?.kind !== "headers") return loginInFront(url, how, behind);
  return {
    what: `The login in front of Dagster at ${new URL(url).host} does not accept ${login.from}: ${how}.`,
    where: url,
    fix: "Put values that it accepts into the secrets that `gates: { auth: { headers: … } }` names, and let the login pass who sends them without asking anybody.",
  };
}

function unauthorized({ status, challenge }: Reply, url: string, login: Sent | null): Advice {
  const isBasic = /\bbasic\b/i.test(challenge ?? "");
  if (login?.kind === "headers") return notLetIn(url, `HTTP ${status}`, login);
  if (login !== null && (isBasic || challenge === null)) {
    return {
      what: `The login in front of Dagster at ${new URL(url).host} does not accept the user and the password of ${login.from}: HTTP ${status}.`,
      where: url,
      fix: `Put those that it accepts into ${login.from}, under the keys \`username\` and \`password\`; or name another secret under \`gates: { auth: { basic: … } }\`.`,
    };
  }
  const fix = isBasic
    ? "Name the secret that holds user and password: `gates: { auth: { basic: secret:<name> } }`, with the keys `username` and `password`. Or set `gates: { reach: task }`, which asks behind the login."
    : behind;
  return loginInFront(url, `it answers HTTP ${status}`, fix);
}

function loginInFront(url: string, how: string, fix: string): Advice {
  return { what: `A login answers in front of Dagster at ${new URL(url).host}: ${how}.`, where: url, fix };
}

const behind =
  "Set `gates: { reach: task }`, which asks from inside the VPC, behind the login; or give the webserver a `url` behind it that this runner reaches. `gates: auth` helps where the login takes basic authentication (`basic`), or headers of a machine (`headers`).";

function elsewhere(url: string): Advice {
  return {
    what: `At ${url} Dagster answers with the page of its UI: its GraphQL is under another path.`,
    where: url,
    fix: "Write the whole address of the webserver as its `url`, with its path prefix (`--path-prefix`) if it has one, and nothing after that.",
  };
}
