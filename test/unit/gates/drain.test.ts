import { type Dagster, DagsterUnreachable, type Document } from "../../../src/dagster/client.ts";
import { drain, type Drained } from "../../../src/gates/drain.ts";
import { testContext } from "../context.ts";

type Look = readonly string[] | "down" | "refused";

/** @param looks runs that are under way, look by look; the last one for ever */
async function drained(
  looks: readonly Look[],
  minutes = 10,
): Promise<Drained & { readonly seconds: number; readonly said: readonly unknown[] }> {
  const { context, clock, progress } = testContext();
  const begun = clock.product.now();
  let asked = 0;
  const dagster: Dagster = {
    ask: <T>(document: Document<T>) => {
      const look = looks[Math.min(asked, looks.length - 1)] ?? [];
      asked += 1;
      if (look === "down") return Promise.reject(new DagsterUnreachable("connection refused"));
      const runsOrError =
        look === "refused"
          ? { __typename: "PythonError", message: "x" }
          : { __typename: "Runs", results: look.map((runId) => ({ runId, jobName: "load", status: "STARTED" })) };
      return Promise.resolve(document.answer.parse({ runsOrError }));
    },
    serverInfo: () => Promise.reject(new Error("not asked here")),
  };
  const result = await clock.run(drain(dagster, context, { holders: ["daemon"], minutes }));
  const said = progress.map((event) => (event.kind === "line" ? event.text : event));
  return { ...result, seconds: (clock.product.now() - begun) / 1000, said };
}

describe("Waiting for runs", () => {
  test("ends after three looks without one, five seconds apart: the daemon's queue is asked as often", async () => {
    expect(await drained([[]])).toMatchObject({ cause: null, seconds: 10, said: [] });
  });

  test("begins anew when the daemon has started one meanwhile", async () => {
    expect(await drained([[], [], ["b"], []])).toMatchObject({ cause: null, seconds: 25 });
  });

  test("says which it waits for, each time that changes", async () => {
    expect((await drained([["a", "b"], ["a", "b"], ["b"], "down", []])).said).toEqual([
      "drain: waiting for run a of load (STARTED), run b of load (STARTED)",
      "drain: waiting for run b of load (STARTED)",
      "drain: connection refused",
    ]);
  });

  test("ends when its time is over, with those that are left", async () => {
    const { cause, seconds } = await drained([["a"]], 10);
    expect(cause).toMatchObject({
      id: "runs-not-over",
      what: "After 10 min there are still runs, which this release would end with daemon: run a of load (STARTED).",
    });
    expect(seconds).toBe(600);
  });

  test("of no minutes looks, and fails at the first run", async () => {
    expect(await drained([["a"]], 0)).toMatchObject({ cause: { id: "runs-not-over" }, seconds: 0 });
    expect(await drained([[]], 0)).toMatchObject({ cause: null });
  });

  test("names five of many", async () => {
    const { cause } = await drained([["1", "2", "3", "4", "5", "6", "7"]], 0);
    expect(cause?.what).toMatch(/run 5 of load \(STARTED\) and 2 more\.$/);
  });

  test.each<[Look, string]>([
    ["down", "connection refused"],
    ["refused", "runs cannot be listed: PythonError"],
  ])("without an answer (%s) is no success", async (look, why) => {
    const { cause, seconds } = await drained([look], 0);
    expect(cause).toMatchObject({ id: "runs-unknown", what: expect.stringContaining(why) as unknown });
    expect(seconds).toBe(60);
  });

  test("outlasts a webserver that is away for a moment", async () => {
    expect(await drained(["down", "down", []], 0)).toMatchObject({ cause: null });
  });
});
