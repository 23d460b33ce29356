import { roll } from "../../../../src/deployments/index.ts";
import type { RollRequest } from "../../../../src/deployments/request.ts";
import type { Verdict } from "../../../../src/domain/verdict.ts";
import { openScene, request, type Scene, type SceneOptions } from "../scene.ts";
import { type Containers, containers } from "./containers.ts";
import { faults } from "./faults.ts";
import { type Others, others } from "./others.ts";
import { serviceSettings } from "./settings.ts";
import type { Classes } from "./table.ts";

/** What a scenario is made of: one of each class, and what is asked for. */
export interface Play extends Partial<Classes> {
  readonly containers: Classes["containers"];
  readonly request?: Partial<RollRequest>;
}

/** @returns the first of each class, where none is told */
export function classesOf(play: Play): Classes {
  return {
    containers: play.containers,
    breaker: play.breaker ?? "never ends it",
    faults: play.faults ?? "none",
    others: play.others ?? "nobody",
    strategy: play.strategy ?? "start, then stop",
  };
}

export interface Played {
  readonly verdict: Verdict;
  readonly scene: Scene;
}

/** Plays one rollout on a fake clock. The scene is still open, and stands where the verdict was given. */
export async function play(given: Play, options: Pick<SceneOptions, "rules" | "clients"> = {}): Promise<Played> {
  const scene = await open(given, options);
  const classes = classesOf(given);
  const somebody: Others = others[classes.others];
  await somebody.before?.(scene);
  faults[classes.faults](scene);
  somebody.meanwhile?.(scene);
  const verdict = await scene.run(roll(scene.clients, scene.context, request(given.request)));
  return { verdict, scene };
}

async function open(given: Play, options: Pick<SceneOptions, "rules" | "clients">): Promise<Scene> {
  const classes = classesOf(given);
  const { definition, isLoadBalanced, behave }: Containers = containers[classes.containers];
  const service = serviceSettings(classes.breaker, classes.strategy);
  const scene = await openScene({ service, loadBalanced: isLoadBalanced === true, ...options });
  behave?.(scene);
  if (definition !== null) await scene.register(definition);
  return scene;
}

/** Everything the evidence says, with what it is about. */
export function evidenceOf({ evidence }: Verdict): string {
  return evidence.map(({ kind, subject, text }) => `${kind} ${subject}: ${text.untrusted}`).join("\n");
}
