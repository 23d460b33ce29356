import type { Finding } from "../../../src/domain/finding.ts";
import { planRelease, planRollback } from "../../../src/releases/plan.ts";
import { begin, carriedOut, dealFlow, shaOf, untouchedWorld, type World, withContents } from "./world.ts";

const stack = dealFlow();
const worldOf = (code: string, host: string): World =>
  withContents(untouchedWorld(stack), { code: `code, dagster ${code}`, host: `host, dagster ${host}` });
const old = ({ findings }: { readonly findings: readonly Finding[] }): readonly string[] =>
  findings.flatMap(({ id, level, what }) => (id === "dagster-unsupported" ? [`${level}: ${what}`] : []));
const planned = (world: World, of = stack) => planRelease(of, world.observation, begin(world, shaOf("a")));

const canary = "where it does not know assets and partitions of jobs as 1.9 does, a canary of them is not asked";

describe("a lock file with an older Dagster", () => {
  test.each<[string, string, string, readonly string[]]>([
    [
      "than asks for everything is named",
      "1.8.13",
      "1.9.0",
      [`notice: Dagster 1.8.13, which the lock file pins for code, is older than 1.9: ${canary}.`],
    ],
    [
      "is named once for all that have it",
      "1.8.13",
      "1.8.13",
      [`notice: Dagster 1.8.13, which the lock file pins for code, daemon, webserver, is older than 1.9: ${canary}.`],
    ],
    [
      "is told what else it does without",
      "1.7.0",
      "1.9.0",
      [
        `notice: Dagster 1.7.0, which the lock file pins for code, is older than 1.9: ${canary}; and where it tells no creation time of runs, those in the queue are not listed, and \`restore\` turns nothing off.`,
      ],
    ],
    [
      "than any that was looked at is a warning",
      "1.6.14",
      "1.9.0",
      [
        "warning: Dagster 1.6.14, which the lock file pins for code, is older than 1.7: nobody has looked whether it knows what the gates ask, and a release would be taken back where it does not.",
      ],
    ],
    ["is none from 1.9 on", "1.9.0", "1.13.29", []],
    ["is told by numbers, not by text", "1.10.0", "1.10.0", []],
    ["is not told of what is not known", "unpinned", "unpinned", []],
    [
      "than can be pinned is refused",
      "1.0.17",
      "1.9.0",
      [
        "error: Dagster 1.0.17, which the lock file pins for code, has no `task_definition_arn` in its container context: runs could not be held to the image of a release.",
      ],
    ],
  ])("%s", (_, code, host, expected) => {
    expect(old(planned(worldOf(code, host)))).toEqual(expected);
  });

  test("that cannot be pinned is not refused where runs are no tasks", () => {
    const inProcess = {
      ...stack,
      runs: { kind: "in-process" as const, place: { file: "f", line: 1, column: 1 }, drainMinutes: 1 },
    };
    expect(old(planned(worldOf("1.0.17", "1.9.0"), inProcess)).map((one) => one.split(":")[0])).toEqual(["warning"]);
  });

  test("is named by a rollback to it as well", () => {
    const first = worldOf("1.8.13", "1.8.13");
    const was = carriedOut(stack, first, planned(first));
    const now = withContents(was, { code: "code, dagster 1.9.0", host: "host, dagster 1.9.0" });
    const to = was.observation.current;
    if (to === null) throw new Error("nothing was released");
    const after = carriedOut(stack, now, planRelease(stack, now.observation, begin(now, shaOf("b"))));
    const back = planRollback(stack, after.observation, begin(after, shaOf("a")), to, {}, {}, {});
    expect(old(back)).toHaveLength(1);
  });
});
