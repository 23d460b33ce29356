import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import type { LocalAws } from "../local-aws.ts";
import type { MovableClock } from "../movable-clock.ts";
import type { PlayedRuntime } from "../runtimes/tasks/played-runtime.ts";
import type { PlayedTask } from "../runtimes/tasks/task.ts";
import { administrator, callerOf as sessionCallerOf } from "../neighbours/sessions.ts";
import { answer, serviceOf } from "../wire/route.ts";
import { createBacking } from "./backing.ts";
import type { GatewayCall } from "./call-record.ts";
import { callerOf } from "./callers.ts";
import { type Controls, control } from "./control.ts";
import { metadata } from "./metadata.ts";
import { createNames, type NamePolicy, type Names } from "./names.ts";
import { forward, type ProxyOptions, tunnel } from "./proxy.ts";

/** AWS on one port: what an SDK is given as AWS_ENDPOINT_URL. */
export interface Gateway {
  /** From outside: `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly calls: readonly GatewayCall[];
  readonly names: Names;
  close(): Promise<void>;
}

export interface GatewayOptions {
  readonly aws: LocalAws;
  readonly ministack: { readonly host: string; readonly port: number };
  readonly clock: MovableClock;
  /** `127.77` */
  readonly block: string;
  /** Port on 127.0.0.1; 0 for a free one. */
  readonly port: number;
  /** Where tasks find it, beside 127.0.0.1: that address means the task itself to them. */
  readonly inside: { readonly host: string; readonly port: number };
  readonly namePolicy: NamePolicy;
  readonly overlapSeconds: number;
  readonly runtime: Pick<PlayedRuntime, "tasks">;
  /** Somebody asked for the end of the bed. */
  readonly onStop: () => void;
}

/** What of a call the gateway knows once it has been read. */
type Recorded = Pick<GatewayCall, "service" | "operation" | "resource">;

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { aws, clock } = options;
  const { tasks } = options.runtime;
  const calls: GatewayCall[] = [];
  const names = createNames({ aws, tasks, policy: options.namePolicy, overlapSeconds: options.overlapSeconds });
  const backing = createBacking(options);
  const proxy: ProxyOptions = { names, block: options.block, addressOf: (taskId) => tasks.get(taskId)?.address };
  const controls: Controls = { calls, names, clock, faults: aws.faults, tasks, stop: options.onStop };

  const record = async (
    request: IncomingMessage,
    response: ServerResponse,
    serve: () => Promise<Recorded>,
  ): Promise<void> => {
    const at = clock.now();
    const start = performance.now();
    const over = new Promise<void>((resolve) => response.once("close", resolve));
    const call = await serve();
    await over;
    const status = response.writableFinished ? response.statusCode : null;
    const milliseconds = Math.round(performance.now() - start);
    const { service, operation, resource } = call;
    const accessKeyId = callerOf(request.headers, request.url);
    const { role: caller } = sessionCallerOf(aws.neighbours.sessions, accessKeyId, null, at);
    if (caller === administrator) return;
    calls.push({ service, operation, resource, caller, accessKeyId, status, milliseconds, at });
  };

  /** The order matters: what a task asks the proxy for may look like anything. */
  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = "/", headers } = request;
    if (/^https?:\/\//.test(url)) return forward(proxy, request, response);
    if (url.startsWith("/_bed/")) return control(controls, request, response);
    if (url.startsWith("/v4/")) return answerMetadata(url, tasks, response);
    if (serviceOf(headers) !== null) return record(request, response, () => serveOwn(aws, request, response));
    return record(request, response, () => backing.serve(request, response));
  };

  const servers = [newServer(route, proxy), newServer(route, proxy)] as const;
  const [outside, inside] = servers;
  try {
    await listen(inside, options.inside);
    await listen(outside, { host: "127.0.0.1", port: options.port });
  } catch (error) {
    await Promise.all(servers.map(closeServer));
    throw error;
  }
  const address = outside.address();
  if (address === null || typeof address === "string") throw new Error("the gateway has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls,
    names,
    close: async () => {
      await Promise.all(servers.map(closeServer));
      backing.close();
    },
  };
}

async function serveOwn(aws: LocalAws, request: IncomingMessage, response: ServerResponse): Promise<Recorded> {
  const { headers } = request;
  const body = await buffer(request);
  const answered = await answer(aws, { headers, body });
  if (answered === null) response.destroy();
  else {
    response.writeHead(answered.status, answered.headers);
    response.end(answered.body);
  }
  const [, target] = String(headers["x-amz-target"] ?? "").split(".");
  const operation = target ?? new URLSearchParams(body.toString("utf8")).get("Action") ?? "unknown";
  return { service: serviceOf(headers) ?? "", operation, resource: "" };
}

function answerMetadata(path: string, tasks: ReadonlyMap<string, PlayedTask>, response: ServerResponse): void {
  const value = metadata(path, tasks);
  response.writeHead(value === null ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(value ?? {}));
}

function newServer(
  route: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  proxy: ProxyOptions,
): Server {
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    route(request, response).catch((error: unknown) => {
      // One request's failure is never the bed's. A client that still listens sees a cut connection, people read why.
      if (!response.destroyed) console.error(error);
      response.destroy();
    });
  });
  server.on("connect", (request, client, head) => {
    tunnel(proxy, request, client, head).catch(() => client.destroy());
  });
  return server;
}

function listen(server: Server, at: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, resolve);
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
