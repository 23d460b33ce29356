/** What an image layer holds. Paths are relative to `/`, without a slash in front. */
export type LayerEntry =
  | { readonly kind: "file"; readonly path: string; readonly content: Buffer; readonly executable: boolean }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly to: string };

const block = 512;
/** 1980-01-02, UTC: zip files, and so Python's zipfile, know no earlier year than 1980. */
const modificationSeconds = 315_619_200;

/**
 * A layer as a tar stream: always the same bytes for the same entries. Names beyond ustar's limits get a pax header.
 */
export function* tarOf(entries: Iterable<LayerEntry>): Generator<Buffer> {
  for (const entry of entries) {
    const content = entry.kind === "file" ? entry.content : Buffer.alloc(0);
    const link = entry.kind === "link" ? entry.to : "";
    const path = entry.kind === "folder" ? `${entry.path}/` : entry.path;
    const name = ustarName(path);
    if (name === null || Buffer.byteLength(link) > 100) yield* paxHeader(path, link);
    yield header({ ...(name ?? shortened(path)), link: link.slice(0, 100), size: content.length, ...kindOf(entry) });
    yield content;
    yield padding(content.length);
  }
  yield Buffer.alloc(2 * block);
}

interface Header {
  readonly name: string;
  readonly prefix: string;
  readonly link: string;
  readonly size: number;
  readonly mode: number;
  readonly type: string;
}

function kindOf(entry: LayerEntry): Pick<Header, "mode" | "type"> {
  switch (entry.kind) {
    case "file":
      return { mode: entry.executable ? 0o755 : 0o644, type: "0" };
    case "folder":
      return { mode: 0o755, type: "5" };
    case "link":
      return { mode: 0o777, type: "2" };
  }
}

/** Splits a path at a slash into prefix and name; null when it fits nowhere. */
function ustarName(path: string): Pick<Header, "name" | "prefix"> | null {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: "" };
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name !== "" && Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix };
  }
  return null;
}

function shortened(path: string): Pick<Header, "name" | "prefix"> {
  return { name: Buffer.from(path).subarray(0, 100).toString("latin1"), prefix: "" };
}

function* paxHeader(path: string, link: string): Generator<Buffer> {
  const records = Buffer.from(`${paxRecord("path", path)}${link === "" ? "" : paxRecord("linkpath", link)}`);
  yield header({ name: "PaxHeader", prefix: "", link: "", size: records.length, mode: 0o644, type: "x" });
  yield records;
  yield padding(records.length);
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const digits = String(bytes + String(bytes).length).length;
  return `${bytes + digits}${rest}`;
}

function header({ name, prefix, link, size, mode, type }: Header): Buffer {
  const bytes = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number): void => {
    bytes.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
  };
  bytes.write(name, 0, 100, "utf8");
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(modificationSeconds, 136, 12);
  bytes.write(" ".repeat(8), 148);
  bytes.write(type, 156);
  bytes.write(link, 157, 100, "utf8");
  bytes.write("ustar\0" + "00", 257);
  bytes.write(prefix, 345, 155, "utf8");
  const checksum = bytes.reduce((sum, byte) => sum + byte, 0);
  bytes.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148);
  return bytes;
}

function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}
