import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { dagsKeys, dagsMirrorSchema } from "../../../src/domain/dags.ts";
import type { UserError } from "../../../src/domain/errors.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import type { MirrorPlan } from "../../../src/dags/index.ts";
import { mirrorAlone } from "../../../src/releases/sync-mirror.ts";
import { errorOf } from "../../error-of.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { pythonTools } from "../../python-tools.ts";
import { openScene, type Scene } from "./scene.ts";

/** Plain files in a bucket, as readers copy them that do not know of versions. */
let bed: Bed;
let scene: Scene;

beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed.close());
beforeEach(async () => {
  scene = await openScene(bed);
  await scene.write({
    "shop/__init__.py": "",
    "shop/jobs.py": "RETRIES = 3\n",
    "sql/größe & (mehr)+1.sql": "select 1\n",
  });
});
afterEach(() => scene.close());

const look = (
  run = "https://github.com/shop/pipelines/actions/runs/1",
  location = "shop",
  clients = scene.clients,
  context = scene.context,
) =>
  mirrorAlone(context, clients, {
    dags: {
      location,
      root: scene.root,
      directory: "dags",
      place: "input directory",
      lock: null,
      source: { repository: "shop/pipelines", sha: "a".repeat(40) as Sha },
      run,
    },
    bucket: scene.store.name,
    mirrorPrefix: scene.store.prefix,
  });

async function mirror(run?: string): Promise<MirrorPlan> {
  const { mirror: plan, write } = await look(run);
  await write();
  return plan;
}

async function there(): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const Key of await scene.keys()) {
    const path = Key.slice(scene.store.prefix.length);
    if (path === dagsKeys.mirror) continue;
    const { Body } = await scene.client.send(new GetObjectCommand({ Bucket: scene.store.name, Key }));
    found[path] = (await Body?.transformToString()) ?? "";
  }
  return found;
}

const put = (path: string, Body: string): Promise<unknown> =>
  scene.client.send(new PutObjectCommand({ Bucket: scene.store.name, Key: scene.store.prefix + path, Body }));

const record = async () => (await scene.store.read(dagsKeys.mirror, dagsMirrorSchema))?.value;

test("every file lies under its own name, links as what they lead to, and the record of them is written last", async () => {
  await symlink("jobs.py", join(scene.root, "dags", "shop", "alias.py"));
  await mirror();
  expect(await there()).toEqual({
    "shop/__init__.py": "",
    "shop/jobs.py": "RETRIES = 3\n",
    "shop/alias.py": "RETRIES = 3\n",
    "sql/größe & (mehr)+1.sql": "select 1\n",
  });
  expect(scene.calls.filter((operation) => operation === "PutObject")).toHaveLength(6);
  expect(await record()).toMatchObject({ location: "shop", writing: null });
});

test("no change is one request, whatever times the files have", async () => {
  await mirror();
  await utimes(join(scene.root, "dags", "shop", "jobs.py"), 1, 1);
  scene.calls.length = 0;
  expect((await look()).mirror).toMatchObject({ isServed: true, uploads: [], removes: [] });
  expect(scene.calls).toEqual(["GetObject"]);
});

test("an edit of the same size, with an older time, is written; what is gone is removed; what is not ours stays", async () => {
  await mirror();
  await put("report.csv", "somebody's");
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  await utimes(join(scene.root, "dags", "shop", "jobs.py"), 1, 1);
  await rm(join(scene.root, "dags", "sql"), { recursive: true });
  await mirror();
  expect(await there()).toEqual({
    "shop/__init__.py": "",
    "shop/jobs.py": "RETRIES = 5\n",
    "report.csv": "somebody's",
  });
});

test("a prefix that others have filled is told before anything is written, and loses nothing when it is taken over", async () => {
  await put("shop/jobs.py", "RETRIES = 1\n");
  await put("report.csv", "somebody's");
  const { plan, write } = await look();
  expect(plan.findings.map(({ id }) => id)).toEqual(["mirror-not-ours"]);
  await write();
  expect(await there()).toMatchObject({ "report.csv": "somebody's", "shop/jobs.py": "RETRIES = 3\n" });
});

test("the prefix of another location is refused", async () => {
  await mirror();
  const error = (await errorOf(look(undefined, "other"))) as UserError;
  expect(error.what).toContain("those of location shop");
});

test.each([0, 1, 2])(
  "cut after %d of its three writes, it is finished by the next run, which leaves nothing behind",
  async (spent) => {
    await mirror();
    await scene.write({ "shop/new.py": "NEW = 1\n", "shop/jobs.py": "RETRIES = 5\n" });
    await rm(join(scene.root, "dags", "sql"), { recursive: true });
    let left = spent;
    const spend = (): void => {
      left -= 1;
      if (left < 0) throw new Error("cut");
    };
    const run = "https://github.com/shop/pipelines/actions/runs/2";
    const { write } = await look(run, "shop", {
      ...scene.clients,
      objects: () => {
        const writer = scene.clients.objects();
        return {
          put: async (object) => {
            spend();
            await writer.put(object);
          },
          remove: async (object) => {
            spend();
            await writer.remove(object);
          },
          close: () => writer.close(),
        };
      },
    });
    expect(String(await errorOf(write()))).toContain("cut");
    // Another state of the code: what the run that was cut has put there is no part of it.
    await rm(join(scene.root, "dags", "shop", "new.py"));
    await mirror(run);
    expect(await there()).toEqual({ "shop/__init__.py": "", "shop/jobs.py": "RETRIES = 5\n" });
  },
);

test("another run that has begun is waited for, until it has been silent for two minutes", async () => {
  await mirror();
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  const begun = await look();
  const now = await record();
  if (now === undefined) throw new Error("no record");
  const run = "https://github.com/shop/pipelines/actions/runs/7";
  await scene.store.replace(
    dagsKeys.mirror,
    { ...now, writing: { paths: ["shop/jobs.py"], run, at: now.at } },
    begun.mirror.before?.etag ?? "",
  );
  let slept = 0;
  const said: string[] = [];
  const since = Date.now();
  const { write } = await look(undefined, "shop", scene.clients, {
    ...scene.context,
    clock: {
      now: () => since + slept,
      sleep: (milliseconds) => {
        slept += milliseconds;
        return Promise.resolve();
      },
    },
    report: (event) => void (event.kind === "line" && said.push(event.text)),
  });
  await write();
  expect(slept).toBeGreaterThanOrEqual(110_000);
  expect(said[0]).toContain("actions/runs/7");
  expect((await there())["shop/jobs.py"]).toBe("RETRIES = 5\n");
});

test("of two at once, one is told who has written since", async () => {
  await mirror();
  await scene.write({ "shop/jobs.py": "RETRIES = 4\n" });
  const ours = await look();
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  await mirror("https://github.com/shop/pipelines/actions/runs/3");
  const error = (await errorOf(ours.write())) as UserError;
  expect(error.kind).toBe("superseded");
  expect(error.what).toContain("actions/runs/3");
  expect((await there())["shop/jobs.py"]).toBe("RETRIES = 5\n");
});

test("a file that changes between plan and writing is not written", async () => {
  const { write } = await look();
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  expect(((await errorOf(write())) as UserError).what).toBe("shop/jobs.py changed while it was sent.");
  expect((await there())["shop/jobs.py"]).toBeUndefined();
});

test("what is said of `aws s3 sync` is so: it fetches no edit of the same size, and does with --exact-timestamps", async () => {
  const { aws, environment } = await pythonTools();
  const copy = join(scene.root, "copy");
  await mkdir(copy);
  const sync = (...more: readonly string[]): Promise<unknown> =>
    promisify(execFile)(
      aws,
      ["s3", "sync", `s3://${scene.store.name}/${scene.store.prefix}`, copy, "--delete", ...more],
      {
        env: { ...environment, ...bed.environment("copier"), HOME: scene.root, PATH: "/usr/bin:/bin" },
      },
    );
  await mirror();
  await sync();
  const copied = (): Promise<string> => readFile(join(copy, "shop", "jobs.py"), "utf8");
  expect(await copied()).toBe("RETRIES = 3\n");
  await new Promise((wake) => setTimeout(wake, 1100)); // S3 tells times in seconds
  await scene.write({ "shop/jobs.py": "RETRIES = 5\n" });
  const plan = await mirror();
  expect(plan.findings.map(({ id }) => id)).toEqual(["mirror-same-size"]);
  await sync();
  expect(await copied()).toBe("RETRIES = 3\n");
  await sync("--exact-timestamps");
  expect(await copied()).toBe("RETRIES = 5\n");
});
