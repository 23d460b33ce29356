import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dagster, DagsterOutOfReach, DagsterUnreachable, type Login } from "../../../src/dagster/client.ts";
import { daemonHealth } from "../../../src/dagster/documents.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { testContext } from "../context.ts";
import { type Listening, listen } from "../../loopback.ts";

let server: Listening | undefined;
afterEach(() => server?.close());

async function webserver(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = await listen(
    createServer((request, response) => {
      request.resume();
      answer(request, response);
    }),
  );
  return server.url;
}

const ask = (url: string, login: Login | null = null): Promise<unknown> =>
  dagster({ url, login }, testContext().context).ask(daemonHealth);
const health = { instance: { daemonHealth: { allDaemonStatuses: [] } } };

test("an answer is read and checked", async () => {
  const url = await webserver((request, response) => {
    expect(request.url).toBe("/prefix/graphql");
    expect(request.headers.authorization).toBe("Basic eDp5");
    response.end(JSON.stringify({ data: health }));
  });
  const login = {
    kind: "basic",
    from: "secret gates",
    headers: () => Promise.resolve({ authorization: "Basic eDp5" }),
  } as const;
  expect(await ask(`${url}/prefix/`, login)).toEqual(health);
});

test("an answer of HTTP 500 is read all the same: Dagster sends resolver errors so", async () => {
  const url = await webserver((_, response) => response.writeHead(500).end(JSON.stringify({ data: health })));
  expect(await ask(url)).toEqual(health);
});

test.each<[string, number, Record<string, string>, string, string]>([
  ["a redirect", 302, { location: "https://login.example/oauth?state=secret" }, "", "redirects to login.example"],
  ["a redirect on its host", 302, { location: "/login?next=state=secret" }, "", "redirects to /login"],
  ["a page", 200, { "content-type": "text/html" }, "<html>Sign in</html>", "a web page"],
  ["HTTP 401", 401, {}, "no", "HTTP 401"],
])("%s is a login in front of Dagster, and is said", async (_, status, headers, body, words) => {
  const url = await webserver((__, response) => response.writeHead(status, headers).end(body));
  await expect(ask(url)).rejects.toThrow(UserError);
  await expect(ask(url)).rejects.toThrow(words);
  await expect(ask(url)).rejects.not.toThrow("state=secret");
});

test.each([502, 503, 504])("HTTP %s is weather", async (status) => {
  const url = await webserver((_, response) => response.writeHead(status).end("<html>no target</html>"));
  await expect(ask(url)).rejects.toThrow(DagsterUnreachable);
  await expect(ask(url)).rejects.not.toBeInstanceOf(DagsterOutOfReach);
});

test("nobody there is weather, with the reason", async () => {
  await expect(ask("http://127.0.0.1:1")).rejects.toThrow(DagsterUnreachable);
  await expect(ask("http://127.0.0.1:1")).rejects.toThrow("127.0.0.1:1");
});

test.each([
  [{ data: null, errors: [{ message: 'Cannot query field "x"' }] }, 'Cannot query field "x"'],
  [{ data: { instance: {} } }, "another shape"],
])("an answer that is not understood says so: %j", async (json, words) => {
  const url = await webserver((_, response) => response.end(JSON.stringify(json)));
  await expect(ask(url)).rejects.toThrow(UserError);
  await expect(ask(url)).rejects.toThrow(words);
});
