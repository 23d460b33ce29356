import { createServer } from "node:http";
import { identityTokenOf } from "./identity-token.ts";
import { listen } from "../loopback.ts";

export interface FakeIdentityTokens {
  /** What the runner gives a job that has the permission `id-token: write`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Tokens that were given, oldest first. */
  readonly given: readonly string[];
  close(): Promise<void>;
}

/**
 * A fake of the service from which a job gets its identity tokens.
 * Source: https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token, and `OidcClient` of
 * @actions/core: the URL ends in a query, to which `audience` is added; the answer is `{ "value": token }`.
 * @param sub whom it takes the job for
 */
export async function startFakeIdentityTokens(sub: string): Promise<FakeIdentityTokens> {
  const requestToken = "request-token-of-the-job";
  const given: string[] = [];
  const server = createServer((request, response) => {
    request.resume();
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Bearer ${requestToken}`) return answer(401, { message: "Unauthorized" });
    if (pathname !== "/token" || searchParams.get("api-version") !== "2.0") return answer(404, {});
    const aud = searchParams.get("audience") ?? "https://github.com/owner";
    const value = identityTokenOf({ sub, aud, jti: String(given.length + 1) });
    given.push(value);
    answer(200, { count: value.length, value });
  });
  const { url, close } = await listen(server);
  return {
    environment: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    },
    given,
    close,
  };
}
