import { hash } from "node:crypto";
import type { Bucket } from "../../aws/bucket.ts";
import { objectsAtOnce, type ObjectWriter } from "../../aws/objects.ts";
import type { Context } from "../../domain/context.ts";
import { dagsKeys, type DagsMirror, dagsMirrorSchema } from "../../domain/dags.ts";
import { UserError } from "../../domain/errors.ts";
import { instant } from "../../domain/identifiers.ts";
import type { Contents } from "../contents.ts";
import { type Lease, leaseMilliseconds, LeaseOver, openLease } from "./lease.ts";
import type { MirrorPlan } from "./plan.ts";

/**
 * Brings plain files to what a plan says: first its record, with all that is about to change, then file by file, removals last, then the
 * record of what is there. Whoever comes after a run that was cut finds in the record what it may have left.
 * @param store at the prefix of the mirror
 * @throws UserError `superseded` when another run has begun meanwhile, and when a file is not what it was.
 */
export async function writeMirror(
  store: Bucket,
  objects: ObjectWriter,
  context: Context,
  plan: MirrorPlan,
  read: Contents,
): Promise<void> {
  const { request, before, uploads, removes } = plan;
  const { dags, version, files, lock } = request;
  await othersAreDone(store, context, plan);
  const own = { schema: 1, location: dags.location, source: dags.source, run: dags.run } as const;
  const known = before?.value ?? null;
  const paths = [
    ...new Set([...uploads.flat(), ...removes, ...(known?.writing?.paths ?? []), ...(known?.late?.paths ?? [])]),
  ].sort();
  const begun = (): DagsMirror => {
    const at = instant(context.clock.now());
    return {
      ...own,
      version: known?.version ?? version,
      files: known?.files ?? {},
      lock: known?.lock ?? null,
      writing: { paths, run: dags.run, at },
      at,
    };
  };
  const since = context.clock.now();
  let etag =
    (before === null
      ? await store.create(dagsKeys.mirror, begun())
      : await store.replace(dagsKeys.mirror, begun(), before.etag)) ?? (await lost(store));
  const lease = openLease(context.clock, since, async () => {
    etag = (await store.replace(dagsKeys.mirror, begun(), etag)) ?? (await lost(store));
  });
  const name = (path: string) => ({ bucket: store.name, key: store.prefix + path });
  try {
    for (const some of uploads) {
      await atOnce(some, lease, async (path, look) => {
        const bytes = read(path);
        const file = files[path];
        const sha256 = hash("sha256", bytes, "hex");
        if (file === undefined || !("sha256" in file) || file.sha256 !== sha256) throw changed(path, dags.place);
        await objects.put({ ...name(path), bytes, sha256 }, look);
      });
    }
    await atOnce(removes, lease, (path, look) => objects.remove(name(path), look));
    const done: DagsMirror = { ...own, version, files, lock, writing: null, at: instant(context.clock.now()) };
    if ((await store.replace(dagsKeys.mirror, done, etag)) === null) await lost(store);
  } catch (error) {
    const taken = await takenFrom(lease, error);
    if (taken === null) throw error;
    const late = lease.late();
    throw lateWrites(taken, late, await noteLate(store, context, { paths: [...late], run: dags.run }));
  }
}

/**
 * Whatever ended it first: where something may have been written too late, S3 is asked whether another run has begun since.
 * @returns what says so; null: nothing is late, or nobody has
 */
async function takenFrom(lease: Lease, error: unknown): Promise<UserError | null> {
  if (lease.late().length === 0) return null;
  if (isSuperseded(error)) return error;
  try {
    await lease.hold();
    return null;
  } catch (lost) {
    return isSuperseded(lost) ? lost : null;
  }
}

function isSuperseded(error: unknown): error is UserError {
  return error instanceof UserError && error.kind === "superseded";
}

/** What a run which had lost its lease may have written since is written anew by the next one. @returns it stands in the record */
async function noteLate(store: Bucket, context: Context, late: NonNullable<DagsMirror["late"]>): Promise<boolean> {
  const end = context.clock.now() + 3 * leaseMilliseconds;
  while (context.clock.now() < end) {
    const now = await store.read(dagsKeys.mirror, dagsMirrorSchema);
    if (now === null) return false;
    const isAtIt = now.value.writing !== null && now.ageSeconds * 1000 < leaseMilliseconds;
    const paths = [...new Set([...(now.value.late?.paths ?? []), ...late.paths])].sort();
    const noted: DagsMirror = { ...now.value, late: { ...late, paths } };
    if (!isAtIt && (await store.replace(dagsKeys.mirror, noted, now.etag)) !== null) return true;
    await context.clock.sleep(pauseMilliseconds, context.signal);
  }
  return false;
}

function lateWrites({ what, where, fix }: UserError, late: readonly string[], isNoted: boolean): UserError {
  const some = `${late.slice(0, 5).join(", ")}${late.length > 5 ? ", …" : ""}`;
  return new UserError(
    {
      what: `${what} This run had said nothing for two minutes, and what it had sent before may have arrived after that: ${some}.`,
      ...(where === undefined ? {} : { where }),
      fix: isNoted
        ? "The record notes them: the next run writes them anew, whatever it publishes. Run it."
        : `${fix} And compare these objects with the commit that is served: the record could not be told of them.`,
    },
    { kind: "superseded" },
  );
}

const pauseMilliseconds = 5_000;

/** Two at once would leave a mixture that neither knows of. */
async function othersAreDone(store: Bucket, context: Context, { before, request }: MirrorPlan): Promise<void> {
  const writing = before?.value.writing ?? null;
  if (before === null || writing === null || (writing.run !== null && writing.run === request.dags.run)) return;
  const end = context.clock.now() + leaseMilliseconds - before.ageSeconds * 1000;
  if (context.clock.now() >= end) return;
  const text = `another run is writing the plain files${writing.run === null ? "" : `: ${writing.run}`}; waiting until it is done, or has been silent for two minutes`;
  context.report({ kind: "line", text });
  while (context.clock.now() < end) {
    await context.clock.sleep(pauseMilliseconds, context.signal);
    const now = await store.read(dagsKeys.mirror, dagsMirrorSchema);
    if (now?.etag !== before.etag) await lost(store);
  }
}

async function lost(store: Bucket): Promise<never> {
  const now = await store.read(dagsKeys.mirror, dagsMirrorSchema);
  const who =
    now === null
      ? "Since then somebody has removed their record."
      : `Another run has written them since: of ${now.value.source.repository} at ${now.value.source.sha}${now.value.run === null ? "" : `: ${now.value.run}`}.`;
  throw new UserError(
    {
      what: `The plain files are not as they were when this was planned. ${who}`,
      where: `s3://${store.name}/${store.prefix}${dagsKeys.mirror}`,
      fix: "Run this again if what is in this checkout is newer: it starts from what is there.",
    },
    { kind: "superseded" },
  );
}

function changed(path: string, where: MirrorPlan["request"]["dags"]["place"]): UserError {
  return new UserError({
    what: `${path} changed while it was sent.`,
    where,
    fix: "Let nothing write into the checkout while this step runs, and run it again.",
  });
}

/** So many at once, none without the lease; none is begun after one has failed, and all that were begun are waited for. */
async function atOnce(
  paths: readonly string[],
  lease: Lease,
  work: (path: string, look: () => void) => Promise<void>,
): Promise<void> {
  const left = paths.values();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const path of left) {
      while (failures.length === 0) {
        try {
          await lease.hold();
          await lease.write(path, (look) => work(path, look));
          break;
        } catch (error) {
          // Not sent: whether the lease can be had again is asked first.
          if (!(error instanceof LeaseOver)) failures.push(error);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(objectsAtOnce, paths.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
