/** A member of an archive that somebody else wrote. Paths have no slash before them, and none behind. */
export interface TarMember {
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink" | "other";
  /** Of a link. */
  readonly target: string;
  readonly size: number;
  /** The bytes of a file, when they were wanted. */
  readonly bytes: Buffer | null;
}

/**
 * Reads an archive as it comes: nothing is kept of it but the files that are wanted. Ustar, pax and GNU's long names.
 * @param wants are the bytes of this file to be kept?
 * @throws Error when it is cut off, or no archive
 */
export async function* readTar(
  chunks: AsyncIterable<Buffer>,
  wants: (path: string, size: number) => boolean,
): AsyncGenerator<TarMember> {
  const bytes = reader(chunks);
  let said: ReadonlyMap<string, string> = new Map();
  for (;;) {
    const header = await bytes.take(block);
    if (header === null || header.every((byte) => byte === 0)) return;
    const size = Number(said.get("size") ?? sizeIn(header));
    const type = String.fromCharCode(header[156] ?? 0);
    const padding = (block - (size % block)) % block;
    if (extensions.has(type)) {
      const body = size > largestExtension ? null : await bytes.take(size);
      if (body === null) throw new Error("an archive has a header that is too long");
      await bytes.skip(padding);
      if (type === "x") said = new Map([...said, ...paxRecords(body)]);
      if (type === "L") said = new Map([...said, ["path", textIn(body, 0, body.length)]]);
      if (type === "K") said = new Map([...said, ["linkpath", textIn(body, 0, body.length)]]);
      continue; // of `g`, what counts for the whole archive, nothing concerns names
    }
    const path = clean(said.get("path") ?? nameIn(header));
    const target = said.get("linkpath") ?? textIn(header, 157, 100);
    const kind = kinds.get(type) ?? "other";
    said = new Map();
    const keep = kind === "file" && wants(path, size);
    const content = keep ? await bytes.take(size) : null;
    if (!keep) await bytes.skip(size);
    await bytes.skip(padding);
    yield { path, kind, target: kind === "hardlink" ? clean(target) : target, size, bytes: content };
  }
}

const block = 512;
const extensions = new Set(["x", "g", "L", "K"]);
const largestExtension = 1 << 20;
const kinds = new Map<string, TarMember["kind"]>([
  ["0", "file"],
  ["\0", "file"],
  ["7", "file"],
  ["1", "hardlink"],
  ["2", "symlink"],
  ["5", "directory"],
]);

function reader(chunks: AsyncIterable<Buffer>): {
  /** @returns null at the end of the archive */
  take(size: number): Promise<Buffer | null>;
  skip(size: number): Promise<void>;
} {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const next = await iterator.next();
    if (next.done === true) return false;
    rest = next.value;
    return true;
  };
  const take = async (size: number): Promise<Buffer | null> => {
    const parts: Buffer[] = [];
    let left = size;
    while (left > 0) {
      if (rest.length === 0 && !(await more())) {
        if (left === size) return null;
        throw new Error("an archive is cut off");
      }
      const part = rest.subarray(0, left);
      rest = rest.subarray(part.length);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts, size);
  };
  const skip = async (size: number): Promise<void> => {
    let left = size;
    while (left > 0) {
      if (rest.length === 0 && !(await more())) throw new Error("an archive is cut off");
      const part = Math.min(left, rest.length);
      rest = rest.subarray(part);
      left -= part;
    }
  };
  return { take, skip };
}

/** Octal digits; or, for what is larger than they can say, GNU's binary form. */
function sizeIn(header: Buffer): number {
  if (((header[124] ?? 0) & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  return Number.parseInt(textIn(header, 124, 12).trim() || "0", 8);
}

function nameIn(header: Buffer): string {
  const name = textIn(header, 0, 100);
  const prefix = textIn(header, 257, 6).startsWith("ustar") && header[263] === 0x30 ? textIn(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function textIn(buffer: Buffer, at: number, length: number): string {
  const field = buffer.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? field.length : end).toString();
}

function paxRecords(body: Buffer): readonly (readonly [string, string])[] {
  const records: [string, string][] = [];
  for (let at = 0; at < body.length; ) {
    const blank = body.indexOf(0x20, at);
    const length = Number(body.subarray(at, blank).toString());
    if (blank < 0 || !Number.isInteger(length) || length <= 0) break;
    const record = body.subarray(blank + 1, at + length - 1).toString();
    const equals = record.indexOf("=");
    records.push([record.slice(0, equals), record.slice(equals + 1)]);
    at += length;
  }
  return records;
}

function clean(path: string): string {
  return path.replace(/^(\.?\/)+/, "").replace(/\/+$/, "");
}
