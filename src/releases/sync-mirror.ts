import { bucket } from "../aws/bucket.ts";
import {
  type Contents,
  contentsOfFolder,
  type DagsObservation,
  type DagsPlan,
  examine,
  type MirrorPlan,
  type MirrorRequest,
  observeMirror,
  planDags,
  planMirror,
  readFolder,
  withoutLinks,
  writeMirror,
} from "../dags/index.ts";
import type { Context } from "../domain/context.ts";
import { dagsKeys, type DagsFiles, type DagsMirror, type DagsVersion, dagsVersion } from "../domain/dags.ts";
import type { Clients } from "./connections.ts";
import type { SyncRequest } from "./sync-dags.ts";

/** A version of which plain files are to be kept. */
export interface Mirrored {
  readonly version: DagsVersion;
  readonly files: DagsFiles;
  readonly lock: DagsMirror["lock"];
}

/** Plain files: what is to be done about them, and how. */
export interface MirrorWork {
  readonly plan: MirrorPlan;
  /** @param contents of the version */
  readonly write: (contents: Contents, open: Clients["objects"]) => Promise<void>;
}

/** Looks at plain files. @param versions prefix of the versions that are kept beside them; null: there are none */
export async function lookAtMirror(
  context: Context,
  s3: Clients["s3"],
  { dags, bucket: name, mirrorPrefix }: Pick<SyncRequest, "bucket" | "mirrorPrefix"> & Pick<MirrorRequest, "dags">,
  version: Mirrored,
  versions: string | null,
): Promise<MirrorWork> {
  const store = bucket(s3, name, mirrorPrefix);
  const { files, origins } = withoutLinks(version.files, dags.place);
  const inside = versions?.startsWith(mirrorPrefix) === true ? versions.slice(mirrorPrefix.length) : null;
  const reserved = inside === null ? [] : inside === "" ? ["archives/", dagsKeys.versions, dagsKeys.pointer] : [inside];
  const plan = planMirror(await observeMirror(store, { dags, ...version, files, reserved }));
  return {
    plan,
    write: async (contents, open) => {
      const objects = open();
      try {
        await writeMirror(store, objects, context, plan, (path) => contents(origins[path] ?? path));
      } finally {
        objects.close();
      }
    },
  };
}

/** Plain files and no versions: what is served is what their record says. */
export async function mirrorAlone(
  context: Context,
  clients: Pick<Clients, "s3" | "objects">,
  request: Pick<SyncRequest, "dags" | "folder" | "bucket" | "mirrorPrefix">,
): Promise<{ readonly plan: DagsPlan; readonly mirror: MirrorPlan; readonly write: () => Promise<void> }> {
  const linked = await (request.folder ?? readFolder(context, request.dags));
  const { files, origins } = withoutLinks(linked.files, request.dags.place);
  const contents = contentsOfFolder(linked.entries);
  const folder = { ...linked, files, version: dagsVersion(files) };
  const { plan: mirror, write } = await lookAtMirror(context, clients.s3, request, folder, null);
  const served = mirror.before?.value ?? null;
  const observation: DagsObservation = {
    ...folder,
    request: request.dags,
    served,
    published: mirror.isServed,
    pointer: mirror.before === null ? null : { ...mirror.before, value: { ...mirror.before.value, previous: null } },
    ...(await examine(context, request.dags, folder, served)),
  };
  const plan = planDags(observation);
  return {
    // One that was cut may name this very version.
    plan: { ...plan, findings: [...plan.findings, ...mirror.findings] },
    mirror,
    write: () => write((path) => contents(origins[path] ?? path), clients.objects),
  };
}
