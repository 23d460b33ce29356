import type { Behaviour } from "../../../local-aws/runtimes/scripted.ts";
import type { ContainerSettings } from "../../local-aws/stage.ts";
import { images, type World } from "./world.ts";

/** What the revision that is rolled out is, and does. */
export interface Containers {
  /** Null: there is no new revision. */
  readonly definition: ContainerSettings | null;
  /** The service stands behind a target group. */
  readonly isLoadBalanced?: true;
  /** Of tasks with our image, from the beginning and later on. */
  readonly behave?: (world: World) => void;
  /** Does it ever run, all of it, for as long as ECS asks? */
  readonly runs: boolean;
  /** They fail first: which comes sooner, their recovery or the end of ECS's patience, is ECS's to say. */
  readonly recovers?: true;
}

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
export const digests = { wanted: digest("a"), other: digest("b") };

const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:database-x1y2z3";
const definition: ContainerSettings = { image: images.ours };

export const crash: Behaviour = {
  kind: "exits",
  code: 3,
  afterSeconds: 2,
  log: [{ text: "Traceback" }, { text: "KeyError: 'DATABASE'" }],
};
const healthy: Behaviour = { kind: "healthy" };

function does(behaviour: Behaviour): Pick<Containers, "definition" | "behave"> {
  return { definition, behave: ({ runtime }) => runtime.script(images.ours, behaviour) };
}

/** Does so for so many seconds, and is healthy then. */
function doesFor(seconds: number, behaviour: Behaviour): Containers {
  return {
    definition,
    behave: (world) => {
      world.runtime.script(images.ours, behaviour);
      world.later(seconds, () => world.runtime.script(images.ours, healthy));
    },
    runs: true,
    recovers: true,
  };
}

export const containers = {
  "are as they were": { definition: null, runs: true },
  "are healthy": { definition, runs: true },
  "take ten minutes to start": { ...does({ kind: "healthy", startsAfterSeconds: 600 }), runs: true },
  "are never done with starting": { ...does({ kind: "healthy", startsAfterSeconds: 7200 }), runs: false },
  crash: { ...does(crash), runs: false },
  "crash for 20 s": doesFor(20, crash),
  "crash for 40 s": doesFor(40, crash),
  "crash for four minutes": doesFor(240, crash),
  "crash with other words each time, for two minutes": {
    definition,
    behave: (world) => {
      const { runtime } = world;
      for (let index = 0; index < 26; index += 1) {
        const text = `waiting ${String.fromCodePoint(97 + index)}`;
        const other: Behaviour = { kind: "exits", code: 3, afterSeconds: 2, log: [{ text }] };
        world.later(index * 5, () => runtime.script(images.ours, other));
      }
      world.later(26 * 5, () => runtime.script(images.ours, healthy));
    },
    runs: true,
    recovers: true,
  },
  "wait two minutes for their database": doesFor(120, {
    kind: "exits",
    code: 1,
    afterSeconds: 2,
    log: [{ text: 'connection to server at "db", port 5432 failed: Connection refused' }],
  }),
  "die before they are complete": { ...does({ kind: "exits", code: 1, afterSeconds: 25 }), runs: false },
  "die after they were complete": { ...does({ kind: "exits", code: 1, afterSeconds: 300 }), runs: true },
  "take more memory than they have": {
    ...does({
      kind: "exits",
      code: 137,
      afterSeconds: 5,
      reason: "OutOfMemoryError: Container killed due to memory usage",
    }),
    runs: false,
  },
  "have no image": { definition, behave: ({ runtime }) => runtime.forgetImage(images.ours), runs: false },
  "lack a secret": {
    definition: { ...definition, secrets: [secret] },
    behave: ({ runtime }) => runtime.forgetSecret(secret),
    runs: false,
  },
  "never pass their health check": {
    ...does({ kind: "unhealthy", log: [{ text: "listening on 4000" }] }),
    definition: { ...definition, healthCheck: true },
    runs: false,
  },
  "never pass the load balancer's health check": {
    ...does({ kind: "unhealthy", targetReason: "Health checks failed with these codes: [500]" }),
    isLoadBalanced: true,
    runs: false,
  },
  "run the digest that is wanted": {
    definition,
    behave: ({ runtime }) => runtime.tag(images.ours, digests.wanted),
    runs: true,
  },
  "run another digest": {
    definition,
    behave: ({ runtime }) => runtime.tag(images.ours, digests.other),
    runs: false,
  },
} as const satisfies Readonly<Record<string, Containers>>;
