import type { Finding } from "../domain/finding.ts";
import type { Digest } from "../domain/identifiers.ts";
import { changesSince } from "./compare.ts";
import type { ImageObservation } from "./observe.ts";

/** What will be done about an image. */
export interface ImagePlan {
  readonly way: "reuse" | "layers";
  readonly contentKey: string;
  /** Null: known after apply. */
  readonly digest: Digest | null;
  /** Tags that will name the image and do not yet. */
  readonly tags: readonly string[];
  /** Why, for people. */
  readonly reasons: readonly string[];
  readonly findings: readonly Finding[];
}

/** Reuses the image of this content when the registry has one, makes it otherwise. */
export function planImage(observation: ImageObservation): ImagePlan {
  const { request, contentKey, found, commitTag, ahead } = observation;
  const digest = found?.digest ?? ahead?.image.stored.digest ?? null;
  const commit = commitTag === null ? [request.source.sha] : [];
  return {
    way: found === null ? "layers" : "reuse",
    contentKey,
    digest,
    tags: found === null ? [...commit, `src-${contentKey}`] : commit,
    reasons: found === null ? whyNew(observation) : ["nothing that goes in has changed"],
    findings: [...floatingBase(observation), ...commitTagTaken(observation, digest)],
  };
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
function commitTagTaken({ request, commitTag }: ImageObservation, digest: Digest | null): readonly Finding[] {
  const { repository, source } = request;
  if (commitTag === null || commitTag === digest) return [];
  return [
    {
      id: "commit-tag-taken",
      level: "error",
      where: `${repository}:${source.sha}`,
      what: `The tag of this commit names ${commitTag}, and what goes into the image now gives ${digest ?? "another one"}.`,
      fix: "A tag that was given never moves. Pin what is not in the commit (a base by its digest, for one), or make a new commit.",
    },
  ];
}
