import type { Bucket } from "../aws/bucket.ts";
import type { Context } from "../domain/context.ts";
import { dagsKeys, type DagsManifest, type DagsPointer, dagsPointerSchema, type DagsVersion } from "../domain/dags.ts";
import { UserError } from "../domain/errors.ts";
import { instant } from "../domain/identifiers.ts";
import { buildArchive } from "../files/archive.ts";
import { keepManifest } from "./manifest.ts";
import type { DagsObservation } from "./observe.ts";
import type { Switch } from "./plan.ts";

/**
 * Puts a version beside the others: first its files, then the manifest that makes a version of them. Nobody reads it before the pointer
 * names it. Cut at any point, it is finished by whoever does it again.
 * @throws UserError when a file is not what it was when it was looked at.
 */
export async function publishDags(store: Bucket, context: Context, observation: DagsObservation): Promise<void> {
  const { request, version, files, entries, lock } = observation;
  const { digest, size, content } = await buildArchive(entries, { kind: "memory" }, context.signal);
  if (content.kind !== "memory") throw new Error("an archive in memory was asked for");
  const manifest: DagsManifest = {
    schema: 1,
    version,
    files,
    archive: { digest, size },
    lock,
    source: request.source,
    run: request.run,
  };
  const archive = { bytes: content.bytes, sha256: digest.slice("sha256:".length) };
  await store.keep(dagsKeys.archive(manifest), archive);
  await keepManifest(store, manifest);
  // Who removes old versions may have taken the archive in between: nothing would bring it back, once the manifest is there.
  if (!(await store.has(dagsKeys.archive(manifest)))) await store.keep(dagsKeys.archive(manifest), archive);
}

/**
 * Lets readers have another version: one write, which fails when the pointer is not what the plan saw.
 * @returns the pointer's new ETag: what takes it back names it. Null: somebody else has switched to this version meanwhile, and it is not ours to take back
 * @throws UserError `superseded`, with the version that is served now and who switched to it.
 */
export async function switchDags(store: Bucket, { clock }: Context, { key, from, to }: Switch): Promise<string | null> {
  const at = instant(clock.now());
  const pointer: DagsPointer = {
    schema: 1,
    ...to,
    at,
    ...(from === null ? {} : { until: retired(from, to.version, at) }),
  };
  const etag = from === null ? await store.create(key, pointer) : await store.replace(key, pointer, from.etag);
  if (etag !== null) return etag;
  const now = await store.read(key, dagsPointerSchema);
  if (now?.value.version === to.version) return null;
  throw lostRace(`s3://${store.name}/${store.prefix}${key}`, from, now?.value ?? null);
}

/** Of those that went long before, nothing is kept. */
function retired(
  { version, until = {} }: NonNullable<Switch["from"]>,
  now: DagsVersion,
  at: DagsPointer["at"],
): NonNullable<DagsPointer["until"]> {
  const all: [string, DagsPointer["at"]][] = Object.entries({ ...until, [version]: at });
  const newest = all.filter(([name]) => name !== now).sort(([, a], [, b]) => (a < b ? 1 : -1));
  return Object.fromEntries(newest.slice(0, mostRetired));
}

const mostRetired = 200;

function lostRace(where: string, from: Switch["from"], now: DagsPointer | null): UserError {
  const before = from === null ? "there was no version" : `version ${from.version} was served`;
  if (now === null) {
    return new UserError(
      {
        what: `When this was planned, ${before}; since then somebody has removed the pointer.`,
        where,
        fix: "Find out who did. Run this again: it starts from what is there.",
      },
      { kind: "superseded" },
    );
  }
  const { version, source, run, at } = now;
  return new UserError(
    {
      what: `When this was planned, ${before}. At ${at} somebody else has switched to version ${version}, of ${source.repository} at ${source.sha}${run === null ? "" : `: ${run}`}.`,
      where,
      fix: "That version is served, and nothing of it was changed. Run this again if what is in this checkout is newer.",
    },
    { kind: "superseded" },
  );
}
