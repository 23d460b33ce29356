import fc from "../../properties.ts";
import { later } from "../../../src/domain/later.ts";
import { emptyRelease } from "../../../src/domain/release.ts";
import { head } from "./arbitraries.ts";
import { checkPlan, inOrder, planHash, type Step } from "../../../src/domain/plan.ts";

const target = emptyRelease(head);
const nothing = { kind: "none", why: "" } as const;
const step = (id: string, after: readonly string[] = []): Step => ({
  id,
  part: "rollout",
  after,
  reason: "",
  undo: nothing,
  kind: "gate",
  gate: "webserver",
  on: id,
});

/** Steps that only wait for earlier ones: a plan without circles, in some order. */
const plans: fc.Arbitrary<readonly Step[]> = fc
  .array(fc.array(fc.nat(20), { maxLength: 3 }), { minLength: 1, maxLength: 12 })
  .map((waits) =>
    waits.map((earlier, index) =>
      step(
        `s${index}`,
        [...new Set(earlier.map((value) => value % Math.max(index, 1)))]
          .filter((value) => value < index)
          .map((value) => `s${value}`),
      ),
    ),
  )
  .chain((steps) => fc.shuffledSubarray([...steps], { minLength: steps.length, maxLength: steps.length }));

describe("the order of a plan", () => {
  test("puts every step after those it waits for, and loses none", () => {
    fc.assert(
      fc.property(plans, (steps) => {
        const order = inOrder(steps).map(({ id }) => id);
        expect([...order].sort()).toEqual(steps.map(({ id }) => id).sort());
        for (const { id, after } of steps)
          for (const earlier of after) expect(order.indexOf(earlier)).toBeLessThan(order.indexOf(id));
      }),
    );
  });

  test("does not exist when steps wait for each other", () => {
    const circle = [step("a", ["b"]), step("b", ["c"]), step("c", ["a"])];
    expect(() => inOrder(circle)).toThrow("wait for each other");
    expect(() => checkPlan({ steps: circle })).toThrow("a → b → c → a");
  });
});

describe("a plan that contradicts itself is found", () => {
  test("a step after one that is not there", () =>
    expect(() => checkPlan({ steps: [step("a", ["z"])] })).toThrow("waits for z, which is not in the plan"));
  test("two steps of one name", () =>
    expect(() => checkPlan({ steps: [step("a"), step("a")] })).toThrow("two steps alike"));
  test("a text that waits for a step which is not before it", () => {
    const roll: Step = {
      id: "roll",
      part: "rollout",
      after: [],
      reason: "",
      undo: nothing,
      kind: "roll",
      service: "code",
      from: null,
      to: later("register", "arn"),
      count: null,
    };
    expect(() => checkPlan({ steps: [step("register"), roll] })).toThrow(
      "roll uses what register gives, and does not wait for it",
    );
    expect(() => checkPlan({ steps: [step("register"), { ...roll, after: ["register"] }] })).not.toThrow();
  });
  test("a plan of the planner has no such fault", () =>
    fc.assert(fc.property(plans, (steps) => expect(() => checkPlan({ steps })).not.toThrow())));
});

describe("the hash of a plan", () => {
  test("does not depend on the order in which steps are written, nor on the reasons given", () => {
    fc.assert(
      fc.property(plans, fc.string(), (steps, reason) => {
        const other = [...steps].reverse().map((member) => ({ ...member, reason, after: [...member.after].reverse() }));
        expect(planHash({ steps: other, untouched: [], target })).toBe(planHash({ steps, untouched: [], target }));
      }),
    );
  });

  test("changes with everything a step does", () => {
    const roll: Step = {
      ...step("roll"),
      kind: "roll",
      service: "code",
      from: { family: "f", revision: 1 },
      to: "f:2",
      count: null,
    };
    const hash = (change: Partial<Step>): string =>
      planHash({ steps: [{ ...roll, ...change } as Step], untouched: [], target });
    const all = [
      {},
      { to: "f:3" },
      { from: null },
      { count: 1 },
      { service: "daemon" },
      { after: ["x"] },
      { undo: { kind: "roll", service: "code", to: { family: "f", revision: 1 }, count: 1 } },
      { to: later("x", "arn") },
    ];
    expect(new Set(all.map((change) => hash(change as Partial<Step>))).size).toBe(all.length);
  });
});
