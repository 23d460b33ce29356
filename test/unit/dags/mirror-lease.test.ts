import { hash } from "node:crypto";
import type { ObjectWriter } from "../../../src/aws/objects.ts";
import { writeMirror } from "../../../src/dags/mirror/apply.ts";
import { observeMirror } from "../../../src/dags/mirror/observe.ts";
import { type MirrorPlan, planMirror } from "../../../src/dags/mirror/plan.ts";
import { type DagsFiles, dagsKeys, type DagsMirror, dagsMirrorSchema, dagsVersion } from "../../../src/domain/dags.ts";
import type { UserError } from "../../../src/domain/errors.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import { errorOf } from "../../error-of.ts";
import { type MemoryBucket, memoryBucket } from "../../releases/memory-bucket.ts";
import { testContext, type TestContext } from "../context.ts";

/** A run that writes plain files, and says nothing for longer than others wait. */
let told: TestContext;
let store: MemoryBucket;
/** What lies there, as whoever wrote it last has it. */
let there: Map<string, string>;

beforeEach(() => {
  told = testContext();
  store = memoryBucket(() => told.context.clock.now());
  there = new Map();
});

type Texts = Readonly<Record<string, string>>;

function filesOf(texts: Texts): DagsFiles {
  return Object.fromEntries(
    Object.entries(texts).map(([path, text]) => [
      path,
      { size: text.length, mode: "0644" as const, sha256: hash("sha256", text, "hex") },
    ]),
  );
}

async function planOf(texts: Texts, run: string): Promise<MirrorPlan> {
  const files = filesOf(texts);
  const source = { repository: "shop/pipelines", sha: "a".repeat(40) as Sha };
  const dags = { location: "shop", directory: "dags", place: "dags", source, run } as const;
  const request = { dags, version: dagsVersion(files), files, lock: null, reserved: [] };
  return planMirror(await observeMirror(store, request));
}

/** @param meanwhile happens before a request goes out, and between that and its arrival */
function writer(meanwhile: {
  readonly before?: (path: string) => Promise<void>;
  readonly underWay?: (path: string) => Promise<void>;
}): ObjectWriter {
  const send = async (key: string, look: (() => void) | undefined, arrive: () => void): Promise<void> => {
    const path = key.slice(store.prefix.length);
    await meanwhile.before?.(path);
    look?.();
    await meanwhile.underWay?.(path);
    arrive();
  };
  return {
    put: ({ key, bytes }, look) =>
      send(key, look, () => there.set(key.slice(store.prefix.length), Buffer.from(bytes).toString())),
    remove: ({ key }, look) => send(key, look, () => there.delete(key.slice(store.prefix.length))),
    close: () => undefined,
  };
}

const write = (plan: MirrorPlan, texts: Texts, meanwhile: Parameters<typeof writer>[0] = {}): Promise<void> =>
  writeMirror(store, writer(meanwhile), told.context, plan, (path) => Buffer.from(texts[path] ?? ""));

async function mirror(texts: Texts, run: string): Promise<MirrorPlan> {
  const plan = await planOf(texts, run);
  await write(plan, texts);
  return plan;
}

const record = async (): Promise<DagsMirror | undefined> =>
  (await store.read(dagsKeys.mirror, dagsMirrorSchema))?.value;
const sleep = (seconds: number): Promise<void> => told.context.clock.sleep(seconds * 1000, told.context.signal);

const before = { "jobs.py": "1", "words.sql": "1" };
const ours = { "jobs.py": "ours", "words.sql": "ours" };
const theirs = { "jobs.py": "theirs", "words.sql": "theirs" };

test("A run that sleeps for three minutes before it writes, while another one takes its place, writes nothing more", async () => {
  const work = async (): Promise<unknown> => {
    await mirror(before, "run/0");
    const plan = await planOf(ours, "run/1");
    let isFirst = true;
    return errorOf(
      write(plan, ours, {
        before: async () => {
          if (!isFirst) return;
          isFirst = false;
          await sleep(125);
          await mirror(theirs, "run/2");
        },
      }),
    );
  };
  const error = (await told.clock.run(work())) as UserError;
  expect(error.kind).toBe("superseded");
  expect(error.what).toContain("run/2");
  expect(Object.fromEntries(there)).toEqual(theirs);
  expect(await record()).toMatchObject({ run: "run/2", writing: null });
  expect((await record())?.late).toBeUndefined();
});

test("What was under way when its run fell asleep, and arrives late, is noted; the next run says so, and writes it anew", async () => {
  const work = async (): Promise<unknown> => {
    await mirror(before, "run/0");
    const plan = await planOf(ours, "run/1");
    return errorOf(
      write(plan, ours, {
        underWay: async (path) => {
          if (path !== "words.sql") return;
          await sleep(125);
          await mirror(theirs, "run/2");
        },
      }),
    );
  };
  const error = (await told.clock.run(work())) as UserError;
  expect(there.get("words.sql")).toBe("ours"); // nothing of S3 could have kept it out
  expect(error.what).toContain("words.sql");
  expect(error.fix).toContain("the next run writes them anew");
  expect(await record()).toMatchObject({ run: "run/2", late: { paths: ["words.sql"], run: "run/1" } });
  const next = await told.clock.run(mirror(theirs, "run/3"));
  expect(next.isServed).toBe(false);
  expect(next.findings.map(({ id }) => id)).toContain("mirror-late-write");
  expect(Object.fromEntries(there)).toEqual(theirs);
  const settled = await planOf(theirs, "run/4");
  expect([settled.isServed, settled.findings]).toEqual([true, []]);
});

/** A run of which one of two files that are sent at once is refused, while the other one arrives late. @param meanwhile before that one arrives */
async function refusedAndLate(meanwhile: () => Promise<unknown>): Promise<unknown> {
  const two = { "notes.sql": "ours", "words.sql": "ours" };
  const plan = await planOf(two, "run/1");
  return errorOf(
    write(plan, two, {
      underWay: async (path) => {
        if (path === "notes.sql") throw new Error("denied");
        await sleep(125);
        await meanwhile();
      },
    }),
  );
}

test("What arrives late is noted, too, when another file had failed before", async () => {
  const error = (await told.clock.run(refusedAndLate(() => mirror(theirs, "run/2")))) as UserError;
  expect(error.kind).toBe("superseded");
  expect(await record()).toMatchObject({ run: "run/2", late: { paths: ["words.sql"], run: "run/1" } });
});

test("What arrives late, while nobody has taken the place, hides no failure, and is written anew by the next run", async () => {
  const error = (await told.clock.run(refusedAndLate(() => Promise.resolve()))) as Error;
  expect(error.message).toBe("denied");
  expect(await record()).toMatchObject({ writing: { paths: ["notes.sql", "words.sql"], run: "run/1" } });
  expect((await record())?.late).toBeUndefined();
});

test("A run that slept, and whose place nobody took, goes on and leaves nothing in doubt", async () => {
  let slept = 0;
  const once = async (): Promise<void> => {
    await mirror(before, "run/0");
    const plan = await planOf(ours, "run/1");
    await write(plan, ours, {
      before: async (path) => {
        if (path !== "words.sql" || slept > 0) return;
        slept += 1;
        await sleep(300);
      },
    });
  };
  await told.clock.run(once());
  expect(slept).toBe(1);
  expect(Object.fromEntries(there)).toEqual(ours);
  expect(await record()).toMatchObject({ run: "run/1", writing: null });
});
