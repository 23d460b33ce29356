import { type Contents, contentsOfVersion } from "../../dags/index.ts";
import type { Context } from "../../domain/context.ts";
import { dagsKeys, dagsManifestSchema, type DagsVersion } from "../../domain/dags.ts";
import { UserError } from "../../domain/errors.ts";
import type { Dags, Stack } from "../../stack/stack.ts";
import { withLevels } from "../../stack/index.ts";
import { dayOf } from "../checks.ts";
import type { Clients } from "../connections.ts";
import { dagsStore, mirrorOf } from "../observe/dags.ts";
import { lookAtMirror } from "../sync-mirror.ts";

/**
 * Brings plain files to a version that is published, from its archive. What is there already is not written.
 * @returns how many were written, and removed
 * @throws UserError when the version is gone, when what lies there is somebody else's, or somebody else is at it; AwsError
 */
export async function bringPlainFiles(
  context: Context,
  { s3, objects }: Pick<Clients, "s3" | "objects">,
  stack: Stack,
  dags: Dags,
  version: DagsVersion,
  run: string | null,
): Promise<{ readonly written: number; readonly removed: number }> {
  const store = dagsStore(s3, stack, dags.prefix);
  const manifest = (await store.read(dagsKeys.manifest(version), dagsManifestSchema))?.value;
  if (manifest === undefined)
    throw new UserError({
      what: `Version ${version} of the DAGs of ${dags.location} is gone: its plain files cannot be written.`,
      where: `s3://${store.name}/${store.prefix}${dagsKeys.manifest(version)}`,
      fix: "Deploy its commit again: it is published anew.",
    });
  const where = mirrorOf(stack, dags, manifest.source, run);
  const { plan, write } = await lookAtMirror(context, s3, where, manifest, dags.prefix);
  const [stop] = withLevels(plan.findings, stack.checks, dayOf(context.clock.now())).filter(
    ({ level }) => level === "error",
  );
  if (stop !== undefined) throw new UserError(stop);
  const contents: Contents | null = plan.isServed ? null : await contentsOfVersion(store, manifest);
  if (contents !== null) await write(contents, objects);
  return { written: plan.uploads.flat().length, removed: plan.removes.length };
}
