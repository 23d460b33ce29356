import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";

// The digest of a layer is that of its compressed bytes, which Node's zlib makes. The actions run on node24, and whoever asks for a
// digest without building (a command line, another runner) must get the same one.

/** Of the layer below. If it changes, so does the digest of every image, for the same content: CHANGELOG.md must say so. */
const digest = "sha256:c38b36266ca42b6c533625b313563cabd68120fed62a3a6ce7c74dc9066488ad";

/** Code as it is compressed, of words without a pattern; and bytes that hardly are. */
const program = `
import { buildArchive } from "./src/files/archive.js";
let state = 1;
const next = (below) => (state = (state * 48271) % 2147483647) % below;
const words = ["def", "asset", "return", "context", "select", "from", "deals", "    ", "\\n", "(", ")", "=", "1"];
const file = (path, bytes) => ({ kind: "file", path, size: bytes.length, executable: false, content: { kind: "bytes", bytes } });
const text = Buffer.from(Array.from({ length: 200_000 }, () => words[next(words.length)]).join(" "));
const noise = Buffer.from(Array.from({ length: 2_500_000 }, () => next(256)));
const entries = [file("app/main.py", text), file("app/model.bin", noise)];
const archive = await buildArchive(entries, { kind: "memory" }, new AbortController().signal);
process.stdout.write(archive.digest);
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "node-versions-"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "make.js"), program);
  await copyWithoutTypes("src/files/archive.ts");
});
afterAll(() => rm(folder, { recursive: true }));

test.each([...nodes()])("Node %s makes of the same files the same layer", (_version, node) => {
  expect(execFileSync(node, [join(folder, "make.js")], { encoding: "utf8" })).toBe(digest);
});

/** Each version that is here, the one of the test first. */
function nodes(): ReadonlyMap<string, string> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  const programs = folders.map((folder) => join(folder, "node")).filter((program) => existsSync(program));
  const found = new Map([[process.version, process.execPath]]);
  for (const program of programs) {
    const version = execFileSync(program, ["--version"], { encoding: "utf8" }).trim();
    if (!found.has(version)) found.set(version, program);
  }
  return found;
}

/** A file of the product and what it imports, for a Node that knows no TypeScript. */
async function copyWithoutTypes(file: string): Promise<void> {
  const target = join(folder, file.replace(/\.ts$/, ".js"));
  if (existsSync(target)) return;
  const code = stripTypeScriptTypes(await readFile(file, "utf8"));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, code.replaceAll(/(from "\.[^"]*)\.ts"/g, '$1.js"'));
  for (const [, path = ""] of code.matchAll(/from "(\.[^"]*\.ts)"/g))
    await copyWithoutTypes(relative(process.cwd(), resolve(dirname(file), path)));
}
