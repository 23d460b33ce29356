import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** Size of a header, and what contents are padded to. */
const block = 512;

/**
 * Unpacks the tar stream of an image layer: ustar with pax and GNU long names. Owners and devices are left out;
 * whiteouts stay as the files they are.
 * @throws Error when an entry leaves the folder, by its name or through a link, or the stream ends early.
 */
export async function unpack(tar: AsyncIterable<Buffer>, folder: string): Promise<void> {
  const reader = readerOf(tar);
  mkdirSync(folder, { recursive: true });
  try {
    await unpackEntries(reader, folder);
    // What follows the end mark still belongs to the digest of the stream.
    await reader.drain();
  } finally {
    await reader.close();
  }
}

async function unpackEntries(reader: Reader, folder: string): Promise<void> {
  const folders = new Set([folder]);
  let long: LongNames = {};
  for (;;) {
    const header = await reader.take(block);
    if (header === null || header.every((byte) => byte === 0)) return;
    const entry = { ...parseHeader(header), ...long };
    const contents = reader.pieces(entry.size);
    if (entry.type === "x" || entry.type === "L" || entry.type === "K") {
      long = { ...long, ...longNames(entry.type, await joined(contents)) };
    } else {
      await place(entry, contents, folder, folders);
      long = {};
    }
    for await (const _left of contents);
    for await (const _padding of reader.pieces((block - (entry.size % block)) % block));
  }
}

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  readonly link: string;
}

type LongNames = Partial<Pick<Entry, "name" | "link">>;

async function place(
  entry: Entry,
  contents: AsyncIterable<Buffer>,
  folder: string,
  folders: Set<string>,
): Promise<void> {
  const path = inside(folder, entry.name);
  if (path === folder) return;
  if (entry.type === "5") return makeFolder(path, folders);
  makeFolder(dirname(path), folders);
  switch (entry.type) {
    case "0":
    case "7":
      rmSync(path, { force: true });
      await writeFile(path, entry.mode, contents);
      break;
    case "1":
      rmSync(path, { force: true });
      linkSync(inside(folder, entry.link), path);
      break;
    case "2":
      rmSync(path, { force: true });
      symlinkSync(entry.link, path);
      break;
    default:
    // Devices, pipes and global pax headers have no use here.
  }
}

async function writeFile(path: string, mode: number, contents: AsyncIterable<Buffer>): Promise<void> {
  const file = openSync(path, "wx", 0o600);
  try {
    for await (const piece of contents) writeSync(file, piece);
  } finally {
    closeSync(file);
  }
  chmodSync(path, mode & 0o777);
}

function inside(folder: string, name: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new Error(`an entry leaves the layer: ${name}`);
  return join(folder, ...parts);
}

/** @param folders those already known to be folders, and no links that lead elsewhere. */
function makeFolder(path: string, folders: Set<string>): void {
  if (folders.has(path)) return;
  makeFolder(dirname(path), folders);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) mkdirSync(path, 0o755);
  else if (!stat.isDirectory()) throw new Error(`an entry leads through something that is no folder: ${path}`);
  folders.add(path);
}

function parseHeader(header: Buffer): Entry {
  const text = (start: number, length: number): string => {
    const field = header.subarray(start, start + length);
    const end = field.indexOf(0);
    return field.toString("utf8", 0, end === -1 ? length : end);
  };
  const octal = (start: number, length: number): number => Number.parseInt(text(start, length).trim() || "0", 8);
  const prefix = text(257, 5) === "ustar" ? text(345, 155) : "";
  return {
    name: prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    mode: octal(100, 8),
    size: octal(124, 12),
    type: text(156, 1) || "0",
    link: text(157, 100),
  };
}

function longNames(type: "x" | "L" | "K", contents: Buffer): LongNames {
  const text = contents.toString("utf8");
  if (type === "L") return { name: text.replace(/\0+$/, "") };
  if (type === "K") return { link: text.replace(/\0+$/, "") };
  const name = /^\d+ path=(.*)$/m.exec(text)?.[1];
  const link = /^\d+ linkpath=(.*)$/m.exec(text)?.[1];
  return { ...(name === undefined ? {} : { name }), ...(link === undefined ? {} : { link }) };
}

async function joined(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

interface Reader {
  /** Exactly this many bytes; null when the stream ends with none left. */
  take(length: number): Promise<Buffer | null>;
  /** As many bytes in pieces as they come. */
  pieces(length: number): AsyncGenerator<Buffer>;
  drain(): Promise<void>;
  /** Lets the stream go, read to its end or not. */
  close(): Promise<void>;
}

function readerOf(stream: AsyncIterable<Buffer>): Reader {
  const chunks = stream[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);

  async function* pieces(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (rest.length === 0) {
        const next = await chunks.next();
        if (next.done === true) throw new Error("the layer ends in the middle of an entry");
        rest = next.value;
      }
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
  return {
    pieces,
    take: async (length) => {
      if (rest.length === 0) {
        const next = await chunks.next();
        if (next.done === true) return null;
        rest = next.value;
      }
      return joined(pieces(length));
    },
    drain: async () => {
      while ((await chunks.next()).done !== true);
    },
    close: async () => {
      await chunks.return?.();
    },
  };
}
