import { Agent, createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { readBackingCall } from "../../local-aws/gateway/backing-call.ts";
import { serviceOf } from "../../local-aws/wire/route.ts";
import type { Mishap } from "../played/cut.ts";
import { listen } from "../../loopback.ts";

/** What befalls a process at one of its calls: as in process, and `terminated`: SIGTERM alone, as whoever stops a container sends it. */
export type Blow = Mishap | "terminated";

export const blows: readonly Blow[] = [
  "killed before",
  "killed after",
  "call lost",
  "answer lost",
  "cancelled",
  "terminated",
  "paused",
];

export interface Strike {
  /** Number of the call, counted from 0; or the first call that is so. */
  readonly at: number | ((call: StrikeableCall) => boolean);
  readonly blow: Blow;
  /** Does to the process what the blow says; the connection is the wire's part. */
  readonly hit: () => Promise<void> | void;
}

export interface StrikeableCall {
  /** As {@link WireCall.name}. */
  readonly name: string;
  /** JSON, or empty, or what is stored. */
  readonly body: Buffer;
}

/** Times in milliseconds, by `performance.now()`. */
export interface WireCall {
  /** `ecs UpdateService`, `s3 PutObject deploys/…/lock.json` */
  readonly name: string;
  readonly from: number;
  /** When the answer was sent; null: there was none. */
  readonly to: number | null;
}

/** All that real processes say to the outside goes over it: it counts, and strikes once. */
export interface StrikingWire {
  /** In the place of AWS and of Dagster's webserver. */
  readonly url: string;
  /** Counts anew from here on, and strikes so; null: lets everything through. */
  attend(strike: Strike | null): void;
  /** Those since then. */
  readonly calls: readonly WireCall[];
  /** Name of the call that was struck; null: none yet. */
  readonly struck: string | null;
  close(): Promise<void>;
}

export interface Behind {
  readonly aws: string;
  readonly dagster: string;
}

export async function startStrikingWire(behind: () => Behind): Promise<StrikingWire> {
  const agent = new Agent({ keepAlive: true });
  let strike: Strike | null = null;
  let calls: { -readonly [Member in keyof WireCall]: WireCall[Member] }[] = [];
  let struck: string | null = null;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const { url = "/" } = request;
    const isDagster = url === "/graphql" || url === "/server_info";
    const name = isDagster ? dagsterCall(url, body) : awsCall(request, body);
    const isNow = (at: Strike["at"]): boolean => (typeof at === "number" ? at === calls.length : at({ name, body }));
    const now = strike !== null && struck === null && isNow(strike.at) ? strike : null;
    const call: (typeof calls)[number] = { name, from: performance.now(), to: null };
    calls.push(call);
    response.once("finish", () => {
      call.to = performance.now();
    });
    const ask = () => forward(isDagster ? behind().dagster : behind().aws, agent, request, body);
    if (now === null) return pass(await ask(), response);
    struck = name;
    switch (now.blow) {
      case "cancelled":
      case "terminated":
        await now.hit();
        return pass(await ask(), response);
      case "killed after":
      case "answer lost":
        await ask();
        break;
      case "killed before":
      case "call lost":
      case "paused":
    }
    await now.hit();
    response.destroy();
  };
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 }, (request, response) => {
    handle(request, response).catch(() => response.destroy()); // whoever is killed leaves in the middle
  });
  const listening = await listen(server);
  return {
    url: listening.url,
    attend: (next) => {
      strike = next;
      calls = [];
      struck = null;
    },
    get calls() {
      return calls;
    },
    get struck() {
      return struck;
    },
    close: async () => {
      await listening.close();
      agent.destroy();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** The host stays as it was asked for: addresses that AWS tells of lead over this wire again. */
function forward(to: string, agent: Agent, request: IncomingMessage, body: Buffer): Promise<Answer> {
  const { hostname, port } = new URL(to);
  const { method = "GET", url = "/" } = request;
  const { "transfer-encoding": _chunked, ...headers } = request.headers;
  return new Promise((resolve, reject) => {
    const onward = httpRequest(
      { hostname, port, agent, method, path: url, headers: { ...headers, "content-length": body.length } },
      (answer) => {
        buffer(answer).then(
          (bytes) => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: bytes }),
          reject,
        );
      },
    );
    onward.on("error", reject);
    onward.end(body);
  });
}

function pass({ status, headers, body }: Answer, response: ServerResponse): void {
  const { "transfer-encoding": _chunked, connection: _connection, ...kept } = headers;
  response.writeHead(status, kept);
  response.end(body);
}

function dagsterCall(url: string, body: Buffer): string {
  if (url === "/server_info") return "dagster server_info";
  const { operationName } = JSON.parse(body.toString()) as { readonly operationName: string };
  return `dagster ${operationName}`;
}

function awsCall({ method = "GET", url = "/", headers }: IncomingMessage, body: Buffer): string {
  const own = serviceOf(headers);
  if (own !== null) return `${own} ${String(headers["x-amz-target"]).split(".")[1] ?? ""}`;
  const { service, operation, resource } = readBackingCall({ method, url, headers });
  const action =
    operation === "unknown" ? (new URLSearchParams(body.toString()).get("Action") ?? operation) : operation;
  return `${service} ${action} ${resource}`.trim();
}
