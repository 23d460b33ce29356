import { DescribeTaskDefinitionCommand, type DescribeTaskDefinitionCommandOutput } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import { isAwsError } from "../aws/error.ts";
import { parseRevision, type Revision, showRevision } from "../domain/verdict.ts";
import { contentHashTag, type Definition, environmentTag, ourTags, stackTag } from "./definition.ts";

/** The newest ACTIVE revision of a family; null when there is none. */
export function newestDefinition(ecs: EcsSend, family: string): Promise<Definition | null> {
  return describe(ecs, family);
}

/** One revision, INACTIVE ones too; null when it never was. */
export function definitionOf(ecs: EcsSend, revision: Revision): Promise<Definition | null> {
  return describe(ecs, showRevision(revision));
}

/**
 * What ECS has under a name.
 * @param name a family, for its newest ACTIVE revision; `family:revision`; or an ARN
 * @returns null when there is none
 */
export function definitionNamed(ecs: EcsSend, name: string): Promise<Definition | null> {
  return describe(ecs, name);
}

async function describe(ecs: EcsSend, taskDefinition: string): Promise<Definition | null> {
  const command = new DescribeTaskDefinitionCommand({ taskDefinition, include: ["TAGS"] });
  try {
    return definition(await ecs(command, { resource: `task definition ${taskDefinition}` }));
  } catch (error) {
    // "Unable to describe task definition.", as a ClientException: ECS has no error of its own for it.
    if (isAwsError(error, "not-found") || (isAwsError(error, "invalid") && error.code === "ClientException"))
      return null;
    throw error;
  }
}

function definition({ taskDefinition, tags = [] }: DescribeTaskDefinitionCommandOutput): Definition | null {
  const arn = taskDefinition?.taskDefinitionArn;
  const revision = arn === undefined ? null : parseRevision(arn);
  if (taskDefinition === undefined || arn === undefined || revision === null) return null;
  const tag = (name: string): string | null => tags.find(({ key }) => key === name)?.value ?? null;
  const [stack, environment] = [tag(stackTag), tag(environmentTag)];
  return {
    revision,
    arn,
    active: taskDefinition.status === "ACTIVE",
    contentHash: tag(contentHashTag),
    madeFor: stack === null || environment === null ? null : { stack, environment },
    content: JSON.parse(JSON.stringify({ ...taskDefinition, ...tagsOf(tags) })) as Definition["content"], // dates become texts
  };
}

/** Tags that somebody gave it, as they are registered; none: no member. */
function tagsOf(tags: NonNullable<DescribeTaskDefinitionCommandOutput["tags"]>): object {
  const given = tags.filter(({ key = "" }) => !key.startsWith(ourTags) && !/^aws:/i.test(key));
  return given.length === 0 ? {} : { tags: given };
}
