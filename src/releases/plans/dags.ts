import type { Step } from "../../domain/plan.ts";
import type { Stack } from "../../stack/stack.ts";
import type { LocationDags, Observation } from "../observation.ts";
import { type Draft, push, withPart } from "./draft.ts";

/** Adds a step for each version that is not in the bucket yet; the target names what each location is to serve. */
export function planPublishing({ dags }: Pick<Observation, "dags">, draft: Draft): void {
  for (const [location, { prefix, releasedBy, pointer, wanted }] of Object.entries(dags)) {
    if (wanted !== null && wanted.source !== null) {
      const { version, source } = wanted;
      draft.target = withPart(draft.target, "dags", location, { prefix, version, source, releasedBy });
    } else if (releasedBy === "itself" && pointer !== null) {
      const { version, source } = pointer.value;
      draft.target = withPart(draft.target, "dags", location, { prefix, version, source, releasedBy });
    }
    if (wanted?.publishes !== true) continue;
    push(draft, {
      id: publishId(location),
      part: "images",
      after: [],
      reason: pointer === null ? "nothing of it was published yet" : "its files changed",
      undo: { kind: "none", why: "a version that nobody is told of does no harm" },
      kind: "publish",
      location,
      version: wanted.version,
    });
  }
}

/**
 * Lets readers have versions for the first time: before anything waits for one to start.
 * @returns ids of the steps
 */
export function planFirstSwitches(observation: Observation, after: readonly string[], draft: Draft): readonly string[] {
  return Object.entries(observation.dags).flatMap(([location, seen]) =>
    seen.pointer === null ? planSwitch(location, seen, after, "nothing of it is served yet", draft) : [],
  );
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
    if (wanted === null) return [];
    if (wanted.version !== version) return planSwitch(location, seen, after, `readers have version ${name}`, draft);
    if (before?.version !== version) draft.switched.push({ location, prefix, undo: { kind: "switch", to: before } });
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

/** Locations of the stack of whose code it must be seen that it is loaded: what is new of it, or what runs it. */
export function locationsToBeSeen(
  { dags }: Pick<Stack, "dags">,
  observation: Observation,
  rolled: readonly string[],
  { steps, switched }: Pick<Draft, "steps" | "switched">,
): readonly { readonly location: string; readonly seen: LocationDags; readonly isSwitched: boolean }[] {
  return Object.entries(observation.dags).flatMap(([location, seen]) => {
    if (seen.wanted === null || seen.wanted.source === null || dags[location] === undefined) return [];
    const isSwitched =
      steps.some(({ id }) => id === switchId(location)) || switched.some((one) => one.location === location);
    return isSwitched || rolled.includes(location) ? [{ location, seen, isSwitched }] : [];
  });
}

function publishId(location: string): string {
  return `publish/${location}`;
}

function switchId(location: string): string {
  return `switch/${location}`;
}
