import type { Finding } from "../../../src/domain/finding.ts";
import type { Plan } from "../../../src/domain/plan.ts";
import { emptyRelease, keptName, type Release } from "../../../src/domain/release.ts";
import { planRelease, planRollback } from "../../../src/releases/plan.ts";
import { begin, carriedOut, dealFlow, shaOf, untouchedWorld, type World, withContents } from "./world.ts";

const stack = dealFlow();
const versions = (code: string, host: string) => ({ code: `code, dagster ${code}`, host: `host, dagster ${host}` });
const worldOf = (code: string, host: string): World => withContents(untouchedWorld(stack), versions(code, host));
const newer = ({ findings }: { readonly findings: readonly Finding[] }): readonly string[] =>
  findings.flatMap(({ id, level, what }) => (id === "code-newer-than-hosts" ? [`${level}: ${what}`] : []));
const released = (world: World, sha: string): World =>
  carriedOut(stack, world, planRelease(stack, world.observation, begin(world, shaOf(sha))));

const said =
  "warning: Location DealFlow will have Dagster 1.13.0, which is newer than that of daemon (1.12.9) and webserver (1.12.9): no host may be older than the code that it loads.";

describe("code with a newer Dagster than its hosts", () => {
  test.each<[string, string, string, readonly string[]]>([
    ["is named", "1.13.0", "1.12.9", [said]],
    ["is none with a newer patch only", "1.12.10", "1.12.9", []],
    ["is none with an older minor", "1.12.9", "1.13.0", []],
    ["is none when the code's version is not known", "unpinned", "1.12.9", []],
    ["is none when the hosts' version is not known", "1.13.0", "unpinned", []],
    [
      "is told by numbers, not by text",
      "1.10.0",
      "1.9.5",
      [said.replace("1.13.0", "1.10.0").replaceAll("1.12.9", "1.9.5")],
    ],
  ])("%s", (_, code, host, expected) => {
    const world = worldOf(code, host);
    expect(newer(planRelease(stack, world.observation, begin(world, shaOf("a"))))).toEqual(expected);
  });

  const same = released(worldOf("1.12.9", "1.12.9"), "a");

  test("is named when it is released alone, against hosts that stay as the current release has them", () => {
    const world = withContents(same, versions("1.13.0", "1.13.0"));
    const { id, environment, base, source } = begin(world, shaOf("b"));
    const begun = emptyRelease({ id, stack: stack.name, environment, base, source, only: ["code"] });
    expect(newer(planRelease(stack, world.observation, begun))).toEqual([said]);
    expect(newer(planRelease(stack, world.observation, { ...begun, only: null }))).toEqual([]);
  });

  describe("promoted beside hosts that keep an older image", () => {
    const promoted = (...keepers: readonly string[]): Plan => {
      const world = withContents(same, versions("1.13.0", "1.13.0"));
      const { host } = world.observation.images;
      const { daemon: part } = same.observation.keepable;
      const { current } = same.observation;
      if (host === undefined || part === undefined || current === null)
        throw new Error("the example has another shape now");
      const { contentKey, digest, dagster } = part;
      const plan = { ...host, way: "reuse" as const, contentKey, digest, dagster };
      const kept = Object.fromEntries(keepers.map((key) => [key, part]));
      const observation = {
        ...world.observation,
        images: { ...world.observation.images, ...Object.fromEntries(keepers.map((key) => [keptName(key), plan])) },
        promoted: { environment: "staging", release: { ...current, kept }, unfinished: [] },
      };
      return planRelease(stack, observation, begin(world, shaOf("b")));
    };

    test("is named for those hosts", () => {
      expect(newer(promoted("daemon"))).toEqual([said.replace(" and webserver (1.12.9)", "")]);
      expect(newer(promoted("daemon", "webserver"))).toEqual([said]);
    });

    test("lets them run: nothing changes under them", () => {
      const stopped = (plan: Plan): readonly string[] =>
        plan.steps.flatMap(({ kind, id }) => (kind === "stop" ? [id] : []));
      expect(stopped(promoted())).toEqual(["stop/daemon", "stop/webserver"]);
      expect(stopped(promoted("daemon", "webserver"))).toEqual([]);
    });
  });

  describe("in an earlier release", () => {
    const mixed = released(worldOf("1.13.0", "1.12.9"), "a");
    const later = released(withContents(mixed, versions("1.13.0", "1.13.0")), "b");
    const to = mixed.observation.current;
    if (to === null) throw new Error("nothing was released");
    const plan = (target: Release) => {
      const wanted = Object.fromEntries(
        Object.entries(mixed.observation.definitions).map(([key, { running }]) => [key, running]),
      );
      return planRollback(stack, later.observation, begin(later, shaOf("a")), target, wanted, {}, {});
    };

    test("is named in the plan that goes back to it", () => {
      expect(newer(plan(to))).toEqual([said]);
    });

    test("is not told of hosts which that release did not have", () => {
      const definitions = Object.entries(to.taskDefinitions).filter(
        ([key]) => key !== "service/daemon" && key !== "service/webserver",
      );
      expect(newer(plan({ ...to, taskDefinitions: Object.fromEntries(definitions) }))).toEqual([]);
    });
  });
});
