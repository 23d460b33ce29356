import { canonicalJson } from "../../domain/json.ts";
import { nearest } from "../../stack/nearest.ts";
import { type Defined, type DefinedKind, definedKinds } from "./defined.ts";

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
  const before = new Map(served.map((one) => [identity(one), one]));
  const after = new Map(next.map((one) => [identity(one), one]));
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
    const left = new Set(fresh.filter((one) => one.kind === kind));
    const went = gone.filter((one) => one.kind === kind);
    const isAlone = went.length === 1 && left.size === 1;
    for (const resembles of [sameName, sameDeed, nearName, ...(isAlone ? [anything] : [])]) {
      for (const was of went) {
        if (found.has(was)) continue;
        const now = resembles(was, [...left]);
        if (now === null) continue;
        found.set(was, now);
        left.delete(now);
      }
    }
  }
  return found;
}

type Resembling = (was: Defined, candidates: readonly Defined[]) => Defined | null;

/** Its name in another repository; of an asset, the last part of its key below another prefix. */
const sameName: Resembling = (was, candidates) => {
  const alike = candidates.filter(({ name }) => lastPart(was.kind, name) === lastPart(was.kind, was.name));
  return candidates.find(({ name }) => name === was.name) ?? (alike.length === 1 ? (alike[0] ?? null) : null);
};

/** The only one that does what it did, when that says something. */
const sameDeed: Resembling = (was, candidates) => {
  if (was.kind === "asset" || was.kind === "job" || (was.kind === "sensor" && was.members["jobs"] === "assets"))
    return null;
  const alike = candidates.filter(({ members }) => canonicalJson({ ...members }) === canonicalJson({ ...was.members }));
  return alike.length === 1 ? (alike[0] ?? null) : nearName(was, alike);
};

const nearName: Resembling = (was, candidates) => {
  const near = nearest(
    was.name,
    candidates.map(({ name }) => name),
  );
  return candidates.find(({ name }) => name === near) ?? null;
};

const anything: Resembling = (_, candidates) => candidates[0] ?? null;

function lastPart(kind: DefinedKind, name: string): string {
  return kind === "asset" ? name.slice(name.lastIndexOf("/") + 1) : name;
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

function identity({ kind, repository, name }: Defined): string {
  return JSON.stringify([kind, repository, name]);
}

function rank({ kind }: CodeChange): number {
  return definedKinds.indexOf(kind);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
