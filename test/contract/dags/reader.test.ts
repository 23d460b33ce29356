import { PutObjectCommand } from "@aws-sdk/client-s3";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as z from "zod";
import { bucket } from "../../../src/aws/bucket.ts";
import { publishDags, switchDags } from "../../../src/dags/index.ts";
import { dagsKeys, type DagsManifest, dagsManifestSchema, dagsPointerSchema } from "../../../src/domain/dags.ts";
import type { Digest } from "../../../src/domain/identifiers.ts";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "../../../src/files/tar.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { isAlive } from "../../is-alive.ts";
import { type PythonTools, pythonTools } from "../../python-tools.ts";
import { openScene, type Scene } from "./scene.ts";
import { freePort, listen } from "../../loopback.ts";

/** The reader as a process of its own, with boto3, on what the product publishes. */
let bed: Bed;
let tools: PythonTools;
let scene: Scene;
let folder: string;
let readers: ChildProcess[] = [];

beforeAll(async () => {
  [bed, tools] = await Promise.all([startBed(), pythonTools()]);
});
afterAll(() => bed.close());

beforeEach(async () => {
  scene = await openScene(bed);
  folder = await mkdtemp(join(tmpdir(), "reader-"));
  await scene.write(treeOf(1));
});
afterEach(async () => {
  bed.aws.faults.clear();
  for (const reader of readers) reader.kill("SIGKILL");
  readers = [];
  await scene.close();
  await rm(folder, { recursive: true });
});

const fileNames = ["shop/__init__.py", "shop/jobs.py", "shop/sub/sensors.py", "config.yaml"];

/** Every file says which version it is of. */
const treeOf = (version: number): Readonly<Record<string, string>> =>
  Object.fromEntries(fileNames.map((name) => [name, `version = ${version}  # ${name}\n`]));

const package_ = fileURLToPath(new URL("../../../docker/dag-reader", import.meta.url));
const standIn = fileURLToPath(new URL("stand-in", import.meta.url));
const killer = fileURLToPath(new URL("killer", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly log: string;
}

interface Reader {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  log(): string;
}

function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Reader {
  const { PYTHONPATH = "", ...rest } = tools.environment;
  const child = spawn(tools.python, ["-m", "dag_reader", ...args], {
    env: {
      ...rest,
      ...bed.environment("reader"),
      PATH: "/usr/bin:/bin",
      DAGSTER_S3_BUCKET: scene.store.name,
      DAGS: JSON.stringify({ shop: { prefix: scene.store.prefix, module: "shop" } }),
      DAGS_ROOT: join(folder, "dags"),
      DAGS_POLL_SECONDS: "0.1",
      ...environment,
      PYTHONPATH: [package_, PYTHONPATH, environment["PYTHONPATH"] ?? ""].join(":"),
      PYTHONDONTWRITEBYTECODE: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  readers.push(child);
  let log = "";
  child.stdout.on("data", (chunk: Buffer) => (log += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    log,
  }));
  return { process: child, ended, log: () => log };
}

const shopFolder = (): string => join(folder, "dags", "shop");

const current = (): Promise<string | null> =>
  readlink(join(shopFolder(), "current")).then(
    (link) => link.replace("versions/", ""),
    () => null,
  );

const healthSchema = z.object({
  locations: z.object({
    shop: z.object({
      version: z.string().nullable(),
      checked_seconds_ago: z.number().nullable(),
      switched_seconds_ago: z.number().nullable(),
      error: z.string().nullable(),
    }),
  }),
});

async function health(): Promise<z.infer<typeof healthSchema>["locations"]["shop"]> {
  const text = await readFile(join(folder, "dags", "health.json"), "utf8");
  return healthSchema.parse(JSON.parse(text)).locations.shop;
}

async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  const limit = performance.now() + 60_000;
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null && wanted(answer)) return answer;
    if (performance.now() > limit) throw new Error(`still ${JSON.stringify(answer)}`);
    await sleep(20);
  }
}

/** The versions that the files below a folder say they are of. */
async function versionsIn(path: string): Promise<readonly string[]> {
  const texts = await Promise.all(fileNames.map((name) => readFile(join(path, name), "utf8")));
  return [...new Set(texts.map((text) => /version = (\d+)/.exec(text)?.[1] ?? "?"))];
}

/** Changes all files, and deploys them. @returns the version */
async function next(version: number): Promise<string> {
  await scene.write(treeOf(version));
  return (await scene.deploy()).version;
}

async function put(key: string, body: string | Buffer): Promise<void> {
  const Key = scene.store.prefix + key;
  await scene.client.send(new PutObjectCommand({ Bucket: scene.store.name, Key, Body: body }));
}

describe("init", () => {
  test("waits until a version is published, says what it waits for, and ends when it is there whole", async () => {
    const reader = start(["init"]);
    await until(
      () => Promise.resolve(reader.log()),
      (log) => log.includes("There is no s3://"),
    );
    expect(await current()).toBeNull();
    const { version } = await scene.deploy();
    expect(await reader.ended).toMatchObject({ code: 0 });
    expect(await current()).toBe(version);
    expect(await versionsIn(join(shopFolder(), "current"))).toEqual(["1"]);
    expect(await health()).toMatchObject({ version, error: null });
  });

  test.each<[string, Readonly<Record<string, string>>, number, RegExp]>([
    ["no bucket is named", { DAGSTER_S3_BUCKET: "" }, 2, /DAGSTER_S3_BUCKET is not set/],
    ["the bucket is not there", { DAGSTER_S3_BUCKET: "nobodys-bucket" }, 1, /There is no bucket nobodys-bucket/],
    ["no location is named", { DAGS: "" }, 2, /DAGS is not set/],
    ["locations are no JSON", { DAGS: "shop" }, 2, /DAGS cannot be read/],
    [
      "a location leads out of its folder",
      { DAGS: '{"../x": {"prefix": "a/", "module": "m"}}' },
      2,
      /cannot be a folder/,
    ],
    ["a prefix does not end", { DAGS: '{"shop": {"prefix": "dags/shop", "module": "m"}}' }, 2, /end in a slash/],
    ["the interval is no number", { DAGS_POLL_SECONDS: "often" }, 2, /DAGS_POLL_SECONDS is 'often'/],
  ])("ends at once when %s, and says what to do", async (_, environment, code, said) => {
    const ended = await start(["init"], environment).ended;
    expect(ended.code).toBe(code);
    expect(ended.log).toMatch(said);
  });

  test("names the right that is missing, and waits for it", async () => {
    const { version } = await scene.deploy();
    bed.aws.faults.inject({ on: "s3:GetObject", caller: "reader", what: { kind: "access-denied" } });
    const reader = start(["init"]);
    await until(
      () => Promise.resolve(reader.log()),
      (log) => log.includes("needs s3:GetObject"),
    );
    expect(reader.log()).toContain(`arn:aws:s3:::${scene.store.name}/dags/shop/*`);
    bed.aws.faults.clear();
    expect(await reader.ended).toMatchObject({ code: 0 });
    expect(await current()).toBe(version);
  });

  test("ends at SIGTERM while it waits", async () => {
    const reader = start(["init"]);
    await until(
      () => Promise.resolve(reader.log()),
      (log) => log.includes("There is no s3://"),
    );
    reader.process.kill("SIGTERM");
    expect(await reader.ended).toMatchObject({ code: 143 });
  });
});

/** An archive of a kind that the product would not publish, under a pointer that names it. */
async function publishBad(change: (manifest: DagsManifest) => DagsManifest, entries: readonly Forged[]): Promise<void> {
  const { version } = await scene.deploy();
  const manifest = (await scene.store.read(dagsKeys.manifest(version), dagsManifestSchema))?.value;
  if (manifest === undefined) throw new Error("no manifest");
  const archive = gzipSync(Buffer.concat([...entries.flatMap(([entry, text]) => memberOf(entry, text)), tarEnd]));
  const digest = `sha256:${createHash("sha256").update(archive).digest("hex")}` as Digest;
  const bad = change({ ...manifest, archive: { digest, size: archive.length } });
  await put(dagsKeys.archive(bad), archive);
  await put(dagsKeys.manifest(version), JSON.stringify(bad));
}

type Forged = readonly [TarEntry, string];
const memberOf = (entry: TarEntry, text: string): readonly Buffer[] =>
  entry.kind === "file" ? [tarHeader(entry), Buffer.from(text), tarPadding(entry.size)] : [tarHeader(entry)];
const file = (path: string, text: string): Forged => [
  { kind: "file", path, executable: false, size: text.length },
  text,
];
const link = (path: string, target: string): Forged => [{ kind: "symlink", path, target }, ""];
const whole = (version: number): readonly Forged[] =>
  Object.entries(treeOf(version)).map(([path, text]) => file(path, text));
const withFile =
  (path: string, entry: DagsManifest["files"][string]) =>
  (manifest: DagsManifest): DagsManifest => ({
    ...manifest,
    files: { ...manifest.files, [path]: entry },
  });
const asItIs = (manifest: DagsManifest): DagsManifest => manifest;
const empty = { size: 0, mode: "0644", sha256: createHash("sha256").digest("hex") } as const;

describe("a reader that follows", () => {
  test("has a new version, writes the workspace, tells the webserver, and keeps the last ones", async () => {
    const told: string[] = [];
    const webserver = createServer((request, response) => {
      request.on("data", (chunk: Buffer) => told.push(chunk.toString()));
      request.on("end", () => response.end('{"data": {"reloadWorkspace": {"__typename": "Workspace"}}}'));
    });
    const { url, close } = await listen(webserver);
    const workspace = join(folder, "workspace.yaml");
    const versions = [await next(1)];
    start(["follow"], { DAGS_WORKSPACE: workspace, DAGS_WEBSERVER: url, DAGS_KEEP: "2" });
    await until(current, (version) => version === versions[0]);
    for (const number of [2, 3, 4, 5]) {
      const version = await next(number);
      versions.push(version);
      await until(current, (now) => now === version);
    }
    await until(
      () => Promise.resolve(told),
      (calls) => calls.length === 5,
    );
    expect(told[0]).toContain("reloadWorkspace");
    expect(JSON.parse(await readFile(workspace, "utf8"))).toEqual({
      load_from: [
        {
          python_module: {
            module_name: "shop",
            working_directory: join(shopFolder(), "versions", versions.at(-1) ?? ""),
            location_name: "shop",
          },
        },
      ],
    });
    const kept = await until(
      () => readdir(join(shopFolder(), "versions")),
      (names) => names.length === 3,
    );
    expect([...kept].sort()).toEqual(versions.slice(-3).sort());
    await close();
  });

  test("asks once for each look while nothing changes", async () => {
    const { version } = await scene.deploy();
    start(["follow"]);
    await until(current, (now) => now === version);
    await until(health, ({ error }) => error === null);
    const before = bed.calls.length;
    const looks = await until(
      () => Promise.resolve(bed.calls.slice(before).filter(({ caller }) => caller === "reader")),
      (calls) => calls.length >= 5,
    );
    const nothingNew = { operation: "GetObject", resource: `${scene.store.name}/dags/shop/current.json`, status: 304 };
    expect(looks).toEqual(looks.map(() => expect.objectContaining(nothingNew) as unknown));
  });

  test("stays on what it has while S3 denies, throttles and hangs up, and goes on afterwards", async () => {
    const first = await next(1);
    start(["follow"]);
    await until(current, (now) => now === first);
    for (const kind of ["access-denied", "throttle", "reset", "server-error"] as const) {
      bed.aws.faults.inject({ on: "s3:GetObject", caller: "reader", what: { kind } });
      await until(health, ({ error }) => error !== null);
      expect(await health()).toMatchObject({ version: first });
      bed.aws.faults.clear();
      await until(health, ({ error }) => error === null);
    }
    const second = await next(2);
    await until(current, (now) => now === second);
  });

  test("goes on when the webserver hangs up in the middle of its answer, and tells it again", async () => {
    let told = 0;
    const webserver = createServer((request, response) => {
      request.resume();
      request.on("end", () => {
        told += 1;
        response.writeHead(200, { "content-length": "100" });
        response.write("{", () => response.destroy());
      });
    });
    const { url, close } = await listen(webserver);
    await next(1);
    const reader = start(["follow"], {
      DAGS_WORKSPACE: join(folder, "workspace.yaml"),
      DAGS_WEBSERVER: url,
    });
    await until(
      () => Promise.resolve(told),
      (times) => times >= 2,
    );
    expect(reader.log()).toContain("IncompleteRead");
    const second = await next(2);
    await until(current, (now) => now === second);
    await close();
  });

  test.each<[string, RegExp, () => Promise<void>]>([
    [
      "an archive whose bytes are others",
      /other content than its manifest says/,
      async () => {
        const { version } = await scene.deploy();
        const manifest = (await scene.store.read(dagsKeys.manifest(version), dagsManifestSchema))?.value;
        if (manifest !== undefined) await put(dagsKeys.archive(manifest), Buffer.alloc(manifest.archive.size, 7));
      },
    ],
    [
      "an archive that is cut off",
      /other content than its manifest says/,
      async () => {
        const { version } = await scene.deploy();
        const manifest = (await scene.store.read(dagsKeys.manifest(version), dagsManifestSchema))?.value;
        if (manifest !== undefined) await put(dagsKeys.archive(manifest), Buffer.alloc(manifest.archive.size - 5, 7));
      },
    ],
    ["a file with other content", /shop\/__init__.py has other content/, () => publishBad(asItIs, whole(3))],
    ["a file too few", /lacks 1 files/, () => publishBad(asItIs, whole(2).slice(1))],
    ["a file too many", /does not name: extra.py/, () => publishBad(asItIs, [...whole(2), file("extra.py", "")])],
    [
      "a file outside of it",
      /'..\/escaped.py' is not a path/,
      () => publishBad(withFile("../escaped.py", empty), [...whole(2), file("../escaped.py", "")]),
    ],
    [
      "a link that leads out of it",
      /out is a link that leads out/,
      () => publishBad(withFile("out", { link: "../../.." }), [...whole(2), link("out", "../../..")]),
    ],
    [
      "a link behind one that leads out of it",
      /out\/planted lies behind a link/,
      () =>
        publishBad(
          (manifest) => withFile("out/planted", { link: "x" })(withFile("out", { link: "../../.." })(manifest)),
          [...whole(2), link("out", "../../.."), link("out/planted", "x")],
        ),
    ],
    [
      "a link in the place of a file",
      /out is not a file/,
      () => publishBad(withFile("out", empty), [...whole(2), link("out", "/etc/passwd")]),
    ],
    [
      "a mode that is none",
      /is not as it should be: ValueError/,
      async () => {
        const { version } = await scene.deploy();
        const manifest = await scene.store.read(dagsKeys.manifest(version), dagsManifestSchema);
        await put(dagsKeys.manifest(version), JSON.stringify(manifest?.value).replaceAll('"0644"', '"rw-"'));
      },
    ],
    [
      "a manifest that is no JSON",
      /is not JSON/,
      async () => put(dagsKeys.manifest((await scene.deploy()).version), "{"),
    ],
    [
      "a manifest of another kind",
      /Update the reader/,
      async () => put(dagsKeys.manifest((await scene.deploy()).version), '{"schema": 2}'),
    ],
    [
      "a pointer to what is no version",
      /not the name of a version/,
      () => put("current.json", '{"schema": 1, "version": "../x"}'),
    ],
  ])("stays on the version before, on %s, says so, and takes the next good one", async (_, said, publish) => {
    const first = await next(1);
    const reader = start(["follow"]);
    await until(current, (now) => now === first);
    const before = await pointer(first);
    await scene.write(treeOf(2));
    // It is published well, and spoiled: nobody may look in between.
    reader.process.kill("SIGSTOP");
    await publish();
    reader.process.kill("SIGCONT");
    expect((await until(health, ({ error }) => error !== null)).error).toMatch(said);
    expect(await current()).toBe(first);
    expect(await versionsIn(join(shopFolder(), "current"))).toEqual(["1"]);
    expect(await readdir(shopFolder())).toEqual(expect.not.arrayContaining([expect.stringMatching(/^incoming/)]));
    expect(await readdir(join(shopFolder(), "versions"))).toEqual([first]);
    expect(await readdir(join(folder, "dags"))).not.toContain("planted");
    await put("current.json", JSON.stringify(before));
    const third = await next(3);
    await until(current, (now) => now === third);
    await until(health, ({ error }) => error === null);
  });

  test("that is read all the time through two hundred switches never shows two versions at once", async () => {
    const ids = [await next(1)];
    for (let number = 2; number <= 8; number += 1) ids.push(await next(number));
    start(["follow"], { DAGS_POLL_SECONDS: "0.01", DAGS_KEEP: "20" });
    await until(current, (now) => now === ids.at(-1));
    const over = new AbortController();
    let reads = 0;
    const seen = new Set<string>();
    const reading = (async () => {
      while (!over.signal.aborted) {
        const version = await current();
        const said = await versionsIn(join(shopFolder(), "versions", version ?? ""));
        expect(said).toEqual([String(ids.indexOf(version ?? "") + 1)]);
        seen.add(said[0] ?? "");
        reads += 1;
        await sleep(0);
      }
    })();
    for (let turn = 0; turn < 200; turn += 1) {
      const to = ids[turn % ids.length] ?? "";
      await put("current.json", JSON.stringify(await pointer(to)));
      await until(current, (now) => now === to);
    }
    over.abort();
    await reading;
    expect(seen.size).toBe(ids.length);
    expect(reads).toBeGreaterThan(200);
  });
});

async function pointer(version: string): Promise<object> {
  const { value } = (await scene.store.read("current.json", z.looseObject({}))) ?? { value: {} };
  return { ...value, schema: 1, version };
}

test("a reader that is killed anywhere leaves a whole version, and the next one finishes", async () => {
  const first = await next(1);
  expect(await start(["init"]).ended).toMatchObject({ code: 0 });
  const second = await next(2);
  let kills = 0;
  for (let at = 1; ; at += 1) {
    const { signal, code } = await start(["init"], { PYTHONPATH: killer, KILL_AT: String(at) }).ended;
    const now = await current();
    expect([first, second]).toContain(now);
    expect(await versionsIn(join(shopFolder(), "current"))).toEqual([now === first ? "1" : "2"]);
    for (const version of await readdir(join(shopFolder(), "versions"))) {
      expect(await versionsIn(join(shopFolder(), "versions", version))).toHaveLength(1);
    }
    if (signal !== "SIGKILL") {
      expect(code).toBe(0);
      break;
    }
    kills += 1;
    expect(await start(["init"]).ended).toMatchObject({ code: 0 });
    expect(await current()).toBe(second);
    expect(await readdir(shopFolder())).toEqual(expect.not.arrayContaining([expect.stringMatching(/^incoming/)]));
    // Back to where it was.
    await rm(shopFolder(), { recursive: true });
    await mkdir(shopFolder(), { recursive: true });
    await put("current.json", JSON.stringify(await pointer(first)));
    expect(await start(["init"]).ended).toMatchObject({ code: 0 });
    await put("current.json", JSON.stringify(await pointer(second)));
  }
  expect(kills).toBeGreaterThan(10);
});

describe("run", () => {
  test("fetches the version that the command names, though another one is served, and becomes the command", async () => {
    const planned = await next(1);
    await next(2);
    const at = join(shopFolder(), "versions", planned);
    const argument = JSON.stringify({ code_pointer: { working_directory: at } });
    const ended = await start(["run", "--", "sh", "-c", `cat ${at}/config.yaml; exit 7`, argument]).ended;
    expect(ended).toMatchObject({ code: 7 });
    expect(ended.log).toContain("version = 1  # config.yaml");
  });

  test("a command that names no version is not started: it would run other code", async () => {
    await scene.deploy();
    const written = join(folder, "ran");
    const ended = await start(["run", "--", "touch", written]).ended;
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.log).toContain("names no version");
    await expect(readFile(written)).rejects.toThrow("ENOENT");
  });

  test("a version that is not there any more is said, and nothing is started", async () => {
    await scene.deploy();
    const at = join(shopFolder(), "versions", "0".repeat(40));
    const ended = await start(["run", "--", "true", at]).ended;
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.log).toContain(`versions/${"0".repeat(40)}.json`);
  });
});

describe("a list of locations", () => {
  const key = "dags/.stacks/shop/production.json";
  const listed = { DAGS: "", DAGS_LIST: key, DAGS_POLL_SECONDS: "" };
  const shop = { prefix: "dags/shop/", module: "shop", pollSeconds: 0.1 };
  const more = { prefix: "dags/more/", module: "shop.jobs", pollSeconds: 0.1 };

  async function list(
    version: string,
    locations: Readonly<Record<string, object>>,
    left: Readonly<Record<string, object>> = {},
  ): Promise<void> {
    const Body = JSON.stringify({ schema: 1, version, locations, left });
    await scene.client.send(new PutObjectCommand({ Bucket: scene.store.name, Key: key, Body }));
  }

  /** Publishes what is in the folder as the code of the second location. */
  async function publishMore(): Promise<string> {
    const store = bucket(scene.clients.s3, scene.store.name, more.prefix);
    const { seen, plan } = await scene.look();
    await publishDags(store, scene.context, seen);
    if (plan.version !== (await store.read(dagsKeys.pointer, dagsPointerSchema))?.value.version)
      await switchDags(store, scene.context, {
        key: dagsKeys.pointer,
        from: null,
        to: { version: plan.version, previous: null, source: seen.request.source, run: null },
      });
    return plan.version;
  }

  const workspaceFile = (): string => join(folder, "dags", "workspace.yaml");
  const follow = (more: Readonly<Record<string, string>> = {}): Reader =>
    start(["follow"], { ...listed, DAGS_WORKSPACE: workspaceFile(), ...more });
  const workspaceSchema = z.object({
    load_from: z.array(z.object({ python_module: z.object({ location_name: z.string(), module_name: z.string() }) })),
  });

  async function named(): Promise<readonly string[]> {
    const { load_from: all } = workspaceSchema.parse(JSON.parse(await readFile(workspaceFile(), "utf8")));
    return all.map(({ python_module: { location_name } }) => location_name);
  }
  const namedAre = (...names: readonly string[]): Promise<readonly string[]> =>
    until(named, (all) => all.join() === names.join());

  const listHealthSchema = z.object({
    list: z.object({
      version: z.string().nullable(),
      checked_seconds_ago: z.number().nullable(),
      error: z.string().nullable(),
    }),
  });
  async function listHealth(): Promise<z.infer<typeof listHealthSchema>["list"]> {
    return listHealthSchema.parse(JSON.parse(await readFile(join(folder, "dags", "health.json"), "utf8"))).list;
  }

  test("is waited for by init, which ends when all that it names is there", async () => {
    const { version } = await scene.deploy();
    const reader = start(["init"], listed);
    await until(
      () => Promise.resolve(reader.log()),
      (log) => log.includes(`There is no s3://${scene.store.name}/${key}`),
    );
    await list("one", { shop });
    expect(await reader.ended).toMatchObject({ code: 0 });
    expect(await current()).toBe(version);
    expect(await listHealth()).toMatchObject({ version: "one", error: null });
  });

  test("adds a location once its code is there, and takes one away: the webserver is told each time", async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.end(JSON.stringify({ data: { reloadWorkspace: { __typename: "Workspace" } } }));
    });
    const { url, close } = await listen(server);
    try {
      await scene.deploy();
      await list("one", { shop });
      const reader = follow({ DAGS_WEBSERVER: url });
      await namedAre("shop");
      await until(
        () => Promise.resolve(asked.length),
        (times) => times === 1,
      );
      await list("two", { more, shop });
      const { error } = await until(listHealth, (now) => now.error !== null);
      expect(error).toContain("list two names what cannot be had: more: There is no s3://");
      expect([await named(), (await listHealth()).version, asked.length]).toEqual([["shop"], "one", 1]);
      await publishMore();
      await namedAre("more", "shop");
      await until(listHealth, (now) => now.version === "two" && now.error === null);
      await until(
        () => Promise.resolve(asked.length),
        (times) => times === 2,
      );
      expect(reader.log()).toContain(
        '"event": "listed", "list": "two", "before": "one", "added": ["more"], "removed": []',
      );
      await list("three", { more });
      await namedAre("more");
      await until(
        () => Promise.resolve(asked.length),
        (times) => times === 3,
      );
      expect(reader.log()).toContain('"added": [], "removed": ["shop"]');
      // A run may still be on it.
      expect(await versionsIn(join(shopFolder(), "current"))).toEqual(["1"]);
    } finally {
      await close();
    }
  });

  test.each<[string, string, RegExp]>([
    ["is no JSON", "{", /is not JSON/],
    ["is of a kind to come", JSON.stringify({ schema: 2 }), /not of a kind that this reader knows/],
    ["names nothing", JSON.stringify({ schema: 1, version: "x", locations: {} }), /names no location/],
    [
      "leads out of its folder",
      JSON.stringify({ schema: 1, version: "x", locations: { "../x": shop } }),
      /cannot be a folder/,
    ],
    [
      "lacks what is needed",
      JSON.stringify({ schema: 1, version: "x", locations: { shop: { prefix: "dags/shop/" } } }),
      /cannot be read/,
    ],
  ])("that %s changes nothing, and is told", async (_, body, said) => {
    await scene.deploy();
    await list("one", { shop });
    follow();
    await namedAre("shop");
    await scene.client.send(new PutObjectCommand({ Bucket: scene.store.name, Key: key, Body: body }));
    const { error, version } = await until(listHealth, (now) => now.error !== null);
    expect(error).toMatch(said);
    expect([version, await named()]).toEqual(["one", ["shop"]]);
    const second = await next(2);
    await until(current, (now) => now === second);
  });

  test("that may not be read is told with the right that is missing; who starts anew goes on with the one before", async () => {
    const { version } = await scene.deploy();
    await list("one", { shop });
    const reader = follow();
    await namedAre("shop");
    reader.process.kill("SIGKILL");
    await reader.ended;
    await rm(workspaceFile());
    bed.aws.faults.inject({ on: "s3:GetObject", caller: "reader", what: { kind: "access-denied" } });
    follow();
    await namedAre("shop");
    const { error, version: at } = await until(listHealth, (now) => now.error !== null);
    expect(error).toContain(`arn:aws:s3:::${scene.store.name}/dags/.stacks/shop/*`);
    expect([at, await current()]).toEqual(["one", version]);
  });

  test("costs one request a look that finds nothing new", async () => {
    await scene.deploy();
    await list("one", { shop });
    follow();
    await namedAre("shop");
    await until(listHealth, ({ error }) => error === null);
    const before = bed.calls.length;
    const looks = await until(
      () => Promise.resolve(bed.calls.slice(before).filter(({ caller }) => caller === "reader")),
      (calls) => calls.length >= 8,
    );
    expect(looks.map(({ status }) => status)).toEqual(looks.map(() => 304));
    const ofList = looks.filter(({ resource }) => resource === `${scene.store.name}/${key}`);
    expect(Math.abs(2 * ofList.length - looks.length)).toBeLessThanOrEqual(1);
  });

  test("tells a run of a location that has left it where its code is", async () => {
    const { version } = await scene.deploy();
    await publishMore();
    await list("two", { more }, { shop });
    const at = join(shopFolder(), "versions", version);
    const ended = await start(["run", "--", "cat", join(at, "config.yaml")], listed).ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.log).toContain("version = 1");
  });

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ["locations are named as well", { DAGS: '{"shop": {"prefix": "dags/shop/", "module": "m"}}' }, /both set/],
    ["its key is none", { DAGS_LIST: "list.json" }, /DAGS_LIST is 'list.json'/],
  ])("is refused when %s", async (_, environment, said) => {
    const ended = await start(["init"], { ...listed, ...environment }).ended;
    expect(ended.code).toBe(2);
    expect(ended.log).toMatch(said);
  });
});

describe("serve", () => {
  let port: number;
  beforeEach(async () => {
    port = await freePort();
  });
  // Each ends its code server with itself.
  afterEach(async () => {
    const running = readers.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    for (const reader of running) reader.kill("SIGTERM");
    await Promise.all(running.map((reader) => once(reader, "close")));
  });

  const serve = (environment: Readonly<Record<string, string>> = {}): Reader =>
    start(["serve", String(port)], { PYTHONPATH: standIn, ...environment });

  /** A version whose import does this. @returns its name */
  async function publish(code: string): Promise<string> {
    await scene.write({ "shop/__init__.py": code });
    return (await scene.deploy()).version;
  }

  /** The version that answers, and the process that does. */
  async function answering(): Promise<{ readonly version: string; readonly pid: number }> {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await once(socket, "close");
    const [, version = "", pid = ""] = /^([0-9a-f]{40})\.[0-9a-f]{8} (\d+)$/.exec(text) ?? [];
    return { version, pid: Number(pid) };
  }
  const answers = (version: string): ReturnType<typeof answering> => until(answering, (now) => now.version === version);

  /** Its process is written to this file, and then it never comes to an end. */
  const hanging = (pidFile: string): string =>
    `import os, time\nopen(${JSON.stringify(pidFile)}, "w").write(str(os.getpid()))\ntime.sleep(3600)\n`;
  test("gives up a version that hangs, says so, answers meanwhile, and takes the next one", async () => {
    const first = await publish("");
    const reader = serve({ DAGS_LOAD_SECONDS: "5" });
    await answers(first);
    const pidFile = join(folder, "pid");
    const second = await publish(hanging(pidFile));
    const { error } = await until(health, (now) => now.error !== null);
    expect(error).toBe(`${second} is not served: its code was not loaded within 5 s`);
    expect((await answering()).version).toBe(first);
    expect(isAlive(Number(await readFile(pidFile, "utf8")))).toBe(false);
    await answers(await publish("third = True\n"));
    await until(health, (now) => now.error === null);
    reader.process.kill("SIGTERM");
    expect(await reader.ended).toMatchObject({ code: 143 });
  });

  test("tries a version again that could not be loaded, ever more seldom", async () => {
    const first = await publish("");
    const reader = serve();
    await answers(first);
    const wanted = join(folder, "wanted");
    const second = await publish(`open(${JSON.stringify(wanted)})\n`);
    const pauses = (): readonly string[] =>
      [...reader.log().matchAll(/again_in_seconds": ([\d.]+)/g)].map(([, s = ""]) => s);
    await until(
      () => Promise.resolve(pauses()),
      (all) => all.length >= 3,
    );
    expect(pauses().slice(0, 3)).toEqual(["0.2", "0.4", "0.8"]);
    expect((await health()).error).toMatch(`${second} is not served: it ended with 1`);
    expect((await answering()).version).toBe(first);
    await writeFile(wanted, "");
    await answers(second);
  });

  test("ends when the server that answers has ended, also while another version is being loaded", async () => {
    const reader = serve();
    const { pid } = await answers(await publish(""));
    const pidFile = join(folder, "pid");
    await publish(hanging(pidFile));
    const loading = Number(
      await until(
        () => readFile(pidFile, "utf8"),
        (text) => text !== "",
      ),
    );
    process.kill(pid, "SIGKILL");
    const ended = await reader.ended;
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.log).toContain("the code server has ended");
    expect(isAlive(loading)).toBe(false);
  });

  test("ends when the first version cannot be loaded", async () => {
    await publish("import nothing_of_that_name\n");
    const ended = await serve().ended;
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.log).toContain('"event": "not-loaded"');
    await expect(answering()).rejects.toThrow("ECONNREFUSED");
  });

  test("ends its code server with itself at SIGTERM", async () => {
    const reader = serve();
    const { pid } = await answers(await publish(""));
    expect(isAlive(pid)).toBe(true);
    reader.process.kill("SIGTERM");
    expect(await reader.ended).toMatchObject({ code: 143 });
    expect(isAlive(pid)).toBe(false);
  });
});

test("without a word of what to do, it says what there is", async () => {
  await writeFile(join(folder, "x"), "");
  const ended = await start([]).ended;
  expect(ended).toMatchObject({ code: 2 });
  expect(ended.log).toContain("python -m dag_reader init");
});
