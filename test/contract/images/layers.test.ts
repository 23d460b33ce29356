import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Finding } from "../../../src/domain/finding.ts";
import {
  applyImage,
  type ImageRequest,
  type MadeImage,
  observeImage,
  openImages,
  planImage,
} from "../../../src/images/index.ts";
import { errorOf } from "../../error-of.ts";
import {
  checkout,
  context,
  demoWheel,
  type Direct,
  folderFor,
  pull,
  pushBase,
  removeFolders,
  request,
  type Told,
  unpack,
  wheelhouse,
} from "./fixtures.ts";
import { onEachRegistry, type TestRegistry } from "./registries.ts";

const run = promisify(execFile);

onEachRegistry("what goes into layers", (start) => {
  let registry: TestRegistry;
  let direct: Direct;
  let scratch: string;
  let kept: string;
  let count = 0;

  beforeAll(async () => {
    registry = await start();
    scratch = await folderFor("scratch");
    kept = join(await folderFor("tools"), "dagster-ecs");
    direct = await registry.letIn();
    await registry.createRepository("base");
    await pushBase(direct, "base", "1");
  });
  afterAll(async () => {
    await registry.close();
    await removeFolders();
  });
  afterEach(async () => {
    expect(await readdir(scratch)).toEqual([]);
  });

  async function repository(): Promise<string> {
    count += 1;
    await registry.createRepository(`layers${count}`);
    return `layers${count}`;
  }

  async function make(
    wanted: ImageRequest,
    told: Told = context(),
  ): Promise<MadeImage & { readonly weighed: readonly Finding[] }> {
    const clients = await openImages(told, registry.ecr(told), { scratch, kept });
    const observation = await observeImage(clients, told, wanted, null);
    const weighed: Finding[] = [];
    const made = await applyImage(clients, told, observation, planImage(observation), {
      weigh: (finding) => {
        if (finding.level === "error") throw new Error(`${finding.id}: ${finding.what}`);
        weighed.push(finding);
      },
    });
    return { ...made, weighed };
  }

  async function filesOf({ part }: MadeImage, layer: number): Promise<Readonly<Record<string, string>>> {
    const image = await pull(direct, part.repository, part.digest);
    return unpack(direct, part.repository, image?.layers.at(layer)?.digest ?? "");
  }

  describe("prepare", () => {
    const files = {
      "code/model.sql": "select 1\n",
      "code/link": { link: "model.sql" },
      "tools/make.py":
        "import demo, os\nopen('code/target/manifest.json', 'w').write(os.environ['LEVEL'] + os.getcwd()[:0])\n",
      "secret.txt": "of the checkout",
      ".dockerignore": "**/target\n",
    } as const;
    const prepare = ["mkdir -p code/target", "python3 tools/make.py", "test ! -e secret.txt", "demo"];
    const mappings = [
      { from: "code", to: "/app/code" },
      { from: "tools", to: "/app/tools" },
    ];
    const wanted = async (more: Partial<ImageRequest> = {}): Promise<ImageRequest> => {
      const root = await checkout(files);
      const lock = await wheelhouse(root, [demoWheel]);
      await writeFile(join(root, "requirements.lock"), lock);
      const environment = { LEVEL: "info" };
      return request(root, {
        repository: await repository(),
        files: mappings,
        requirements: "requirements.lock",
        environment,
        prepare,
        ...more,
      });
    };

    test("runs in a copy of the files, with the packages and the variables of the image; what it writes goes in", async () => {
      const asked = await wanted({ user: "1000:1000" });
      const made = await make(asked);
      expect(await filesOf(made, -1)).toEqual({
        "app/code/model.sql": "644 select 1\n",
        "app/code/link": "-> model.sql",
        "app/code/target/manifest.json": "644 info",
        "app/tools/make.py": `644 ${files["tools/make.py"]}`,
      });
      expect(await readdir(join(asked.root, "code"))).toEqual(["link", "model.sql"]); // the checkout is as it was
      const image = await pull(direct, made.part.repository, made.part.digest);
      expect(image?.config.config).toMatchObject({ User: "1000:1000", WorkingDir: "/app" });
    });

    test("is keyed by what it is given: the same again runs nothing", async () => {
      const asked = await wanted();
      const first = await make(asked);
      const told = context();
      const again = await make({ ...asked }, told);
      expect(again.part).toEqual(first.part);
      expect(told.words()).not.toContain("preparing");
      const other = await make({
        ...asked,
        prepare: [...prepare, "true"],
        source: { ...asked.source, sha: "b".repeat(40) as never },
      });
      expect(other.part.contentKey).not.toBe(first.part.contentKey);
    });

    test("finds its packages where they were installed before, unless somebody has changed them there", async () => {
      const asked = await wanted();
      const changed = async (digit: string): Promise<string> => {
        await writeFile(join(asked.root, "code/model.sql"), `select ${digit}\n`);
        const told = context();
        await make({ ...asked, source: { ...asked.source, sha: digit.repeat(40) as never } }, told);
        return told.words();
      };
      const [installed, there] = [/installing 1 packages for linux\/amd64 and Python/g, /are there already/];
      await rm(kept, { recursive: true, force: true });
      expect((await changed("1")).match(installed)).toHaveLength(2); // for the image, and for this machine
      const second = await changed("2");
      expect(second).not.toMatch(installed);
      expect(second).toMatch(there);
      const sets = await readdir(kept);
      expect(sets).toHaveLength(1);
      const module = join(kept, sets[0] ?? "", "packages/demo/__init__.py");
      await writeFile(module, `${await readFile(module, "utf8")}# changed\n`);
      const third = await changed("3");
      expect(third.match(installed)).toHaveLength(1);
      expect(third).toContain("are not what was installed");
      expect(await readFile(module, "utf8")).not.toContain("# changed");
    });

    test("of two that write something else of the same content the first counts, where tags may move, too", async () => {
      const asked = await wanted({ prepare: ["mkdir -p code/target", "date +%s%N > code/target/time"] });
      const told = context();
      const clients = await openImages(told, registry.ecr(told), { scratch, kept });
      const observed = [
        await observeImage(clients, told, asked, null),
        await observeImage(clients, told, asked, null),
      ] as const;
      const first = await applyImage(clients, told, observed[0], planImage(observed[0]));
      expect(first.tags).toEqual([asked.source.sha, `src-${first.part.contentKey}`]);
      const name = `src-${first.part.contentKey}`;
      registry.proxy.seen.length = 0;
      const second = await applyImage(clients, told, observed[1], planImage(observed[1]));
      expect(second.part).toEqual(first.part);
      expect(second.tags).toEqual([asked.source.sha]);
      expect(registry.proxy.seen.filter(({ method, url }) => method === "PUT" && url.includes(name))).toEqual([]);
    });

    test("that fails stops the push, and has had nothing of the job's variables, which no key holds", async () => {
      process.env["AWS_SECRET_ACCESS_KEY"] = "hidden-secret";
      process.env["DBT_TARGET"] = "hidden-target";
      const told = context();
      const asked = await wanted({ prepare: ["env", "exit 3"] });
      try {
        expect(await errorOf(make(asked, told))).toMatchObject({
          what: "`exit 3` of `prepare` failed: it ended with exit code 3.",
        });
      } finally {
        delete process.env["AWS_SECRET_ACCESS_KEY"];
        delete process.env["DBT_TARGET"];
      }
      expect(told.words()).toContain("LEVEL=info");
      expect(told.words()).not.toMatch(/hidden-(secret|target)/);
      expect(await pull(direct, asked.repository, asked.source.sha)).toBeNull();
    });
  });

  describe("byte code", () => {
    const withLock = async (python: string): Promise<ImageRequest> => {
      const root = await checkout({ "app/main.py": "" });
      await writeFile(join(root, "requirements.lock"), await wheelhouse(root, [demoWheel]));
      await pushBase(direct, "base", python, { environment: [`PYTHON_VERSION=${python}`] });
      return request(root, {
        repository: await repository(),
        requirements: "requirements.lock",
        base: `base:${python}`,
      });
    };

    test("is there for an interpreter of the image's version, never checked against its source, and runs", async () => {
      const { stdout } = await run("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
      const minor = stdout.trim();
      const made = await make(await withLock(`${minor}.1`));
      expect(made.weighed).toEqual([]);
      const image = await pull(direct, made.part.repository, made.part.digest);
      const folder = await folderFor("unpacked");
      const layer = image?.layers.at(1);
      const answer = await fetch(`${direct.url}/v2/${made.part.repository}/blobs/${layer?.digest ?? ""}`, {
        headers: { authorization: direct.authorization },
      });
      await writeFile(join(folder, "layer.tar.gz"), Buffer.from(await answer.arrayBuffer()));
      await run("tar", ["-xzf", "layer.tar.gz"], { cwd: folder });
      const packages = join(folder, "opt/dependencies");
      const code = join(packages, `demo/__pycache__/__init__.cpython-${minor.replace(".", "")}.pyc`);
      const bytes = await readFile(code);
      expect(bytes.readUInt32LE(4)).toBe(0b01); // PEP 552: hash-based, not checked
      expect(bytes.includes(Buffer.from("/opt/dependencies/demo/__init__.py"))).toBe(true);
      expect(bytes.includes(Buffer.from(scratch))).toBe(false);
      // Another source beside it shows that the byte code is what runs.
      await writeFile(join(packages, "demo/__init__.py"), "raise SystemExit('source')\n");
      await run("python3", ["-c", "import demo; assert demo.main() == 0"], {
        env: { ...process.env, PYTHONPATH: packages },
      });
    });

    test("is missing with a word of it when there is no such interpreter", async () => {
      const made = await make(await withLock("3.77.1"));
      expect(made.weighed).toMatchObject([{ id: "byte-code", level: "notice" }]);
      expect(Object.keys(await filesOf(made, 1)).filter((path) => path.includes("pycache"))).toEqual([]);
    });

    test("is made up for by the next job that has one, and not asked of one that has none", async () => {
      const { stdout } = await run("python3", [
        "-c",
        "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)",
      ]);
      const [minor = "", executable = ""] = stdout.trim().split(" ");
      // Says of itself that it is another one, and is python3 for all else.
      const bin = await folderFor("bin");
      const disguised = `#!/bin/sh\ncase "$*" in "-I -S "*implementation*) echo 2.7 cpython /nowhere;; *) exec ${executable} "$@";; esac\n`;
      for (const name of ["python3", `python${minor}`]) await writeFile(join(bin, name), disguised, { mode: 0o755 });
      const wanted = await withLock(`${minor}.2`);
      const pathBefore = process.env["PATH"];
      process.env["PATH"] = `${bin}:${pathBefore}`;
      try {
        const first = await make(wanted);
        expect(first.weighed).toMatchObject([{ id: "byte-code" }]);
        await writeFile(join(wanted.root, "app/main.py"), "two = 2\n");
        const second = await make({ ...wanted, source: { ...wanted.source, sha: "b".repeat(40) as never } });
        expect(second.weighed).toEqual([]); // found as it is
        expect(await filesOf(second, 1)).toEqual(await filesOf(first, 1));
      } finally {
        process.env["PATH"] = pathBefore;
      }
      await writeFile(join(wanted.root, "app/main.py"), "three = 3\n");
      const third = await make({ ...wanted, source: { ...wanted.source, sha: "c".repeat(40) as never } });
      expect(Object.keys(await filesOf(third, 1)).filter((path) => path.includes("pycache"))).not.toEqual([]);
    });
  });

  describe("shared libraries", () => {
    /** A wheel with a library of this machine in it, which needs others of it. */
    async function nativeWheel(root: string): Promise<readonly string[]> {
      const program = [
        "import base64, hashlib, os, sys, zipfile, _ctypes",
        "info = 'native-1.0.dist-info/'",
        "files = {'native/lib.so': open(_ctypes.__file__, 'rb').read(), info + 'METADATA': b'Metadata-Version: 2.1\\nName: native\\nVersion: 1.0\\n',",
        "  info + 'WHEEL': b'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}",
        "record = ''.join(f'{k},,\\n' for k in files) + info + 'RECORD,,\\n'",
        "os.makedirs('wheels', exist_ok=True)",
        "path = 'wheels/native-1.0-py3-none-any.whl'",
        "with zipfile.ZipFile(path, 'w') as z:",
        "  for k, v in {**files, info + 'RECORD': record.encode()}.items(): z.writestr(zipfile.ZipInfo(k, (2020, 1, 1, 0, 0, 0)), v)",
        "print('--no-index', '--find-links wheels', 'native==1.0 --hash=sha256:' + hashlib.sha256(open(path, 'rb').read()).hexdigest(), sep='\\n', file=open('requirements.lock', 'w'))",
        "print(_ctypes.__file__)",
      ].join("\n");
      const { stdout } = await run("python3", ["-c", program], { cwd: root });
      const { stdout: libraries } = await run("ldd", [stdout.trim()]);
      return [...libraries.matchAll(/=> (\/\S+)/g)].map(([, path = ""]) => path);
    }

    /** A base with these files of this machine. */
    async function baseWith(tag: string, paths: readonly string[]): Promise<void> {
      const root = await checkout({ "etc/ld.so.conf": "/opt/libraries\n" });
      for (const path of paths) {
        const to = join(root, path.includes("libc.so") ? "usr/lib" : "opt/libraries", path.replace(/^.*\//, ""));
        await mkdir(dirname(to), { recursive: true });
        await cp(path, to, { dereference: true });
      }
      await pushBase(direct, "base", tag, { folder: root });
    }

    test("one that neither base nor packages have stops the push; with it in the base all is well, and the base is read once", async () => {
      const root = await checkout({ "app/main.py": "" });
      const needed = await nativeWheel(root);
      const ffi = needed.filter((path) => path.includes("libffi"));
      expect(ffi).toHaveLength(1);
      const name = ffi[0]?.replace(/^.*\//, "") ?? "";
      await baseWith(
        "without",
        needed.filter((path) => !ffi.includes(path)),
      );
      await baseWith("with", needed);

      const wanted = request(root, {
        repository: await repository(),
        requirements: "requirements.lock",
        base: "base:without",
      });
      expect(await errorOf(make(wanted))).toMatchObject({
        message: `library-missing: native 1.0 needs ${name}, which neither the base nor any package has: importing it would fail.`,
      });
      expect(await pull(direct, wanted.repository, wanted.source.sha)).toBeNull();

      const told = context();
      await make({ ...wanted, base: "base:with" }, told);
      expect(told.words()).toMatch(/(Reading|Copying) sha256/);
      const again = context();
      await writeFile(
        join(root, "requirements.lock"),
        `${await readFile(join(root, "requirements.lock"), "utf8")}# another\n`,
      );
      await make({ ...wanted, base: "base:with", source: { ...wanted.source, sha: "b".repeat(40) as never } }, again);
      expect(again.words()).not.toMatch(/(Reading|Copying) sha256/);
    });
  });
});
