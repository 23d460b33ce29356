import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../../../src/domain/context.ts";
import { compilePackages } from "../../../src/images/byte-code.ts";

const context: Context = {
  clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
  signal: new AbortController().signal,
  report: () => undefined,
};

let folder: string;
const path = process.env["PATH"];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "byte-code-"));
});
afterEach(async () => {
  process.env["PATH"] = path;
  delete process.env["PYTHONHASHSEED"];
  await rm(folder, { recursive: true, force: true });
});

test("an interpreter is told the order of its hashes, whatever the job says: a set is written in that order", async () => {
  const interpreter = join(folder, "python3.10");
  const told = join(folder, "told");
  await writeFile(
    interpreter,
    `#!/bin/sh\ncase "$*" in *compileall*) printf '%s|%s' "$PYTHONHASHSEED" "$*" > ${told};; *) echo 3.10 cpython ${interpreter};; esac\n`,
  );
  await chmod(interpreter, 0o755);
  process.env["PATH"] = `${folder}:${path ?? ""}`;
  process.env["PYTHONHASHSEED"] = "random";
  expect(await compilePackages(context, folder, "3.10.4")).toBeNull();
  const [seed, args = ""] = (await readFile(told, "utf8")).split("|");
  expect(seed).toBe("0");
  expect(args).not.toMatch(/^-I|^-\S*E/); // which would take no seed
  expect(args).toContain("-j 1 "); // what it writes of one module hangs on those before
});

test("modules of the folder that it is started in are none of its own", async () => {
  const before = process.cwd();
  await writeFile(join(folder, "compileall.py"), "raise SystemExit(7)\n");
  await writeFile(join(folder, "struct.py"), "raise SystemExit(7)\n");
  process.chdir(folder);
  try {
    const { stdout } = await import("node:child_process").then(({ spawnSync }) =>
      spawnSync("python3", ["-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], { encoding: "utf8" }),
    );
    expect(await compilePackages(context, folder, stdout.trim())).toBeNull();
  } finally {
    process.chdir(before);
  }
  const { readdir } = await import("node:fs/promises");
  expect(await readdir(join(folder, "__pycache__"))).toHaveLength(2);
});
