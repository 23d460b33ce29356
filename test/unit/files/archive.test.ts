import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "../../properties.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { buildArchive, type Archive, type TreeEntry } from "../../../src/files/archive.ts";
import { digestOf } from "../../../src/images/manifest.ts";
import { tarHeader } from "../../../src/files/tar.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "layer-"));
});
afterAll(() => rm(folder, { recursive: true }));

const { signal } = new AbortController();
const inMemory = (entries: readonly TreeEntry[]): Promise<Archive> => buildArchive(entries, { kind: "memory" }, signal);

function text(path: string, content: string, executable = false): TreeEntry {
  const bytes = Buffer.from(content);
  return { kind: "file", path, executable, size: bytes.length, content: { kind: "bytes", bytes } };
}

async function bytesOf({ content }: Archive): Promise<Buffer> {
  return content.kind === "memory" ? Buffer.from(content.bytes) : readFile(content.path);
}

const entries: readonly TreeEntry[] = [
  text("app/main.py", "print()\n"),
  text("app/run.sh", "#!/bin/sh\n", true),
  { kind: "directory", path: "app/nested" },
  { kind: "symlink", path: "app/nested/link", target: "../main.py" },
];

test("a layer's digests are those of its bytes, packed and unpacked", async () => {
  const layer = await inMemory(entries);
  const bytes = await bytesOf(layer);
  expect(layer.digest).toBe(digestOf(bytes));
  expect(layer.diffId).toBe(digestOf(gunzipSync(bytes)));
  expect(layer.size).toBe(bytes.length);
});

// When one of these changes, so does every image: count up the scheme of the content key.
test("the same members are the same bytes for ever", async () => {
  const layer = await inMemory(entries);
  expect(layer.diffId).toBe("sha256:9cef3ed92db65b160e02437092ced757845b92dabdabdd6e19e8ecd0032d6fc7");
  expect((await bytesOf(layer)).toString("hex", 0, 10)).toBe("1f8b08000000000000ff");
});

test("it is packed as tightly as it is worth, and by every Node alike", async () => {
  const many = Array.from({ length: 400 }, (_, line) => `line ${line}: ${(line * 7919) % 1013}\n`).join("");
  const { digest } = await inMemory([text("many.txt", many)]);
  expect(digest).toBe("sha256:d9333833c2125611b471fb443948347ecc0b7c1232cc245374134449bd842699");
});

test("what is larger than a piece, and what ends within one, is packed as it is", async () => {
  const sizes = [1, 511, 512, 100_000, 262_144, 700_000, 1_500_000];
  const files = await Promise.all(
    sizes.map(async (size): Promise<TreeEntry> => {
      const file = join(folder, `of-${size}`);
      await writeFile(file, randomBytes(size));
      return {
        kind: "file",
        path: `of-${size}`,
        executable: false,
        size,
        content: { kind: "disk", file, sha256: null },
      };
    }),
  );
  const layer = await inMemory(files);
  const unpacked = gunzipSync(await bytesOf(layer));
  expect(layer.diffId).toBe(digestOf(unpacked));
  for (const size of sizes) {
    const at = unpacked.indexOf(`of-${size}\0`) + 512;
    expect(unpacked.subarray(at, at + size).equals(await readFile(join(folder, `of-${size}`)))).toBe(true);
  }
});

test("neither the order of members nor where they are kept matters", async () => {
  const file = join(folder, "main.py");
  await writeFile(file, "print()\n", { mode: 0o600 });
  await utimes(file, 1, 1);
  const sha256 = digestOf(Buffer.from("print()\n")).slice("sha256:".length);
  const content = { kind: "disk", file, sha256 } as const;
  const fromDisk: TreeEntry = { kind: "file", path: "app/main.py", executable: false, size: 8, content };
  const expected = await inMemory(entries);
  const target = join(folder, "target");
  const layer = await buildArchive(
    [...entries.slice(1).toReversed(), fromDisk],
    { kind: "file", path: target },
    signal,
  );
  expect(layer).toEqual({ ...expected, content: layer.content });
  expect((await bytesOf(layer)).equals(await bytesOf(expected))).toBe(true);
});

test("folders come before what is in them, in the order of bytes", async () => {
  const layer = await inMemory([text("a/b", ""), text("a-b", ""), text("a.b", ""), { kind: "directory", path: "a" }]);
  const archive = gunzipSync(await bytesOf(layer));
  const names = [0, 512, 1024, 1536].map((at) =>
    archive
      .subarray(at, at + 100)
      .toString()
      .replaceAll("\0", ""),
  );
  expect(names).toEqual(["a/", "a-b", "a.b", "a/b"]);
});

test("any other content, name, mode or target is another layer", async () => {
  const others = [
    entries.slice(1),
    [...entries.slice(1), text("app/main.py", "print( )\n")],
    [...entries.slice(1), text("app/main.py", "print()\n", true)],
    [...entries.slice(1), text("app/Main.py", "print()\n")],
    [...entries.slice(0, 3), { kind: "symlink", path: "app/nested/link", target: "../run.sh" } as const],
  ];
  const digests = await Promise.all([entries, ...others].map(async (members) => (await inMemory(members)).diffId));
  expect(new Set(digests).size).toBe(digests.length);
});

test.each([0, 1, 511, 512, 1_048_575, 1_048_576, 1_048_577, 3_000_000])(
  "a file of %d bytes is packed alike from disk and from memory",
  async (size) => {
    const content = "0123456789abcdef".repeat(Math.ceil(size / 16)).slice(0, size);
    const file = join(folder, `${size}`);
    await writeFile(file, content);
    const { digest } = await inMemory([text("large", content), text("after", "")]);
    const disk: TreeEntry = {
      kind: "file",
      path: "large",
      executable: false,
      size,
      content: { kind: "disk", file, sha256: null },
    };
    expect((await inMemory([disk, text("after", "")])).digest).toBe(digest);
  },
);

test.each([
  ["other bytes", "printf()", 8],
  ["more bytes", "print() ", 7],
  ["fewer bytes", "print", 7],
  ["more bytes, of many", "x".repeat(2_000_000), 1_500_000],
])("a file that changed since it was hashed stops it: %s", async (_, now, size) => {
  const file = join(folder, "changed");
  await writeFile(file, now);
  const content = { kind: "disk", file, sha256: digestOf(Buffer.from("print();")).slice(7) } as const;
  const failure = await inMemory([{ kind: "file", path: "app/x", executable: false, size, content }]).catch(
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(UserError);
  expect(String(failure)).toContain("app/x changed while");
});

test("a file that nobody hashed, and that has shrunk, stops it", async () => {
  const file = join(folder, "shrunk");
  await writeFile(file, "print");
  const content = { kind: "disk", file, sha256: null } as const;
  await expect(inMemory([{ kind: "file", path: "app/x", executable: false, size: 7, content }])).rejects.toThrow(
    "app/x changed while",
  );
});

test("a cancelled layer ends", async () => {
  await expect(buildArchive(entries, { kind: "memory" }, AbortSignal.abort())).rejects.toThrow(/abort/i);
});

test("every header has a checksum that holds, whatever the name", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "grapheme" }), fc.nat(2 ** 33 - 1), (path, size) => {
      const all = tarHeader({ kind: "file", path, executable: false, size });
      const header = all.subarray(all.length - 512);
      const said = Number.parseInt(header.toString("latin1", 148, 154), 8);
      const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
      return said === sum && all.length % 512 === 0 && Number.parseInt(header.toString("latin1", 124, 135), 8) === size;
    }),
  );
});

test("a file that no header can hold is an error", () => {
  const size = 8 * 2 ** 30;
  expect(() => tarHeader({ kind: "file", path: "a", executable: false, size })).toThrow("does not fit");
});
