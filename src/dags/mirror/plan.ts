import { posix } from "node:path";
import type { Stored } from "../../aws/bucket.ts";
import type { DagsFile, DagsFiles, DagsMirror } from "../../domain/dags.ts";
import { dagsKeys, isWholeMirror } from "../../domain/dags.ts";
import type { Finding } from "../../domain/finding.ts";
import type { MirrorObservation } from "./observe.ts";
import type { MirrorRequest } from "./request.ts";

/** What it takes until plain files are those of a version. */
export interface MirrorPlan {
  readonly request: MirrorRequest;
  readonly before: Stored<DagsMirror> | null;
  /** One after the other; the files of one all at once. Empty: all are there already. */
  readonly uploads: readonly (readonly string[])[];
  /** After all uploads. Only what was put there as part of the mirror. */
  readonly removes: readonly string[];
  readonly isServed: boolean;
  readonly findings: readonly Finding[];
}

/**
 * What will be done about plain files: our own record of them decides, never a time or a size. What is new comes first and what others
 * import comes last, so that a reader which copies in the middle seldom has a module without what it needs.
 */
export function planMirror({ request, mirror, others }: MirrorObservation): MirrorPlan {
  const { files, version } = request;
  const known: DagsFiles = mirror?.value.files ?? {};
  const late = mirror?.value.late?.paths ?? [];
  const unsure = new Set([...(mirror?.value.writing?.paths ?? []), ...late]);
  const wanted = Object.keys(files).filter((path) => unsure.has(path) || !isSame(known[path], files[path]));
  const removes = [...new Set([...Object.keys(known), ...unsure])].filter((path) => !Object.hasOwn(files, path));
  return {
    request,
    before: mirror,
    uploads: inOrder(wanted, (path) => !Object.hasOwn(known, path)),
    removes: removes.sort(),
    isServed: mirror !== null && isWholeMirror(mirror.value) && mirror.value.version === version,
    findings: [
      ...foreign(request, others),
      ...reserved(request),
      ...unseen(request, known, wanted),
      ...lateWrites(request, mirror),
    ],
  };
}

/** S3 keeps no modes. */
function isSame(before: DagsFile | undefined, now: DagsFile | undefined): boolean {
  if (before === undefined || now === undefined || "link" in before || "link" in now) return false;
  return before.sha256 === now.sha256;
}

function inOrder(paths: readonly string[], isNew: (path: string) => boolean): readonly (readonly string[])[] {
  const leaves = paths.filter((path) => !isEntry(path));
  const entries = paths.filter(isEntry);
  const depths = [...new Set(entries.map(depthOf))].sort((a, b) => b - a);
  return [
    leaves.filter(isNew),
    leaves.filter((path) => !isNew(path)),
    ...depths.map((depth) => entries.filter((path) => depthOf(path) === depth)),
  ].filter((some) => some.length > 0);
}

/** What Dagster or Python begins with, and from which it comes to all others. */
function isEntry(path: string): boolean {
  return (
    /^(__init__|definitions|repository|defs)\.py$|^(workspace|dagster)\.ya?ml$/.test(posix.basename(path)) ||
    isTopModule(path)
  );
}

function isTopModule(path: string): boolean {
  return path.endsWith(".py") && !path.includes("/");
}

function depthOf(path: string): number {
  return path.split("/").length;
}

/** A wrong prefix, or one that another tool has filled until now. */
function foreign({ dags, files }: MirrorRequest, others: readonly string[]): readonly Finding[] {
  if (others.length === 0) return [];
  const overwritten = others.filter((key) => Object.hasOwn(files, key));
  return [
    {
      id: "mirror-not-ours",
      level: "error",
      where: dags.place,
      what: `Where the plain files of location ${dags.location} are to lie, ${others.length} objects lie already that no mirror of ours has put there: ${some(others)}. ${overwritten.length} of them would be overwritten, and the others stay for readers to load.`,
      fix: "Check bucket and prefix. If it is where another tool has put this very folder until now, say so once: `allow: mirror-not-ours`; and remove by hand what is no part of it any more.",
    },
  ];
}

function reserved({ dags, files, reserved: names }: MirrorRequest): readonly Finding[] {
  const taken = Object.keys(files).filter(
    (path) => path === dagsKeys.mirror || names.some((name) => path.startsWith(name)),
  );
  if (taken.length === 0) return [];
  return [
    {
      id: "mirror-name-taken",
      level: "error",
      where: dags.place,
      what: `As plain files, ${some(taken)} would lie where records and versions are kept.`,
      fix: "Rename them, or give the mirror a prefix of its own: `mirror-prefix`.",
    },
  ];
}

/**
 * `aws s3 sync` fetches an object when its size differs or the local file is the newer one, which that of an edit never is. Source:
 * awscli/customizations/s3/syncstrategy/base.py, `compare_time`; tried with 1.45.
 */
function unseen({ dags, files }: MirrorRequest, known: DagsFiles, wanted: readonly string[]): readonly Finding[] {
  const same = wanted.filter((path) => {
    const [before, now] = [known[path], files[path]];
    return before !== undefined && "size" in before && now !== undefined && "size" in now && before.size === now.size;
  });
  if (same.length === 0) return [];
  return [
    {
      id: "mirror-same-size",
      level: "warning",
      where: dags.place,
      what: `${same.length} changed files have the size that they had: ${some(same)}. \`aws s3 sync\` fetches none of them: readers go on with what they have, beside the other files.`,
      fix: "Give the readers' command `--exact-timestamps`; or start their tasks anew, whose disks are empty then; or let them be the reader of this suite, and publish versions: `layout: both`.",
    },
  ];
}

/** What nobody can rule out: S3 carries out late what was sent in time. */
function lateWrites({ dags }: MirrorRequest, mirror: MirrorPlan["before"]): readonly Finding[] {
  const late = mirror?.value.late;
  if (late === undefined) return [];
  return [
    {
      id: "mirror-late-write",
      level: "warning",
      where: dags.place,
      what: `A run that had been silent for two minutes${late.run === null ? "" : ` (${late.run})`} may have written ${some(late.paths)} after another one had taken its place: readers may have had files of both since.`,
      fix: "Nothing to do: these files are written anew now. Let one run at a time write a location's files (`concurrency` of the workflow).",
    },
  ];
}

/** A few of them, for people. */
function some(paths: readonly string[]): string {
  return `${paths.slice(0, 5).join(", ")}${paths.length > 5 ? ", …" : ""}`;
}
