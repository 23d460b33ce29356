import type { DagsPointer, DagsVersion } from "../../domain/dags.ts";

/** What may be removed of a location, and when each version went. */
export interface RetentionObservation {
  readonly pointer: DagsPointer;
  /** All that were published, and when, in milliseconds since 1970. */
  readonly published: readonly { readonly version: DagsVersion; readonly at: number }[];
  /** Named by somebody: a process that has it loaded, another prefix's pointer. */
  readonly named: ReadonlySet<string>;
  /** When the oldest run was made that waits or runs; null: there is none, or nobody could be asked. */
  readonly oldestRunAt: number | null;
}

export interface RetentionRequest {
  /** Versions that are kept beside the one that is served, those that were served last. */
  readonly keep: number;
  /** For so long a version is kept after it was served, whatever else holds. */
  readonly keepDays: number;
}

/**
 * Versions that nobody can want any more. A run has the version that was served when it was made; so of a version that went before the
 * oldest run that waits or runs was made, none is left. An hour more is for readers that follow late.
 * @param now milliseconds since 1970
 */
export function planRetention(
  { pointer, published, named, oldestRunAt }: RetentionObservation,
  { keep, keepDays }: RetentionRequest,
  now: number,
): readonly DagsVersion[] {
  const until = pointer.until ?? {};
  const times = Object.values(until).map((at) => Date.parse(at));
  // Of one that went before anybody noted it, it is known only that it was before all others.
  const unknown = times.length === 0 ? now : Math.min(...times) - 1;
  const gone = published
    .filter(({ version }) => version !== pointer.version)
    .map(({ version, at }) => ({ version, at: timeOf(until[version]) ?? Math.max(at, unknown) }))
    .sort((a, b) => b.at - a.at || (a.version < b.version ? -1 : 1));
  const limit = Math.min(now - keepDays * day, (oldestRunAt ?? now) - hour);
  return gone
    .slice(keep)
    .filter(({ version, at }) => at < limit && version !== pointer.previous && !named.has(version))
    .map(({ version }) => version);
}

const hour = 3_600_000;
const day = 24 * hour;

function timeOf(instant: string | undefined): number | null {
  return instant === undefined ? null : Date.parse(instant);
}
