import { planRelease } from "../../../src/releases/plan.ts";
import { locationsThatDiffer } from "../../../src/releases/queued-runs.ts";
import type { Release } from "../../../src/domain/release.ts";
import { begin, carriedOut, dealFlow, shaOf, untouchedWorld, withContents, type World } from "./world.ts";

/** The example without its code server: the hosts load two locations, whose runs share one definition. */
const stack = dealFlow((text) =>
  text
    .replace(/^ {2}code:\n {4}kind: code-location\n(?: {4}.*\n)+/m, "")
    .replace("      code: { container: code }\n", "")
    .replaceAll(/kind: (daemon|webserver), image: host,/g, "kind: $1, image: code, locations: [DealFlow, Other],")
    .replace(/^runs: .*$/m, "runs: { image: code, size: { cpu: 512, memory: 2048 } }")
    .replace(
      "        - { from: docker/dagster.yaml, to: /opt/dagster/dagster.yaml }\n",
      "        - { from: docker/dagster.yaml, to: /opt/dagster/dagster.yaml }\n        - { from: docker/workspace.yaml, to: /opt/dagster/workspace.yaml }\n",
    ),
);

function released(world: World, sha: string): World {
  return carriedOut(stack, world, planRelease(stack, world.observation, begin(world, shaOf(sha))));
}

function releaseOf({ observation: { current } }: World): Release {
  if (current === null) throw new Error("nothing is released");
  return current;
}

test("Queued runs of every location that hosts load carry their code, also where these share one definition", () => {
  const first = released(untouchedWorld(stack), "a");
  const second = released(withContents(first, { code: "code 2" }), "b");
  expect(locationsThatDiffer(stack, releaseOf(second), releaseOf(first))).toEqual(["DealFlow", "Other"]);
  expect(locationsThatDiffer(stack, releaseOf(first), releaseOf(first))).toEqual([]);
});
