import type { Bucket } from "../../aws/bucket.ts";
import { copyDags, type DagsCopy, type DagsObservation, publishDags, switchDags } from "../../dags/index.ts";
import type { Context } from "../../domain/context.ts";
import { dagsKeys } from "../../domain/dags.ts";
import type { Step } from "../../domain/plan.ts";
import type { Workshop } from "../workshop.ts";
import type { Done } from "./done.ts";
import { bringPlainFiles } from "./plain-files.ts";

/** What publishing is done with: it writes under names of its own, and nobody reads them yet. */
export interface DagsWorkshop {
  readonly context: Context;
  /** Of the checkout, by location. */
  readonly dagsObservations: Readonly<Record<string, DagsObservation>>;
  /** Of another environment, by location. */
  readonly dagsCopies: Readonly<Record<string, DagsCopy>>;
  /** The objects of a location, by its prefix. */
  readonly dagsStore: (prefix: string) => Bucket;
  /** Page of this run. */
  readonly page: string | null;
}

/** Puts a version beside the others. @throws UserError, AwsError, Cancelled */
export async function publish(
  { context, dagsObservations, dagsCopies, dagsStore, page, release }: DagsWorkshop & Pick<Workshop, "release">,
  { location, version }: Extract<Step, { kind: "publish" }>,
): Promise<Done> {
  const [observation, copy, part] = [dagsObservations[location], dagsCopies[location], release.dags[location]];
  if (copy !== undefined && part !== undefined) {
    await copyDags(dagsStore(part.prefix), copy);
    const files = Object.keys(copy.manifest.files).length;
    return { results: {}, parts: {}, said: `version ${version.slice(0, 12)}, ${files} files, copied and verified` };
  }
  if (observation === undefined || part === undefined) throw new Error(`the code of ${location} was not observed`);
  const request = { ...observation.request, run: page };
  await publishDags(dagsStore(part.prefix), context, { ...observation, request });
  const files = Object.keys(observation.files).length;
  return { results: {}, parts: {}, said: `version ${version.slice(0, 12)}, ${files} files` };
}

/** Brings plain files to the version that readers have. @throws UserError `superseded`, AwsError, Cancelled */
export async function mirrorFiles(
  {
    context,
    clients,
    stack,
    page,
    release,
    checkLock,
  }: DagsWorkshop & Pick<Workshop, "clients" | "stack" | "release" | "checkLock">,
  { location, prefix: mirrorPrefix, version }: Extract<Step, { kind: "mirror" }>,
): Promise<Done> {
  const [dags, part] = [stack.dags[location], release.dags[location]];
  if (dags === undefined || part === undefined) throw new Error(`the stack has no DAGs of ${location}`);
  await checkLock();
  const where = { ...dags, prefix: part.prefix, mirrorPrefix };
  const { written, removed } = await bringPlainFiles(context, clients, stack, where, version, page);
  const said = `plain files are those of version ${version.slice(0, 12)}: ${written} written, ${removed} removed`;
  return { results: {}, parts: {}, said };
}

/** Lets readers of a location have another version. @throws UserError `superseded`, AwsError, Cancelled */
export async function switchPointer(
  { context, dagsStore, page, release, checkLock }: DagsWorkshop & Pick<Workshop, "release" | "checkLock">,
  { location, prefix, from, version }: Extract<Step, { kind: "switch" }>,
): Promise<Done> {
  const part = release.dags[location];
  if (part === undefined) throw new Error(`the release names no version of ${location}`);
  await checkLock();
  const to = { version, previous: from?.version ?? null, source: part.source, run: page };
  const etag = await switchDags(dagsStore(prefix), context, { key: dagsKeys.pointer, from, to });
  const name = version.slice(0, 12);
  if (etag !== null) return { results: {}, parts: {}, said: `readers are to have version ${name}` };
  const said = `somebody else has let readers have version ${name} meanwhile: whatever becomes of this release, it stays`;
  return { results: {}, parts: {}, said, isOthers: true };
}
