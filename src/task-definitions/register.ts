import { RegisterTaskDefinitionCommand, type RegisterTaskDefinitionCommandInput } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import type { Json } from "../domain/json.ts";
import { parseRevision } from "../domain/verdict.ts";
import { contentHashTag, type Definition, definitionHash } from "./definition.ts";
import { newestDefinition } from "./observe.ts";

/**
 * Registers a definition, unless the newest revision of its family is equal by the hash in its tag: that one is returned then.
 * So a step that is carried out twice registers once.
 * @param content what {@link render} gave, with every hole filled
 */
export async function registerDefinition(
  ecs: EcsSend,
  family: string,
  content: Json,
  tags: Readonly<Record<string, string>>,
): Promise<Definition & { readonly registered: boolean }> {
  const hash = definitionHash(content);
  const newest = await newestDefinition(ecs, family);
  if (newest !== null && newest.active && newest.contentHash === hash) return { ...newest, registered: false };
  const all = { ...tags, [contentHashTag]: hash };
  const { taskDefinition } = await ecs(
    new RegisterTaskDefinitionCommand({
      ...(content as unknown as RegisterTaskDefinitionCommandInput), // the model's shape: what ECS would refuse, it refuses
      tags: Object.entries(all).map(([key, value]) => ({ key, value })),
    }),
    { resource: `task definition family ${family}` },
  );
  const arn = taskDefinition?.taskDefinitionArn ?? "";
  const revision = parseRevision(arn);
  if (revision === null) throw new Error(`ECS registered ${family} and gave no ARN that can be read: ${arn}`);
  return {
    revision,
    arn,
    active: true,
    contentHash: hash,
    content: JSON.parse(JSON.stringify(taskDefinition)) as Definition["content"],
    registered: true,
  };
}
