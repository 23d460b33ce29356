import type { Stored } from "../aws/bucket.ts";
import type { Context } from "../domain/context.ts";
import { begunAt, instant, type ReleaseId, type Sha, shaOf } from "../domain/identifiers.ts";
import type { Intent, Lock, OutcomeKind, Owner } from "../domain/journal.ts";
import type { Connections } from "./connections.ts";
import { openSession, type Session, type SessionRequest } from "./session.ts";

/** One release of the history. A later version may add members, and takes none away. */
export interface PastRelease {
  readonly id: ReleaseId;
  /** `interrupted`: begun, and cut before its end was written. */
  readonly ended: OutcomeKind | "under way" | "interrupted";
  /** null: it was cut before it had said what it would do, and did nothing. */
  readonly command: Intent["command"] | null;
  /** The commit that it brought, or went back to. */
  readonly commit: Sha;
  /** Who did it; where somebody else has closed it later, who began it. */
  readonly by: string | null;
  /** When it ended; one that has not, when it was begun. */
  readonly at: string;
  /** Id of the cause when it is red. */
  readonly cause: string | null;
  readonly isCurrent: boolean;
  /** What becomes of one that has not come to its end; null: nothing is left of it. */
  readonly next: string | null;
}

/** Who may write now, and for how long at least. */
export interface Holder {
  readonly owner: Owner;
  readonly since: string;
  readonly leftSeconds: number;
}

/**
 * The releases of a stack, newest first. Reads, and changes nothing.
 * @param limit how many there are at most
 * @throws UserError, AwsError
 */
export async function history(
  context: Context,
  connections: Connections,
  request: SessionRequest,
  limit: number,
): Promise<readonly PastRelease[]> {
  const session = await openSession(context, connections, request);
  return pastReleases(session, underWayOf(session, holderOf(session.lock)), limit);
}

/** @param underWay the release that is carried out now; null: none is */
export async function pastReleases(
  session: Session,
  underWay: ReleaseId | null,
  limit: number,
): Promise<readonly PastRelease[]> {
  const ids = await session.journal.newest(limit);
  return Promise.all(ids.map((id) => pastRelease(session, id, underWay)));
}

/** For people: two lines a release. */
export function wordsOfHistory(releases: readonly PastRelease[]): readonly string[] {
  if (releases.length === 0) return ["Nothing is released yet."];
  return releases.flatMap(({ id, ended, command, commit, by, at, cause, isCurrent, next }) => {
    const did =
      command === null
        ? commit.slice(0, 12)
        : `${command === "rollback" ? "rollback to" : "deploy of"} ${commit.slice(0, 12)}`;
    const end = cause === null ? ended : `${ended}: ${cause}`;
    const when = `${at.slice(0, 16).replace("T", " ")} UTC`;
    return [
      `${id}${isCurrent ? ", current" : ""}`,
      `  ${[did, end, when, ...(by === null ? [] : [`by ${by}`])].join(", ")}${next === null ? "" : `. ${next}`}`,
    ];
  });
}

/** Nobody whose lease is over. */
export function holderOf(lock: Stored<Lock> | null): Holder | null {
  const owner = lock?.value.holder ?? null;
  if (lock === null || owner === null) return null;
  const leftSeconds = lock.value.leaseSeconds - lock.ageSeconds;
  return leftSeconds <= 0 ? null : { owner, since: lock.value.since, leftSeconds };
}

/**
 * The release that the holder of the lock carries out. Until he has begun one, the newest that is open may be another's, who was cut,
 * or one that failed.
 */
export function underWayOf({ lock, unfinished }: Session, holder: Holder | null): ReleaseId | null {
  const newest = lock?.value.open.at(-1) ?? null;
  if (holder === null || newest === null) return null;
  const found = unfinished.find(({ intent }) => intent.release.id === newest);
  if (found === undefined) return newest; // noted in the lock, and about to write its intent; or about to move the pointer
  return found.outcome === null && found.intent.owner.name === holder.owner.name ? newest : null;
}

async function pastRelease(
  { journal, currentRelease, unfinished }: Pick<Session, "journal" | "currentRelease" | "unfinished">,
  id: ReleaseId,
  underWay: ReleaseId | null,
): Promise<PastRelease> {
  const outcome = await journal.outcome(id);
  const isLeft = outcome === null || outcome.outcome === "abandoned";
  const record = (isLeft ? await journal.intent(id) : null) ?? outcome;
  const isOpen = unfinished.some(({ intent }) => intent.release.id === id);
  return {
    id,
    ended: outcome?.outcome ?? (id === underWay ? "under way" : "interrupted"),
    command: record?.command ?? null,
    commit: shaOf(id),
    by: record?.owner.name ?? null,
    at: (outcome ?? record)?.at ?? instant(begunAt(id)),
    cause: outcome?.cause ?? null,
    isCurrent: currentRelease?.id === id,
    next: id === underWay ? null : isOpen ? goesOn : record === null ? leftAlone : null,
  };
}

const goesOn =
  "The next deploy or rollback goes on from there; should that fail, all of it goes back to what was before.";
const leftAlone = "Nothing: it was cut before it had changed anything.";
