import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { instant } from "../domain/identifiers.ts";
import { type Lock, lockSchema, type Owner } from "../domain/journal.ts";
import type { ReleaseId } from "../domain/identifiers.ts";
import type { Bucket, Stored } from "./bucket.ts";

/** The right to write to the stack. It is renewed in the background until it is given back or handed on. */
export interface HeldLock {
  /** The release it is held for; null: none was begun yet. */
  readonly release: ReleaseId | null;
  /** Before each write: is it still ours? @throws UserError */
  check(): Promise<void>;
  /** Remembers which release it is held for, so that the next step of this job finds it. */
  holdFor(release: ReleaseId): Promise<void>;
  /** Stops renewing and leaves it to the next step of this job. */
  handOn(): void;
  /** Gives it back. Never throws: what cannot be given back is said, and its lease ends. */
  giveBack(): Promise<void>;
}

/** Seconds; a holder that died is replaced after so long at the latest. */
const leaseSeconds = 15 * 60;
const renewEverySeconds = 5 * 60;

const key = "lock.json";

/**
 * Takes the lock of a stack: when nobody holds it, when we do (another step of this job, or an earlier attempt of this run), or
 * when its holder's lease is over by the bucket's own clock.
 * @throws UserError of kind `locked` that says who holds it and for how long
 */
export async function takeLock(bucket: Bucket, context: Context, owner: Owner): Promise<HeldLock> {
  const { clock, report } = context;
  const mine: Lock = { schema: 1, owner, release: null, since: instant(clock.now()), leaseSeconds };
  const found = await bucket.read(key, lockSchema);
  if (found === null) {
    if (await bucket.create(key, mine)) return held(bucket, context, mine);
    return takeLock(bucket, context, owner); // somebody was quicker: see who
  }
  const { value: lock } = found;
  const ours = isOurs(lock, owner);
  if (!ours && found.ageSeconds < lock.leaseSeconds) throw lockedError(found, bucket);
  if (!ours)
    report({
      kind: "line",
      text: `the lease of ${lock.owner.name} is over since ${Math.round(found.ageSeconds - lock.leaseSeconds)} s: taking the lock over`,
    });
  const next: Lock = ours ? { ...lock, owner } : mine;
  if ((await bucket.replace(key, next, found.etag)) === null) return takeLock(bucket, context, owner);
  return held(bucket, context, next);
}

/**
 * Looks whether {@link takeLock} would succeed now.
 * @returns the release that we hold it for already; null when there is none
 * @throws UserError of kind `locked`
 */
export async function mayTakeLock(bucket: Bucket, owner: Owner): Promise<ReleaseId | null> {
  const found = await bucket.read(key, lockSchema);
  if (found === null) return null;
  if (isOurs(found.value, owner)) return found.value.release;
  if (found.ageSeconds < found.value.leaseSeconds) throw lockedError(found, bucket);
  return null;
}

/** Who holds the lock now; null: nobody. */
export async function lockHolder(bucket: Bucket): Promise<Stored<Lock> | null> {
  return bucket.read(key, lockSchema);
}

/** Another step of this job, or an earlier attempt of this run. */
function isOurs({ owner: holder }: Lock, owner: Owner): boolean {
  return holder.name === owner.name && holder.attempt <= owner.attempt;
}

function held(bucket: Bucket, { clock, report }: Context, first: Lock): HeldLock {
  const over = new AbortController();
  let lock = first;
  /** @throws UserError when it is not ours any more */
  const readMine = async (): Promise<Stored<Lock>> => {
    const found = await bucket.read(key, lockSchema);
    const { name, attempt } = lock.owner;
    if (found?.value.owner.name !== name || found.value.owner.attempt !== attempt)
      throw lostError(found?.value ?? null, bucket);
    return found;
  };
  const rewrite = async (next: Lock): Promise<void> => {
    const { etag } = await readMine();
    if ((await bucket.replace(key, next, etag)) === null) {
      throw lostError((await bucket.read(key, lockSchema))?.value ?? null, bucket);
    }
    lock = next;
  };
  const renew = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await clock.sleep(renewEverySeconds * 1000, over.signal);
      await rewrite(lock);
    }
  };
  renew().catch((error: unknown) => {
    // The next check() says it where it matters.
    if (!over.signal.aborted) report({ kind: "line", text: `the lock could not be renewed: ${messageOf(error)}` });
  });
  return {
    get release() {
      return lock.release;
    },
    check: async () => void (await readMine()),
    holdFor: (release) => rewrite({ ...lock, release }),
    handOn: () => over.abort(),
    giveBack: async () => {
      over.abort();
      try {
        await bucket.remove(key, (await readMine()).etag);
      } catch (error) {
        // Whatever ended the release is the story; this is only how it leaves the stage.
        report({ kind: "line", text: `the lock was not given back: ${messageOf(error)}` });
      }
    },
  };
}

function lockedError({ value: { owner, since, release }, ageSeconds, value }: Stored<Lock>, bucket: Bucket): UserError {
  const left = Math.ceil((value.leaseSeconds - ageSeconds) / 60);
  const url = owner.url === null ? "" : ` (${owner.url})`;
  return new UserError(
    {
      what: `${owner.name}${url} is releasing to this stack since ${since}${release === null ? "" : `: release ${release}`}.`,
      where: `s3://${bucket.name}/${bucket.prefix}${key}`,
      fix: `Wait until it is done, and run this again. If it died, its lock is over in ${left} min.`,
    },
    { kind: "locked" },
  );
}

function lostError(holder: Lock | null, bucket: Bucket): UserError {
  return new UserError(
    {
      what:
        holder === null
          ? "The lock of this release was removed while it was carried out."
          : `${holder.owner.name} took over the lock of this release while it was carried out.`,
      where: `s3://${bucket.name}/${bucket.prefix}${key}`,
      fix: "Nothing more was written. See `status` for what runs now; then deploy again.",
    },
    { kind: "locked" },
  );
}
