/** What the dynamic loader reads of a program or library. */
export interface Elf {
  readonly machine: "amd64" | "arm64" | "other";
  /** Names of libraries that must be there when it is loaded. */
  readonly needed: readonly string[];
  /** The newest version of glibc that it asks for: `2.28`; null when it asks for none. */
  readonly glibc: string | null;
  /** The newest version that it is itself, when it is glibc. */
  readonly definesGlibc: string | null;
}

/** Reads from a file: `length` bytes at most, fewer at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/**
 * Reads the dynamic section of a 64-bit little-endian ELF file.
 * @returns null for anything else, and for one that is linked statically or cut off: no loader looks at it
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
 * @see https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html
 */
export async function readElf(read: ReadAt): Promise<Elf | null> {
  const head = await read(0, headerSize);
  if (head.length < headerSize || head.readUInt32BE(0) !== magic || head[4] !== class64 || head[5] !== littleEndian) {
    return null;
  }
  const segments = await readSegments(read, head);
  const dynamic = segments.find(({ type }) => type === segmentTypes.dynamic);
  if (dynamic === undefined || dynamic.fileSize > largestTable) return null;
  const tags = tagsOf(await read(dynamic.offset, dynamic.fileSize));
  const first = (tag: number): number | undefined => tags.find((one) => one.tag === tag)?.value;
  const fileOffset = (address: number): number | null => {
    const within = segments.find(
      ({ type, address: start, fileSize }) =>
        type === segmentTypes.load && address >= start && address < start + fileSize,
    );
    return within === undefined ? null : within.offset + address - within.address;
  };

  const strings = await readTable(read, fileOffset(first(dynamicTags.strings) ?? -1), first(dynamicTags.stringsSize));
  if (strings === null) return null;
  const text = (at: number): string => {
    const end = strings.indexOf(0, at);
    return strings.subarray(at, end < 0 ? strings.length : end).toString();
  };
  const texts = (tag: number): readonly string[] => tags.flatMap((one) => (one.tag === tag ? [text(one.value)] : []));

  const needs = await readTable(read, fileOffset(first(dynamicTags.versionsNeeded) ?? -1), largestVersions);
  const defines = await readTable(read, fileOffset(first(dynamicTags.versionsDefined) ?? -1), largestVersions);
  const glibcOf = (names: readonly string[]): string | null =>
    newest(names.flatMap((name) => /^GLIBC_(\d+(?:\.\d+)+)$/.exec(name)?.[1] ?? []));
  return {
    machine: machines.get(head.readUInt16LE(18)) ?? "other",
    needed: texts(dynamicTags.needed),
    glibc: glibcOf(
      needs === null ? [] : versionsIn(needs, needRecord, first(dynamicTags.versionsNeededCount) ?? 0).map(text),
    ),
    definesGlibc: glibcOf(
      defines === null ? [] : versionsIn(defines, defineRecord, first(dynamicTags.versionsDefinedCount) ?? 0).map(text),
    ),
  };
}

/** The newest of versions that are made of numbers; null of none. */
export function newest(versions: readonly string[]): string | null {
  return versions.reduce<string | null>((best, one) => (best === null || isNewer(one, best) ? one : best), null);
}

/** `2.9` is older than `2.28`. */
export function isNewer(version: string, than: string): boolean {
  const [left, right] = [version, than].map((text) => text.split(".").map(Number));
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

const magic = 0x7f454c46;
const headerSize = 64;
const class64 = 2;
const littleEndian = 1;
const machines = new Map<number, Elf["machine"]>([
  [62, "amd64"],
  [183, "arm64"],
]);
const segmentTypes = { load: 1, dynamic: 2 } as const;
const dynamicTags = {
  needed: 1,
  strings: 5,
  stringsSize: 10,
  versionsDefined: 0x6ffffffc,
  versionsDefinedCount: 0x6ffffffd,
  versionsNeeded: 0x6ffffffe,
  versionsNeededCount: 0x6fffffff,
} as const;
/** Names of a large library's symbols are some megabytes. What is larger is no library, or a trap. */
const largestTable = 64 * 1024 * 1024;
const largestVersions = 64 * 1024;
const mostSegments = 256;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

async function readSegments(read: ReadAt, head: Buffer): Promise<readonly Segment[]> {
  const [at, size, count] = [numberAt(head, 32), head.readUInt16LE(54), head.readUInt16LE(56)];
  if (size < 56 || count > mostSegments) return [];
  const table = await read(at, size * count);
  return Array.from({ length: Math.floor(table.length / size) }, (_, index): Segment => {
    const start = index * size;
    return {
      type: table.readUInt32LE(start),
      offset: numberAt(table, start + 8),
      address: numberAt(table, start + 16),
      fileSize: numberAt(table, start + 32),
    };
  });
}

function tagsOf(table: Buffer): readonly { readonly tag: number; readonly value: number }[] {
  const tags: { readonly tag: number; readonly value: number }[] = [];
  for (let at = 0; at + 16 <= table.length; at += 16) {
    const tag = numberAt(table, at);
    if (tag === 0) break;
    tags.push({ tag, value: numberAt(table, at + 8) });
  }
  return tags;
}

async function readTable(read: ReadAt, offset: number | null, size: number | undefined): Promise<Buffer | null> {
  if (offset === null || size === undefined || size > largestTable) return null;
  return read(offset, size);
}

/** A list of records, each with a list of its own: where the second one begins, where the name stands in its members, where the next is. */
interface VersionRecord {
  readonly size: number;
  readonly members: number;
  readonly next: number;
  readonly member: { readonly size: number; readonly name: number; readonly next: number };
}

const needRecord: VersionRecord = { size: 16, members: 8, next: 12, member: { size: 16, name: 8, next: 12 } };
const defineRecord: VersionRecord = { size: 20, members: 12, next: 16, member: { size: 8, name: 0, next: 4 } };

/** @returns where the names stand among the strings */
function versionsIn(table: Buffer, { size, members, next, member }: VersionRecord, count: number): readonly number[] {
  const names: number[] = [];
  for (let [at, left] = [0, count]; left > 0 && at + size <= table.length; left -= 1) {
    for (let inner = at + table.readUInt32LE(at + members); inner + member.size <= table.length; ) {
      names.push(table.readUInt32LE(inner + member.name));
      const step = table.readUInt32LE(inner + member.next);
      if (step === 0) break;
      inner += step;
    }
    const step = table.readUInt32LE(at + next);
    if (step === 0) break;
    at += step;
  }
  return names;
}

/** What does not fit into a number is nowhere in a file. */
function numberAt(buffer: Buffer, at: number): number {
  return Number(buffer.readBigUInt64LE(at));
}
