import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { type Elf, isNewer, newest, readElf } from "../../../src/images/elf.ts";

const run = promisify(execFile);

async function elfOf(file: string): Promise<Elf | null> {
  const bytes = await readFile(file);
  return readElf(async (offset, length) => bytes.subarray(offset, offset + length));
}

test("libraries of this machine need what their own loader says that they need", async () => {
  // glibc's loader lists what a file needs, and what it finds for it; with --list only the names are compared.
  const { stdout } = await run("python3", [
    "-c",
    "import _ctypes, ssl, _ssl, sqlite3, _sqlite3, os, sys; print(_ctypes.__file__, _ssl.__file__, _sqlite3.__file__, os.path.realpath(sys.executable))",
  ]);
  for (const file of stdout.trim().split(" ")) {
    const elf = await elfOf(file);
    const told = await run("ldd", [file]);
    const loaded = new Set(
      [...told.stdout.matchAll(/^\s+(\S+?)(?: =>| \()/gm)].map(([, name = ""]) => name.replace(/^.*\//, "")),
    );
    expect(elf?.machine).toBe(process.arch === "arm64" ? "arm64" : "amd64");
    expect(elf?.needed.length).toBeGreaterThan(0);
    for (const name of elf?.needed ?? []) expect(loaded).toContain(name);
    expect(elf?.glibc).toMatch(/^2\.\d+/);
  }
});

test("glibc says itself which version it is", async () => {
  const { stdout } = await run("ldd", ["--version"]);
  const version = /(\d+\.\d+)$/m.exec(stdout.split("\n")[0] ?? "")?.[1] ?? "";
  const { stdout: libraries } = await run("ldd", [process.execPath]);
  const libc = /libc\.so\.6 => (\S+)/.exec(libraries)?.[1] ?? "";
  const defined = (await elfOf(libc))?.definesGlibc ?? "";
  // A release that adds no symbol defines no version: never newer than what it is called.
  expect(isNewer(defined, version)).toBe(false);
  expect(isNewer(defined, "2.30")).toBe(true);
});

test("what is no library is nothing, and what is cut off harms nobody", async () => {
  expect(await readElf(async () => Buffer.alloc(0))).toBeNull();
  expect(await readElf(async () => Buffer.from("#!/usr/bin/env python3\n".repeat(9)))).toBeNull();
  const { stdout } = await run("python3", ["-c", "import _ctypes; print(_ctypes.__file__)"]);
  const bytes = await readFile(stdout.trim());
  for (let size = 0; size < bytes.length; size += 997) {
    const cut = bytes.subarray(0, size);
    await expect(readElf(async (offset, length) => cut.subarray(offset, offset + length)).then(() => 1)).resolves.toBe(
      1,
    );
  }
});

test("versions are compared by their numbers", () => {
  expect(newest(["2.2.5", "2.9", "2.28", "2.4"])).toBe("2.28");
  expect(newest([])).toBeNull();
  expect(isNewer("2.34", "2.34")).toBe(false);
});
