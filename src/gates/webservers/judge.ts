/** What one task of a webserver says of itself. */
export interface Told {
  /** Dagster's version; null: it gave no answer. */
  readonly version: string | null;
  /** Why it gave none; null: it did. */
  readonly why: string | null;
}

export type WebserversAnswer =
  | { readonly kind: "all"; readonly seen: string }
  /** `none`: nobody answers. */
  | { readonly kind: "none" | "some"; readonly why: string };

/**
 * Does a webserver run another Dagster than its image has? Releases are told apart by their numbers; a build that is none of them by
 * nothing.
 * @param wanted of the image; null: nothing tells
 */
export function isOtherVersion(version: string, wanted: string | null): boolean {
  const [is, should] = [releaseOf(version), releaseOf(wanted ?? "")];
  return is !== null && should !== null && is !== should;
}

function releaseOf(version: string): string | null {
  return /^[1-9]\d*\.\d+\.\d+/.exec(version)?.[0] ?? null;
}

/** Do all tasks of a webserver answer, with one version? @param told one for each task that runs */
export function judgeWebservers(told: readonly Told[]): WebserversAnswer {
  if (told.length === 0) return { kind: "some", why: "ECS names no task of it that runs" };
  const whys = told.flatMap(({ why }) => why ?? []);
  const [first] = whys;
  if (whys.length === told.length) return { kind: "none", why: `no task answers by itself: ${first ?? ""}` };
  if (first !== undefined)
    return { kind: "some", why: `${told.length - whys.length} of ${told.length} tasks answer: ${first}` };
  const versions = [...new Set(told.flatMap(({ version }) => version ?? []))];
  if (versions.length > 1)
    return { kind: "some", why: `its tasks answer with different versions: ${versions.join(", ")}` };
  return {
    kind: "all",
    seen: told.length === 1 ? "its task answers by itself" : `each of ${told.length} tasks answers`,
  };
}
