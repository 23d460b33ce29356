import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { LocalAws, RegisteredTarget } from "../local-aws.ts";
import { answerWith } from "./proxy.ts";

/** The listener of one target group. */
export interface LoadBalancer {
  /** One URL as long as the bed lives, whichever tasks stand behind it. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Forwards each request to a healthy target of a group, in turn; 503 when none is registered, and to any that is
 * registered when none is healthy, as an Application Load Balancer does:
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
 */
export async function openLoadBalancer(
  aws: Pick<LocalAws, "targets">,
  targetGroupArn: string,
  listen: { readonly host: string; readonly port: number },
): Promise<LoadBalancer> {
  let turn = 0;
  const next = (): RegisteredTarget | undefined => {
    const registered = aws.targets(targetGroupArn).filter(({ state }) => state !== "draining");
    const healthy = registered.filter(({ state }) => state === "healthy");
    const among = healthy.length > 0 ? healthy : registered;
    turn += 1;
    return among[turn % among.length];
  };
  const server = createServer((request, response) => forwardRequest(next(), request, response));
  server.on("upgrade", (request, client, head) => forwardUpgrade(next(), request, client, head));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the load balancer has no port");
  return {
    url: `http://${listen.host}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function forwardRequest(
  target: RegisteredTarget | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (target === undefined) {
    response.writeHead(503, { "content-type": "text/html", server: "awselb/2.0" });
    response.end("<html><head><title>503 Service Temporarily Unavailable</title></head></html>");
    return;
  }
  const onward = httpRequest({ ...optionsFor(target, request), agent: false });
  answerWith(onward, response);
  request.pipe(onward);
}

/** Dagster's web page subscribes to its events over a web socket. */
function forwardUpgrade(
  target: RegisteredTarget | undefined,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): void {
  client.on("error", () => client.destroy());
  if (target === undefined) return void client.end("HTTP/1.1 503 Service Unavailable\r\n\r\n");
  const onward = httpRequest({ ...optionsFor(target, request), agent: false });
  onward.on("error", () => client.destroy());
  onward.on("response", () => client.destroy());
  onward.on("upgrade", (answer: IncomingMessage, server: Socket, first: Buffer) => {
    const lines = answer.rawHeaders.reduce<readonly string[]>(
      (all, value, at) => (at % 2 === 0 ? [...all, value] : [...all.slice(0, -1), `${all.at(-1)}: ${value}`]),
      [],
    );
    client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
    client.write(first);
    server.write(head);
    server.on("error", () => client.destroy());
    server.on("close", () => client.destroy());
    client.on("close", () => server.destroy());
    client.pipe(server).pipe(client);
  });
  onward.end();
}

function optionsFor({ address, port }: RegisteredTarget, request: IncomingMessage) {
  return {
    host: address,
    port,
    method: request.method ?? "GET",
    path: request.url ?? "/",
    headers: { ...request.headers, "x-forwarded-for": request.socket.remoteAddress ?? "", "x-forwarded-proto": "http" },
  };
}
