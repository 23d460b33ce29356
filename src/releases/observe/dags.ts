import { type Bucket, bucket, type Stored } from "../../aws/bucket.ts";
import { isAwsError } from "../../aws/error.ts";
import type { S3Send } from "../../aws/s3.ts";
import { compareFiles, type DagsCopy, type DagsObservation, observeDags, planDags } from "../../dags/index.ts";
import type { Context } from "../../domain/context.ts";
import {
  type DagsBefore,
  dagsKeys,
  type DagsManifest,
  dagsManifestSchema,
  type DagsMirror,
  dagsMirrorSchema,
  type DagsPointer,
  dagsPointerSchema,
  type DagsVersion,
  isWholeMirror,
} from "../../domain/dags.ts";
import { messageOf } from "../../domain/errors.ts";
import { type DagsPart, layoutOf, type Release, type Source } from "../../domain/release.ts";
import type { Dags, Stack } from "../../stack/stack.ts";
import { type History, pointersBeforeUnfinished } from "../history.ts";
import type { LocationDags, Observation, PlainDags } from "../observation.ts";
import { lookAtMirror, type Mirrored } from "../sync-mirror.ts";
import type { About } from "./images.ts";

/** What is there of the code of each location that lies in S3, and what publishing needs of it again. */
export interface ObservedDags {
  readonly locations: Observation["dags"];
  /** Of those whose code is in the checkout. */
  readonly checkouts: Readonly<Record<string, DagsObservation>>;
  /** Of those that another environment has, and this one has not. */
  readonly copies: Readonly<Record<string, DagsCopy>>;
}

/** The objects of a location in the stack's bucket. */
export function dagsStore(s3: S3Send, { contract }: Pick<Stack, "contract">, prefix: string): Bucket {
  return bucket(s3, contract.bucket.name, prefix);
}

/**
 * Reads the pointer of each location of the stack, and the code of those that the release is about. Changes nothing.
 * @throws UserError for a folder that is empty, too large, or has links that lead out of it
 */
export async function observeLocations(
  s3: S3Send,
  context: Context,
  stack: Stack,
  checkout: { readonly root: string; readonly source: Source },
  history: Pick<History, "unfinished">,
  { scope, promotion }: Pick<About, "scope" | "promotion">,
): Promise<ObservedDags> {
  const before = pointersBeforeUnfinished(history);
  const found = await Promise.all(
    Object.values(stack.dags).map(async (dags) => {
      const { location, prefix } = dags;
      const store = dagsStore(s3, stack, prefix);
      const common = { prefix, releasedBy: dags.source === null ? "stack" : "itself" } as const;
      const known = (pointer: Stored<DagsPointer> | null) => ({ pointer, before: beforeOf(before, location, pointer) });
      if (dags.source === null && scope.dags[location] !== undefined && promotion === null) {
        const request = { ...checkout, location, directory: dags.directory, place: dags.place, run: null };
        const observation = await observeDags(store, context, { ...request, lock: lockFileOf(stack, dags) });
        const { version, publishes, changes, findings } = planDags(observation);
        const { pointer, lock } = observation;
        const source = pointer?.value.version === version ? pointer.value.source : checkout.source;
        const wanted = { version, source, publishes, changes, findings };
        const plain = await plainOf(s3, context, stack, dags, checkout.source, observation);
        return { location, seen: { ...common, ...known(pointer), lock, wanted, ...plain }, observation, copy: null };
      }
      const pointer = await store.read(dagsKeys.pointer, dagsPointerSchema);
      const there = known(pointer);
      // A location that nobody has named is not promoted.
      const from = scope.dags[location] === undefined ? null : promotion;
      const version = wantedVersion(dags, from?.release ?? null, there);
      const isToBeServed =
        scope.dags[location] !== undefined ||
        there.before?.version !== pointer?.value.version ||
        (history.unfinished.length > 0 && (await isHalfWritten(s3, stack, dags)));
      const here = version === null || !isToBeServed ? null : await wholeManifest(store, version);
      const copy = here === null && version !== null ? await copyOf(from, dags, version) : null;
      const manifest = copy?.manifest ?? here;
      const stays = dags.source === null && isToBeServed && version !== null ? former(version, manifest) : null;
      const wanted =
        stays === null || copy === null || from === null
          ? stays
          : {
              ...stays,
              publishes: true,
              copiedFrom: from.environment,
              changes: compareFiles(await filesServed(store, pointer), copy.manifest.files),
            };
      const isPlain = wanted !== null && manifest !== null;
      const plain = isPlain ? await plainOf(s3, context, stack, dags, manifest.source, manifest) : {};
      const seen = { ...common, ...there, lock: manifest?.lock ?? null, wanted, ...plain };
      return { location, seen, observation: null, copy };
    }),
  );
  return {
    locations: Object.fromEntries(found.map(({ location, seen }) => [location, seen])),
    checkouts: Object.fromEntries(
      found.flatMap(({ location, observation }) => (observation === null ? [] : [[location, observation] as const])),
    ),
    copies: Object.fromEntries(
      found.flatMap(({ location, copy }) => (copy === null ? [] : [[location, copy] as const])),
    ),
  };
}

/**
 * Reads the pointer of each location of an earlier release, and whether the version that it had can still be served. Changes nothing.
 * @param to the earlier release
 */
export async function observeFormerLocations(
  s3: S3Send,
  context: Context,
  stack: Stack,
  history: Pick<History, "unfinished">,
  to: Release,
): Promise<Observation["dags"]> {
  const before = pointersBeforeUnfinished(history);
  const itself = Object.values(stack.dags).flatMap(({ location, prefix, source }): readonly Former[] =>
    source === null ? [] : [{ location, prefix, releasedBy: "itself", version: null }],
  );
  const pinned = Object.entries(to.dags).flatMap(([location, { prefix, version, releasedBy }]): readonly Former[] =>
    releasedBy === "itself" || itself.some((one) => one.location === location)
      ? []
      : [{ location, prefix, releasedBy, version }],
  );
  const found = await Promise.all(
    [...itself, ...pinned].map(
      async ({ location, prefix, releasedBy, version }): Promise<readonly [string, LocationDags]> => {
        const store = dagsStore(s3, stack, prefix);
        const pointer = await store.read(dagsKeys.pointer, dagsPointerSchema);
        const seen = { prefix, releasedBy, pointer, before: beforeOf(before, location, pointer), lock: null };
        if (version === null) return [location, { ...seen, wanted: null }];
        const manifest = await wholeManifest(store, version);
        const dags = stack.dags[location];
        const plain =
          manifest === null || dags === undefined
            ? {}
            : await plainOf(s3, context, stack, dags, manifest.source, manifest, to.dags[location]);
        return [location, { ...seen, wanted: former(version, manifest), ...plain }];
      },
    ),
  );
  return Object.fromEntries(found);
}

/** What readers of a location have, as far as it may be read. */
export interface SeenDags extends Pick<LocationDags, "prefix" | "releasedBy" | "pointer" | "before"> {
  /** Why it is not known, as a clause; null: it is. */
  readonly unknown: string | null;
  /** What the record of its plain files says, or why that is not known; null: there is none. */
  readonly plain: Pick<DagsMirror, "version" | "writing" | "late"> | { readonly unknown: string } | null;
}

/** Reads the pointer of each location of the stack and the record of its plain files, and nothing else. What may not be read is not known. @throws AwsError */
export async function observePointers(
  s3: S3Send,
  stack: Stack,
  history: Pick<History, "unfinished">,
): Promise<Readonly<Record<string, SeenDags>>> {
  const noted = pointersBeforeUnfinished(history);
  const found = Object.values(stack.dags).map(async (dags): Promise<[string, SeenDags]> => {
    const { location, prefix, source } = dags;
    const common = { prefix, releasedBy: source === null ? "stack" : "itself" } as const;
    const [pointer, plain] = await Promise.all([
      unlessDenied(dagsStore(s3, stack, prefix).read(dagsKeys.pointer, dagsPointerSchema)),
      unlessDenied(mirrorThere(s3, stack, dags)),
    ]);
    if (pointer !== null && "unknown" in pointer)
      return [location, { ...common, pointer: null, before: null, unknown: pointer.unknown, plain }];
    return [location, { ...common, pointer, before: beforeOf(noted, location, pointer), unknown: null, plain }];
  });
  return Object.fromEntries(await Promise.all(found));
}

/** @returns what is read, or why that is not known, as a clause */
async function unlessDenied<T>(read: Promise<T>): Promise<T | { readonly unknown: string }> {
  try {
    return await read;
  } catch (error) {
    if (!isAwsError(error, "denied")) throw error;
    return { unknown: `denied: ${messageOf(error)}` };
  }
}

/** What an earlier release says of a location; a version of null: it is not for a release of the stack to say. */
interface Former extends Pick<LocationDags, "prefix" | "releasedBy"> {
  readonly location: string;
  readonly version: DagsVersion | null;
}

/** Lock file of the image that runs the code, in the checkout; null: its image has none that we know. */
export function lockFileOf(
  stack: Pick<Stack, "services" | "images">,
  { location }: Pick<Dags, "location">,
): string | null {
  const building = imageServing(stack, location)?.building;
  return building?.kind === "layers" ? building.requirements : (building?.lock ?? null);
}

/** The image whose Python loads a location. */
export function imageServing(
  { services, images }: Pick<Stack, "services" | "images">,
  location: string,
): Stack["images"][string] | undefined {
  const server = Object.values(services).find((service) =>
    service.kind === "code-location" ? service.location === location : service.locations.includes(location),
  );
  return server === undefined ? undefined : images[server.image];
}

function manifestOf(store: Bucket, version: DagsVersion): Promise<DagsManifest | null> {
  return store.read(dagsKeys.manifest(version), dagsManifestSchema).then((stored) => stored?.value ?? null);
}

/**
 * Looks at plain files, where they are kept. Reads, and changes nothing.
 * @param then how processes of an earlier release had the location, when that is to run again: they copy what lay there
 */
async function plainOf(
  s3: S3Send,
  context: Context,
  stack: Stack,
  dags: Dags,
  source: Source,
  version: Mirrored,
  then?: DagsPart,
): Promise<Pick<LocationDags, "plain">> {
  if (dags.source !== null) return {};
  const kept = [dags, then].flatMap((one) => layoutOf(one).mirrorPrefix ?? []);
  const found = [...new Set(kept)].map(async (mirrorPrefix): Promise<PlainDags> => {
    const where = mirrorOf(stack, { ...dags, mirrorPrefix }, source, null);
    const { plan } = await lookAtMirror(context, s3, where, version, dags.prefix);
    return { prefix: mirrorPrefix, isServed: plan.isServed, findings: plan.findings };
  });
  return found.length === 0 ? {} : { plain: await Promise.all(found) };
}

/** Has a run that was cut left plain files of which nobody knows what they hold? */
async function isHalfWritten(s3: S3Send, stack: Stack, dags: Dags): Promise<boolean> {
  const mirror = await mirrorThere(s3, stack, dags);
  return mirror !== null && !isWholeMirror(mirror);
}

/** The record of plain files; null: none are kept, or not yet. */
async function mirrorThere(
  s3: S3Send,
  stack: Stack,
  { layout, source, mirrorPrefix }: Dags,
): Promise<DagsMirror | null> {
  if (layout === "versioned" || source !== null) return null;
  return (await dagsStore(s3, stack, mirrorPrefix).read(dagsKeys.mirror, dagsMirrorSchema))?.value ?? null;
}

/** Where the plain files of a location lie, and whose they are. @param run page of the run that writes them */
export function mirrorOf(
  { contract }: Pick<Stack, "contract">,
  { location, place, directory, mirrorPrefix }: Dags,
  source: Source,
  run: string | null,
) {
  return { dags: { location, place, directory, source, run }, bucket: contract.bucket.name, mirrorPrefix };
}

/** Null: it was never published, or its archive is gone. */
async function wholeManifest(store: Bucket, version: DagsVersion): Promise<DagsManifest | null> {
  const manifest = await manifestOf(store, version);
  return manifest !== null && (await store.list(dagsKeys.archive(manifest), 1)).length > 0 ? manifest : null;
}

/** The version that another environment has, where it lies there; null: it is not there either, or not whole. */
async function copyOf(
  promotion: About["promotion"],
  { location, source }: Dags,
  version: DagsVersion,
): Promise<DagsCopy | null> {
  const part = promotion?.release.dags[location];
  if (promotion === null || source !== null || part?.version !== version) return null;
  const from = promotion.pointers(part.prefix);
  const manifest = await wholeManifest(from, version);
  return manifest === null ? null : { from, manifest };
}

async function filesServed(store: Bucket, pointer: Stored<DagsPointer> | null): Promise<DagsManifest["files"] | null> {
  return pointer === null ? null : ((await manifestOf(store, pointer.value.version))?.files ?? null);
}

/** What an unfinished release has noted; nobody has: it is what there is now. */
function beforeOf(
  noted: Readonly<Record<string, DagsBefore | null>>,
  location: string,
  pointer: Stored<DagsPointer> | null,
): DagsBefore | null {
  const earlier = noted[location];
  if (earlier !== undefined) return earlier;
  if (pointer === null) return null;
  const { schema: _, at: __, ...now } = pointer.value;
  return now;
}

/** Of code that is not in the checkout: the version that another environment has; of what a release is not about, that of before. */
function wantedVersion(
  { location, source }: Dags,
  promoted: Release | null,
  { pointer, before }: Pick<LocationDags, "pointer" | "before">,
): DagsVersion | null {
  if (source !== null) return pointer?.value.version ?? null;
  return promoted?.dags[location]?.version ?? before?.version ?? null;
}

function former(version: DagsVersion, manifest: DagsManifest | null): NonNullable<LocationDags["wanted"]> {
  const changes = { added: [], changed: [], removed: [] };
  return { version, source: manifest?.source ?? null, publishes: false, changes, findings: [] };
}
