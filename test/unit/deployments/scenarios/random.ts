import fc from "../../../properties.ts";
import { AwsError } from "../../../../src/aws/error.ts";
import { UserError } from "../../../../src/domain/errors.ts";
import { digestSchema } from "../../../../src/domain/identifiers.ts";
import { isGood, type VerdictKind } from "../../../../src/domain/verdict.ts";
import type { Fault } from "../../../local-aws/faults.ts";
import type { Rules } from "../../../local-aws/rules.ts";
import type { Behaviour } from "../../../local-aws/runtimes/scripted.ts";
import { roll } from "../../../../src/deployments/index.ts";
import { existing } from "../../local-aws/stage.ts";
import { flips } from "../flips.ts";
import { openScene, request, type Scene } from "../scene.ts";
import { digests } from "./containers.ts";
import type { Played } from "./play.ts";
import { breakers, serviceSettings, strategies } from "./settings.ts";
import { untruths, type Wanted } from "./truth.ts";
import { caller, images } from "./world.ts";

/** A rollout in which anything may happen at any time. */
export interface Script {
  readonly breaker: keyof typeof breakers;
  readonly strategy: keyof typeof strategies;
  readonly failEarly: boolean;
  readonly rules: Partial<Rules>;
  /** Does the tag stand for the digest that is wanted? It does not move: ECS resolves it once, for all tasks of a service deployment. */
  readonly isTagged: boolean;
  readonly moves: readonly { readonly second: number; readonly move: Move }[];
}

type Move =
  | { readonly kind: "behave"; readonly behaviour: Behaviour }
  | { readonly kind: "strike"; readonly what: Fault["what"]; readonly on: string; readonly times: number }
  | { readonly kind: "scale"; readonly count: number }
  | { readonly kind: "deploy" | "go back" | "force" | "stop deployment" | "stop task" };

const behaviours: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.record({ kind: fc.constant("healthy" as const), startsAfterSeconds: fc.integer({ min: 0, max: 120 }) }),
  fc.constant<Behaviour>({ kind: "never-starts", reason: "CannotPullContainerError: not found" }),
  fc.record({
    kind: fc.constant("exits" as const),
    code: fc.constantFrom(0, 1, 137),
    afterSeconds: fc.integer({ min: 0, max: 90 }),
  }),
);
const strikes = fc.record({
  kind: fc.constant("strike" as const),
  what: fc.constantFrom<Fault["what"]>(
    { kind: "stale" },
    { kind: "throttle" },
    { kind: "server-error" },
    { kind: "html" },
    { kind: "reset" },
    { kind: "access-denied" },
  ),
  on: fc.constantFrom(
    "ecs:DescribeServices",
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "ecs:UpdateService",
  ),
  times: fc.integer({ min: 1, max: 30 }),
});
const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: behaviours.map((behaviour): Move => ({ kind: "behave", behaviour })) },
  { weight: 4, arbitrary: strikes },
  { weight: 1, arbitrary: fc.nat(4).map((count): Move => ({ kind: "scale", count })) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Move>(
      { kind: "deploy" },
      { kind: "go back" },
      { kind: "force" },
      { kind: "stop deployment" },
      { kind: "stop task" },
    ),
  },
);

export const scripts: fc.Arbitrary<Script> = fc.record({
  breaker: fc.constantFrom(...keysOf(breakers)),
  strategy: fc.constantFrom(...keysOf(strategies)),
  failEarly: fc.boolean(),
  rules: fc
    .subarray([...flips], { maxLength: 4 })
    .map((some) => Object.fromEntries(some.map(({ id, value }) => [id, value]))),
  isTagged: fc.boolean(),
  moves: fc.array(fc.record({ second: fc.nat(240), move: moves }), { maxLength: 7 }),
});

/** How it ended, and what is wrong with that: nothing, when it is refused before anything was begun. */
export async function tellScript(
  script: Script,
): Promise<{ readonly end: VerdictKind | "refused"; readonly wrong: readonly string[] }> {
  try {
    const { verdict, scene, untrue } = await playScript(script);
    await scene.aws.close();
    return { end: verdict.verdict, wrong: isGood(verdict.verdict) ? untrue : [] };
  } catch (error) {
    if (error instanceof AwsError || error instanceof UserError) return { end: "refused", wrong: [] };
    throw error;
  }
}

export function showScript(script: Script): string {
  return JSON.stringify(script);
}

interface PlayedScript extends Played {
  /** What was not as it must be when the verdict was given, nor just before somebody else moved on from it. */
  readonly untrue: readonly string[];
}

/** Plays it until there is a verdict. */
async function playScript(script: Script): Promise<PlayedScript> {
  const { breaker, strategy, failEarly, rules } = script;
  const scene = await openScene({ service: serviceSettings(breaker, strategy), rules, clients: "memory" });
  scene.runtime.tag(images.ours, script.isTagged ? digests.wanted : digests.other);
  const revision = await scene.register({ image: images.ours });
  const wanted: Wanted = { revision, digest: true, besideOld: strategy === "done while old ones run" };
  // Answers may be old, so that what somebody has changed since is not seen yet: until then it was true.
  const seen = { isTrue: false };
  const move = async (one: Move): Promise<void> => {
    if ((await untruths(scene, wanted)).length === 0) seen.isTrue = true;
    await act(scene, one);
  };
  for (const one of script.moves) scene.later(one.second, () => move(one.move));
  const asked = request({ failEarly, digests: { app: digestSchema.parse(digests.wanted) }, timeoutSeconds: 900 });
  const verdict = await scene.run(roll(scene.clients, scene.context, asked));
  return { verdict, scene, untrue: seen.isTrue ? [] : await untruths(scene, wanted) };
}

async function act(scene: Scene, move: Move): Promise<void> {
  switch (move.kind) {
    case "behave":
      return scene.runtime.script(images.ours, move.behaviour);
    case "strike":
      return void scene.aws.faults.inject({ on: move.on, caller, what: move.what, times: move.times });
    case "scale":
      return void (await scene.update({ desiredCount: move.count }));
    case "deploy":
      return void (await scene.update({ taskDefinition: await scene.register({ image: images.theirs }) }));
    case "go back":
      return void (await scene.update({ taskDefinition: "app:1" }));
    case "force":
      return void (await scene.update({ forceNewDeployment: true }));
    case "stop deployment": {
      const { serviceDeploymentArn } = await scene.serviceDeployment();
      // A finished one refuses.
      return void (await scene.ecs.stopServiceDeployment({ serviceDeploymentArn }).catch(() => undefined));
    }
    case "stop task": {
      const { taskArns = [] } = await scene.ecs.listTasks({ cluster: "main", serviceName: "app" });
      if (taskArns.length > 0) await scene.ecs.stopTask({ cluster: "main", task: existing(taskArns[0]) });
      return;
    }
  }
}

function keysOf<Key extends string>(table: Readonly<Record<Key, unknown>>): [Key, ...Key[]] {
  const [first, ...rest] = Object.keys(table) as Key[];
  return [existing(first), ...rest];
}
