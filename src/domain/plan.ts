import type { CanaryRun } from "./canary.ts";
import type { ListedLocations } from "./dags-list.ts";
import type { DagsBefore, DagsPointer, DagsVersion } from "./dags.ts";
import type { Finding, Level } from "./finding.ts";
import { canonicalJson, contentHash } from "./json.ts";
import type { Digest, ReleaseId } from "./identifiers.ts";
import { fillKnown, type Later, type LaterJson, stepsBehind } from "./later.ts";
import { imagesOf, keptName, type Release, saysAlready } from "./release.ts";
import type { Revision } from "./verdict.ts";

/** The action that carries a step out when the release goes through the four actions one by one. */
export type Part = "images" | "migrations" | "definitions" | "rollout";

/** What takes a step back. `none` says why there is nothing to take back, or why it cannot be. */
export type Undo =
  | { readonly kind: "none"; readonly why: string }
  /**
   * `service` is ECS's name. At a count of 0 the definition is only what it will have when somebody starts it; a count of null is
   * left to whatever scales the service.
   */
  | { readonly kind: "roll"; readonly service: string; readonly to: Revision | null; readonly count: number | null };

/** What sets percentages and breaker back. `service` is ECS's name. */
export interface SettingsUndo {
  readonly kind: "settings";
  readonly service: string;
  readonly to: ReplacementSettings;
}

/** What lets readers of a location have what they had before an unfinished release, or this one; null: they had nothing, and keep what there is. */
export interface SwitchUndo {
  readonly kind: "switch";
  readonly to: DagsBefore | null;
}

/** What lets webserver and daemon load again what the current release says; null: it says nothing, and the list stays. */
export interface ListUndo {
  readonly kind: "list";
  readonly to: ListedLocations | null;
}

/** A location that an interrupted release has switched. */
export interface SwitchedEarlier {
  readonly location: string;
  readonly prefix: string;
  readonly version: DagsVersion;
  readonly undo: SwitchUndo;
}

/** How a service replaces its tasks. */
export interface ReplacementSettings {
  readonly minimumHealthyPercent: number;
  readonly maximumPercent: number;
  /** What ECS does when too many tasks fail: nothing, ending the rollout, or going back. */
  readonly breaker: "off" | "gives-up" | "rolls-back";
}

export function sameSettings(a: ReplacementSettings, b: ReplacementSettings): boolean {
  return (
    a.minimumHealthyPercent === b.minimumHealthyPercent &&
    a.maximumPercent === b.maximumPercent &&
    a.breaker === b.breaker
  );
}

/** `percentages 0/100, breaker that rolls back` */
export function showSettings({ minimumHealthyPercent, maximumPercent, breaker }: ReplacementSettings): string {
  const breakers = {
    off: "no breaker",
    "gives-up": "breaker without rollback",
    "rolls-back": "breaker that rolls back",
  };
  return `percentages ${minimumHealthyPercent}/${maximumPercent}, ${breakers[breaker]}`;
}

/** What a step does; data only. Services, images, migrations are named by their keys in the stack file. */
export type Action =
  | {
      readonly kind: "image";
      readonly image: string;
      /** Services for which it is, the stack's own being a newer one that they do not run; none: it is the stack's own. */
      readonly keptBy: readonly string[];
      readonly contentKey: string;
      readonly way: "name" | "layers" | "docker" | "copy";
    }
  /** Gives an image that runs by a tag another tag, which keeps it. */
  | { readonly kind: "protect"; readonly repository: string; readonly digest: Digest }
  | {
      readonly kind: "register";
      /** `service/<key>`, `run/<location>`, `once/<image>` */
      readonly definition: string;
      readonly family: string;
      /** What RegisterTaskDefinition is given. */
      readonly content: LaterJson;
      readonly replaces: Revision | null;
    }
  | {
      readonly kind: "run-task";
      readonly purpose: "migrate";
      readonly migration: string;
      readonly definition: Later;
      /** What the release is to record of it: revisions after which only additions follow, newest first. */
      readonly addsSince: readonly string[];
    }
  | {
      readonly kind: "drain";
      /** Services whose processes hold runs, and are about to be replaced. */
      readonly holders: readonly string[];
      readonly minutes: number;
    }
  | {
      readonly kind: "roll";
      readonly service: string;
      readonly from: Revision | null;
      /** ARN, or `family:revision`, of what will run. */
      readonly to: Later;
      /** Desired count to set; null leaves it alone. */
      readonly count: number | null;
    }
  /** Sets percentages and breaker of a service that is rolled next. */
  | {
      readonly kind: "settings";
      readonly service: string;
      /** ECS's name of it. */
      readonly name: string;
      readonly from: ReplacementSettings;
      readonly to: ReplacementSettings;
    }
  /** Brings a service to no task; a later step rolls it. */
  | {
      readonly kind: "stop";
      /** Its key; `replaced/<key>` for what the service of that key replaces. */
      readonly service: string;
      /** ECS's name of it. */
      readonly name: string;
      readonly from: Revision;
    }
  /** Brings a service, which the target does not run, to what it was before a release that was cut or has failed. */
  | {
      readonly kind: "put-back";
      /** Its key, as for `stop`. */
      readonly service: string;
      /** ECS's name of it. */
      readonly name: string;
      readonly from: Revision | null;
      readonly to: Revision | null;
      /** Desired count; null leaves it to whatever scales the service. */
      readonly count: number | null;
    }
  /** Puts a version of a location's code beside the others: nobody reads it before it is switched to. */
  | { readonly kind: "publish"; readonly location: string; readonly version: DagsVersion }
  /** Lets readers of a location have another version. */
  | {
      readonly kind: "switch";
      readonly location: string;
      /** Key prefix in the stack's bucket. */
      readonly prefix: string;
      /** The pointer that is replaced; null: there is none yet. */
      readonly from: {
        readonly version: DagsVersion;
        readonly etag: string;
        readonly until?: DagsPointer["until"];
      } | null;
      readonly version: DagsVersion;
    }
  /** Tells webserver and daemon, while they run, which locations they are to load. */
  | {
      readonly kind: "list";
      /** The list that is replaced; null: there is none yet. */
      readonly from: { readonly version: string; readonly etag: string } | null;
      readonly version: string;
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
    }
  /** Brings a location's plain files to a version that is published. */
  | {
      readonly kind: "mirror";
      readonly location: string;
      /** Key prefix of the plain files in the stack's bucket. */
      readonly prefix: string;
      readonly version: DagsVersion;
    }
  | ({ readonly kind: "gate" } & Question);

/** What a gate asks. `image` is the full reference that must be found. */
export type Question =
  /** `on` is the location's name. `again`: the old webserver has seen it served already, and now the new one is asked. */
  | { readonly gate: "location"; readonly on: string; readonly image: Later; readonly again: boolean }
  /** `on` is the name of a location that the webserver loads itself. */
  | { readonly gate: "loaded"; readonly on: string; readonly image: Later }
  /** `on` is the name of a location whose code lies in S3. `pollSeconds`: how often its readers look. */
  | { readonly gate: "version"; readonly on: string; readonly version: DagsVersion; readonly pollSeconds: number }
  /** `on` is the service's key. */
  | { readonly gate: "daemon"; readonly on: string }
  | { readonly gate: "webserver"; readonly on: string }
  /** `on` is the key of a service that stands behind a load balancer. */
  | { readonly gate: "targets"; readonly on: string }
  /** `on` is the stack's name: who must reach whom in it. */
  | { readonly gate: "security-groups"; readonly on: string }
  /** `on` is the location's name: its schedules and sensors are as before. `image` is what serves or loads it. */
  | { readonly gate: "state"; readonly on: string; readonly image: Later }
  /** `on` is the stack's name. What its file names is as it says, by name. */
  | {
      readonly gate: "expect";
      readonly on: string;
      readonly schedules: Readonly<Record<string, ExpectedState>>;
      readonly sensors: Readonly<Record<string, ExpectedState>>;
      /** Keys of assets, parts joined by `/`, by the location that must show them. */
      readonly assets: Readonly<Record<string, readonly string[]>>;
      /** Locations of the stack: the first tick of each schedule that is on there is looked at; null: it is not. */
      readonly firstTick: { readonly mode: FirstTick; readonly locations: readonly string[] } | null;
    }
  /** `on` is the location's name. */
  | { readonly gate: "canary"; readonly on: string; readonly run: CanaryRun; readonly image: Later }
  /** `on` is the service's key; `level`: what an error in its log is. */
  | { readonly gate: "log-scan"; readonly on: string; readonly level: Level };

/** Seconds within which a tick is to come, unless the stack file says otherwise. */
export const usualTickSeconds = 10 * 60;

/** What a schedule or sensor must be after the release. */
export interface ExpectedState {
  readonly status: "RUNNING" | "STOPPED";
  /** `success`: the next time that it is looked at by the daemon, nothing fails. */
  readonly tick: "any" | "success";
  /** Seconds in which that must happen; absent: as long as the gate is asked. */
  readonly withinSeconds?: number;
}

/** Is the first tick of schedules after the release told, or required? */
export type FirstTick = "report" | "require";

export type GateName = Question["gate"];

export type Step = {
  readonly id: string;
  readonly part: Part;
  /** Steps that must be done first. */
  readonly after: readonly string[];
  /** Why it is needed, for people. */
  readonly reason: string;
  readonly undo: Undo | SettingsUndo | SwitchUndo | ListUndo;
} & Action;

/** The difference between what runs and what is wanted. */
export interface Plan {
  /** What the stack will be; parts that are known only later are absent. */
  readonly target: Release;
  /** The earlier release that is to run again; null: a deploy. */
  readonly backTo: ReleaseId | null;
  readonly steps: readonly Step[];
  readonly untouched: readonly { readonly what: string; readonly why: string }[];
  /** Services that an interrupted release has moved: they go back with the rest, should this one fail. In that order. */
  readonly moved: readonly { readonly service: string; readonly undo: Undo }[];
  /** Locations of whose code an interrupted release has let readers have another version, the one that was found: likewise. */
  readonly switched: readonly SwitchedEarlier[];
  readonly findings: readonly Finding[];
  /** Variables whose values people may see. */
  readonly shownVariables: readonly string[];
}

/**
 * Two plans with the same hash lead to the same by the same steps, whether their images are made yet or not: an image is what goes
 * into it, and keeping one changes nothing that runs. The release's id is left out (it holds the time), and so are findings and reasons: they say, they do not act.
 */
export function planHash({ steps, untouched, target }: Pick<Plan, "steps" | "untouched" | "target">): string {
  const made = Object.entries(imagesOf(target)).map(([key, { contentKey, digest }]) => ({ key, contentKey, digest }));
  const unmade = steps.flatMap((step) => (step.kind === "image" ? [step] : []));
  const images = new Map([
    ...made.map(({ key, contentKey }) => [key, contentKey] as const),
    ...unmade.flatMap(({ image, keptBy, contentKey }) =>
      (keptBy.length === 0 ? [image] : keptBy.map(keptName)).map((name) => [name, contentKey] as const),
    ),
  ]);
  const tokens = Object.fromEntries(unmade.map(({ id, contentKey }) => [id, { digest: contentKey }]));
  const published = new Set(steps.flatMap(({ kind, id }) => (kind === "publish" ? [id] : [])));
  const named = (text: string): string =>
    made.reduce((all, { digest, contentKey }) => all.replaceAll(digest, contentKey), text);
  const others = steps
    .filter(({ kind }) => kind !== "image" && kind !== "protect" && kind !== "publish")
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  return contentHash({
    images: [...images].sort(([a], [b]) => (a < b ? -1 : 1)),
    steps: others.map((step) => {
      const after = step.after.filter((id) => !(id in tokens) && !published.has(id)).sort();
      return named(canonicalJson(fillKnown({ ...step, reason: "", after } as unknown as LaterJson, tokens)));
    }),
    untouched: untouched.flatMap(({ what }) => (what.startsWith("image ") ? [] : [what])).sort(),
  });
}

/** Nothing to do, and nothing to record either. @param current the release that is current; null: there is none */
export function changesNothing({ steps, moved, switched, target }: Plan, current: Release | null): boolean {
  return steps.length === 0 && moved.length === 0 && switched.length === 0 && saysAlready(current, target);
}

/**
 * Throws when a plan contradicts itself: two steps of one id, a step after one that does not exist, a circle, or a text
 * that waits for a step which is not before it. Each of these is a bug of the planner.
 */
export function checkPlan({ steps }: Pick<Plan, "steps">): void {
  const byId = new Map(steps.map((step) => [step.id, step]));
  if (byId.size !== steps.length) throw new Error("a plan names two steps alike");
  const done = new Map<string, ReadonlySet<string>>();
  const before = (id: string, path: readonly string[]): ReadonlySet<string> => {
    const known = done.get(id);
    if (known !== undefined) return known;
    if (path.includes(id)) throw new Error(`steps wait for each other: ${[...path, id].join(" → ")}`);
    const step = byId.get(id);
    if (step === undefined) throw new Error(`step ${path.at(-1) ?? "?"} waits for ${id}, which is not in the plan`);
    const all = new Set(step.after.flatMap((other) => [other, ...before(other, [...path, id])]));
    done.set(id, all);
    return all;
  };
  for (const step of steps) {
    const earlier = before(step.id, []);
    for (const needed of stepsBehind(step as unknown as LaterJson)) {
      if (!earlier.has(needed)) throw new Error(`step ${step.id} uses what ${needed} gives, and does not wait for it`);
    }
  }
}

/** Every step after those it waits for; otherwise in the plan's order. */
export function inOrder(steps: readonly Step[]): readonly Step[] {
  const left = new Map(steps.map((step) => [step.id, step]));
  const ordered: Step[] = [];
  while (left.size > 0) {
    const ready = [...left.values()].filter((step) => step.after.every((id) => !left.has(id)));
    if (ready.length === 0) throw new Error(`steps wait for each other: ${[...left.keys()].join(", ")}`);
    for (const step of ready) {
      left.delete(step.id);
      ordered.push(step);
    }
  }
  return ordered;
}
