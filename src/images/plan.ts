import type { Finding } from "../domain/finding.ts";
import type { Digest } from "../domain/identifiers.ts";
import { changesSince } from "./compare.ts";
import type { Inputs } from "./content-key.ts";
import type { CopyObservation } from "./copy.ts";
import { type Lock, pinnedVersion } from "./lock.ts";
import type { ImageObservation } from "./observe.ts";

/** What will be done about an image. */
export interface ImagePlan {
  /**
   * - `name`: the registry has the image, and this commit does not name it yet.
   * - `copy`: another registry, or another repository, has it.
   */
  readonly way: "reuse" | "name" | "layers" | "copy";
  readonly contentKey: string;
  /** Null: known after apply. */
  readonly digest: Digest | null;
  /** Version of Dagster that its lock file pins; null when that does not tell. */
  readonly dagster: string | null;
  /** What goes into it, and its lock file if it has one; null for one that was made elsewhere. */
  readonly made: { readonly of: Inputs; readonly lock: Lock | null } | null;
  /** Tags that will name the image and do not yet. */
  readonly tags: readonly string[];
  /** Why, for people. */
  readonly reasons: readonly string[];
  readonly findings: readonly Finding[];
}

/** A plan of an image that is made here, of what the checkout holds. */
export interface MakingPlan extends ImagePlan {
  readonly way: "reuse" | "name" | "layers";
}

/** Reuses the image of this content when the registry has one, makes it otherwise. */
export function planImage(observation: ImageObservation): MakingPlan {
  const { contentKey, inputs, lock, found, kept, commitTag, ahead } = observation;
  const digest = found?.digest ?? ahead?.image.stored.digest ?? null;
  const commit = commitTag.digest === null && kept === null ? [commitTag.name] : [];
  const findings = [...floatingBase(observation), ...commitTagTaken(observation, digest)];
  const known = { contentKey, digest, dagster: pinnedVersion(lock, "dagster"), made: { of: inputs, lock }, findings };
  if (found === null) {
    const tags = [...commit, `src-${contentKey}`];
    return { ...known, way: "layers", tags, reasons: whyNew(observation) };
  }
  if (commit.length === 0) {
    return { ...known, way: "reuse", tags: [], reasons: ["the registry has an image of this very content"] };
  }
  const reasons = ["the registry has it, and this commit does not name it yet"];
  return { ...known, way: "name", tags: commit, reasons };
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
  return { ...known, way: "copy", tags: [`src-${contentKey}`], reasons: [reason] };
}

function whyNew({ request, contentKey, hasRepository, former, inputs }: ImageObservation): readonly string[] {
  if (!hasRepository) return [`the repository ${request.repository} is new`];
  if (former === null) return ["no image of this repository is released"];
  if (former.contentKey === contentKey) return ["the registry has lost the image that is released"];
  if (former.inputs === null) return ["the released image does not tell what it was made of"];
  const changes = changesSince(former.inputs, inputs, request.files);
  return changes.length > 0 ? changes : ["images are made in another way now"];
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

/** @param digest of the image that this commit gives now; null when it is not known yet, and is then surely another one. */
function commitTagTaken({ request, kept, commitTag }: ImageObservation, digest: Digest | null): readonly Finding[] {
  if (kept !== null || commitTag.digest === null || commitTag.digest === digest) return [];
  return [
    {
      id: "commit-tag-taken",
      level: "error",
      where: `${request.repository}:${commitTag.name}`,
      what: `The tag of this commit names ${commitTag.digest}, and what goes into the image now gives ${digest ?? "another one"}.`,
      fix: tagNeverMoves,
    },
  ];
}

/** What to do about a tag of a commit and a content that names an image of another content. */
export const tagNeverMoves =
  "A tag that was given never moves. When nothing runs the image that has it, delete the tag in the registry; or make a new commit.";
