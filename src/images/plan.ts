import type { Finding } from "../domain/finding.ts";
import type { Digest } from "../domain/identifiers.ts";
import { changesSince } from "./compare.ts";
import { contentTag, type Inputs } from "./content-key.ts";
import type { CopyObservation } from "./copy.ts";
import type { Observed } from "./holding.ts";
import { type Lock, pinnedVersion } from "./lock.ts";
import type { CommitTag } from "./naming.ts";
import type { ImageObservation } from "./observe.ts";
import { secretFindings } from "./secret-findings.ts";

/** What will be done about an image. */
export interface ImagePlan {
  /**
   * - `name`: the registry has the image, and this commit does not name it yet.
   * - `docker`: BuildKit builds it from a Dockerfile.
   * - `copy`: another registry, or another repository, has it.
   */
  readonly way: "reuse" | "name" | "layers" | "docker" | "copy";
  readonly contentKey: string;
  /** Null: known after apply. */
  readonly digest: Digest | null;
  /** Version of Dagster that its lock file pins; null when that does not tell. */
  readonly dagster: string | null;
  /** What goes into it, and its lock file if it has one; null for one that was made elsewhere, or from a Dockerfile. */
  readonly made: { readonly of: Inputs; readonly lock: Lock | null } | null;
  /** SHA-256 of the lock file that a Dockerfile says it installs, in hex; of images of layers `made` has it. */
  readonly lock?: string;
  /** Tags that will name the image and do not yet. */
  readonly tags: readonly string[];
  /** Why, for people. */
  readonly reasons: readonly string[];
  readonly findings: readonly Finding[];
}

/** A plan of an image that is made here, of what the checkout holds. */
export interface MakingPlan extends ImagePlan {
  readonly way: "reuse" | "name" | "layers" | "docker";
}

/** What only its way of making knows of an image. */
export interface Making<Recorded> extends Pick<ImagePlan, "dagster" | "made" | "lock" | "findings"> {
  readonly way: "layers" | "docker";
  /** Of the image that will be made; null: known after apply. */
  readonly digest: Digest | null;
  /** What differs from the image that is released, for people. */
  readonly changesSince: (former: Recorded) => readonly string[];
}

/** Reuses the image of this content when the registry has one, makes it otherwise. */
export function planMade<Recorded>(observed: Observed<Recorded>, making: Making<Recorded>): MakingPlan {
  const { request, contentKey, found, kept, commitTag } = observed;
  const { way, dagster, made, changesSince: changes } = making;
  const digest = found?.digest ?? making.digest;
  const isTaken = kept === null && commitTag.digest !== null && commitTag.digest !== digest;
  const findings = [
    ...making.findings,
    ...(isTaken ? [commitTagTaken(request.repository, commitTag, digest)] : []),
    ...toolMissing(observed),
  ];
  const commit = commitTag.digest === null && kept === null ? [commitTag.name] : [];
  const lock = making.lock === undefined ? {} : { lock: making.lock };
  const known = { contentKey, digest, dagster, made, findings, ...lock };
  if (found === null) {
    return { ...known, way, tags: [...commit, contentTag(contentKey)], reasons: whyNew(observed, changes) };
  }
  if (commit.length === 0) {
    return { ...known, way: "reuse", tags: [], reasons: ["the registry has an image of this very content"] };
  }
  const reasons = ["the registry has it, and this commit does not name it yet"];
  return { ...known, way: "name", tags: commit, reasons };
}

/** What will be done about an image of layers. */
export function planImage(observation: ImageObservation): MakingPlan {
  const { request, inputs, lock, found, ahead, sources } = observation;
  return planMade(observation, {
    way: "layers",
    digest: ahead?.image.stored.digest ?? null,
    dagster: pinnedVersion(lock, "dagster"),
    made: { of: inputs, lock },
    changesSince: (former) => changesSince(former, inputs, request.files),
    findings: [...floatingBase(observation), ...(found === null ? secretFindings(sources.secretFiles) : [])],
  });
}

/** Uses an image that was made before, copied here when it has to be. */
export function planCopy({ request, from }: CopyObservation): ImagePlan {
  const { image, repository, platform } = request;
  const { contentKey, digest, dagster } = image;
  const findings: readonly Finding[] =
    image.platform === platform
      ? []
      : [
          {
            id: "promoted-image",
            level: "error",
            where: `${repository}@${digest}`,
            what: `The image is made for ${image.platform}, and this environment runs ${platform}.`,
            fix: "Give both environments one platform: the same digest is released to one after the other.",
          },
        ];
  const known = { contentKey, digest, dagster, made: null, findings };
  if (from === null) return { ...known, way: "reuse", tags: [], reasons: ["the registry has it"] };
  const reason = "the registry that it was made in has it, and this one does not";
  return { ...known, way: "copy", tags: [contentTag(contentKey)], reasons: [reason] };
}

function whyNew<Recorded>(
  { request, contentKey, hasRepository, former }: Observed<Recorded>,
  changes: Making<Recorded>["changesSince"],
): readonly string[] {
  if (!hasRepository) return [`the repository ${request.repository} is new`];
  if (former === null) return ["no image of this repository is released"];
  if (former.contentKey === contentKey) return ["the registry has lost the image that is released"];
  if (former.inputs === null) return ["the released image does not tell what it was made of"];
  const changed = changes(former.inputs);
  return changed.length > 0 ? changed : ["images are made in another way now"];
}

/** A plan may be made in another job than the image. */
function toolMissing({ lacks }: Observed<unknown>): readonly Finding[] {
  if (lacks === null) return [];
  const { what, where = "the PATH of this job", fix } = lacks;
  return [{ id: "tool-missing", level: "warning", where, what: `${what} The image is to be made.`, fix }];
}

function floatingBase({ base }: ImageObservation): readonly Finding[] {
  if (!base.floats) return [];
  return [
    {
      id: "base-floats",
      level: "error",
      where: `base: ${base.reference}`,
      what: "The base is not pinned: another image may be behind this name tomorrow, and the same commit would then give another one.",
      fix: `Pin it: ${base.reference.replace(/:latest$/, "")}@${base.digest}`,
    },
  ];
}

/**
 * What to say when the tag of a commit names another image, and never moves.
 * @param ours the image that is to have it; null when it is not known yet, and is then surely another one
 */
export function commitTagTaken(repository: string, { name, digest }: CommitTag, ours: Digest | null): Finding {
  return {
    id: "commit-tag-taken",
    level: "error",
    where: `${repository}:${name}`,
    what: `The tag of this commit names another image: ${digest} in the registry, ${ours ?? "another one"} by what goes into it now.`,
    fix: tagNeverMoves,
  };
}

/** What to do about a tag of a commit and a content that names an image of another content. */
export const tagNeverMoves =
  "A tag that was given never moves. When nothing runs the image that has it, delete the tag in the registry; or make a new commit.";
