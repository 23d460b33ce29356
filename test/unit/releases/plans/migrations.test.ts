import type { MigrationPart } from "../../../../src/domain/release.ts";
import { planRelease } from "../../../../src/releases/plan.ts";
import { begin, carriedOut, dealFlow, shaOf, untouchedWorld, withContents } from "../world.ts";

const stack = dealFlow();
const world = untouchedWorld(stack);
const first = carriedOut(stack, world, planRelease(stack, world.observation, begin(world, shaOf("a"))));
const second = withContents(first, { code: "code 2" });
const contentKey = second.observation.images["code"]?.contentKey ?? "";

test.each<[MigrationPart["state"], string, boolean]>([
  ["done", "is not run again", false],
  ["none", "is not run again", false],
  ["partial", "is run again", true],
])("a migration that is %s in the release that is gone on from %s", (state, _, isDue) => {
  const part = { state, contentKey, whole: true, runsOlder: null, settings: null, heads: null, addsSince: [] };
  const begun = { ...begin(second, shaOf("b")), migrations: { application: part } };
  const { steps } = planRelease(stack, second.observation, begun);
  expect(steps.some(({ id }) => id === "migrate/application")).toBe(isDue);
});
