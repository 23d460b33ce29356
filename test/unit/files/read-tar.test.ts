import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { readTar, type TarMember } from "../../../src/files/read-tar.ts";
import { tarEnd, tarHeader, tarPadding } from "../../../src/files/tar.ts";

const run = promisify(execFile);

async function read(archive: Buffer, chunkSize: number): Promise<readonly TarMember[]> {
  const chunks = Array.from({ length: Math.ceil(archive.length / chunkSize) }, (_, index) =>
    archive.subarray(index * chunkSize, (index + 1) * chunkSize),
  );
  const members: TarMember[] = [];
  for await (const member of readTar(Readable.from(chunks), (path) => path.endsWith(".txt"))) members.push(member);
  return members;
}

describe("archives of GNU tar", () => {
  const long = `${"a-folder-with-a-long-name/".repeat(5)}file-ä.txt`;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "archive-"));
    await mkdir(join(folder, long, ".."), { recursive: true });
    await writeFile(join(folder, long), "long\n");
    await writeFile(join(folder, "short.txt"), "x".repeat(1500));
    await writeFile(join(folder, "other.bin"), "y".repeat(512));
    await symlink(long, join(folder, "link"));
    await run("ln", ["short.txt", "hard.txt"], { cwd: folder });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(["gnu", "pax", "posix"].flatMap((form) => [1, 100, 512, 1 << 20].map((size) => [form, size] as const)))(
    "in the form %s, in pieces of %i bytes",
    async (form, size) => {
      const { stdout } = await run("tar", ["-c", `--format=${form}`, "--sort=name", "."], {
        cwd: folder,
        encoding: "buffer",
      });
      const members = await read(stdout, size);
      const of = (kind: TarMember["kind"]): readonly (readonly unknown[])[] =>
        members.flatMap((one) => (one.kind === kind ? [[one.path, one.target, one.bytes?.toString() ?? null]] : []));
      expect(members.filter(({ kind }) => kind === "directory")).toHaveLength(6);
      expect(of("symlink")).toEqual([["link", long, null]]);
      expect(of("hardlink")).toEqual([["short.txt", "hard.txt", null]]);
      expect(of("file")).toEqual([
        [long, "", "long\n"],
        ["hard.txt", "", "x".repeat(1500)],
        ["other.bin", "", null],
      ]);
    },
  );
});

test("an archive of ours, and one that is cut off", async () => {
  const entry = { kind: "file", path: `${"d/".repeat(60)}ü.txt`, executable: false, size: 3 } as const;
  const archive = Buffer.concat([tarHeader(entry), Buffer.from("abc"), tarPadding(3), tarEnd]);
  expect(await read(archive, 64)).toEqual([
    { path: entry.path, kind: "file", target: "", size: 3, bytes: Buffer.from("abc") },
  ]);
  await expect(read(archive.subarray(0, archive.length - 1300), 64)).rejects.toThrow("cut off");
});

test("a header that says it goes on for gigabytes is refused before they are read", async () => {
  const header = Buffer.alloc(512);
  header.write("77777777777\0", 124); // 8 GiB
  header.write("L", 156);
  let given = 0;
  const endless = async function* (): AsyncGenerator<Buffer> {
    yield header;
    for (; given < 64; given += 1) yield Buffer.alloc(1 << 20);
  };
  const reading = (async () => {
    for await (const member of readTar(endless(), () => false)) throw new Error(member.path);
  })();
  await expect(reading).rejects.toThrow("too long");
  expect(given).toBe(0);
});
