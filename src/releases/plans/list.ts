import { compareLists, listOf, listVersion } from "../../domain/dags-list.ts";
import type { DagsPart, Release } from "../../domain/release.ts";
import type { Stack } from "../../stack/stack.ts";
import { listedOf } from "../dags-definitions.ts";
import { loadingHosts } from "../hosts.ts";
import type { Observation } from "../observation.ts";
import { type Draft, push } from "./draft.ts";

/**
 * What the target notes of its locations, as the list has them: those of the release, where it is about a host that loads them, and
 * else what is current.
 * @param scope what the release is about
 */
export function noteListed(
  scope: Pick<Stack, "services" | "dags">,
  { current }: Pick<Observation, "current">,
  draft: Draft,
): void {
  const isOfRelease = loadingHosts(scope).length > 0;
  note(draft, (location) => (isOfRelease ? listedOf(scope, location) : current?.dags[location]?.listed));
}

/** The same of an earlier release, which is to run again: as its record has it. */
export function noteFormerListed({ dags }: Pick<Release, "dags">, draft: Draft): void {
  note(draft, (location) => dags[location]?.listed);
}

function note(draft: Draft, listedAs: (location: string) => DagsPart["listed"]): void {
  const parts = Object.entries(draft.target.dags).map(([location, former]) => {
    const { listed: _, ...part } = former;
    const listed = listedAs(location);
    return [location, { ...part, ...(listed === undefined ? {} : { listed }) }] as const;
  });
  draft.target = { ...draft.target, dags: Object.fromEntries(parts) };
}

/**
 * Tells hosts of locations that come and go, once what comes can be had, and before anybody is asked for it. Hosts that start with this
 * release find it, too. What a release that was cut has written goes back to what is current, should this one fail.
 * @returns ids of the steps
 */
export function planList(
  { current, list }: Pick<Observation, "current" | "list">,
  after: readonly string[],
  draft: Draft,
): readonly string[] {
  const wanted = listOf(draft.target);
  if (wanted === null || list === undefined) return [];
  const [version, former] = [listVersion(wanted), current === null ? null : listOf(current)];
  const isThere = list?.value.version === version;
  const isCommitted = former !== null && listVersion(former) === version;
  if (isThere && isCommitted) {
    draft.untouched.push({ what: "list of locations", why: `${Object.keys(wanted).join(", ")}, as before` });
    return [];
  }
  return [
    push(draft, {
      id: "list",
      part: "rollout",
      after,
      reason: list === null ? "there is none yet" : isThere ? "a release that was cut has written it" : "it has others",
      undo: { kind: "list", to: former },
      kind: "list",
      from: list === null ? null : { version: list.value.version, etag: list.etag },
      version,
      ...compareLists(list === null ? null : list.value.locations, wanted),
    }),
  ];
}

/** Locations that hosts come to load, or load in another way, by a step of this plan. */
export function newlyListed({ steps }: Pick<Draft, "steps">): readonly string[] {
  return steps.flatMap((step) => (step.kind === "list" ? [...step.added, ...step.changed] : []));
}
