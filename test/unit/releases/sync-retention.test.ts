import { bucket } from "../../../src/aws/bucket.ts";
import type { Context } from "../../../src/domain/context.ts";
import type { Dagster, Document } from "../../../src/dagster/client.ts";
import { DagsterUnreachable } from "../../../src/dagster/client.ts";
import {
  dagsKeys,
  type DagsManifest,
  type DagsPointer,
  dagsPointerSchema,
  type DagsVersion,
} from "../../../src/domain/dags.ts";
import { type Digest, instant, type Sha } from "../../../src/domain/identifiers.ts";
import { type Retained, retainVersions } from "../../../src/releases/sync-retention.ts";
import { memorySend } from "../../releases/memory-bucket.ts";
import { testContext } from "../context.ts";

/** Which versions of a location go, and what keeps them. */
let context: Context;
let now: number;
let memory: ReturnType<typeof memorySend>;
let loaded: string;
let runs: { readonly location: string; readonly daysAgo: number }[];

const day = 86_400_000;
const source = { repository: "owner/shop", sha: "a".repeat(40) as Sha };
const version = (digit: string): DagsVersion => digit.repeat(40) as DagsVersion;
const store = () => bucket(memory.send, "dags", "dags/shop/");

beforeEach(async () => {
  now = 0;
  context = { ...testContext().context, clock: { now: () => now, sleep: () => Promise.resolve() } };
  memory = memorySend(() => now);
  loaded = "5";
  runs = [];
  for (const digit of ["1", "2", "3", "4", "5"]) {
    const manifest: DagsManifest = {
      schema: 1,
      version: version(digit),
      files: {},
      archive: { digest: `sha256:${digit.repeat(64)}` as Digest, size: 1 },
      lock: null,
      source,
      run: null,
    };
    await store().create(dagsKeys.manifest(version(digit)), manifest);
    await store().create(dagsKeys.archive(manifest), "archive");
  }
  now = 100 * day;
  const until = Object.fromEntries(
    ["4", "3", "2", "1"].map((digit, at) => [version(digit), instant(now - (at + 1) * 10 * day)]),
  );
  const pointer: DagsPointer = {
    schema: 1,
    version: version("5"),
    previous: version("4"),
    source,
    run: null,
    at: instant(now),
    until,
  };
  await store().create(dagsKeys.pointer, pointer);
});

/** A webserver that has one version loaded, and runs that wait. */
function dagster(pageOf = 500): Dagster {
  return {
    ask: <T>(document: Document<T>, variables?: object) => {
      if (document.name === "Locations") {
        const entry = {
          name: "shop",
          loadStatus: "LOADED",
          displayMetadata: [],
          locationOrLoadError: {
            __typename: "RepositoryLocation",
            serverId: `${version(loaded)}.01`,
            repositories: [],
          },
        };
        return Promise.resolve(
          document.answer.parse({ workspaceOrError: { __typename: "Workspace", locationEntries: [entry] } }),
        );
      }
      const { cursor } = variables as { readonly cursor: string | null };
      const from = cursor === null ? 0 : Number(cursor) + 1;
      const results = runs.slice(from, from + pageOf).map(({ location, daysAgo }, at) => ({
        runId: String(from + at),
        jobName: "tell",
        status: "QUEUED",
        creationTime: (now - daysAgo * day) / 1000,
        repositoryOrigin: { repositoryLocationName: location },
      }));
      return Promise.resolve(document.answer.parse({ runsOrError: { __typename: "Runs", results } }));
    },
    serverInfo: () => Promise.reject(new Error("not asked here")),
  };
}

const retain = (asked: Dagster | null, more: { readonly writes?: boolean } = {}): Promise<Retained> =>
  retainVersions(store(), context, asked, "shop", { keep: 1, keepDays: 7, writes: true, ...more });

const gone = ({ removed }: Retained): string =>
  removed
    .map((name) => name[0] ?? "")
    .toSorted((a, b) => a.localeCompare(b))
    .join("");
const left = async (): Promise<string> =>
  (await store().list("versions/", 100)).map((key) => key["versions/".length]).join("");

test("versions beyond those that are kept go, with their archives", async () => {
  expect(gone(await retain(null))).toBe("123");
  expect(await left()).toBe("45");
  expect(await store().list("archives/", 100)).toHaveLength(2);
  expect(gone(await retain(null))).toBe("");
});

test("a plan says which, and nothing is removed", async () => {
  expect(gone(await retain(null, { writes: false }))).toBe("123");
  expect(await left()).toBe("12345");
});

test("what a webserver has loaded, and what was there when a run was made, stay", async () => {
  loaded = "1";
  runs = [
    { location: "shop", daysAgo: 1 },
    { location: "other", daysAgo: 90 },
    { location: "shop", daysAgo: 25 },
  ];
  expect(gone(await retain(dagster(), { writes: false }))).toBe("2");
});

test("the oldest run counts, on whichever page it is", async () => {
  runs = Array.from({ length: 501 }, (_, at) => ({ location: "shop", daysAgo: at === 500 ? 35 : 1 }));
  expect(gone(await retain(dagster(), { writes: false }))).toBe("1");
});

test("when Dagster does not answer, nothing is removed, and that is said", async () => {
  const away: Dagster = { ...dagster(), ask: () => Promise.reject(new DagsterUnreachable("connection refused")) };
  expect(await retain(away)).toEqual({ removed: [], why: expect.stringContaining("could not be asked") as unknown });
  expect(await left()).toBe("12345");
});

test("it ends as soon as somebody has switched meanwhile", async () => {
  const was = await store().read(dagsKeys.pointer, dagsPointerSchema);
  const send = memory.send;
  let removed = 0;
  const meddling: typeof send = async (command, options) => {
    const answer = await send(command, options);
    const [, , operation] = (command as unknown as { readonly schema: readonly unknown[] }).schema;
    if (operation === "DeleteObject" && (removed += 1) === 2) {
      await store().replace(dagsKeys.pointer, { ...was?.value, version: version("1") }, was?.etag ?? "");
    }
    return answer;
  };
  const result = await retainVersions(bucket(meddling, "dags", "dags/shop/"), context, null, "shop", {
    keep: 1,
    keepDays: 7,
    writes: true,
  });
  expect(gone(result)).toBe("3");
  expect(await left()).toBe("1245");
});
