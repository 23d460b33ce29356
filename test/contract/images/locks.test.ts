import { jest } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { UserError } from "../../../src/domain/errors.ts";
import { exportLock } from "../../../src/images/export-lock.ts";
import { hashLocalPackages } from "../../../src/images/local-packages.ts";
import { readLock } from "../../../src/images/lock-files.ts";
import type { Target } from "../../../src/images/markers.ts";
import { installWheels } from "../../../src/images/wheels.ts";
import { errorOf } from "../../error-of.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { installedPackages } from "../../local-aws/backing/python-packages.ts";
import {
  change,
  checkout,
  context,
  type Files,
  folderFor,
  removeFolders,
  type Told,
  type Wheel,
  wheelhouse,
} from "./fixtures.ts";
import { type PackageIndex, startPackageIndex } from "./package-index.ts";

jest.setTimeout(300_000);

const run = promisify(execFile);
const target: Target = { platform: "linux/arm64", python: "3.12.4" };
const signal = new AbortController().signal;

const before = { ...process.env };
let tools: { readonly bin: string; readonly packages: string };

beforeAll(async () => {
  const python = await machinePython();
  const lockFile = fileURLToPath(new URL("../../fixtures/python/lock-tools.txt", import.meta.url));
  const packages = await installedPackages(python, lockFile, { compile: true });
  tools = { packages, bin: join(packages, "bin") };
});

const indexes: PackageIndex[] = [];

afterEach(async () => {
  for (const index of indexes.splice(0)) await index.close();
  process.env = { ...before };
});
afterAll(removeFolders);

/** uv and Poetry on the PATH, as their own set-up actions leave them: each alone. */
async function withTools(names: readonly ("uv" | "poetry")[]): Promise<void> {
  const folder = await folderFor("bin");
  for (const name of names) {
    if (name === "uv") await symlink(join(tools.bin, "uv"), join(folder, "uv"));
    else {
      const script = `#!/bin/sh\nPYTHONPATH=${tools.packages} exec python3 -m poetry "$@"\n`;
      await writeFile(join(folder, "poetry"), script, { mode: 0o755 });
    }
  }
  const others = (process.env["PATH"] ?? "").split(":").filter((path) => path !== tools.bin);
  process.env["PATH"] = [folder, ...others].join(":");
}

const pure = (name: string, tag = "py3-none-any"): Wheel => {
  return { name, version: "1.0", tag, files: { [`${name.replaceAll("-", "_")}.py`]: "" } };
};

/** A package of the checkout, with setuptools: what most have. */
const shared: Files = {
  "libs/shared/pyproject.toml": '[project]\nname = "shared"\nversion = "0.2.0"\n',
  "libs/shared/shared/__init__.py": "ANSWER = 42\n",
};

const install = async (root: string, file: string, groups: readonly string[] = [], told: Told = context()) => {
  const lock = readLock(await readFile(join(root, file), "utf8"), file, groups);
  const folder = await folderFor("wheels");
  const packages = await installWheels(told, { image: "app", lock, file, root, target, libc: null, folder });
  return packages === null ? [] : (await readdir(packages)).filter((name) => !name.endsWith(".dist-info")).sort();
};

/** A project for uv whose packages lie in a folder; locked by uv itself. */
async function uvProject(more: Files = {}): Promise<string> {
  const house = await folderFor("house");
  await wheelhouse(house, [
    pure("always"),
    pure("windows"),
    pure("linter"),
    pure("worker"),
    pure("native", "cp312-cp312-manylinux2014_aarch64"),
    pure("native", "cp312-cp312-manylinux2014_x86_64"),
  ]);
  const index = await startPackageIndex(join(house, "wheels"));
  indexes.push(index);
  const root = await checkout({
    "code/pyproject.toml": [
      "[project]",
      'name = "app"',
      'version = "1"',
      'requires-python = ">=3.9"',
      'dependencies = ["always", "windows; sys_platform == \'win32\'", "native", "shared"]',
      "[dependency-groups]",
      'dev = ["linter"]',
      'jobs = ["worker"]',
      "[[tool.uv.index]]",
      `url = "${index.url}"`,
      "default = true",
      "[tool.uv.sources]",
      'shared = { path = "../libs/shared" }',
    ].join("\n"),
    ...shared,
    ...more,
  });
  await run(join(tools.bin, "uv"), ["lock", "--quiet"], { cwd: join(root, "code") });
  return root;
}

test("uv.lock: for another machine, with the groups that are asked for, and with packages of the checkout", async () => {
  const root = await uvProject();
  await withTools(["uv"]);
  expect(await install(root, "code/uv.lock")).toEqual(["always.py", "native.py", "shared"]);
  expect(await install(root, "code/uv.lock", ["jobs"])).toEqual(["always.py", "native.py", "shared", "worker.py"]);
});

test("pylock.toml of the same project gives the same, without uv", async () => {
  const root = await uvProject();
  const args = [
    "export",
    "--quiet",
    "--all-groups",
    "--no-emit-project",
    "--format",
    "pylock.toml",
    "-o",
    "pylock.toml",
  ];
  await run(join(tools.bin, "uv"), args, { cwd: join(root, "code") });
  await withTools([]);
  expect(await install(root, "code/pylock.toml")).toEqual(expect.arrayContaining(["always.py", "native.py", "shared"]));
});

test("poetry.lock: Poetry says what its groups are made of", async () => {
  const root = await checkout({
    "pyproject.toml": [
      "[tool.poetry]",
      "package-mode = false",
      "[tool.poetry.dependencies]",
      'python = ">=3.9"',
      'shared = { path = "libs/shared", develop = true }',
      "[tool.poetry.group.jobs.dependencies]",
      'other = { path = "libs/other" }',
    ].join("\n"),
    ...shared,
    "libs/other/pyproject.toml": '[project]\nname = "other"\nversion = "3"\n',
    "libs/other/other.py": "",
  });
  await withTools(["poetry"]);
  await run("poetry", ["lock", "--no-interaction"], { cwd: root, env: process.env });
  expect(await install(root, "poetry.lock")).toEqual(["shared"]);
  expect(await install(root, "poetry.lock", ["jobs"])).toEqual(["other.py", "shared"]);
  expect(await errorOf(install(root, "poetry.lock", ["none"]))).toMatchObject({
    what: "poetry.lock does not have all groups that are asked for.",
  });
});

describe("a tool", () => {
  test("that is not there is named, with the step that brings it", async () => {
    const root = await uvProject();
    await withTools([]);
    const failure = await errorOf(install(root, "code/uv.lock"));
    expect(failure).toBeInstanceOf(UserError);
    expect(failure).toMatchObject({
      what: "code/uv.lock is read by uv, which this job does not have.",
      fix: expect.stringContaining("astral-sh/setup-uv") as unknown,
    });
  });

  test("that finds the lock file behind its project says so", async () => {
    const root = await uvProject();
    const file = join(root, "code/pyproject.toml");
    await writeFile(file, (await readFile(file, "utf8")).replace('"always", ', '"always", "worker", '));
    await withTools(["uv"]);
    expect(await errorOf(install(root, "code/uv.lock"))).toMatchObject({
      what: "code/uv.lock is not that of its pyproject.toml any more.",
      fix: "Lock anew, and commit it: `uv lock`.",
    });
  });

  test("that does not know a group says so", async () => {
    const root = await uvProject();
    await withTools(["uv"]);
    expect(await errorOf(install(root, "code/uv.lock", ["none"]))).toMatchObject({
      what: "code/uv.lock does not have all groups that are asked for.",
    });
  });

  test("gets none of the job's credentials", async () => {
    const root = await uvProject();
    const folder = await folderFor("bin");
    await writeFile(join(folder, "uv"), "#!/bin/sh\nenv | cut -d= -f1 >&2\nexit 1\n", { mode: 0o755 });
    process.env["PATH"] = `${folder}:${process.env["PATH"] ?? ""}`;
    for (const name of [
      "AWS_SECRET_ACCESS_KEY",
      "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
      "GITHUB_TOKEN",
      "INPUT_GITHUB-TOKEN",
    ])
      process.env[name] = "x";
    process.env["UV_INDEX_HOUSE_PASSWORD"] = "x";
    const told = context();
    await errorOf(install(root, "code/uv.lock", [], told));
    expect(told.words()).not.toMatch(/AWS_SECRET|ACTIONS_ID|GITHUB_TOKEN|INPUT_GITHUB/);
    expect(told.words()).toContain("UV_INDEX_HOUSE_PASSWORD");
  });
});

describe("an index that asks for a password", () => {
  const password = "not-to-be-seen";

  async function privately(
    lockOf: (url: string, pins: string) => string,
    environment: Readonly<Record<string, string>>,
  ) {
    const house = await folderFor("house");
    const pins = (await wheelhouse(house, [pure("secretive")])).replace(/^--.*\n--.*\n/, "");
    const index = await startPackageIndex(join(house, "wheels"), password);
    indexes.push(index);
    const root = await checkout({ "requirements.lock": lockOf(index.url, pins) });
    const told = context();
    for (const [name, value] of Object.entries(environment))
      process.env[name] = value.replace("URL", index.url.slice(7));
    const installed = await install(root, "requirements.lock", [], told);
    expect(index.seen.filter((line) => line.startsWith("reader"))).not.toEqual([]);
    expect(told.words()).not.toContain(password);
    return installed;
  }

  test("is told it by a variable that the lock file names", async () => {
    const lockOf = (url: string, pins: string): string =>
      `--index-url ${url.replace("http://", "http://reader:${INDEX_PASSWORD}@")}\n${pins}`;
    expect(await privately(lockOf, { INDEX_PASSWORD: password })).toEqual(["secretive.py"]);
  });

  test("is told it by pip's own variable, of which the repository knows nothing", async () => {
    const environment = { PIP_INDEX_URL: `http://reader:${password}@URL` };
    expect(await privately((_, pins) => pins, environment)).toEqual(["secretive.py"]);
  });
});

describe("packages of the checkout", () => {
  const lock = readLock("./libs/shared\n", "requirements.lock", []);

  test("another content is another key, and what is no content is not", async () => {
    const root = await checkout(shared);
    const hash = () => hashLocalPackages({ root, requirements: "requirements.lock" }, lock, signal);
    const first = await hash();
    await change(root, { "libs/shared/shared/__pycache__/a.cpython-311.pyc": "x", "other.py": "" });
    expect(await hash()).toEqual(first);
    await change(root, { "libs/shared/shared/more.py": "" });
    expect(await hash()).not.toEqual(first);
    expect(Object.keys(first)).toEqual(["libs/shared"]);
  });

  test("what .dockerignore leaves out counts, as pip builds of it; what tools leave behind does not", async () => {
    const root = await checkout({ ...shared, ".dockerignore": "**/*.json\n*\n!app\n" });
    const hash = () => hashLocalPackages({ root, requirements: "requirements.lock" }, lock, signal);
    const first = await hash();
    await change(root, {
      "libs/shared/build/lib/shared.py": "",
      "libs/shared/src/shared.egg-info/PKG-INFO": "",
      "libs/shared/.venv/pyvenv.cfg": "",
      "libs/shared/.git": "gitdir: elsewhere",
    });
    expect(await hash()).toEqual(first);
    await change(root, { "libs/shared/shared/build/data.json": "{}" });
    expect(await hash()).not.toEqual(first);
  });

  test("its build leaves nothing in the checkout, and takes nothing that an earlier one has left", async () => {
    const root = await checkout({
      ...shared,
      "requirements.lock": "./libs/shared\n",
      "libs/shared/build/lib/shared/old.py": "",
    });
    const before = (await readdir(root, { recursive: true })).toSorted();
    const folder = await folderFor("wheels");
    const told = context();
    const packages = await installWheels(told, {
      image: "app",
      lock,
      file: "requirements.lock",
      root,
      target,
      libc: null,
      folder,
    });
    expect(told.words()).toContain("is built by the newest setuptools: named in the lock file");
    expect((await readdir(join(packages ?? "", "shared"))).toSorted()).toEqual(["__init__.py"]);
    expect((await readdir(root, { recursive: true })).toSorted()).toEqual(before);
  });

  test("a version that is taken from git is none: it would be another one with each commit", async () => {
    const dynamic =
      '[project]\nname = "shared"\ndynamic = ["version"]\n[build-system]\nrequires = ["setuptools", "setuptools-scm"]\nbuild-backend = "setuptools.build_meta"\n[tool.setuptools_scm]\n';
    const root = await checkout({
      ...shared,
      "requirements.lock": "./libs/shared\n",
      "libs/shared/pyproject.toml": dynamic,
    });
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
    expect(await readdir(packages ?? "")).toContain("shared-0.0.0.dist-info");
  });

  test("one that lies elsewhere is refused with its line", async () => {
    const root = await checkout(shared);
    const elsewhere = readLock("\n../shared\n", "requirements.lock", []);
    expect(
      await errorOf(hashLocalPackages({ root, requirements: "requirements.lock" }, elsewhere, signal)),
    ).toMatchObject({
      what: "The package in ../shared is not in the checkout: nobody could tell when it has changed.",
      where: { line: 2 },
    });
  });
});

describe("a package that has no wheel", () => {
  /** A source archive in a folder, and a lock file that finds it there. */
  async function sourceOf(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const root = await checkout(
      Object.fromEntries(Object.entries(files).map(([path, text]) => [`${name}-1.0/${path}`, text])),
    );
    await mkdir(join(root, "wheels"));
    await run("tar", ["-czf", join("wheels", `${name}-1.0.tar.gz`), `${name}-1.0`], { cwd: root });
    await rm(join(root, `${name}-1.0`), { recursive: true });
    const { stdout } = await run("sha256sum", [join(root, "wheels", `${name}-1.0.tar.gz`)]);
    const lock = `--find-links wheels\n${name}==1.0 --hash=sha256:${stdout.slice(0, 64)}\n`;
    await writeFile(join(root, "requirements.lock"), lock);
    return root;
  }

  test("is built when its source is Python only, without the job's credentials", async () => {
    const root = await sourceOf("oldstyle", {
      "setup.py":
        "import os\nfrom setuptools import setup\nassert 'AWS_SECRET_ACCESS_KEY' not in os.environ\nsetup(name='oldstyle', version='1.0', py_modules=['oldstyle'])\n",
      "oldstyle.py": "",
    });
    process.env["AWS_SECRET_ACCESS_KEY"] = "x";
    expect(await install(root, "requirements.lock")).toEqual(["oldstyle.py"]);
  });

  test("is built with nothing of the runner's home, and with the tools that the lock file names", async () => {
    const root = await sourceOf("oldstyle", {
      "setup.py":
        "import os, setuptools\nassert not os.path.exists(os.path.expanduser('~/login')), 'the home of the runner'\nassert setuptools.__version__ == '75.8.0', setuptools.__version__\nsetuptools.setup(name='oldstyle', version='1.0', py_modules=['oldstyle'])\n",
      "oldstyle.py": "",
    });
    const lock = join(root, "requirements.lock");
    const tool = `setuptools==75.8.0 ; python_version < "3.12" --hash=sha256:${"0".repeat(64)}\n`; // of this machine only
    await writeFile(lock, `${await readFile(lock, "utf8")}${tool}`);
    await writeFile(join(root, "login"), "a-s3cret");
    const homeBefore = process.env["HOME"];
    process.env["HOME"] = root;
    try {
      expect(await install(root, "requirements.lock")).toEqual(["oldstyle.py"]);
    } finally {
      process.env["HOME"] = homeBefore;
    }
  });

  test("is built with newer tools, where it takes none of the version that the lock file has for the application", async () => {
    const root = await sourceOf("newstyle", {
      "pyproject.toml":
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = "newstyle"\nversion = "1.0"\n[tool.setuptools]\npy-modules = ["newstyle"]\n',
      "newstyle.py": "",
    });
    const lock = join(root, "requirements.lock");
    const tool = `setuptools==75.8.0 ; python_version < "3.12" --hash=sha256:${"0".repeat(64)}\n`; // of this machine only
    await writeFile(lock, `${await readFile(lock, "utf8")}${tool}`);
    expect(await install(root, "requirements.lock")).toEqual(["newstyle.py"]);
  });

  test("is built of its source with extras, too, although there is a wheel for this machine", async () => {
    const root = await sourceOf("oldstyle", {
      "setup.py": "from setuptools import setup\nsetup(name='oldstyle', version='1.0', py_modules=['oldstyle'])\n",
      "oldstyle.py": "",
    });
    const { stdout } = await run("python3", ["-c", "import sysconfig; print(sysconfig.get_platform())"]);
    const tag = `py3-none-${stdout.trim().replaceAll(/[-.]/g, "_")}`;
    const found = await wheelhouse(root, [{ name: "oldstyle", version: "1.0", tag, files: { "native.so": "" } }]);
    const hash = /--hash=\S+/.exec(found)?.[0] ?? "";
    const lock = await readFile(join(root, "requirements.lock"), "utf8");
    const both = lock.replace("oldstyle==1.0", `oldstyle[fast]==1.0 ${hash}`);
    await writeFile(join(root, "requirements.lock"), both);
    expect(await install(root, "requirements.lock")).toEqual(["oldstyle.py"]);
  });

  test("is refused with its line and the ways out when it needs a compiler", async () => {
    const root = await sourceOf("native", {
      "setup.py":
        "from setuptools import setup, Extension\nsetup(name='native', version='1.0', ext_modules=[Extension('native', ['native.c'])])\n",
      "native.c": "this is no C\n",
    });
    expect(await errorOf(install(root, "requirements.lock"))).toMatchObject({
      what: expect.stringMatching(
        /^native 1\.0 has no wheel for linux\/arm64 and Python 3\.12\.4, and its source needs a compiler: /,
      ) as unknown,
      where: { file: "requirements.lock", line: 2 },
      fix: expect.stringContaining("put it into an index of your own") as unknown,
    });
  });

  test("is refused when what it builds is for this machine only", async () => {
    const root = await sourceOf("pinned", {
      "setup.py":
        "from setuptools import setup, Distribution\nclass D(Distribution):\n    def has_ext_modules(self):\n        return True\nsetup(name='pinned', version='1.0', py_modules=['pinned'], distclass=D)\n",
      "pinned.py": "",
    });
    expect(await errorOf(install(root, "requirements.lock"))).toMatchObject({
      what: expect.stringContaining("what it builds is for one platform only") as unknown,
    });
  });

  test("is refused when its source is not that of the lock file", async () => {
    const root = await sourceOf("changed", { "setup.py": "from setuptools import setup\nsetup(name='changed')\n" });
    const lock = join(root, "requirements.lock");
    await writeFile(lock, (await readFile(lock, "utf8")).replace(/[0-9a-f]{64}/, "0".repeat(64)));
    expect(await errorOf(install(root, "requirements.lock"))).toBeInstanceOf(UserError);
  });
});

test("the export of a lock file in pip's format is itself", async () => {
  const lock = readLock("a==1 --hash=sha256:0\n", "requirements.lock", []);
  expect(await exportLock(context(), lock, { file: "requirements.lock", root: dirname("/nowhere/x") })).toBe(lock);
});
