import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/**
 * What a pooler between transactions is to its clients (PgBouncer, `pool_mode = transaction`), for simple queries: each client has
 * a session with the pooler, and all of them one session with PostgreSQL, which is free for the next one as soon as a client is
 * not in a transaction.
 */
export interface Pooler {
  readonly port: number;
  close(): Promise<void>;
}

export async function startPooler(
  host: string,
  target: { readonly host: string; readonly port: number },
): Promise<Pooler> {
  const sockets = new Set<Socket>();
  let server: Promise<Session> | null = null;
  let free: Promise<void> = Promise.resolve();

  const serve = async (client: Socket): Promise<void> => {
    sockets.add(client);
    let release: (() => void) | null = null;
    try {
      for await (const { type, bytes } of messages(client, "client")) {
        if (type === "encryption") {
          client.write("N");
          continue;
        }
        if (type === "startup") {
          server ??= openSession(target, bytes, sockets);
          client.write((await server).greeting);
          continue;
        }
        if (type === "X") return;
        if (server === null) throw new Error("a query before its session");
        if (release === null) {
          const before = free;
          const held = Promise.withResolvers<void>();
          free = held.promise;
          await before;
          release = held.resolve;
        }
        const isIdle = await (await server).ask(bytes, client);
        if (isIdle) {
          release();
          release = null;
        }
      }
    } finally {
      release?.();
      client.destroy();
    }
  };
  const listener = createServer((client) => {
    client.on("error", () => undefined);
    void serve(client).catch(() => client.destroy());
  });
  listener.listen(0, host);
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

interface Session {
  /** What PostgreSQL says after the log-in. */
  readonly greeting: Buffer;
  /** Passes one query on, and its answer back. @returns is the session out of a transaction now? */
  ask(query: Buffer, client: Socket): Promise<boolean>;
}

async function openSession(
  { host, port }: { readonly host: string; readonly port: number },
  startup: Buffer,
  sockets: Set<Socket>,
): Promise<Session> {
  const socket = connect({ host, port });
  sockets.add(socket);
  socket.on("error", () => undefined);
  socket.write(startup);
  const answers = messages(socket, "server")[Symbol.asyncIterator]();
  /** Up to the next ReadyForQuery. */
  const answer = async (each: (bytes: Buffer) => void): Promise<boolean> => {
    for (;;) {
      const next = await answers.next();
      if (next.done === true) throw new Error("PostgreSQL closed the connection");
      const { type, bytes } = next.value;
      each(bytes);
      if (type === "Z") return bytes.toString("latin1", 5, 6) === "I";
    }
  };
  const greeting: Buffer[] = [];
  await answer((bytes) => greeting.push(bytes));
  return {
    greeting: Buffer.concat(greeting),
    ask: (query, client) => {
      socket.write(query);
      return answer((bytes) => client.write(bytes));
    },
  };
}

interface Message {
  /** PostgreSQL's letter; a client's first ones have none. */
  readonly type: string;
  readonly bytes: Buffer;
}

/** SSLRequest and GSSENCRequest: a client asks for either before it logs in. */
const encryptionRequests = [80_877_103, 80_877_104];

/** Source: https://www.postgresql.org/docs/18/protocol-message-formats.html */
async function* messages(socket: Socket, from: "client" | "server"): AsyncGenerator<Message, undefined> {
  let pending = Buffer.alloc(0);
  let started = from === "server";
  for await (const chunk of socket) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    for (;;) {
      const lengthAt = started ? 1 : 0;
      if (pending.length < lengthAt + 4) break;
      const end = lengthAt + pending.readInt32BE(lengthAt);
      if (pending.length < end) break;
      const bytes = pending.subarray(0, end);
      pending = pending.subarray(end);
      if (started) yield { type: bytes.toString("latin1", 0, 1), bytes };
      else if (bytes.length === 8 && encryptionRequests.includes(bytes.readInt32BE(4)))
        yield { type: "encryption", bytes };
      else {
        started = true;
        yield { type: "startup", bytes };
      }
    }
  }
  return undefined;
}
