import { GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import * as z from "zod";
import type { EcrSend } from "../aws/ecr.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { endpointOf } from "./reference.ts";
import { NotLetIn } from "./refusal.ts";
import { openRegistry, type Registry, Weather } from "./registry.ts";
import { sendHttp, textOf } from "./transport.ts";

/**
 * The account's own registry, at the address that ECR gives with the token; or another account's in the same region, which has the same
 * address but for the account. A token is good for every registry that its owner may use.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 * @param account null: the own one
 * @throws AwsError
 */
export async function openEcr(context: Context, ecr: EcrSend, account: string | null = null): Promise<Registry> {
  const { endpoint, authorization } = await ecrToken(context, ecr);
  const address =
    account === null ? endpoint : endpoint.replace(/^https:\/\/\d{12}(?=\.dkr\.ecr\.)/, `https://${account}`);
  return openRegistry(context, address, {
    first: authorization,
    renew: async () => (await ecrToken(context, ecr)).authorization,
  });
}

/**
 * The account whose ECR registry a host is, where our own token is good for it: in the region of our own, and not our own. Null for all
 * other hosts.
 */
export function siblingAccount(endpoint: string, host: string): string | null {
  const own = /^\d{12}(\.dkr[.-].+)$/.exec(new URL(endpoint).host);
  const other = /^(\d{12})(\.dkr[.-].+)$/.exec(host);
  return own !== null && other !== null && own[0] !== host && own[1] === other[2] ? (other[1] ?? null) : null;
}

/** The registry of a host, as we are let in there: our own, one of another account in this region, or anybody's. @throws AwsError */
export async function openHost(
  { registry: own, ecr }: { readonly registry: Registry; readonly ecr: EcrSend },
  context: Context,
  host: string,
): Promise<Registry> {
  if (host === new URL(own.endpoint).host) return own;
  const account = siblingAccount(own.endpoint, host);
  return account === null ? openPublic(context, host) : openEcr(context, ecr, account);
}

/** Anybody's registry, as it lets in those who have no account there. */
export function openPublic(context: Context, host: string): Registry {
  return openRegistry(context, endpointOf(host), {
    first: null,
    renew: (challenge) => anonymousToken(context, challenge),
  });
}

/** Where the account's registry is, and how it lets us in; masked before anybody else sees it. @throws AwsError */
export async function ecrToken(
  { report }: Context,
  ecr: EcrSend,
): Promise<{ readonly endpoint: string; readonly authorization: string }> {
  const { authorizationData } = await ecr(new GetAuthorizationTokenCommand({}));
  const { authorizationToken: token, proxyEndpoint } = authorizationData?.[0] ?? {};
  if (token === undefined || proxyEndpoint === undefined) throw new Error("ECR GetAuthorizationToken gave no token");
  report({ kind: "secret", value: token });
  const userAndPassword = Buffer.from(token, "base64").toString();
  report({ kind: "secret", value: userAndPassword.slice(userAndPassword.indexOf(":") + 1) });
  return { endpoint: proxyEndpoint.replace(/\/+$/, ""), authorization: `Basic ${token}` };
}

const tokenSchema = z.union([
  z.object({ token: z.string() }),
  z.object({ access_token: z.string() }).transform((answer) => ({ token: answer.access_token })),
]);

/**
 * A token for nobody, from where the registry's challenge says.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
async function anonymousToken({ signal, report }: Context, challenge: string | null): Promise<string | null> {
  if (challenge === null || !/^bearer /i.test(challenge)) return null;
  const fields = new Map([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]));
  const url = URL.parse(fields.get("realm") ?? "");
  if (url === null) return null;
  for (const name of ["service", "scope"]) {
    const value = fields.get(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const answer = await sendHttp(url, { method: "GET", headers: {}, body: null, signal });
  const text = await textOf(answer);
  const { status } = answer;
  if (status === 429 || status >= 500) throw new Weather(`GET ${url.origin}${url.pathname} gave ${status}`);
  const token = status === 200 ? tokenIn(text) : null;
  if (token === null) {
    const what = `The registry has tokens given out at ${url.origin}${url.pathname}, which answers ${status} and no token.`;
    if (status === 401 || status === 403) throw new NotLetIn(what, url.host);
    const fix = "Run it again. When it goes on, look at the state of that registry, and at the runner's way to it.";
    throw new UserError({ what, where: url.host, fix });
  }
  report({ kind: "secret", value: token });
  return `Bearer ${token}`;
}

function tokenIn(text: string): string | null {
  try {
    return tokenSchema.parse(JSON.parse(text)).token;
  } catch {
    return null;
  }
}
