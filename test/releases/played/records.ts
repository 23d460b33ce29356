import type { Current, Intent, Lock, Outcome } from "../../../src/domain/journal.ts";
import type { ReleaseId } from "../../../src/domain/identifiers.ts";
import type { Release } from "../../../src/domain/release.ts";
import type { Rest } from "./ending.ts";

/** What the bucket holds of the stack, read past every deployer. */
export interface Records {
  readonly lock: Lock | null;
  readonly current: Current | null;
  /** Ids of the releases that were begun, oldest first. */
  readonly begun: readonly ReleaseId[];
  readonly intent: (id: ReleaseId) => Intent | null;
  /** What it has noted while it went on. */
  readonly made: (id: ReleaseId) => Release | null;
  readonly outcome: (id: ReleaseId) => Outcome | null;
}

export function recordsOf({ s3, recordsPrefix }: Pick<Rest, "s3" | "recordsPrefix">): Records {
  const read = <T>(key: string): T | null => {
    const found = s3.objects.get(recordsPrefix + key);
    return found === undefined ? null : (JSON.parse(found.text) as T);
  };
  return {
    lock: read("lock.json"),
    current: read("current.json"),
    begun: [...s3.objects.keys()]
      .flatMap((path) => (/\/releases\/([^/]+)\/intent\.json$/.exec(path)?.slice(1, 2) ?? []) as ReleaseId[])
      .sort(),
    intent: (id) => read(`releases/${id}/intent.json`),
    made: (id) => read(`releases/${id}/made.json`),
    outcome: (id) => read(`releases/${id}/outcome.json`),
  };
}
