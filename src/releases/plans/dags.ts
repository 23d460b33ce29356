import type { DagsVersion } from "../../domain/dags.ts";
import type { Step } from "../../domain/plan.ts";
import { type DagsPart, layoutOf } from "../../domain/release.ts";
import type { Stack } from "../../stack/stack.ts";
import { hasReader } from "../dags-definitions.ts";
import { locationsServedBy } from "../hosts.ts";
import type { LocationDags, Observation } from "../observation.ts";
import { type Draft, push, withPart } from "./draft.ts";
import { newlyListed } from "./list.ts";

/**
 * Adds a step for each version that is not in the bucket yet; the target names what each location is to serve.
 * @param layouts how processes will have each location
 */
export function planPublishing(
  { dags }: Pick<Observation, "dags">,
  layouts: Readonly<Record<string, Pick<DagsPart, "layout" | "mirrorPrefix">>>,
  draft: Draft,
): void {
  for (const [location, { prefix, releasedBy, pointer, wanted }] of Object.entries(dags)) {
    const common = { prefix, releasedBy, ...layoutOf(layouts[location]) };
    if (wanted !== null && wanted.source !== null) {
      const { version, source } = wanted;
      draft.target = withPart(draft.target, "dags", location, { ...common, version, source });
    } else if (releasedBy === "itself" && pointer !== null) {
      const { version, source } = pointer.value;
      draft.target = withPart(draft.target, "dags", location, { ...common, version, source });
    }
    if (wanted?.publishes !== true) continue;
    push(draft, {
      id: publishId(location),
      part: "images",
      after: [],
      reason:
        wanted.copiedFrom !== undefined
          ? `${wanted.copiedFrom} has it, and this environment has not`
          : pointer === null
            ? "nothing of it was published yet"
            : "its files changed",
      undo: { kind: "none", why: "a version that nobody is told of does no harm" },
      kind: "publish",
      location,
      version: wanted.version,
    });
  }
}

/**
 * Lets those have versions who have none that they can start with: before anything waits for one to start. What there is may be what a
 * first release has failed with.
 * @returns ids of the steps
 */
export function planEarlySwitches(
  stack: Pick<Stack, "services">,
  observation: Observation,
  after: readonly string[],
  draft: Draft,
): readonly string[] {
  return Object.entries(observation.dags).flatMap(([location, seen]) => {
    const { pointer, wanted } = seen;
    if (pointer === null) return planSwitch(location, seen, after, "nothing of it is served yet", draft);
    if (wanted === null || wanted.version === pointer.value.version) return [];
    const why = whyEarly(stack, observation, location);
    return why === null ? [] : planSwitch(location, seen, after, why, draft);
  });
}

/** Nobody is served by the version that there is; null: somebody is, or may be. */
function whyEarly(
  { services: known }: Pick<Stack, "services">,
  { services, current }: Observation,
  location: string,
): string | null {
  if (current?.dags[location] === undefined) return "no release has served it yet";
  const servers = Object.values(known).filter((service) => locationsServedBy(service).includes(location));
  const isServed = servers.some(({ key }) => (services[key]?.runningCount ?? 0) > 0);
  return isServed ? null : "nothing that serves it runs";
}

/**
 * Lets readers have another version than they have, once all that runs the code is new.
 * @returns ids of the steps
 */
export function planSwitches(observation: Observation, after: readonly string[], draft: Draft): readonly string[] {
  return Object.entries(observation.dags).flatMap(([location, seen]) => {
    const { pointer, wanted, before, prefix, releasedBy } = seen;
    if (pointer === null) return [];
    const { version } = pointer.value;
    const name = version.slice(0, 12);
    if (releasedBy === "itself")
      draft.untouched.push({
        what: `DAGs of ${location}`,
        why: `version ${name}, which ${pointer.value.source.repository} releases`,
      });
    // Whatever this release wants: what one that was cut has switched goes back with the rest.
    if (releasedBy === "stack" && before?.version !== version)
      draft.switched.push({ location, prefix, version, undo: { kind: "switch", to: before } });
    if (wanted === null || isSwitchedBy(draft, location)) return [];
    if (wanted.version !== version) return planSwitch(location, seen, after, `readers have version ${name}`, draft);
    draft.untouched.push({ what: `DAGs of ${location}`, why: `version ${name} is what readers have` });
    return [];
  });
}

function planSwitch(
  location: string,
  { prefix, pointer, wanted, before }: LocationDags,
  after: readonly string[],
  reason: string,
  draft: Draft,
): readonly string[] {
  if (wanted === null || wanted.source === null) return []; // the findings say what is missing
  const published = draft.steps.filter(({ id }) => id === publishId(location)).map(({ id }) => id);
  const { version } = wanted;
  const from =
    pointer === null ? null : { version: pointer.value.version, etag: pointer.etag, until: pointer.value.until };
  const undo = { kind: "switch", to: before } as const;
  const id = switchId(location);
  const step: Step = {
    id,
    part: "rollout",
    after: [...published, ...after],
    reason,
    undo,
    kind: "switch",
    location,
    prefix,
    from,
    version,
  };
  return [push(draft, step)];
}

/**
 * Plain files come last, when all that can fail has passed: there is no one write that takes them back.
 * @param after all that is asked of the release
 */
export function planPlainFiles({ dags }: Pick<Observation, "dags">, after: readonly string[], draft: Draft): void {
  for (const [location, { plain = [], wanted }] of Object.entries(dags)) {
    if (wanted === null || wanted.source === null) continue;
    for (const [index, { prefix, isServed }] of plain.entries()) {
      if (isServed) continue;
      push(draft, {
        id: index === 0 ? `mirror/${location}` : `mirror/${location}/${prefix.slice(0, -1)}`,
        part: "rollout",
        after: [...draft.steps.filter(({ id }) => id === publishId(location)).map(({ id }) => id), ...after],
        reason: "readers that know no versions copy plain files",
        undo: { kind: "none", why: "they follow the pointer: when that goes back, so do they" },
        kind: "mirror",
        location,
        prefix,
        version: wanted.version,
      });
    }
  }
}

/** Locations of the stack of whose code it must be seen that it is loaded: what is new of it, or what runs it. */
export function locationsToBeSeen(
  { dags }: Pick<Stack, "dags">,
  observation: Observation,
  rolled: readonly string[],
  { steps, switched }: Pick<Draft, "steps" | "switched">,
): readonly {
  readonly location: string;
  readonly seen: LocationDags;
  readonly version: DagsVersion;
  readonly isSwitched: boolean;
}[] {
  const listed = newlyListed({ steps });
  return Object.entries(observation.dags).flatMap(([location, seen]) => {
    if (!hasReader({ dags }, location)) return [];
    const { wanted, pointer } = seen;
    // What releases itself is looked at when hosts come to load it.
    const served = wanted === null && listed.includes(location) ? pointer?.value.version : undefined;
    const version = wanted === null || wanted.source === null ? served : wanted.version;
    if (version === undefined) return [];
    const isSwitched = isSwitchedBy({ steps }, location) || switched.some((one) => one.location === location);
    const isSeen = isSwitched || rolled.includes(location) || listed.includes(location);
    return isSeen ? [{ location, seen, version, isSwitched }] : [];
  });
}

function publishId(location: string): string {
  return `publish/${location}`;
}

function isSwitchedBy({ steps }: Pick<Draft, "steps">, location: string): boolean {
  return steps.some(({ id }) => id === switchId(location));
}

function switchId(location: string): string {
  return `switch/${location}`;
}
