import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { MachinePython } from "../../test/local-aws/backing/machine-python.ts";

const run = promisify(execFile);

/** The tree of a base image with a shell and this machine's Python and pip, and every library that these need. */
export async function baseTree(root: string, python: MachinePython): Promise<void> {
  const [prefix = "", version = "", dynload = "", site = ""] = (
    await run(python.executable, ["-c", question])
  ).stdout.split("\n");
  const library = join("lib", `python${version}`);
  await cp(join(prefix, library), join(root, "usr/local", library), {
    recursive: true,
    filter: (from) => !leftOut.test(from.slice(prefix.length)) && from !== join(prefix, library, "site-packages"),
  });
  await cp(join(site, "pip"), join(root, "usr/local", library, "site-packages/pip"), {
    recursive: true,
    filter: (from) => !from.endsWith("__pycache__"),
  });
  await place(root, join(prefix, "bin", `python${version}`), "usr/local/bin/python3");
  const modules = (await run("sh", ["-c", 'find "$1" -name "*.so"', "sh", dynload])).stdout.trim().split("\n");
  const programs = await Promise.all(
    ["sh", "cp", "ls", "env"].map(async (name) => (await run("which", [name])).stdout.trim()),
  );
  const system = new Set<string>();
  for (const program of programs) await place(root, program, join("bin", basename(program)));
  for (const file of [join(prefix, "bin", `python${version}`), ...modules, ...programs]) {
    const { stdout } = await run("ldd", [file]).catch(() => ({ stdout: "" }));
    for (const [needed] of stdout.matchAll(/(?<=\s)\/\S+/g)) {
      await place(root, needed, needed);
      if (basename(needed) === "libc.so.6") system.add(dirname(needed));
    }
  }
  for (const folder of system)
    for (const name of ofWheels) {
      const file = join(folder, name);
      if (existsSync(file)) await place(root, file, file);
    }
  await mkdir(join(root, "etc"), { recursive: true });
  await mkdir(join(root, "tmp"), { recursive: true });
  await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  // Names are resolved by these, which no program is linked with.
  await writeFile(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
}

const question =
  "import sys, sysconfig, pip, os; print(sys.base_prefix, sysconfig.get_python_version(), sysconfig.get_config_var('DESTSHARED'), os.path.dirname(os.path.dirname(pip.__file__)), sep='\\n')";
const leftOut = /\/(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|config-[^/]*|__pycache__)$|\.a$|_tkinter/;

/** What wheels are linked with that know an older C library, or are written in C++: Python itself needs none of them. */
const ofWheels = ["libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libstdc++.so.6", "libgcc_s.so.1"];

async function place(root: string, from: string, to: string): Promise<void> {
  await mkdir(dirname(join(root, to)), { recursive: true });
  await cp(from, join(root, to), { dereference: true, force: true });
}
