import { jest } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import fc from "../../properties.ts";
import { ProgramFailed } from "../../../src/programs/index.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { buildArchive } from "../../../src/files/archive.ts";
import { parseLock } from "../../../src/images/lock.ts";
import { isWanted, type Target } from "../../../src/images/markers.ts";
import { readPackages } from "../../../src/images/packages.ts";
import { openShelf, type Shelf } from "../../../src/images/shelf.ts";
import { installWheels } from "../../../src/images/wheels.ts";
import { context, demoWheel, folderFor, removeFolders, type Wheel, wheelhouse } from "./fixtures.ts";
import { errorOf } from "../../error-of.ts";

jest.setTimeout(120_000); // a pip on a busy machine

const run = promisify(execFile);
const target: Target = { platform: "linux/amd64", python: "3.11.7" };

const native = (tag: string): Wheel => ({ name: "native", version: "2.1", tag, files: { "native/core.so": tag } });

afterAll(removeFolders);

/** Installs from a lock file of these wheels. @returns the layer's entries by path. */
async function install(
  wheels: readonly Wheel[],
  { target: wanted = target, edit = (lock: string) => lock } = {},
): Promise<{ readonly digest: string; readonly paths: readonly string[]; readonly content: (path: string) => string }> {
  const root = await folderFor("checkout");
  await mkdir(join(root, "locks"));
  const lock = edit(await wheelhouse(join(root, "locks"), wheels));
  const folder = await folderFor("wheels");
  const told = context();
  const file = "locks/requirements.lock";
  const packages = await installWheels(told, {
    image: "app",
    lock: parseLock(lock, file),
    file,
    root,
    target: wanted,
    libc: null,
    folder,
  });
  const entries = packages === null ? [] : await readPackages(packages);
  const { digest } = await buildArchive(entries, { kind: "memory" }, told.signal);
  return {
    digest,
    paths: entries.map(({ path }) => path.replace("opt/dependencies/", "")).sort(),
    content: (path) => {
      const entry = entries.find((candidate) => candidate.path === `opt/dependencies/${path}`);
      return entry?.kind === "file" && entry.content.kind === "bytes"
        ? Buffer.from(entry.content.bytes).toString()
        : "";
    },
  };
}

test("a module that lies beside the lock file is not run in the place of pip's own", async () => {
  const root = await folderFor("checkout");
  const trap = "import os\nos._exit(99)\n";
  for (const name of ["pip", "json", "sitecustomize"]) await writeFile(join(root, `${name}.py`), trap);
  const lock = parseLock(await wheelhouse(root, [demoWheel]), "requirements.lock");
  const folder = await folderFor("wheels");
  const packages = await installWheels(context(), {
    image: "app",
    lock,
    file: "requirements.lock",
    root,
    target,
    libc: null,
    folder,
  });
  expect(await readdir(packages ?? "")).toContain("demo");
});

describe("a shelf", () => {
  const any = (name: string, requires: readonly string[] = []): Wheel => {
    return { name, version: "1.0", tag: "py3-none-any", files: { [`${name.replaceAll("-", "_")}.py`]: "" }, requires };
  };
  const shelfOf = async (wheels: readonly Wheel[]): Promise<Shelf> => {
    const root = await folderFor("checkout");
    const lock = parseLock(await wheelhouse(root, wheels), "requirements.lock");
    const folder = await folderFor("shelf");
    return openShelf(context(), { image: "app", lock, file: "requirements.lock", root, target, libc: null, folder });
  };
  const modulesOn = async ({ folders }: Shelf): Promise<readonly string[]> => {
    const names = await Promise.all(folders.map((folder) => readdir(folder)));
    return names
      .flat()
      .filter((name) => name.endsWith(".py"))
      .sort();
  };

  test("gets what is asked for with all that it needs, as far as the lock file has it, and nothing else", async () => {
    const shelf = await shelfOf([
      any("Tool", ["Part_One (>=1)", "extra-part ; extra == 'all'", "old-part ; python_version < '3.8'", "not-locked"]),
      any("part-one", ["part.two[more]~=1.0 ; sys_platform == 'linux'"]),
      any("part-two"),
      any("extra-part"),
      any("old-part"),
      any("of-the-description"),
      any("other"),
    ]);
    expect(await shelf.add(["tool", "nowhere"])).toBe(true);
    expect(await modulesOn(shelf)).toEqual(["Tool.py", "part_one.py", "part_two.py"]);
  });

  test("gets more later, and says when there is nothing more", async () => {
    const shelf = await shelfOf([any("one"), any("two")]);
    await shelf.add(["one"]);
    expect(await shelf.add(["two", "one"])).toBe(true);
    expect(await modulesOn(shelf)).toEqual(["one.py", "two.py"]);
    expect(await shelf.add(["one", "two", "three"])).toBe(false);
  });
});

test("the layer holds the packages, and nothing of the machine that installed them", async () => {
  const { paths, content } = await install([demoWheel]);
  expect(paths).toEqual([
    "bin",
    "bin/demo",
    "bin/legacy",
    "demo",
    "demo/__init__.py",
    "demo_pkg-1.0.dist-info",
    "demo_pkg-1.0.dist-info/INSTALLER",
    "demo_pkg-1.0.dist-info/METADATA",
    "demo_pkg-1.0.dist-info/RECORD",
    "demo_pkg-1.0.dist-info/REQUESTED",
    "demo_pkg-1.0.dist-info/WHEEL",
    "demo_pkg-1.0.dist-info/entry_points.txt",
    "opt/dependencies",
  ]);
  expect(content("bin/legacy")).toBe("#!/usr/bin/env python3\nprint('legacy')\n");
  expect(content("demo_pkg-1.0.dist-info/RECORD").split("\n")).toEqual([
    "bin/demo,,",
    "bin/legacy,,",
    expect.stringMatching(/^demo\/__init__\.py,sha256=[\w-]+,25$/),
    expect.stringMatching(/^demo_pkg-1\.0\.dist-info\/INSTALLER,/),
    expect.stringMatching(/^demo_pkg-1\.0\.dist-info\/METADATA,/),
    "demo_pkg-1.0.dist-info/RECORD,,",
    expect.stringMatching(/^demo_pkg-1\.0\.dist-info\/REQUESTED,/),
    expect.stringMatching(/^demo_pkg-1\.0\.dist-info\/WHEEL,/),
    expect.stringMatching(/^demo_pkg-1\.0\.dist-info\/entry_points\.txt,/),
    "",
  ]);
});

test("a command of a package may spawn children, which import its script again", async () => {
  const forking: Wheel = {
    name: "forking",
    version: "1.0",
    tag: "py3-none-any",
    files: { "{info}entry_points.txt": "[console_scripts]\nforking = forking:main\n" },
  };
  // What Dagster's multiprocess executor does for each step: dagster/_core/executor/child_process_executor.py
  const module = [
    "import multiprocessing",
    "def child(queue):",
    "    queue.put('the child worked')",
    "def main():",
    "    spawn = multiprocessing.get_context('spawn')",
    "    queue = spawn.SimpleQueue()",
    "    process = spawn.Process(target=child, args=(queue,))",
    "    process.start()",
    "    process.join()",
    "    print('nothing' if queue.empty() else queue.get(), process.exitcode)",
  ].join("\n");
  const { content } = await install([forking]);
  const folder = await folderFor("spawning");
  await writeFile(join(folder, "forking.py"), module);
  await writeFile(join(folder, "forking"), content("bin/forking"));
  const { stdout } = await run("python3", [join(folder, "forking")], { env: { ...process.env, PYTHONPATH: folder } });
  expect(stdout).toBe("the child worked 0\n");
});

test("another Python, in a folder whose name is too long for a script's first line, gives the same layer", async () => {
  const first = await install([demoWheel]);
  const environment = join(await folderFor("environment"), "a folder ".repeat(20).trim());
  await run("python3", ["-m", "venv", environment]);
  const path = process.env["PATH"] ?? "";
  process.env["PATH"] = `${join(environment, "bin")}${delimiter}${path}`;
  try {
    expect((await install([demoWheel])).digest).toBe(first.digest);
  } finally {
    process.env["PATH"] = path;
  }
});

test.each<[string, Target, readonly string[], string]>([
  [
    "the wheel that runs on the most bases",
    target,
    ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux2014_x86_64"],
    "cp311-cp311-manylinux2014_x86_64",
  ],
  [
    "a newer one when there is no other",
    target,
    ["cp311-cp311-manylinux_2_34_x86_64"],
    "cp311-cp311-manylinux_2_34_x86_64",
  ],
  ["one of the stable interface", target, ["cp38-abi3-manylinux_2_17_x86_64"], "cp38-abi3-manylinux_2_17_x86_64"],
  [
    "the other processor's",
    { platform: "linux/arm64", python: "3.11.7" },
    ["cp311-cp311-manylinux2014_x86_64", "cp311-cp311-manylinux2014_aarch64"],
    "cp311-cp311-manylinux2014_aarch64",
  ],
  [
    "another Python's",
    { platform: "linux/amd64", python: "3.13.1" },
    ["cp311-cp311-manylinux2014_x86_64", "cp313-cp313-manylinux2014_x86_64"],
    "cp313-cp313-manylinux2014_x86_64",
  ],
])("of several wheels, %s is taken", async (_, wanted, tags, taken) => {
  const root = await folderFor("checkout");
  const lock = parseLock(await wheelhouse(root, tags.map(native)), "requirements.lock");
  const folder = await folderFor("wheels");
  const request = { image: "app", lock, file: "requirements.lock", root, target: wanted, libc: null, folder };
  const packages = await installWheels(context(), request);
  const { stdout } = await run("cat", [join(packages ?? "", "native/core.so")]);
  expect(stdout).toBe(taken);
});

test("every line of a pip names the image that it works for", async () => {
  const root = await folderFor("checkout");
  const lock = parseLock(await wheelhouse(root, [native("cp311-cp311-manylinux2014_x86_64")]), "requirements.lock");
  const told = context();
  const folder = await folderFor("wheels");
  await installWheels(told, { image: "shop/code", lock, file: "requirements.lock", root, target, libc: null, folder });
  const sources = told.progress.flatMap((said) =>
    said.kind === "foreign" ? [said.from] : said.kind === "line" ? [said.text.split(":")[0]] : [],
  );
  expect(sources.length).toBeGreaterThan(2);
  expect(new Set(sources)).toEqual(new Set(["shop/code", "shop/code: pip"]));
});

test("a package without a wheel for the target is named, with its line", async () => {
  const failure = await errorOf(install([demoWheel, native("cp311-cp311-musllinux_1_2_x86_64")]));
  expect(failure).toBeInstanceOf(UserError);
  expect(failure).toMatchObject({
    what: "native 2.1 has no wheel for linux/amd64 and Python 3.11.7, and no source with a hash of the lock file.",
    where: { file: "locks/requirements.lock", line: 5, column: 1 },
    fix: expect.stringContaining("Dockerfile") as unknown,
  });
});

test("a package that is not what the lock file says is named, with its line", async () => {
  const edit = (lock: string): string => lock.replace(/[0-9a-f]{64}/, "0".repeat(64));
  const failure = await errorOf(install([demoWheel], { edit }));
  expect(failure).toMatchObject({
    what: "demo-pkg is not what the lock file says: the index has a file with another hash.",
    where: { line: 3 },
  });
});

test("an index that cannot be reached is not taken for a package without a wheel", async () => {
  const edit = (lock: string): string =>
    lock.replace("--no-index", "--index-url http://127.0.0.1:9/simple").replace("--find-links wheels", "");
  process.env["PIP_RETRIES"] = "1";
  try {
    expect(await errorOf(install([demoWheel], { edit }))).toMatchObject({
      what: "pip cannot reach the package index.",
    });
  } finally {
    delete process.env["PIP_RETRIES"];
  }
});

test("any other failure of pip is passed on with its exit code", async () => {
  const edit = (lock: string): string => lock.replace("--no-index", "--no-index --trusted-host");
  const failure = await errorOf(install([demoWheel], { edit }));
  expect(failure).toMatchObject({ what: "pip could not install the requirements: python3 ended with exit code 1." });
  expect((failure as Error).cause).toBeInstanceOf(ProgramFailed);
});

test("what the target does not want is not installed, and nothing at all gives no folder", async () => {
  const edit = (lock: string): string => lock.replace("native==2.1", "native==2.1 ; platform_machine == 'aarch64'");
  const both = await install([demoWheel, native("cp311-cp311-win_amd64")], { edit });
  expect(both.paths).not.toContain("native/core.so");
  expect((await install([native("cp311-cp311-win_amd64")], { edit })).paths).toEqual([]);
});

test("a marker that cannot be read is named, with its line", async () => {
  const edit = (lock: string): string => lock.replace("demo-pkg==1.0", "demo-pkg==1.0 ; planet == 'mars'");
  expect(await errorOf(install([demoWheel], { edit }))).toMatchObject({
    what: "The marker of demo-pkg cannot be read: there is no planet.",
    where: { line: 3 },
  });
});

describe("markers mean what they mean to pip", () => {
  const text = fc.constantFrom("linux", "win32", "Linux", "x86_64", "aarch64", "CPython", "cpython", "posix", "");
  const version = fc.constantFrom("3", "3.8", "3.9", "3.10", "3.11", "3.11.0", "3.11.7", "3.12", "3.11.*", "4.0");
  const strings = fc.constantFrom(
    "sys_platform",
    "platform_system",
    "platform_machine",
    "os_name",
    "implementation_name",
    "platform_python_implementation",
  );
  const versions = fc.constantFrom("python_version", "python_full_version", "implementation_version");
  const quote = fc.constantFrom("'", '"');
  const ofText = fc
    .tuple(strings, fc.constantFrom("==", "!=", "in", "not in"), text, quote)
    .map(([name, operator, value, mark]) => `${name} ${operator} ${mark}${value}${mark}`);
  const reversed = fc
    .tuple(strings, fc.constantFrom("==", "in", "not in"), text)
    .map(([name, operator, value]) => `'${value}' ${operator} ${name}`);
  const ofVersion = fc
    .tuple(versions, fc.constantFrom("==", "!=", "<", "<=", ">", ">=", "~="), version)
    .filter(([, operator, value]) => (value.endsWith(".*") ? ["==", "!="].includes(operator) : true))
    .filter(([, operator, value]) => operator !== "~=" || value.includes("."))
    .map(([name, operator, value]) => `${name}${operator}'${value}'`);
  const { marker } = fc.letrec<{ marker: string }>((tie) => ({
    marker: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.oneof(ofText, reversed, ofVersion),
      fc.tuple(tie("marker"), fc.constantFrom("and", "or"), tie("marker")).map((parts) => parts.join(" ")),
      tie("marker").map((inner) => `(${inner})`),
    ),
  }));
  const targets: readonly Target[] = [
    target,
    { platform: "linux/arm64", python: "3.12.1" },
    { platform: "linux/amd64", python: "3.9.18" },
  ];

  test("for five hundred markers and three targets", async () => {
    const markers = fc.sample(marker, { numRuns: 500, seed: 20261121 });
    const program = [
      "import json, sys",
      "from pip._vendor.packaging.markers import Marker",
      "markers, targets = json.load(sys.stdin)",
      "print(json.dumps([[Marker(m).evaluate(t) for t in targets] for m in markers]))",
    ].join("\n");
    const environments = targets.map(({ platform, python }) => ({
      os_name: "posix",
      sys_platform: "linux",
      platform_system: "Linux",
      platform_machine: platform === "linux/arm64" ? "aarch64" : "x86_64",
      platform_python_implementation: "CPython",
      implementation_name: "cpython",
      implementation_version: python,
      python_version: python.replace(/\.\d+$/, ""),
      python_full_version: python,
    }));
    const asking = run("python3", ["-c", program], { maxBuffer: 1 << 24 });
    asking.child.stdin?.end(JSON.stringify([markers, environments]));
    const theirs = JSON.parse((await asking).stdout) as unknown;
    expect(markers.map((written) => targets.map((wanted) => isWanted(written, wanted)))).toEqual(theirs);
  });
});
