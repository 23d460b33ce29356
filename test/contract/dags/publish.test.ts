import { GetObjectCommand } from "@aws-sdk/client-s3";
import { chmod, cp, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { publishDags, switchDags } from "../../../src/dags/index.ts";
import { dagsKeys, dagsManifestSchema, dagsPointerSchema } from "../../../src/domain/dags.ts";
import { UserError } from "../../../src/domain/errors.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import { readTar } from "../../../src/files/read-tar.ts";
import { errorOf } from "../../error-of.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { openScene, type Scene } from "./scene.ts";

let bed: Bed;
let scene: Scene;

beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed.close());

beforeEach(async () => {
  scene = await openScene(bed);
  await scene.write({ "shop/__init__.py": "", "shop/jobs.py": "RETRIES = 3\n", "run.sh": "#!/bin/sh\n" });
});
afterEach(() => scene.close());

/** What an archive unpacks to. */
async function unpacked(key: string): Promise<Readonly<Record<string, string>>> {
  const { Body } = await scene.client.send(
    new GetObjectCommand({ Bucket: scene.store.name, Key: scene.store.prefix + key }),
  );
  const tar = gunzipSync((await Body?.transformToByteArray()) ?? new Uint8Array());
  const files: Record<string, string> = {};
  const chunks = (async function* () {
    yield tar;
  })();
  for await (const { path, kind, bytes, target } of readTar(chunks, () => true)) {
    if (kind === "file") files[path] = bytes?.toString() ?? "";
    if (kind === "symlink") files[path] = `-> ${target}`;
  }
  return files;
}

test("a first version is an archive, a manifest and a pointer, and every file is in them", async () => {
  await chmod(join(scene.root, "dags", "run.sh"), 0o755);
  await symlink("jobs.py", join(scene.root, "dags", "shop", "alias.py"));
  await writeFile(join(scene.root, "uv.lock"), "dagster==1.13.27\n");
  const { version } = await scene.deploy({ lock: "uv.lock" });
  expect(scene.calls).toEqual(["GetObject", "HeadObject", "PutObject", "PutObject", "HeadObject", "PutObject"]);
  expect(await scene.served()).toBe(version);
  const manifest = (await scene.store.read(dagsKeys.manifest(version), dagsManifestSchema))?.value;
  expect(manifest).toMatchObject({
    files: {
      "run.sh": { mode: "0755", size: 10 },
      "shop/__init__.py": { mode: "0644", size: 0 },
      "shop/jobs.py": { mode: "0644", size: 12 },
      "shop/alias.py": { link: "jobs.py" },
    },
    lock: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    run: "https://github.com/shop/pipelines/actions/runs/1",
  });
  if (manifest === undefined) throw new Error("no manifest");
  expect(await unpacked(dagsKeys.archive(manifest))).toEqual({
    "run.sh": "#!/bin/sh\n",
    "shop/__init__.py": "",
    "shop/alias.py": "-> jobs.py",
    "shop/jobs.py": "RETRIES = 3\n",
  });
});

test("the same files of another checkout, with other times, are the same version: two reads and no write", async () => {
  const { version } = await scene.deploy();
  const copy = await mkdtemp(join(tmpdir(), "dags-"));
  await cp(scene.root, copy, { recursive: true });
  await utimes(join(copy, "dags", "run.sh"), 1, 1);
  scene.calls.length = 0;
  const plan = await scene.deploy({ root: copy, source: { repository: "shop/pipelines", sha: "b".repeat(40) as Sha } });
  expect(plan).toMatchObject({ version, publishes: false, switches: null });
  expect(scene.calls).toEqual(["GetObject", "HeadObject"]);
  await rm(copy, { recursive: true });
});

test("an edit of the same size is another version, and going back to the first writes the pointer alone", async () => {
  const first = await scene.deploy();
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  const second = await scene.deploy();
  expect(second.version).not.toBe(first.version);
  expect(second.changes).toEqual({ added: [], changed: ["shop/jobs.py"], removed: [] });
  await scene.write({ "shop/jobs.py": "RETRIES = 3\n" });
  scene.calls.length = 0;
  expect(await scene.deploy()).toMatchObject({ version: first.version, publishes: false });
  expect(await scene.served()).toBe(first.version);
  expect(scene.calls.filter((operation) => operation === "PutObject")).toHaveLength(1);
});

test("of two who switch at once, one is told who won", async () => {
  await scene.deploy();
  await scene.write({ "shop/jobs.py": "RETRIES = 4\n" });
  const ours = await scene.look({ run: "https://github.com/shop/pipelines/actions/runs/2" });
  await publishDags(scene.store, scene.context, ours.seen);
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  const theirs = await scene.deploy({ run: "https://github.com/shop/pipelines/actions/runs/3" });
  if (ours.plan.switches === null) throw new Error("nothing to switch");
  const lost = (await errorOf(switchDags(scene.store, scene.context, ours.plan.switches))) as UserError;
  expect(lost).toBeInstanceOf(UserError);
  expect(lost.kind).toBe("superseded");
  expect(lost.what).toContain(`switched to version ${theirs.version}, of shop/pipelines at ${"a".repeat(40)}`);
  expect(lost.what).toContain("actions/runs/3");
  expect(await scene.served()).toBe(theirs.version);
});

test("of two who make the first pointer at once, one is told who won", async () => {
  const ours = await scene.look();
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  const theirs = await scene.deploy();
  if (ours.plan.switches === null) throw new Error("nothing to switch");
  const lost = (await errorOf(switchDags(scene.store, scene.context, ours.plan.switches))) as UserError;
  expect(lost.what).toMatch(/there was no version\. At .* switched to version/);
  expect(await scene.served()).toBe(theirs.version);
});

test("a switch is known by its own ETag, also when somebody else has switched right after", async () => {
  const { seen, plan } = await scene.look();
  await publishDags(scene.store, scene.context, seen);
  if (plan.switches === null) throw new Error("nothing to switch");
  const etags: (string | null)[] = [];
  const overtaken: Scene["store"] = {
    ...scene.store,
    create: async (key, value) => {
      etags.push(await scene.store.create(key, value));
      await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
      await scene.deploy();
      return etags[0] ?? null;
    },
  };
  const etag = await switchDags(overtaken, scene.context, plan.switches);
  expect(etag).not.toBeNull();
  expect(etag).toBe(etags[0]);
  expect((await scene.store.read(dagsKeys.pointer, dagsPointerSchema))?.etag).not.toBe(etag);
});

test("of two who switch to the same version both have it, and one may take it back", async () => {
  await scene.deploy();
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  const ours = await scene.look({ run: "https://github.com/shop/pipelines/actions/runs/2" });
  await scene.deploy({ run: "https://github.com/shop/pipelines/actions/runs/3" });
  if (ours.plan.switches === null) throw new Error("nothing to switch");
  expect(await switchDags(scene.store, scene.context, ours.plan.switches)).toBeNull();
  expect(await scene.served()).toBe(ours.plan.version);
});

test("one that was cut after its archive is finished by the next, which sends nothing twice", async () => {
  const { seen, plan } = await scene.look();
  await publishDags({ ...scene.store, create: () => Promise.reject(new Error("cut")) }, scene.context, seen).catch(
    () => undefined,
  );
  expect((await scene.keys()).filter((key) => key.includes("/versions/"))).toEqual([]);
  expect(await scene.served()).toBeUndefined();
  await scene.deploy();
  expect(await scene.served()).toBe(plan.version);
  expect((await scene.keys()).filter((key) => key.includes("/archives/"))).toHaveLength(1);
});

test("a file that changes between plan and publishing is not published", async () => {
  const { seen } = await scene.look();
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  const error = (await errorOf(publishDags(scene.store, scene.context, seen))) as UserError;
  expect(error.what).toBe("shop/jobs.py changed while it was packed.");
  expect(await scene.keys()).toEqual([]);
});

test("Python is asked for what has changed only", async () => {
  await scene.write({ "shop/old.py": "print 'two'\n" });
  await scene.deploy();
  await scene.write({ "shop/jobs.py": "def f(:\n" });
  const { plan } = await scene.look();
  expect(plan.findings).toEqual([
    expect.objectContaining({ id: "dags-broken", where: { file: "dags/shop/jobs.py", line: 1, column: 7 } }),
  ]);
});

test("a name that would hide files of an image is one like others here", async () => {
  await scene.write({ "shop/.wh.jobs.py": "" });
  const { plan } = await scene.look();
  expect(plan.changes.added).toContain("shop/.wh.jobs.py");
});

test("what it says of a file that cannot be packed does not name .dockerignore, which does not count here", async () => {
  await writeFile(join(scene.root, ".dockerignore"), "dags\n");
  await symlink("../../secrets", join(scene.root, "dags", "out"));
  const error = (await errorOf(scene.look())) as UserError;
  expect(error.fix).toBe("Copy the file itself, or move it out of dags.");
});

test("a private key among the files is found", async () => {
  await scene.write({ "shop/key.txt": "-----BEGIN PRIVATE KEY-----\n" });
  const { plan } = await scene.look();
  expect(plan.findings).toEqual([expect.objectContaining({ id: "secret-in-dags" })]);
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    "is empty",
    () => rm(join(scene.root, "dags"), { recursive: true }).then(() => mkdir(join(scene.root, "dags"))),
    /nothing to copy in dags/,
  ],
  ["is missing", () => rm(join(scene.root, "dags"), { recursive: true }), /no dags in the checkout/],
  [
    "has a link that leads out of it",
    () => symlink("../../secrets", join(scene.root, "dags", "out")),
    /link to .*secrets/,
  ],
  [
    "is larger than containers have room for",
    () => writeFile(join(scene.root, "dags", "model.bin"), Buffer.alloc(101 * 2 ** 20)),
    /has 102 MiB/,
  ],
])("a folder that %s is refused before anything is written", async (_, prepare, what) => {
  await prepare();
  const error = (await errorOf(scene.look())) as UserError;
  expect(error).toBeInstanceOf(UserError);
  expect(error.what).toMatch(what);
  expect(await scene.keys()).toEqual([]);
});
