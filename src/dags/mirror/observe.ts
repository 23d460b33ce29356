import type { Bucket, Stored } from "../../aws/bucket.ts";
import { dagsKeys, type DagsMirror, dagsMirrorSchema } from "../../domain/dags.ts";
import { UserError } from "../../domain/errors.ts";
import type { MirrorRequest } from "./request.ts";

/** What lies under the prefix of a mirror. */
export interface MirrorObservation {
  readonly request: MirrorRequest;
  /** Null: nobody has kept a mirror here. */
  readonly mirror: Stored<DagsMirror> | null;
  /** Where there is no mirror yet: the first keys that lie there all the same. */
  readonly others: readonly string[];
}

/**
 * Looks at a mirror; at its prefix only when it has none yet.
 * @param store at the prefix of the mirror
 * @throws UserError when the prefix is another location's.
 */
export async function observeMirror(store: Bucket, request: MirrorRequest): Promise<MirrorObservation> {
  const mirror = await store.read(dagsKeys.mirror, dagsMirrorSchema);
  if (mirror === null) {
    const keys = await store.list("", mostOthers);
    return { request, mirror, others: keys.filter((key) => !isReserved(key, request.reserved)) };
  }
  const { location } = request.dags;
  if (mirror.value.location === location) return { request, mirror, others: [] };
  throw new UserError({
    what: `The plain files there are those of location ${mirror.value.location}, of ${mirror.value.source.repository}: those of ${location} would take their place.`,
    where: `s3://${store.name}/${store.prefix}`,
    fix: `Give location ${location} a prefix of its own. If it has been renamed, remove ${dagsKeys.mirror} there: what lies there counts as somebody else's then.`,
  });
}

export function isReserved(path: string, reserved: readonly string[]): boolean {
  return reserved.some((start) => path.startsWith(start));
}

const mostOthers = 20_000;
