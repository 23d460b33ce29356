import {
  createServer,
  request as forward,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from "node:http";
import { listen } from "../../loopback.ts";

/** One request as it went through. */
export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly authorization: string | null;
  status: number;
  /** Bytes on the wire, headers and bodies, both ways. */
  bytes: number;
}

/** What happens to a request in the place of being passed on. */
export type Fault =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** The connection is cut before anything is answered. */
  | { readonly kind: "reset" }
  /** It is passed on, done, and the answer is lost. */
  | { readonly kind: "lost" }
  /** The answer is cut after half of its body. */
  | { readonly kind: "torn" }
  /** It is passed on with another address, or as somebody else. */
  | { readonly kind: "rewrite"; readonly url: string; readonly authorization?: string };

export interface FaultProxy {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly seen: Seen[];
  /** Asked for each request; null passes it on. Stays until it is set anew. */
  inject(fault: (request: Seen, before: readonly Seen[]) => Promise<Fault | null> | Fault | null): void;
  close(): Promise<void>;
}

/**
 * A thin layer in front of a registry: counts, and breaks what it is told to.
 * @param always asked when nothing else was injected for a request.
 */
export async function startFaultProxy(
  target: string,
  always: (request: Seen) => Promise<Fault | null> | Fault | null = () => null,
): Promise<FaultProxy> {
  const seen: Seen[] = [];
  let inject: Parameters<FaultProxy["inject"]>[0] = () => null;
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const entry: Seen = {
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      authorization: incoming.headers.authorization ?? null,
      status: 0,
      bytes: JSON.stringify(incoming.rawHeaders).length,
    };
    const before = [...seen];
    seen.push(entry);
    const body: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) body.push(chunk);
    entry.bytes += Buffer.concat(body).length;
    const fault = (await inject(entry, before)) ?? (await always(entry));
    if (fault?.kind === "reset") return void incoming.socket.destroy();
    if (fault?.kind === "answer") {
      entry.status = fault.status;
      entry.bytes += (fault.body ?? "").length;
      return void outgoing.writeHead(fault.status, fault.headers).end(fault.body ?? "");
    }
    const address = new URL(fault?.kind === "rewrite" ? fault.url : entry.url, target);
    const as = fault?.kind === "rewrite" ? fault.authorization : undefined;
    const headers = { ...incoming.headers, ...(as === undefined ? {} : { authorization: as }), host: address.host };
    const answer = await pass(address, entry.method, headers, Buffer.concat(body));
    entry.status = answer.status;
    entry.bytes += JSON.stringify(answer.headers).length + answer.body.length;
    if (fault?.kind === "lost") return void incoming.socket.destroy();
    const location = answer.headers.location;
    if (location !== undefined) {
      const { pathname, search } = new URL(location, target);
      answer.headers.location = `${url}${pathname}${search}`;
    }
    outgoing.writeHead(answer.status, answer.headers);
    if (fault?.kind !== "torn") return void outgoing.end(answer.body);
    outgoing.write(answer.body.subarray(0, answer.body.length / 2), () => incoming.socket.destroy());
  };
  const { url, close } = await listen(server);
  return {
    url,
    seen,
    inject: (next) => {
      inject = next;
    },
    close,
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

function pass(address: URL, method: string, headers: OutgoingHttpHeaders, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = forward(address, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const kept = Object.entries(response.headers).filter(([name]) => name !== "transfer-encoding");
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
          body: Buffer.concat(chunks),
        });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
