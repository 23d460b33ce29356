import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Where to ask, and as whom. The server must trust the connection: no password is sent. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/** A row: values as text, in the order of the columns. */
export type Row = readonly (string | null)[];

/**
 * One simple query over PostgreSQL's wire protocol 3.0
 * (https://www.postgresql.org/docs/18/protocol-message-formats.html), so that the bed needs neither psql, which the
 * npm package leaves out, nor a driver.
 * @throws Error with the server's message.
 */
export async function query(connection: Connection, sql: string): Promise<readonly Row[]> {
  const { socket, rows } = await ask(connection, sql);
  socket.destroy();
  return rows;
}

/**
 * The same, in a session that stays, with the locks that it has taken. A transaction that it leaves open keeps no snapshot.
 * @returns ends the session
 */
export async function hold(connection: Connection, sql: string): Promise<() => void> {
  const { socket } = await ask(connection, sql);
  socket.on("error", () => undefined); // the server may end first
  return () => socket.destroy();
}

async function ask(
  connection: Connection,
  sql: string,
): Promise<{ readonly socket: Socket; readonly rows: readonly Row[] }> {
  const socket = connect({ host: connection.host, port: connection.port });
  await once(socket, "connect");
  try {
    socket.write(startupMessage(connection));
    const rows: Row[] = [];
    let asked = false;
    for await (const { type, body } of messages(socket)) {
      if (type === "E") throw new Error(`PostgreSQL: ${errorMessage(body)}`);
      if (type === "R" && body.readInt32BE(0) !== 0) throw new Error("PostgreSQL asks for a password");
      if (type === "D") rows.push(dataRow(body));
      if (type !== "Z") continue;
      // Ready for query: first after the log-in, then when ours has been answered.
      if (asked) return { socket, rows };
      asked = true;
      socket.write(message("Q", Buffer.from(`${sql}\0`)));
    }
    throw new Error("PostgreSQL closed the connection");
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

interface Message {
  readonly type: string;
  readonly body: Buffer;
}

async function* messages(socket: Socket): AsyncGenerator<Message> {
  let pending = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 5 && pending.length > pending.readInt32BE(1)) {
      const end = 1 + pending.readInt32BE(1);
      yield { type: pending.toString("latin1", 0, 1), body: pending.subarray(5, end) };
      pending = pending.subarray(end);
    }
  }
}

function startupMessage({ user, database }: Connection): Buffer {
  const protocol = Buffer.from([0, 3, 0, 0]);
  return message("", Buffer.concat([protocol, Buffer.from(`user\0${user}\0database\0${database}\0\0`)]));
}

function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, body]);
}

function dataRow(body: Buffer): Row {
  const row: (string | null)[] = [];
  let offset = 2;
  for (let column = 0; column < body.readInt16BE(0); column += 1) {
    const length = body.readInt32BE(offset);
    const start = offset + 4;
    offset = start + Math.max(0, length);
    row.push(length === -1 ? null : body.toString("utf8", start, offset));
  }
  return row;
}

/** Fields of an error: a letter and a text each; `M` is the message for people. */
function errorMessage(body: Buffer): string {
  const fields = body.toString("utf8").split("\0");
  return fields.find((field) => field.startsWith("M"))?.slice(1) ?? "unknown error";
}
