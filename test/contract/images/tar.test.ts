import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "../../properties.ts";
import { buildArchive, type TreeEntry } from "../../../src/files/archive.ts";
import { folderFor, removeFolders } from "./fixtures.ts";

const run = promisify(execFile);

afterAll(removeFolders);

const segment = fc.oneof(
  fc.constantFrom(
    "a",
    "main.py",
    "a b",
    "ü",
    "日本",
    "new\nline",
    "-x",
    "a'b",
    "é".repeat(40),
    "x".repeat(99),
    "y".repeat(120),
  ),
  fc.stringMatching(/^[\w.-]{1,12}$/).filter((name) => !/^\.{1,2}$/.test(name)),
);
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join("/"));
const content = fc.oneof(fc.constantFrom("", "x", "y".repeat(511), "z".repeat(512), "0".repeat(513)), fc.string());
const member = fc.oneof(
  fc.record({ kind: fc.constant("file" as const), path, executable: fc.boolean(), text: content }),
  fc.record({ kind: fc.constant("symlink" as const), path, target: path }),
  fc.record({ kind: fc.constant("directory" as const), path }),
);

test("Python's tarfile reads every name, mode, target and content as they were given", async () => {
  const folder = await folderFor("tar");
  const archives = fc.sample(fc.uniqueArray(member, { maxLength: 12, selector: ({ path: name }) => name }), {
    numRuns: 60,
    seed: 20261121,
  });
  for (const [index, members] of archives.entries()) {
    const entries = members.map((given): TreeEntry => {
      if (given.kind !== "file") return given;
      const bytes = Buffer.from(given.text);
      const { kind, path: name, executable } = given;
      return { kind, path: name, executable, size: bytes.length, content: { kind: "bytes", bytes } };
    });
    const layer = await buildArchive(entries, { kind: "memory" }, new AbortController().signal);
    if (layer.content.kind === "memory") await writeFile(join(folder, `${index}.tar.gz`), layer.content.bytes);
  }
  const program = [
    "import json, sys, tarfile",
    "all = []",
    "for i in range(int(sys.argv[2])):",
    "    with tarfile.open(f'{sys.argv[1]}/{i}.tar.gz') as t:",
    "        all.append([[m.name, {b'0': 'file', b'2': 'symlink', b'5': 'directory'}[m.type], oct(m.mode), m.linkname,",
    "            t.extractfile(m).read().decode() if m.isfile() else '', m.uid, m.gid, m.mtime, m.uname] for m in t.getmembers()])",
    "print(json.dumps(all))",
  ].join("\n");
  const { stdout } = await run("python3", ["-c", program, folder, String(archives.length)], { maxBuffer: 1 << 26 });
  const expected = archives.map((members) =>
    members
      .toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
      .map((given) => [
        given.path,
        given.kind,
        given.kind === "symlink" ? "0o777" : given.kind === "directory" || given.executable ? "0o755" : "0o644",
        given.kind === "symlink" ? given.target : "",
        given.kind === "file" ? given.text : "",
        0,
        0,
        315_619_200,
        "",
      ]),
  );
  expect(JSON.parse(stdout)).toEqual(expected);
});
