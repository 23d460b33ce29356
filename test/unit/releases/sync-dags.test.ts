import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bucket } from "../../../src/aws/bucket.ts";
import { type Dagster, DagsterUnreachable, type Document } from "../../../src/dagster/client.ts";
import { dagsKeys, type DagsPointer, dagsPointerSchema } from "../../../src/domain/dags.ts";
import { UserError } from "../../../src/domain/errors.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import type { Clients, Connections } from "../../../src/releases/connections.ts";
import { type Synced, type SyncRequest, syncDags } from "../../../src/releases/sync-dags.ts";
import { errorOf } from "../../error-of.ts";
import { memorySend } from "../../releases/memory-bucket.ts";
import { testContext } from "../context.ts";

/** What a run leaves behind when Dagster does not load what it has published. */
let root: string;
let told: ReturnType<typeof testContext>;
let memory: ReturnType<typeof memorySend>;
/** Versions that the webserver loads; it stays with the last one when the pointer names another. */
let loads: (version: string) => boolean;
/** Before each answer. */
let meanwhile: () => Promise<void>;

const sha = (digit: string): Sha => digit.repeat(40) as Sha;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sync-"));
  told = testContext();
  memory = memorySend(() => told.context.clock.now());
  loads = () => true;
  meanwhile = () => Promise.resolve();
});
afterEach(() => rm(root, { recursive: true }));

const store = () => bucket(memory.send, "dags", "dags/shop/");
const pointer = async (): Promise<DagsPointer | null> =>
  (await store().read(dagsKeys.pointer, dagsPointerSchema))?.value ?? null;

/** Plays the webserver with a reader beside it. */
function webserver(): Dagster {
  let loaded = "0".repeat(40);
  return {
    ask: async <T>(document: Document<T>) => {
      await meanwhile();
      const wanted = (await pointer())?.version;
      if (wanted !== undefined && loads(wanted)) loaded = wanted;
      const entry = {
        name: "shop",
        loadStatus: "LOADED",
        displayMetadata: [],
        locationOrLoadError: { __typename: "RepositoryLocation", serverId: `${loaded}.01`, repositories: [] },
      };
      return document.answer.parse({ workspaceOrError: { __typename: "Workspace", locationEntries: [entry] } });
    },
    serverInfo: () => Promise.reject(new Error("not asked here")),
  };
}

async function sync(text: string, change: Partial<SyncRequest> = {}): Promise<Synced> {
  await writeFile(join(root, "jobs.sql"), text);
  const connections = {
    webserver: () => webserver(),
    history: { isAncestor: () => Promise.resolve("yes") },
  } as unknown as Connections;
  const work = syncDags(told.context, connections, { s3: memory.send } as unknown as Clients, {
    dags: {
      location: "shop",
      root,
      directory: ".",
      place: "input directory",
      lock: null,
      source: { repository: "owner/shop", sha: sha("a") },
      run: null,
    },
    bucket: "dags",
    prefix: "dags/shop/",
    layout: "versions",
    mirrorPrefix: "dags/shop/",
    retention: null,
    to: null,
    writes: true,
    allowed: [],
    webserver: { url: "http://dagster", secret: null },
    timeoutSeconds: 60,
    allowDivergent: false,
    compare: null,
    ...change,
  });
  return told.clock.run(work);
}

test("a first version that is not loaded stays, for there is none before it", async () => {
  loads = () => false;
  const { plan, outcome } = await sync("one");
  expect(outcome).toMatchObject({
    kind: "failed",
    cause: { id: "version-not-loaded" },
    left: `Readers keep version ${plan.version.slice(0, 12)}: there is none before it.`,
  });
  expect((await pointer())?.version).toBe(plan.version);
});

test("a later one is taken back, with all that the pointer said before but its times", async () => {
  const first = await sync("one");
  const was = await pointer();
  loads = (version) => version === first.plan.version;
  const { outcome } = await sync("two");
  expect(outcome).toMatchObject({
    kind: "taken-back",
    left: `Readers are to have version ${first.plan.version.slice(0, 12)} again, and it is loaded.`,
  });
  const { until, ...rest } = (await pointer()) ?? {};
  expect({ ...rest, at: null }).toEqual({ ...was, at: null });
  // A run may have been planned with the one that was there for a moment.
  expect(Object.keys(until ?? {})).toHaveLength(1);
});

test("that the version of before is not loaded either is said, and neither hides the first cause", async () => {
  await sync("one");
  loads = () => false;
  const { plan, outcome } = await sync("two");
  expect(outcome).toMatchObject({
    kind: "taken-back",
    cause: { what: expect.stringContaining(`version ${plan.version.slice(0, 12)}`) as unknown },
    left: expect.stringMatching(/again\. The webserver has not loaded version .* after 60 s: [^.]*\.$/) as unknown,
  });
});

test("what somebody else has switched to meanwhile is not taken back", async () => {
  await sync("one");
  loads = () => false;
  meanwhile = async () => {
    const now = await store().read(dagsKeys.pointer, dagsPointerSchema);
    if (now === null || now.value.version === third || (await sinceSwitch()) < 5) return;
    await store().replace(dagsKeys.pointer, { ...now.value, version: third }, now.etag);
  };
  const error = await errorOf(sync("two"));
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ kind: "superseded" });
  expect((await pointer())?.version).toBe(third);
});
const third = "3".repeat(40);

/** Seconds since the pointer was written. */
async function sinceSwitch(): Promise<number> {
  const now = await pointer();
  return now === null ? 0 : (told.context.clock.now() - Date.parse(now.at)) / 1000;
}

test("a version that this run has not switched to stays where it is, and the run is red", async () => {
  await sync("one");
  loads = () => false;
  const { plan, outcome } = await sync("one");
  expect(outcome).toMatchObject({
    kind: "failed",
    left: `Readers keep version ${plan.version.slice(0, 12)}, which they had before this run.`,
  });
});

test("a webserver that refuses while it is waited for leaves the new version, and that is said", async () => {
  await sync("one");
  loads = () => false;
  let asked = 0;
  meanwhile = () => {
    asked += 1;
    return asked > 3 ? Promise.reject(new UserError({ what: "a login stands in front", fix: "x" })) : Promise.resolve();
  };
  expect(String(await errorOf(sync("two")))).toContain("a login stands in front");
  const lines = told.progress.flatMap((event) => (event.kind === "line" ? [event.text] : []));
  expect(lines.at(-1)).toMatch(/^whether version .* is loaded was not seen to the end; readers keep it$/);
});

test("nobody who answers before the first write is the end, and after it is weather", async () => {
  await sync("one");
  const before = await pointer();
  meanwhile = () => Promise.reject(new DagsterUnreachable("connection refused"));
  expect(String(await errorOf(sync("two")))).toContain("so nothing was written: connection refused");
  expect(await pointer()).toEqual(before);
  let asked = 0;
  meanwhile = () => {
    asked += 1;
    return asked === 3 ? Promise.reject(new DagsterUnreachable("connection refused")) : Promise.resolve();
  };
  expect((await sync("two")).outcome.kind).toBe("served");
});
