import type {
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  Tag,
  TagResourceRequest,
  UntagResourceRequest,
} from "@aws-sdk/client-ecs";
import { Refusal, type Bed, type Given, type Operations } from "../bed.ts";
import { findDefinition, findServiceDeployment } from "../find.ts";
import { nameOf } from "../identifiers.ts";

export const tagOperations = {
  TagResource: (bed, { resourceArn, tags }: Given<TagResourceRequest, "resourceArn" | "tags">) => {
    checkExists(bed, resourceArn);
    setTags(bed, resourceArn, [...(bed.state.tags.get(resourceArn) ?? []), ...tags]);
    return {};
  },

  UntagResource: (bed, { resourceArn, tagKeys }: Given<UntagResourceRequest, "resourceArn" | "tagKeys">) => {
    checkExists(bed, resourceArn);
    const tags = bed.state.tags.get(resourceArn) ?? [];
    bed.state.tags.set(
      resourceArn,
      tags.filter(({ key = "" }) => !tagKeys.includes(key)),
    );
    return {};
  },

  ListTagsForResource: (
    bed,
    { resourceArn }: Given<ListTagsForResourceRequest, "resourceArn">,
  ): ListTagsForResourceResponse => {
    checkExists(bed, resourceArn);
    return { tags: tagsOf(bed, resourceArn) };
  },
} satisfies Operations;

export function tagsOf(bed: Bed, arn: string): Tag[] {
  return [...(bed.state.tags.get(arn) ?? [])];
}

/** Sets the tags of a resource; of two with one key the later holds. */
export function setTags(bed: Bed, arn: string, tags: readonly Tag[]): void {
  bed.state.tags.set(arn, uniqueTags(bed, tags));
}

/** @throws Refusal when there are too many, or one has a key of AWS's own. */
export function uniqueTags(bed: Bed, tags: readonly Tag[]): readonly Tag[] {
  const byKey = new Map(tags.map((tag) => [tag.key, tag]));
  if (byKey.size > bed.rules.tagsMost) {
    throw new Refusal("InvalidParameterException", `Tags can not be more than ${bed.rules.tagsMost}`);
  }
  if (tags.some(({ key = "" }) => key.toLowerCase().startsWith("aws:"))) {
    throw new Refusal("InvalidParameterException", "Tag keys beginning with aws: are reserved");
  }
  return [...byKey.values()];
}

function checkExists(bed: Bed, arn: string): void {
  if (!exists(bed, arn)) throw new Refusal("ResourceNotFoundException", "The specified resource could not be found.");
}

function exists(bed: Bed, arn: string): boolean {
  const { state } = bed;
  const [, type = ""] = /^arn:[^:]+:ecs:[^:]*:[^:]*:([a-z-]+)\//.exec(arn) ?? [];
  switch (type) {
    case "cluster":
      return state.clusters.has(nameOf(arn));
    case "service":
      return [...state.services.values()].some((service) => service.arn === arn);
    case "task":
      return state.tasks.has(nameOf(arn));
    case "task-definition":
      return findDefinition(bed, arn).content.taskDefinitionArn === arn;
    case "service-deployment":
      return findServiceDeployment(bed, arn) !== null;
    default:
      return false;
  }
}
