import { type ClientRequest, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { askingTask } from "./callers.ts";
import type { Names } from "./names.ts";

/**
 * The network as tasks see it: they reach names and localhost through a proxy that knows who asks, so that every task
 * can have the ports it likes and no file of the machine is touched.
 */
export interface ProxyOptions {
  readonly names: Names;
  /** `127.77` */
  readonly block: string;
  /** Address of a task that runs. */
  addressOf(taskId: string): string | undefined;
}

/** Where a connection goes to; several when the first may refuse. Null when nobody stands behind the name. */
interface Destination {
  readonly hosts: readonly string[];
  readonly port: number;
  /** The task's own address, when the destination is in the bed. */
  readonly from: string | undefined;
}

const loopback = "127.0.0.1";
const localNames = new Set(["localhost", loopback, "0.0.0.0", "::1", "[::1]"]);
/** Headers that end at the proxy. */
const ownHeaders = new Set(["proxy-authorization", "proxy-connection"]);

/** `CONNECT host:port`, as gRPC asks for it. */
export async function tunnel(
  options: ProxyOptions,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): Promise<void> {
  client.on("error", () => client.destroy());
  const target = new URL(`http://${request.url}`);
  const destination = destinationOf(options, askingTask(request.headers), target.hostname, Number(target.port || 80));
  if (destination === null) return void client.end("HTTP/1.1 503 Service Unavailable\r\n\r\n");
  const server = await firstToAccept(destination);
  if (server === null) return void client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
  server.write(head);
  server.on("error", () => client.destroy());
  server.on("close", () => client.destroy());
  client.on("close", () => server.destroy());
  client.pipe(server).pipe(client);
}

/** `GET http://host:port/path`, as HTTP clients ask for it. */
export async function forward(
  options: ProxyOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = new URL(request.url ?? "");
  const destination = destinationOf(options, askingTask(request.headers), target.hostname, Number(target.port || 80));
  if (destination === null) return refuse(response, 503, `no task stands behind ${target.hostname}`);
  const socket = await firstToAccept(destination);
  if (socket === null) return refuse(response, 502, `${target.host} refuses connections`);
  const headers = Object.entries(request.headers).filter(([name]) => !ownHeaders.has(name));
  const onward = httpRequest({
    createConnection: () => socket,
    method: request.method ?? "GET",
    path: `${target.pathname}${target.search}`,
    headers: Object.fromEntries(headers),
  });
  answerWith(onward, response);
  request.pipe(onward);
}

/** Hands on what the other side answers, and its failure as 502. */
export function answerWith(onward: ClientRequest, response: ServerResponse): void {
  onward.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  onward.on("error", (error) => {
    if (response.headersSent) response.destroy();
    else refuse(response, 502, error.message);
  });
  response.on("close", () => onward.destroy());
}

function destinationOf(options: ProxyOptions, taskId: string, host: string, port: number): Destination | null {
  const own = options.addressOf(taskId);
  if (localNames.has(host)) {
    // A server that is bound to the loopback address alone is reached by its own task only, as in a container.
    return { hosts: own === undefined ? [loopback] : [own, loopback], port, from: undefined };
  }
  const resolution = options.names.resolve(host);
  switch (resolution.kind) {
    case "address":
      return { hosts: [resolution.address], port, from: own };
    case "nobody":
      return null;
    case "elsewhere":
      return { hosts: [host], port, from: host.startsWith(`${options.block}.`) ? own : undefined };
  }
}

async function firstToAccept({ hosts, port, from }: Destination): Promise<Socket | null> {
  for (const host of hosts) {
    const socket = await dial(host, port, from);
    if (socket !== null) return socket;
  }
  return null;
}

function dial(host: string, port: number, from: string | undefined): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true, ...(from === undefined ? {} : { localAddress: from }) });
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { "content-type": "text/plain" });
  response.end(`${why}\n`);
}
