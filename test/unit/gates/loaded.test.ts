import { type Dagster, DagsterUnreachable, type Document } from "../../../src/dagster/client.ts";
import type { LocationEntry } from "../../../src/dagster/documents.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { judgeLoaded } from "../../../src/gates/judge.ts";
import { loadedGate } from "../../../src/gates/loaded.ts";
import { testContext } from "../context.ts";

const image = "repo@sha256:new";

function entry(change: Partial<LocationEntry> = {}, named: string | null = image, serverId = "a"): LocationEntry {
  return {
    name: "shop",
    loadStatus: "LOADED",
    displayMetadata: named === null ? [] : [{ key: "image", value: named }],
    locationOrLoadError: { __typename: "RepositoryLocation", serverId, repositories: [] },
    ...change,
  };
}

const broken = entry({
  locationOrLoadError: { __typename: "PythonError", message: "No module named 'pandsa'", stack: [], causes: [] },
});

describe("a location that the webserver loads itself", () => {
  test.each([
    ["loaded, and names our image", [entry()], { kind: "loaded" }],
    ["loaded, and names no image: ECS has proved it", [entry({}, null)], { kind: "loaded" }],
    ["of an older image", [entry({}, "repo@sha256:old")], { why: "it is loaded from another image, repo@sha256:old" }],
    ["loading", [entry({ loadStatus: "LOADING", locationOrLoadError: null })], { why: "it is loading" }],
    ["loaded with an error, which reads LOADED too", [broken], { why: "it does not load" }],
    ["under another name", [entry({ name: "other" })], { why: "the workspace has no location shop, only other" }],
    ["in no workspace", [], { why: "the workspace has no location shop" }],
  ])("is %s", (_, entries, wanted) => {
    expect(judgeLoaded(entries, "shop", image)).toMatchObject(wanted);
  });
});

type Answer = readonly LocationEntry[] | "down";

/** @param mended what it answers once it was told to load the location anew */
async function ask(
  answers: readonly Answer[],
  mended: Answer | null = null,
): Promise<GateResult & { readonly asked: number }> {
  const { context, clock } = testContext();
  let asked = 0;
  let reloads = 0;
  const dagster: Dagster = {
    ask: <T>(document: Document<T>) => {
      if (document.name === "ReloadLocation") {
        reloads += 1;
        return Promise.resolve(document.answer.parse({ reloadRepositoryLocation: { __typename: "x" } }));
      }
      const answer = (reloads > 0 ? mended : null) ?? answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      if (answer === "down") return Promise.reject(new DagsterUnreachable("connection refused"));
      const workspaceOrError = { __typename: "Workspace", locationEntries: answer };
      return Promise.resolve(document.answer.parse({ workspaceOrError }));
    },
    serverInfo: () => Promise.reject(new Error("not asked here")),
  };
  const result = await clock.run(loadedGate(dagster, context, { location: "shop", image, timeoutSeconds: 60 }));
  return { ...result, asked };
}

describe("its gate", () => {
  test("passes after three answers, also of tasks that answer in turn", async () => {
    const result = await ask([[entry()], [entry({}, image, "b")], [entry()]]);
    expect(result).toMatchObject({ cause: null, asked: 3, since: Date.parse("2026-11-21T10:00:00Z") });
  });

  test("counts anew after an answer that is not good", async () => {
    const result = await ask([[entry()], [entry()], "down", [entry()], [entry()], [entry()]]);
    expect(result).toMatchObject({ cause: null, asked: 6, since: Date.parse("2026-11-21T10:00:03Z") });
  });

  test("lets the webserver load anew what it could not load, and passes when that helps", async () => {
    expect((await ask([[broken]], [entry()])).cause).toBeNull();
  });

  test("fails with the traceback, before its time is over, when the code does not load", async () => {
    const { cause, evidence, seconds } = await ask([[broken]]);
    expect(cause?.id).toBe("location-broken");
    expect(evidence.map(({ text }) => text.untrusted)).toEqual(["No module named 'pandsa'"]);
    expect(seconds).toBeLessThan(60);
  });

  test.each<[string, Answer]>([
    ["the workspace has no location shop", []],
    ["it is loaded from another image, repo@sha256:old", [entry({}, "repo@sha256:old")]],
    ["connection refused", "down"],
  ])("fails, and says why: %s", async (why, answer) => {
    const { cause } = await ask([answer]);
    expect(cause).toMatchObject({
      id: "location-not-loaded",
      what: `The webserver has not loaded code location shop after 60 s: ${why}.`,
    });
  });
});
