import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type LoadBalancer, openLoadBalancer } from "../../local-aws/gateway/load-balancer.ts";
import type { RegisteredTarget } from "../../local-aws/local-aws.ts";

type State = RegisteredTarget["state"];

let balancer: LoadBalancer;
let targets: readonly RegisteredTarget[] = [];
const servers: Server[] = [];
const ports: Record<string, number> = {};

beforeAll(async () => {
  for (const name of ["one", "two"]) {
    const server = createServer((request, response) => response.end(`${name} ${request.url}`));
    server.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
    ports[name] = (server.address() as AddressInfo).port;
  }
  balancer = await openLoadBalancer({ targets: () => targets }, "arn", { host: "127.0.0.1", port: 0 });
});

afterAll(async () => {
  await balancer.close();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

test.each<[string, Readonly<Record<string, State>>, readonly string[]]>([
  ["healthy targets in turn", { one: "healthy", two: "healthy" }, ["one", "two"]],
  ["the healthy one only", { one: "unhealthy", two: "healthy" }, ["two"]],
  ["any that is registered when none is healthy", { one: "unhealthy", two: "initial" }, ["one", "two"]],
  ["nobody that drains", { one: "draining", two: "healthy" }, ["two"]],
])("a request goes to %s", async (_what, states, expected) => {
  register(states);
  const answers = await Promise.all(Array.from({ length: 4 }, async () => (await fetch(`${balancer.url}/x?y`)).text()));
  expect([...new Set(answers)].sort()).toEqual(expected.map((name) => `${name} /x?y`));
});

test("a request is answered with 503 when nobody is registered", async () => {
  register({});
  expect((await fetch(balancer.url)).status).toBe(503);
});

test("a request is answered with 502 when its target refuses", async () => {
  targets = [{ taskId: "gone", address: "127.0.0.1", port: 1, state: "healthy", reason: null }];
  expect((await fetch(balancer.url)).status).toBe(502);
});

test("a web socket goes through", async () => {
  register({ one: "healthy" });
  const echoed = await new Promise<string>((resolve, reject) => {
    httpRequest(balancer.url, { headers: { connection: "upgrade", upgrade: "echo" } })
      .on("error", reject)
      .on("upgrade", (_response, socket) => {
        socket.once("data", (data: Buffer) => {
          socket.destroy();
          resolve(data.toString("utf8"));
        });
        socket.write("hello");
      })
      .end();
  });
  expect(echoed).toBe("hello");
});

function register(states: Readonly<Record<string, State>>): void {
  targets = Object.entries(states).map(([name, state]) => {
    return { taskId: name, address: "127.0.0.1", port: ports[name] ?? 0, state, reason: null };
  });
}
