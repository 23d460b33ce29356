/** One member of an archive. Paths are without the first slash. */
export type TarEntry =
  | { readonly kind: "directory"; readonly path: string }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | { readonly kind: "file"; readonly path: string; readonly executable: boolean; readonly size: number };

const block = 512;

/** Two blocks of zeros end an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * block);

/**
 * The header of one member, in the ustar format of POSIX.1-1988, with a pax record (POSIX.1-2001) before it when a name does not
 * fit. Nothing but the member itself goes in: owner 0, modes 0644 or 0755, one time for all.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.kind === "directory" ? `${entry.path}/` : entry.path;
  const target = entry.kind === "symlink" ? entry.target : "";
  const size = entry.kind === "file" ? entry.size : 0;
  if (size > largestSize) throw new Error(`${path}: a file of ${size} bytes does not fit into a tar header`);
  const records = [
    ...(fits(path) ? [] : [paxRecord("path", path)]),
    ...(fits(target) ? [] : [paxRecord("linkpath", target)]),
  ].join("");
  const header = ustarHeader(path, target, size, types[entry.kind], modeOf(entry));
  if (records === "") return header;
  const body = Buffer.from(records);
  return Buffer.concat([ustarHeader("PaxHeader", "", body.length, "x", 0o644), body, tarPadding(body.length), header]);
}

/** What fills the last block of a member of this size. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

/**
 * 1980-01-02 in seconds: the same for every member, so that equal content is an equal archive. Zip cannot hold a time before 1980, and
 * Python's `zipfile` refuses to pack such a file.
 */
const time = Date.UTC(1980, 0, 2) / 1000;
const largestSize = 0o77777777777;
const nameLength = 100;
const types = { file: "0", symlink: "2", directory: "5" } as const;

function modeOf(entry: TarEntry): number {
  if (entry.kind === "symlink") return 0o777;
  return entry.kind === "directory" || entry.executable ? 0o755 : 0o644;
}

/** A ustar header holds 100 bytes of ASCII. */
function fits(name: string): boolean {
  return Buffer.byteLength(name) <= nameLength && /^[\x20-\x7e]*$/.test(name);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes;
  while (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

function ustarHeader(path: string, target: string, size: number, type: string, mode: number): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, digits: number, at: number): void =>
    void header.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  header.set(Buffer.from(path).subarray(0, nameLength), 0);
  octal(mode, 7, 100);
  octal(0, 7, 108); // user
  octal(0, 7, 116); // group
  octal(size, 11, 124);
  octal(time, 11, 136);
  header.write(type, 156, "latin1");
  header.set(Buffer.from(target).subarray(0, nameLength), 157);
  header.write("ustar\x0000", 257, "latin1");
  octal(0, 7, 329); // device, major
  octal(0, 7, 337); // device, minor
  header.fill(" ", 148, 156); // the checksum is taken over blanks in its own place
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}
