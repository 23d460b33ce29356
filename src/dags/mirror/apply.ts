import { hash } from "node:crypto";
import type { Bucket } from "../../aws/bucket.ts";
import { objectsAtOnce, type ObjectWriter } from "../../aws/objects.ts";
import type { Context } from "../../domain/context.ts";
import { dagsKeys, type DagsMirror, dagsMirrorSchema } from "../../domain/dags.ts";
import { UserError } from "../../domain/errors.ts";
import { instant } from "../../domain/identifiers.ts";
import type { Contents } from "../contents.ts";
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
  const at = instant(context.clock.now());
  const paths = [...new Set([...uploads.flat(), ...removes, ...(before?.value.writing?.paths ?? [])])].sort();
  const begun: DagsMirror = {
    ...own,
    version: before?.value.version ?? version,
    files: before?.value.files ?? {},
    lock: before?.value.lock ?? null,
    writing: { paths, run: dags.run, at },
    at,
  };
  const etag =
    before === null
      ? await store.create(dagsKeys.mirror, begun)
      : await store.replace(dagsKeys.mirror, begun, before.etag);
  const lease = { etag: etag ?? (await lost(store)), until: context.clock.now() + leaseMilliseconds };
  const renew = async (): Promise<void> => {
    if (context.clock.now() < lease.until - leaseMilliseconds / 2) return;
    lease.until = context.clock.now() + leaseMilliseconds;
    const now = {
      ...begun,
      at: instant(context.clock.now()),
      writing: { paths, run: dags.run, at: instant(context.clock.now()) },
    };
    lease.etag = (await store.replace(dagsKeys.mirror, now, lease.etag)) ?? (await lost(store));
  };
  const name = (path: string) => ({ bucket: store.name, key: store.prefix + path });
  for (const some of uploads) {
    await atOnce(some, renew, async (path) => {
      const bytes = read(path);
      const file = files[path];
      const sha256 = hash("sha256", bytes, "hex");
      if (file === undefined || !("sha256" in file) || file.sha256 !== sha256) throw changed(path, dags.place);
      await objects.put({ ...name(path), bytes, sha256 });
    });
  }
  await atOnce(removes, renew, (path) => objects.remove(name(path)));
  const done: DagsMirror = { ...own, version, files, lock, writing: null, at: instant(context.clock.now()) };
  if ((await store.replace(dagsKeys.mirror, done, lease.etag)) === null) await lost(store);
}

/** For so long nobody else begins, unless the run that has begun is this very one. A run that lives renews it. */
const leaseMilliseconds = 120_000;
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

/** So many at once; none is begun after one has failed, and all that were begun are waited for. */
async function atOnce(
  paths: readonly string[],
  renew: () => Promise<void>,
  work: (path: string) => Promise<void>,
): Promise<void> {
  const left = paths.values();
  const failures: unknown[] = [];
  const worker = async (isFirst: boolean): Promise<void> => {
    for (const path of left) {
      if (failures.length > 0) return;
      try {
        if (isFirst) await renew();
        await work(path);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(objectsAtOnce, paths.length) }, (_, at) => worker(at === 0)));
  if (failures.length > 0) throw failures[0];
}
