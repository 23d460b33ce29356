import { type Revision, showRevision } from "../../domain/verdict.ts";

/** Revisions of the families that a stack registers. */
export interface KnownRevisions {
  /** ACTIVE ones of each family, newest first. */
  readonly active: Readonly<Record<string, readonly Revision[]>>;
  /** `family:revision` of those that something names. */
  readonly named: ReadonlySet<string>;
}

/**
 * Revisions that may go: neither among the newest of their family nor named by anything. Newest first: older ones than our first may be
 * somebody else's, and stay for ever.
 * @param keep how many of the newest stay of each family
 */
export function surplusRevisions({ active, named }: KnownRevisions, keep: number): readonly Revision[] {
  return Object.values(active).flatMap((revisions) =>
    revisions.slice(keep).filter((revision) => !named.has(showRevision(revision))),
  );
}
