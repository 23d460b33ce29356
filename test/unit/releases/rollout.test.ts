import fc from "../../properties.ts";
import type { Step } from "../../../src/domain/plan.ts";
import { Cancelled } from "../../../src/domain/errors.ts";
import { emptyRelease } from "../../../src/domain/release.ts";
import type { Verdict } from "../../../src/domain/verdict.ts";
import { StepFailed } from "../../../src/releases/steps/done.ts";
import { type RolloutEnd, rollOut, stepsOfParts } from "../../../src/releases/rollout.ts";
import { createFakeClock } from "../../local-aws/fake-clock.ts";
import { testContext } from "../context.ts";
import { head } from "../domain/arbitraries.ts";

const step = (id: string, after: readonly string[] = [], part: Step["part"] = "rollout"): Step => ({
  id,
  part,
  after,
  reason: "",
  undo: { kind: "none", why: "" },
  kind: "gate",
  gate: "webserver",
  on: id,
});

/** Some steps that wait for earlier ones, how long each takes, and which fail. */
const scripts = fc
  .array(
    fc.record({
      waits: fc.array(fc.nat(20), { maxLength: 3 }),
      seconds: fc.integer({ min: 0, max: 5 }),
      fails: fc.boolean(),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map((all) =>
    all.map(({ waits, ...rest }, index) => ({
      ...rest,
      step: step(`s${index}`, [
        ...new Set(
          waits
            .map((value) => value % Math.max(index, 1))
            .filter((value) => value < index)
            .map((value) => `s${value}`),
        ),
      ]),
    })),
  );

interface Seen {
  readonly end: RolloutEnd;
  /** Seconds since the start, by step. */
  readonly began: ReadonlyMap<string, number>;
  readonly ended: ReadonlyMap<string, number>;
}

async function run(
  script: readonly { readonly step: Step; readonly seconds: number; readonly fails: boolean }[],
): Promise<Seen> {
  const clock = createFakeClock(0);
  const [began, ended] = [new Map<string, number>(), new Map<string, number>()];
  const now = (): number => clock.product.now() / 1000;
  const end = await clock.run(
    rollOut(
      script.map((one) => one.step),
      emptyRelease(head),
      testContext(clock).context,
      async ({ id }) => {
        began.set(id, now());
        const { seconds = 0, fails = false } = script.find((one) => one.step.id === id) ?? {};
        await clock.product.sleep(seconds * 1000);
        ended.set(id, now());
        if (fails) throw new Error(`${id} fails`);
        return { results: {}, parts: {}, said: "" };
      },
    ),
  );
  return { end, began, ended };
}

describe("a rollout", () => {
  test("begins no step before all that it waits for are done, and loses none", async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        const { end, began, ended } = await run(script);
        expect(end.steps.map((one) => one.step.id).sort()).toEqual(script.map((one) => one.step.id).sort());
        for (const { step: one } of script) {
          const at = began.get(one.id);
          if (at === undefined) continue;
          for (const earlier of one.after) expect(ended.get(earlier)).toBeLessThanOrEqual(at);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("begins a step as soon as they are: what does not wait goes side by side", async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        const { began, ended } = await run(script.map((one) => ({ ...one, fails: false })));
        for (const { step: one } of script)
          expect(began.get(one.id)).toBe(Math.max(0, ...one.after.map((id) => ended.get(id) ?? Number.NaN)));
      }),
      { numRuns: 50 },
    );
  });

  test("begins nothing after the first failure, and waits for what is under way", async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        const { end, began, ended } = await run(script);
        const failures = script
          .filter((one) => one.fails && ended.has(one.step.id))
          .map((one) => ended.get(one.step.id) ?? 0);
        if (failures.length === 0) {
          expect(end.failure).toBeNull();
          return;
        }
        const firstFailure = Math.min(...failures);
        expect(ended.get(end.failure?.step.id ?? "")).toBe(firstFailure);
        for (const at of began.values()) expect(at).toBeLessThanOrEqual(firstFailure);
        expect([...began.keys()].sort()).toEqual([...ended.keys()].sort());
        const left = end.steps.filter(({ kind }) => kind === "left").map((one) => one.step.id);
        expect(left.sort()).toEqual(
          script
            .map((one) => one.step.id)
            .filter((id) => !began.has(id))
            .sort(),
        );
      }),
      { numRuns: 50 },
    );
  });

  test("says why a step has failed when it does, and not when all is taken back", async () => {
    const clock = createFakeClock(0);
    const { context } = testContext(clock);
    const verdict: Verdict = {
      service: "shop-code",
      verdict: "rolled-back",
      deploymentId: null,
      from: null,
      to: null,
      digests: {},
      cause: { id: "image-not-pulled", what: "The image does not exist.", fix: "Push it." },
      evidence: [],
      story: [],
      page: null,
      seconds: 3,
    };
    const fails: Readonly<Record<string, Error>> = {
      a: new StepFailed({ id: "image-not-pulled", what: "The image does not exist.", fix: "Push it." }, [], verdict),
      b: new Error("ECS hung up"),
      c: new Cancelled(),
    };
    const seconds: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3, d: 60 };
    const said: (readonly [number, string])[] = [];
    const report: typeof context.report = (event) => {
      if (event.kind === "line") said.push([clock.product.now() / 1000, event.text]);
    };
    await clock.run(
      rollOut(
        ["a", "b", "c", "d"].map((id) => step(id)),
        emptyRelease(head),
        { ...context, report },
        async ({ id }) => {
          await clock.product.sleep((seconds[id] ?? 0) * 1000);
          if (fails[id] !== undefined) throw fails[id];
          return { results: {}, parts: {}, said: "good" };
        },
      ),
    );
    expect(said).toEqual([
      [1, "a: rolled-back: The image does not exist.\nfix: Push it."],
      [2, "b: ECS hung up"],
      [60, "d: good"],
    ]);
  });

  test("hands what a step has found out to the steps behind it, and to the release", async () => {
    const clock = createFakeClock(0);
    const migration = {
      state: "done" as const,
      contentKey: "0".repeat(40),
      whole: true,
      runsOlder: null,
      settings: null,
      heads: null,
      addsSince: [],
    };
    const seen: unknown[] = [];
    const { release } = await clock.run(
      rollOut(
        [step("a"), step("b", ["a"])],
        emptyRelease(head),
        testContext(clock).context,
        ({ id }, results, begun) => {
          seen.push([id, results["a"], begun.migrations]);
          return Promise.resolve({
            results: id === "a" ? { arn: "arn:1" } : {},
            parts: id === "a" ? { migrations: { application: migration } } : {},
            said: "",
          });
        },
      ),
    );
    expect(seen).toEqual([
      ["a", undefined, {}],
      ["b", { arn: "arn:1" }, { application: migration }],
    ]);
    expect(release.migrations).toEqual({ application: migration });
  });
});

test("an action's part of the steps names what earlier actions have not done", () => {
  const steps = [step("image", [], "images"), step("register", ["image"], "definitions"), step("roll", ["register"])];
  expect(stepsOfParts(steps, ["definitions"])).toEqual({ mine: [steps[1]], missing: [steps[0]] });
  expect(stepsOfParts(steps, ["images", "definitions", "rollout"]).missing).toEqual([]);
});
