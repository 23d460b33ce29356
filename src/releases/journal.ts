import { UserError } from "../domain/errors.ts";
import { begunAt, type ReleaseId, releaseIdSchema } from "../domain/identifiers.ts";
import {
  type Current,
  currentSchema,
  type Intent,
  intentSchema,
  type Outcome,
  outcomeSchema,
} from "../domain/journal.ts";
import { type Release, releaseSchema } from "../domain/release.ts";
import type { Bucket, Stored } from "../aws/bucket.ts";

/**
 * The history of a stack: what each release was going to do, how it ended, which one runs. Its bucket holds:
 *
 *     <prefix><stack>/<environment>/releases/<id>/intent.json    written before the first write, once
 *     <prefix><stack>/<environment>/releases/<id>/made.json      what it has made so far, for who goes on from it
 *     <prefix><stack>/<environment>/releases/<id>/outcome.json   how it ended, written once
 *     <prefix><stack>/<environment>/index/<key>                  empty; the keys sort newest first
 *     <prefix><stack>/<environment>/current.json                 the committed release that runs; written under If-Match
 *     <prefix><stack>/<environment>/lock.json                    who may write; written under If-Match
 */
export interface Journal {
  current(): Promise<Stored<Current> | null>;
  intent(id: ReleaseId): Promise<Intent | null>;
  outcome(id: ReleaseId): Promise<Outcome | null>;
  /**
   * Ids of the newest releases, newest first; of those that were begun until then, when a moment is given (milliseconds since 1970).
   * One call for every thousand.
   * @throws UserError when something is listed that is no release
   */
  newest(limit: number, until?: number): Promise<readonly ReleaseId[]>;
  /** Writes what a release is going to do, once. @throws UserError when there is one of that id already */
  begin(intent: Intent): Promise<void>;
  /** What a release that has not ended has made so far; null: nothing that was noted. */
  made(id: ReleaseId): Promise<Release | null>;
  /** Notes what a release has made so far, over what was noted before. For whoever holds the lock. */
  note(release: Release): Promise<void>;
  /** Writes how it ended, once. @returns null; or how it had ended already, by somebody else's account. */
  end(outcome: Outcome): Promise<Outcome | null>;
  /** Moves the pointer. @throws UserError when somebody moved it since it was read. */
  moveCurrent(to: Current, from: Stored<Current> | null): Promise<void>;
}

const currentKey = "current.json";

/** Opens the records of an environment. */
export function journal(bucket: Bucket): Journal {
  const records = (id: ReleaseId): { readonly intent: string; readonly made: string; readonly outcome: string } => ({
    intent: `releases/${id}/intent.json`,
    made: `releases/${id}/made.json`,
    outcome: `releases/${id}/outcome.json`,
  });
  return {
    current: () => bucket.read(currentKey, currentSchema),
    intent: async (id) => (await bucket.read(records(id).intent, intentSchema))?.value ?? null,
    outcome: async (id) => (await bucket.read(records(id).outcome, outcomeSchema))?.value ?? null,
    newest: async (limit, until) => {
      const keys = await bucket.list("index/", limit, until === undefined ? undefined : `index/${countDown(until)}`);
      return keys.map((key) => {
        const id = releaseIdSchema.safeParse(key.slice(key.indexOf("-") + 1));
        if (id.success && indexKey(id.data) === key) return id.data;
        throw new UserError({
          what: "The index of releases lists something that is no release.",
          where: `s3://${bucket.name}/${bucket.prefix}${key}`,
          fix: "A newer version of these actions may have written it: use that one. Else remove this object.",
        });
      });
    },
    begin: async (intent) => {
      // The index first: a release that is listed and has no intent was cut here, before it wrote anything else.
      const { id } = intent.release;
      await bucket.create(indexKey(id), "{}");
      if ((await bucket.create(records(id).intent, intentSchema.parse(intent))) !== null) return;
      throw new UserError({
        what: `Another release of this commit was begun in the same second, as ${id}.`,
        where: `s3://${bucket.name}/${bucket.prefix}${records(id).intent}`,
        fix: "Run it again.",
      });
    },
    made: async (id) => (await bucket.read(records(id).made, releaseSchema))?.value ?? null,
    note: async (release) => {
      const key = records(release.id).made;
      const noted = await bucket.read(key, releaseSchema);
      const made = releaseSchema.parse(release);
      const written = noted === null ? await bucket.create(key, made) : await bucket.replace(key, made, noted.etag);
      if (written !== null) return;
      throw new UserError(
        {
          what: `Another process has noted something of release ${release.id} meanwhile.`,
          where: `s3://${bucket.name}/${bucket.prefix}${key}`,
          fix: "Run one step of a release at a time.",
        },
        { kind: "locked" },
      );
    },
    end: async (outcome) => {
      const key = records(outcome.release.id).outcome;
      if ((await bucket.create(key, outcomeSchema.parse(outcome))) !== null) return null;
      return (await bucket.read(key, outcomeSchema))?.value ?? null;
    },
    moveCurrent: async (to, from) => {
      const moved =
        from === null ? await bucket.create(currentKey, to) : await bucket.replace(currentKey, to, from.etag);
      if (moved !== null) return;
      throw new UserError(
        {
          what: "Another release became current while this one was carried out.",
          where: `s3://${bucket.name}/${bucket.prefix}${currentKey}`,
          fix: "See `status` for what runs now; then deploy again.",
        },
        { kind: "superseded" },
      );
    },
  };
}

/** S3 lists by the order of bytes: what counts down from the far future lists newest first. */
export function indexKey(id: ReleaseId): string {
  return `index/${countDown(begunAt(id))}-${id}`;
}

/** Seconds that are left, in ten digits: below the key of every release that was begun in that second. */
function countDown(at: number): string {
  return String(9_999_999_999 - Math.floor(at / 1000)).padStart(10, "0");
}
