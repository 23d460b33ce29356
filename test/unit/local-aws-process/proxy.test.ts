import { createServer, request as httpRequest, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { Resolution } from "../../local-aws/gateway/names.ts";
import { forward, tunnel } from "../../local-aws/gateway/proxy.ts";

/** Two tasks: one that serves on its own address, one that serves on the loopback address alone. */
const tasks: Readonly<Record<string, string>> = { open: "127.63.0.1", closed: "127.63.0.2" };
const names: Readonly<Record<string, Resolution>> = {
  "code.deal-flow.local": { kind: "address", address: "127.63.0.1" },
  "gone.deal-flow.local": { kind: "nobody" },
};

const servers: Server[] = [];
let proxy: number;
let port: number;

beforeAll(async () => {
  port = await serve("127.63.0.1", 0, (request, response) => {
    const { remoteAddress } = request.socket;
    response.end(JSON.stringify({ path: request.url, remoteAddress, headers: Object.keys(request.headers) }));
  });
  await serve("127.0.0.1", port, (_request, response) => response.end("on the loopback address"));
  const options = {
    block: "127.63",
    names: { policy: "random", resolve: (host: string) => names[host] ?? { kind: "elsewhere" } },
    addressOf: (taskId: string) => tasks[taskId],
  } as const;
  proxy = await serve("127.0.0.1", 0, (request, response) => void forward(options, request, response));
  servers.at(-1)?.on("connect", (request, client, head) => void tunnel(options, request, client, head));
});

afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

describe("a request through the proxy", () => {
  test("reaches a name's task from the address of the task that asks, without what was for the proxy", async () => {
    const { status, body } = await get("open", `http://code.deal-flow.local:${port}/path?query`);
    const seen = JSON.parse(body) as { path: string; remoteAddress: string; headers: string[] };
    expect({ status, ...seen }).toMatchObject({ status: 200, path: "/path?query", remoteAddress: "127.63.0.1" });
    expect(seen.headers).not.toContain("proxy-authorization");
  });

  test.each(["localhost", "127.0.0.1", "0.0.0.0"])("to %s reaches the task that asks", async (host) => {
    const { body } = await get("open", `http://${host}:${port}/`);
    expect(JSON.parse(body)).toMatchObject({ remoteAddress: "127.0.0.1", path: "/" });
  });

  test("to localhost reaches what is bound to the loopback address alone", async () => {
    expect(await get("closed", `http://localhost:${port}/`)).toEqual({ status: 200, body: "on the loopback address" });
  });

  test("is answered with 503 when nobody stands behind the name, and with 502 when the task refuses", async () => {
    expect((await get("open", "http://gone.deal-flow.local:4000/")).status).toBe(503);
    expect((await get("open", "http://code.deal-flow.local:1/")).status).toBe(502);
  });
});

describe("a tunnel through the proxy", () => {
  test("carries both ways, as gRPC wants it", async () => {
    const { status, socket } = await connectTo("open", `code.deal-flow.local:${port}`);
    expect(status).toBe(200);
    socket.write("GET /through HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(await text(socket)).toContain('"path":"/through"');
  });

  test.each([
    ["gone.deal-flow.local:4000", 503],
    ["code.deal-flow.local:1", 502],
  ])("to %s is answered with %i", async (target, expected) => {
    const { status, socket } = await connectTo("open", target);
    socket.destroy();
    expect(status).toBe(expected);
  });
});

async function serve(host: string, at: number, listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(at, host, resolve));
  return (server.address() as AddressInfo).port;
}

function asking(task: string) {
  return { "proxy-authorization": `Basic ${Buffer.from(`${task}:x`).toString("base64")}` };
}

function get(task: string, url: string): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: "127.0.0.1", port: proxy, path: url, headers: { host: new URL(url).host, ...asking(task) } })
      .on("error", reject)
      .on("response", (response) => {
        text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
      })
      .end();
  });
}

function connectTo(
  task: string,
  path: string,
): Promise<{ readonly status: number | undefined; readonly socket: Socket }> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: "127.0.0.1", port: proxy, method: "CONNECT", path, headers: asking(task) })
      .on("error", reject)
      .on("connect", (response, socket) => resolve({ status: response.statusCode, socket }))
      .end();
  });
}
