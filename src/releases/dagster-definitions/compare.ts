import { canonicalJson } from "../../domain/json.ts";
import { nearest } from "../../stack/nearest.ts";
import { type Defined, type DefinedKind, definedKinds, madeHere } from "./defined.ts";

/** What new code makes of something that is served now. */
export interface CodeChange {
  readonly change: "added" | "removed" | "renamed" | "changed";
  readonly kind: DefinedKind;
  readonly repository: string;
  readonly name: string;
  /** What it is probably called now; null unless it is renamed. State stays with that name. */
  readonly former: { readonly repository: string; readonly name: string } | null;
  /** What of it changes. */
  readonly members: readonly { readonly member: string; readonly from: string; readonly to: string }[];
}

/**
 * What differs between what is served and what new code defines, by kind and then by name. Renamed is what went while one of its kind
 * came that does the same, has nearly its name, or is the only one: Dagster knows of no such thing, and keeps state by name.
 */
export function compareDefined(served: readonly Defined[], next: readonly Defined[]): readonly CodeChange[] {
  const before = byIdentity(served);
  const after = byIdentity(next);
  const gone = [...before].flatMap(([id, one]) => (after.has(id) ? [] : [one]));
  const fresh = [...after].flatMap(([id, one]) => (before.has(id) ? [] : [one]));
  const renamed = renames(gone, fresh);
  const successors = new Set(renamed.values());
  const changes = [
    ...gone.map((was): CodeChange => {
      const now = renamed.get(was);
      return now === undefined
        ? { ...placeOf(was), change: "removed", former: null, members: [] }
        : {
            ...placeOf(now),
            change: "renamed",
            former: { repository: was.repository, name: was.name },
            members: differing(was, now),
          };
    }),
    ...fresh.flatMap((now): readonly CodeChange[] =>
      successors.has(now) ? [] : [{ ...placeOf(now), change: "added", former: null, members: [] }],
    ),
    ...[...after].flatMap(([id, now]): readonly CodeChange[] => {
      const was = before.get(id);
      const members = was === undefined ? [] : differing(was, now);
      return members.length === 0 ? [] : [{ ...placeOf(now), change: "changed", former: null, members }];
    }),
  ];
  return changes.sort((a, b) => rank(a) - rank(b) || compareText(a.name, b.name));
}

/** Who is probably the successor of what; each is one of one only. */
function renames(gone: readonly Defined[], fresh: readonly Defined[]): ReadonlyMap<Defined, Defined> {
  const found = new Map<Defined, Defined>();
  for (const kind of definedKinds) {
    let went = gone.filter((one) => one.kind === kind);
    const came = new Set(fresh.filter((one) => one.kind === kind));
    const isAlone = went.length === 1 && came.size === 1;
    for (const looking of [byName, byDeed, byNearName, ...(isAlone ? [byBeingAlone] : [])]) {
      const find = looking([...came], went.length);
      for (const was of went) {
        const now = find(was, came).find((one) => came.has(one));
        if (now === undefined) continue;
        found.set(was, now);
        came.delete(now);
      }
      went = went.filter((one) => !found.has(one));
    }
  }
  return found;
}

/**
 * A way to find successors.
 * @param candidates those that are nobody's successor yet; `free` are those that still are not
 * @param count of all for whom one is looked for
 * @returns who may be the successor of one, the likeliest first
 */
type Looking = (
  candidates: readonly Defined[],
  count: number,
) => (was: Defined, free: ReadonlySet<Defined>) => readonly Defined[];

/** Its name in another repository; of an asset, the last part of its key below another prefix, when only one has it. */
const byName: Looking = (candidates) => {
  const named = Map.groupBy(candidates, lastPart);
  return (was) => {
    const alike = named.get(lastPart(was)) ?? [];
    return was.kind !== "asset" || alike.length === 1 ? alike : [];
  };
};

/** The only one that does what it did, when that says something; of several the one with the nearest name. */
const byDeed: Looking = (candidates, count) => {
  const doing = Map.groupBy(candidates, deed);
  const isFew = candidates.length * count <= mostPairs;
  return (was, free) => {
    if (was.kind === "asset" || was.kind === "job" || (was.kind === "sensor" && was.members["jobs"] === "assets"))
      return [];
    const alike = doing.get(deed(was)) ?? [];
    return alike.length <= 1 ? alike : isFew ? near(was, alike, free) : [];
  };
};

const byNearName: Looking = (candidates, count) => (was, free) =>
  candidates.length * count <= mostPairs ? near(was, candidates, free) : [];

const byBeingAlone: Looking = (candidates) => () => candidates;

function near(
  { name: wanted }: Defined,
  candidates: readonly Defined[],
  free: ReadonlySet<Defined>,
): readonly Defined[] {
  if (wanted.length > longestName) return [];
  const left = candidates.filter((one) => free.has(one));
  const name = nearest(
    wanted,
    left.map((one) => one.name),
  );
  return left.filter((one) => one.name === name);
}

/** Whose names are held against one another: with more a plan would take minutes for what it only guesses. */
const mostPairs = 50_000;
/** Of a name that may be a slip of another, in characters. */
const longestName = 60;

function lastPart({ kind, name }: Defined): string {
  return kind === "asset" ? name.slice(name.lastIndexOf("/") + 1) : name;
}

function deed({ members }: Defined): string {
  return canonicalJson({ ...members });
}

function differing(was: Defined, now: Defined): CodeChange["members"] {
  return Object.entries(now.members).flatMap(([member, to]) => {
    const from = was.members[member] ?? "";
    return from === to ? [] : [{ member, from, to }];
  });
}

function placeOf({ kind, repository, name }: Defined): Pick<CodeChange, "kind" | "repository" | "name"> {
  return { kind, repository, name };
}

function byIdentity(all: readonly Defined[]): ReadonlyMap<string, Defined> {
  const known = new Map<string, Defined>();
  for (const one of all) {
    const id = identity(one);
    // Of several repositories with one asset, who makes it tells what it is.
    if (!known.has(id) || one.members["made"] === madeHere) known.set(id, one);
  }
  return known;
}

/** Dagster knows an asset by its key alone, wherever it is defined. */
function identity({ kind, repository, name }: Defined): string {
  return JSON.stringify(kind === "asset" ? [kind, name] : [kind, repository, name]);
}

function rank({ kind }: CodeChange): number {
  return definedKinds.indexOf(kind);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
