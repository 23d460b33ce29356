import { isAwsError } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { instant, type ReleaseId } from "../domain/identifiers.ts";
import { type Lock, lockSchema, type Owner } from "../domain/journal.ts";
import type { Bucket, Stored } from "../aws/bucket.ts";

/** The right to write to the stack. It is renewed in the background until it is given back or handed on. */
export interface HeldLock {
  /** Releases that were begun under it, by us or by holders before us, and may not have ended; oldest first. */
  readonly open: readonly ReleaseId[];
  /** Before each write: is it still ours? @throws UserError of kind `locked` */
  check(): Promise<void>;
  /** Remembers, before anything is written, that a release is begun. */
  begin(release: ReleaseId): Promise<void>;
  /** All that was begun has ended: whoever holds it next need not look. Told when it is given back. */
  settled(): void;
  /** Stops renewing and leaves it as it is: to the next step of this job. */
  handOn(): void;
  /** Gives it back, unless that was done, or it was handed on. Never throws: what cannot be given back is said, and its lease ends. */
  giveBack(): Promise<void>;
}

/** Who wants it, and how long he waits. */
export interface LockRequest {
  readonly owner: Owner;
  /** 0: not at all. */
  readonly waitSeconds: number;
  /** Asks the host of the workflow whether a run is over; null when it cannot be asked. */
  readonly isOver: ((run: NonNullable<Owner["run"]>) => Promise<"over" | "running" | "unknown">) | null;
  /** Told before it is taken: from then on there may be something to give back, whatever becomes of this process. */
  readonly onTake: () => void;
}

/** Seconds; a holder that died is replaced after so long at the latest. */
const leaseSeconds = 15 * 60;
const renewEverySeconds = 5 * 60;
const renewAgainSeconds = 30;
const lookEverySeconds = 10;

const key = "lock.json";

/**
 * Takes the lock of a stack: when nobody holds it, when we do (another step of this job, or an earlier attempt of this run), when
 * its holder's run is over, or when its lease is, by the bucket's own clock.
 * @throws UserError of kind `locked` that says who holds it and for how long
 */
export async function takeLock(bucket: Bucket, context: Context, request: LockRequest): Promise<HeldLock> {
  const { clock, report, signal } = context;
  const deadline = clock.now() + request.waitSeconds * 1000;
  let told = "";
  for (;;) {
    const found = await bucket.read(key, lockSchema);
    const claim = await claimOf(found, request);
    if (claim !== null) {
      const next = lockSchema.parse({
        schema: 1,
        holder: request.owner,
        since: claim === "ours" && found !== null ? found.value.since : instant(clock.now()),
        leaseSeconds,
        open: found?.value.open ?? [],
        taken: found?.value.taken ?? null, // whoever lost it may not have looked yet
      });
      request.onTake();
      const taken = found === null ? await bucket.create(key, next) : await bucket.replace(key, next, found.etag);
      if (taken === null) continue; // somebody was quicker: see who
      if (typeof claim === "object") report({ kind: "line", text: `${claim.why}: taking the lock over` });
      return held(bucket, context, next);
    }
    if (found === null || clock.now() >= deadline) throw lockedError(found, bucket);
    const waiting = `waiting for ${holderOf(found.value)}; ${leaseOf(found)}`;
    if (waiting !== told) report({ kind: "line", text: waiting });
    told = waiting;
    await clock.sleep(lookEverySeconds * 1000, signal);
  }
}

/**
 * Looks whether {@link takeLock} would succeed, now or by waiting.
 * @throws UserError of kind `locked`
 */
export async function mayTakeLock(
  bucket: Bucket,
  found: Stored<Lock> | null,
  request: LockRequest,
): Promise<"now" | "later"> {
  if ((await claimOf(found, request)) !== null) return "now";
  if (request.waitSeconds > 0) return "later";
  throw lockedError(found, bucket);
}

/** The lock as it is; null before the first release of a stack. */
export function readLock(bucket: Bucket): Promise<Stored<Lock> | null> {
  return bucket.read(key, lockSchema);
}

/** Another step of this job, or an earlier attempt of this run: that is over when this one begins, whichever job of it has it. */
export function isHeldBy({ holder }: Lock, owner: Owner): boolean {
  if (holder === null || holder.name !== owner.name) return false;
  return holder.attempt < owner.attempt || isSame(holder, owner);
}

/** Who releases now, beside us; null: nobody whose lease is not over. */
export function releasingBeside(found: Stored<Lock> | null, owner: Owner): string | null {
  if (found === null || found.value.holder === null || isHeldBy(found.value, owner)) return null;
  return found.ageSeconds >= found.value.leaseSeconds ? null : found.value.holder.name;
}

/**
 * Takes the lock away from its holder, who writes nothing more from then on. What he had begun stays open for the next release.
 * @returns who held it; null: nobody did
 */
export async function unlock(
  bucket: Bucket,
  { clock }: Pick<Context, "clock">,
  by: Owner,
  why: string,
): Promise<Owner | null> {
  for (;;) {
    const found = await bucket.read(key, lockSchema);
    if (found === null || found.value.holder === null) return null;
    const { holder } = found.value;
    const taken = { from: holder, by: by.name, why };
    const next = lockSchema.parse({ ...found.value, holder: null, since: instant(clock.now()), taken });
    if ((await bucket.replace(key, next, found.etag)) !== null) return holder;
  }
}

/** Why it may be taken; null: it may not. */
async function claimOf(
  found: Stored<Lock> | null,
  { owner, isOver }: LockRequest,
): Promise<"free" | "ours" | { readonly why: string } | null> {
  if (found === null) return "free";
  const { holder, leaseSeconds: lease } = found.value;
  if (holder === null) return "free";
  if (isHeldBy(found.value, owner)) return "ours";
  if (found.ageSeconds >= lease)
    return { why: `the lease of ${holder.name} is over since ${Math.round(found.ageSeconds - lease)} s` };
  if (holder.run === null || isOver === null || holder.name === owner.name) return null;
  return (await isOver(holder.run)) === "over" ? { why: `the workflow run of ${holder.name} is over` } : null;
}

function held(bucket: Bucket, { clock, report }: Context, first: Lock): HeldLock {
  const over = new AbortController();
  let left = false;
  let lock = first;
  let open = first.open;
  /** @throws UserError when it is not ours any more */
  const readMine = async (): Promise<Stored<Lock>> => {
    const found = await bucket.read(key, lockSchema);
    const holder = found?.value.holder ?? null;
    if (!isSame(holder, lock.holder)) throw lostError(found?.value ?? null, lock.holder, bucket);
    return found as Stored<Lock>;
  };
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: a renewal must not take what this very process writes beside it for somebody else's. */
  const rewrite = (nextOf: (now: Lock) => Lock): Promise<void> => {
    const mine = last.then(async () => {
      const { etag } = await readMine();
      const next = lockSchema.parse(nextOf(lock));
      if ((await bucket.replace(key, next, etag)) === null)
        throw lostError((await bucket.read(key, lockSchema))?.value ?? null, lock.holder, bucket);
      lock = next;
    });
    last = mine.catch(() => undefined);
    return mine;
  };
  // One failure is weather, which the next attempt outlives: a third of the lease is left.
  const renew = async (): Promise<void> => {
    let pause = renewEverySeconds;
    let sessionIsOver = false;
    for (;;) {
      await clock.sleep(pause * 1000, over.signal);
      try {
        await rewrite((now) => now);
        pause = renewEverySeconds;
      } catch (error) {
        if (over.signal.aborted) return;
        // An AWS session that is over will be so half a minute later: that is said once.
        const isOver = isAwsError(error, "expired");
        if (!isOver || !sessionIsOver)
          report({ kind: "line", text: `the lock could not be renewed: ${messageOf(error)}` });
        sessionIsOver = isOver;
        if (isLost(error)) return; // the next check() says it where it matters
        pause = renewAgainSeconds;
      }
    }
  };
  renew().catch(() => undefined); // its sleep was ended
  return {
    get open() {
      return open;
    },
    check: async () => void (await readMine()),
    begin: async (release) => {
      open = [...open.filter((id) => id !== release), release];
      await rewrite((now) => ({ ...now, open }));
    },
    settled: () => {
      open = [];
    },
    handOn: () => {
      left = true;
      over.abort();
    },
    giveBack: async () => {
      if (left) return;
      left = true;
      over.abort();
      try {
        await rewrite((now) => ({ ...now, holder: null, since: instant(clock.now()), open }));
      } catch (error) {
        // Whatever ended the release is the story; this is only how it leaves the stage.
        report({ kind: "line", text: `the lock was not given back: ${messageOf(error)}` });
      }
    },
  };
}

/** Somebody else may write now: whoever hears this writes nothing more. */
export function isLost(error: unknown): error is UserError & { readonly kind: "locked" } {
  return error instanceof UserError && error.kind === "locked";
}

function holderOf({ holder, since, open }: Lock): string {
  const url = holder === null || holder.url === null ? "" : ` (${holder.url})`;
  const release = open.at(-1);
  return `${holder?.name ?? "somebody"}${url}, who is releasing to this stack since ${since}${release === undefined ? "" : `: release ${release}`}`;
}

function leaseOf({ value, ageSeconds }: Stored<Lock>): string {
  return `unless renewed, its lock is over in ${Math.max(0, Math.ceil((value.leaseSeconds - ageSeconds) / 60))} min`;
}

function lockedError(found: Stored<Lock> | null, bucket: Bucket): UserError {
  const holder = found === null ? "somebody" : holderOf(found.value);
  const lease = found === null ? "" : ` If it died: ${leaseOf(found)}.`;
  return new UserError(
    {
      what: `The stack is locked by ${holder}.`,
      where: `s3://${bucket.name}/${bucket.prefix}${key}`,
      fix: `Wait until it is done, and run this again; or let this step wait: \`lock-timeout\`.${lease} When you know that it died, \`command: unlock\` takes the lock away.`,
    },
    { kind: "locked" },
  );
}

function isSame(one: Owner | null, other: Owner | null): boolean {
  return one !== null && one.name === other?.name && one.attempt === other.attempt && one.job === other.job;
}

/** @param me who held it */
function lostError(now: Lock | null, me: Owner | null, bucket: Bucket): UserError {
  return new UserError(
    {
      what: howLost(now, me),
      where: `s3://${bucket.name}/${bucket.prefix}${key}`,
      fix: "Nothing more was written. See `status` for what runs now; then run this again.",
    },
    { kind: "locked" },
  );
}

function howLost(now: Lock | null, me: Owner | null): string {
  if (now === null) return "The lock of this release was removed while it was carried out.";
  const { holder, taken } = now;
  if (taken !== null && isSame(taken.from, me))
    return `${taken.by} took the lock of this release away while it was carried out: ${taken.why}`;
  if (holder !== null) return `${holder.name} took over the lock of this release while it was carried out.`;
  return "The lock of this release was given back by another step while it was carried out.";
}
