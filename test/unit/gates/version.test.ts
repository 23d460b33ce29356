import { type Dagster, DagsterUnreachable, type Document } from "../../../src/dagster/client.ts";
import type { LocationEntry } from "../../../src/dagster/documents.ts";
import type { DagsVersion } from "../../../src/domain/dags.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { judgeVersion } from "../../../src/gates/judge.ts";
import { versionGate } from "../../../src/gates/version.ts";
import { testContext } from "../context.ts";

const version = "a".repeat(40) as DagsVersion;
const older = "b".repeat(40);

const repositories = { repositories: [] };
const error = { __typename: "PythonError" as const, message: "No module named 'pandsa'", stack: [], causes: [] };

/** As a code server's entry reads. */
const served = (of: string): LocationEntry => ({
  name: "shop",
  loadStatus: "LOADED",
  displayMetadata: [],
  locationOrLoadError: { __typename: "RepositoryLocation", serverId: `${of}.0123abcd`, ...repositories },
});

/** As that of a location reads which the webserver loads itself. */
const loaded = (of: string, change: Partial<LocationEntry> = {}): LocationEntry => ({
  ...served("1b2c3d4e"),
  displayMetadata: [{ key: "working_directory", value: `/opt/dagster/dags/shop/versions/${of}` }],
  ...change,
});

describe("a location whose code comes from S3", () => {
  test.each([
    ["served by a server of the version", [served(version)], { kind: "loaded" }],
    ["loaded from the version's folder", [loaded(version)], { kind: "loaded" }],
    ["served from an older one", [served(older)], { why: `version ${older.slice(0, 12)} is loaded` }],
    ["loaded from an older one", [loaded(older)], { why: `version ${older.slice(0, 12)} is loaded` }],
    ["broken, of the version", [loaded(version, { locationOrLoadError: error })], { error, from: "ours" }],
    ["broken, of an older one", [loaded(older, { locationOrLoadError: error })], { error, from: "another" }],
    ["broken, and nobody knows of which", [{ ...served(older), locationOrLoadError: error }], { from: "unknown" }],
    ["loaded by nobody who reads S3", [served("1b2c")], { why: expect.stringContaining("says no version") as unknown }],
    ["loading", [loaded(version, { loadStatus: "LOADING", locationOrLoadError: null })], { why: "it is loading" }],
    ["in no workspace", [], { why: "the workspace has no location shop" }],
  ])("is %s", (_, entries, wanted) => {
    expect(judgeVersion(entries, "shop", version)).toMatchObject(wanted);
  });
});

type Answer = readonly LocationEntry[] | "down" | "no workspace";

async function ask(answers: readonly Answer[]): Promise<GateResult & { readonly asked: readonly string[] }> {
  const { context, clock } = testContext();
  const asked: string[] = [];
  const dagster: Dagster = {
    ask: <T>(document: Document<T>) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(document.name);
      if (answer === "down") return Promise.reject(new DagsterUnreachable("connection refused"));
      const workspaceOrError =
        answer === "no workspace"
          ? { __typename: "PythonError", message: "no file" }
          : { __typename: "Workspace", locationEntries: answer };
      return Promise.resolve(document.answer.parse({ workspaceOrError }));
    },
    serverInfo: () => Promise.reject(new Error("not asked here")),
  };
  const result = await clock.run(versionGate(dagster, context, { location: "shop", version, timeoutSeconds: 90 }));
  return { ...result, asked };
}

describe("its gate", () => {
  test("waits until readers have followed, and passes after three answers, also of webservers that answer in turn", async () => {
    const late = Array.from({ length: 60 }, () => [served(older)]);
    const result = await ask([...late, [served(version)], [served(version)], [served(version)]]);
    expect(result).toMatchObject({ gate: "version", cause: null, since: Date.parse("2026-11-21T10:01:00Z") });
    // Nobody is told to load anything: that would import the code of before again and again.
    expect(new Set(result.asked)).toEqual(new Set(["Locations"]));
  });

  test("counts anew after an answer of a webserver that has not followed yet", async () => {
    const good = [loaded(version)];
    const result = await ask([good, good, [loaded(older)], good, "down", good, good, good]);
    expect(result).toMatchObject({ cause: null, since: Date.parse("2026-11-21T10:00:05Z") });
    expect(result.asked).toHaveLength(8);
  });

  test("fails with the traceback, before its time is over, when the code does not load", async () => {
    const { cause, evidence, seconds } = await ask([[loaded(version, { locationOrLoadError: error })]]);
    expect(cause?.id).toBe("location-broken");
    expect(evidence.map(({ text }) => text.untrusted)).toEqual(["No module named 'pandsa'"]);
    expect(seconds).toBe(30);
  });

  test("does not take the error of another version for one of this", async () => {
    const { cause } = await ask([[loaded(older, { locationOrLoadError: error })]]);
    expect(cause).toMatchObject({
      id: "version-not-loaded",
      what: expect.stringContaining("it does not load") as unknown,
    });
  });

  test.each<[string, Answer]>([
    ["the workspace has no location shop", []],
    [`version ${older.slice(0, 12)} is loaded`, [served(older)]],
    ["connection refused", "down"],
    ["the webserver has no workspace (PythonError)", "no workspace"],
  ])("fails, and says why: %s", async (why, answer) => {
    const { cause, seconds } = await ask([answer]);
    expect(cause).toMatchObject({
      id: "version-not-loaded",
      what: `The webserver has not loaded version ${version.slice(0, 12)} of code location shop after 90 s: ${why}.`,
    });
    expect(seconds).toBeGreaterThanOrEqual(90);
  });
});
