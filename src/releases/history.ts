import type { DagsBefore } from "../domain/dags.ts";
import { UserError } from "../domain/errors.ts";
import { instant, type ReleaseId } from "../domain/identifiers.ts";
import type { Instigators, Jobs } from "../domain/instigators.ts";
import type { Before, Current, Intent, Lock, Outcome } from "../domain/journal.ts";
import type { Release } from "../domain/release.ts";
import type { Bucket, Stored } from "../aws/bucket.ts";
import type { Journal } from "./journal.ts";
import { readLock } from "./lock.ts";

/** What was done to the stack so far, as its records tell it. */
export interface History {
  readonly lock: Stored<Lock> | null;
  readonly current: Stored<Current> | null;
  /** The release that is current; null before the first. */
  readonly currentRelease: Release | null;
  /** How long each service took when it was last replaced, by its key, in seconds. */
  readonly rolledIn: Readonly<Record<string, number>>;
  /** Committed, but cut before the pointer was moved: it is current, and whoever writes next moves the pointer. */
  readonly unpointed: Outcome | null;
  /** Oldest first. */
  readonly unfinished: readonly Unfinished[];
}

/** A release that was begun and has neither come to its end nor been taken back: whoever writes next goes on from it. */
export interface Unfinished {
  /** Its release holds what it has made since. */
  readonly intent: Intent;
  /** It failed, and something is not as it was; null: it was cut, or is under way now. */
  readonly outcome: Outcome | null;
}

/** Reads three records, and two more for each release that may not have ended. @throws UserError, AwsError */
export async function readHistory(records: Bucket, journal: Journal): Promise<History> {
  const [lock, current] = await Promise.all([readLock(records), journal.current()]);
  const ended = await Promise.all(
    (lock?.value.open ?? []).map(async (id) => {
      const [intent, made, outcome] = await Promise.all([journal.intent(id), journal.made(id), journal.outcome(id)]);
      return { intent: intent === null ? null : { ...intent, release: made ?? intent.release }, outcome };
    }),
  );
  const pointed = current?.value.release ?? null;
  const unpointed =
    ended
      .flatMap(({ outcome }) => outcome ?? [])
      .find(({ outcome, release }) => outcome === "committed" && release.id !== pointed && release.base === pointed) ??
    null;
  const latest = unpointed ?? (pointed === null ? null : await committedOutcome(journal, pointed));
  // One without an intent was cut before it wrote anything else.
  const unfinished = ended.flatMap(({ intent, outcome }) =>
    intent !== null && (outcome === null || outcome.outcome === "failed") ? [{ intent, outcome }] : [],
  );
  const [currentRelease, rolledIn] = [latest?.release ?? null, latest?.rolledIn ?? {}];
  return { lock, current, currentRelease, rolledIn, unpointed, unfinished };
}

/**
 * Moves the pointer where a cut release has left it behind. Only whoever holds the lock may do so.
 * @throws UserError when somebody moved it meanwhile
 */
export async function settlePointer(history: History, journal: Journal): Promise<void> {
  const { unpointed, current } = history;
  if (unpointed === null) return;
  const { release, at } = unpointed;
  await journal.moveCurrent({ schema: 1, release: release.id, previous: release.base, at }, current);
}

/** What a service was before the oldest unfinished release touched it. */
export interface FormerService {
  /** What that release has noted it under. */
  readonly key: string;
  readonly before: Before;
}

/** By ECS's name of the service, which a stack file may have given another key since; empty when all have come to their end. */
export function beforeUnfinished({ unfinished }: Pick<History, "unfinished">): ReadonlyMap<string, FormerService> {
  const noted = unfinished.toReversed().flatMap(({ intent }) => Object.entries(intent.before));
  return new Map(noted.map(([key, before]) => [before.service, { key, before }]));
}

/** What code locations had before unfinished releases, by location: as the oldest one has noted it. Null: none has. */
export function locationsBeforeUnfinished({ unfinished }: Pick<History, "unfinished">): {
  readonly instigators: Instigators | null;
  readonly jobs: Jobs | null;
} {
  const intents = unfinished.toReversed().map(({ intent }) => intent);
  return {
    instigators: oldest(intents.map(({ instigators }) => instigators)),
    jobs: oldest(intents.map(({ jobs }) => jobs)),
  };
}

/** What readers of DAGs had before unfinished releases, by location: as the oldest one has noted it. */
export function pointersBeforeUnfinished({
  unfinished,
}: Pick<History, "unfinished">): Readonly<Record<string, DagsBefore | null>> {
  return Object.fromEntries(unfinished.toReversed().flatMap(({ intent }) => Object.entries(intent.pointers)));
}

function oldest<T>(notes: readonly (Readonly<Record<string, T>> | null)[]): Readonly<Record<string, T>> | null {
  const noted = notes.filter((one) => one !== null);
  return noted.length === 0 ? null : Object.fromEntries(noted.flatMap((one) => Object.entries(one)));
}

/**
 * Closes releases that were cut: whoever goes on from them has noted what was before them.
 * @throws UserError of kind `superseded` when one of them was committed after all: it is current, and nothing goes on from it
 */
export async function abandon(
  journal: Journal,
  unfinished: readonly Unfinished[],
  { owner, now }: { readonly owner: Outcome["owner"]; readonly now: number },
): Promise<void> {
  for (const { intent, outcome } of unfinished) {
    if (outcome !== null) continue;
    const { command, release } = intent;
    const other = await journal.end({
      schema: 1,
      kind: "outcome",
      command,
      outcome: "abandoned",
      release,
      services: [],
      cause: "interrupted",
      owner,
      at: instant(now),
    });
    if (other?.outcome === "committed") throw committedMeanwhile(other);
  }
}

function committedMeanwhile({ release, owner }: Outcome): UserError {
  return new UserError(
    {
      what: `Release ${release.id}, which had not come to its end when this one was begun, was committed by ${owner.name} meanwhile.`,
      where: "journal of the stack",
      fix: "Nothing was changed. Deploy again: it is planned on that release then.",
    },
    { kind: "superseded" },
  );
}

/**
 * The release that was committed under an id.
 * @throws UserError when there is none
 */
export async function committed(journal: Journal, id: ReleaseId): Promise<Release> {
  return (await committedOutcome(journal, id)).release;
}

async function committedOutcome(journal: Journal, id: ReleaseId): Promise<Outcome> {
  const outcome = await journal.outcome(id);
  if (outcome?.outcome === "committed") return outcome;
  const intent = outcome === null ? await journal.intent(id) : null;
  throw new UserError({
    what:
      outcome !== null
        ? `Release ${id} was not committed: it ended as ${outcome.outcome}.`
        : intent === null
          ? `There is no record of release ${id}.`
          : `Release ${id} was interrupted, and never committed.`,
    where: "journal of the stack",
    fix: "Name a release that was committed: `status` lists them.",
  });
}
