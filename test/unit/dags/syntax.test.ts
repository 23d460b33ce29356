import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { syntaxFaults } from "../../../src/dags/syntax.ts";
import { testContext } from "../context.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "syntax-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function faultsOf(files: Readonly<Record<string, string | Buffer>>): Promise<unknown> {
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
  return syntaxFaults(testContext().context, { folder, paths: Object.keys(files), shown: "dags" });
}

test("files that compile say nothing, and nothing of them is run", async () => {
  const written = join(folder, "ran");
  const runs = `open(${JSON.stringify(written)}, "w")\n`;
  expect(await faultsOf({ "a.py": runs, "b.py": "# -*- coding: latin-1 -*-\nx = 1\n", "c.py": "" })).toEqual([]);
  await expect(rm(written)).rejects.toThrow("ENOENT");
});

test("a file that does not compile is told with its line and column", async () => {
  expect(await faultsOf({ "good.py": "x = 1\n", "bad.py": "x = 1\ndef f(:\n" })).toEqual([
    { where: { file: "dags/bad.py", line: 2, column: 7 }, what: "invalid syntax" },
  ]);
});

test.each([
  ["zeros", Buffer.from("x = 1\0")],
  ["no UTF-8", Buffer.from([0x78, 0xff, 0xfe])],
  ["brackets without end", "(".repeat(5000)],
])("a file that holds %s does not compile", async (_, text) => {
  expect(await faultsOf({ "bad.py": text })).toEqual([
    { where: expect.objectContaining({ file: "dags/bad.py" }) as unknown, what: expect.any(String) as unknown },
  ]);
});
