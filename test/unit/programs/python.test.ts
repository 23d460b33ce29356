import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { UserError } from "../../../src/domain/errors.ts";
import { ask, findPython } from "../../../src/programs/index.ts";

let folder: string;
const path = process.env["PATH"];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "python-"));
});
afterEach(async () => {
  process.env["PATH"] = path;
  await rm(folder, { recursive: true, force: true });
});

/** A `python3` that comes first on the PATH. */
async function play(script: string): Promise<void> {
  await writeFile(join(folder, "python3"), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, "python3"), 0o755);
  process.env["PATH"] = `${folder}${delimiter}${path ?? ""}`;
}

test("the interpreter itself is found, with its version, and runs", async () => {
  await writeFile(join(folder, "platform.py"), "raise SystemExit(7)");
  const { executable, version, platform } = await findPython(folder);
  expect(platform).toMatch(/^linux\/(amd64|arm64)$/);
  const { output } = await ask(executable, ["-c", "import platform; print(platform.python_version())"], tmpdir());
  expect(output.trim()).toContain(version);
});

test.each([
  [
    "of another system",
    "printf '/usr/bin/python3\\n3.12.1\\ndarwin/arm64\\n'",
    /one of Linux on x86-64 or arm64: .*darwin/,
  ],
  ["that is no Python 3", "printf 'python\\n2.7.18\\nlinux/amd64\\n'", /2\.7\.18/],
  ["that does not start", "echo broken >&2; exit 1", /broken/],
])("one %s is said", async (_, script, words) => {
  await play(script);
  const finding = findPython(folder);
  await expect(finding).rejects.toThrow(UserError);
  await expect(finding).rejects.toThrow(words);
});
