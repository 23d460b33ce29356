import {
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type RegisterTaskDefinitionCommandOutput,
} from "@aws-sdk/client-ecs";
import { type AwsError, isAwsError } from "../aws/error.ts";
import type { EcsSend } from "../aws/ecs.ts";
import { UserError } from "../domain/errors.ts";
import { isMap, type Json } from "../domain/json.ts";
import { parseRevision } from "../domain/verdict.ts";
import {
  contentHashTag,
  type Definition,
  definitionHash,
  environmentTag,
  hasHash,
  isFreeFor,
  ourTags,
  type Owner,
  stackTag,
} from "./definition.ts";
import { newestDefinition } from "./observe.ts";

/**
 * Registers a definition, unless the newest revision of its family says the same, and was not made for somebody else: that one is
 * returned then.
 * So a step that is carried out twice registers once.
 * @param content what {@link render} gave, with every hole filled
 */
export async function registerDefinition(
  ecs: EcsSend,
  family: string,
  content: Json,
  tags: Readonly<Record<string, string>>,
): Promise<Omit<Definition, "madeFor"> & { readonly registered: boolean }> {
  const hash = definitionHash(content);
  const command = registration({ ...(content as object), tags: tagsOf(content, { ...tags, [contentHashTag]: hash }) });
  for (let attempt = 1; ; attempt += 1) {
    const newest = await newestDefinition(ecs, family);
    if (newest !== null && newest.active && hasHash(newest, hash) && isFreeFor(newest, ownerIn(tags)))
      return { ...newest, registered: attempt > 1 };
    try {
      const { taskDefinition } = await ecs(command, { resource: `task definition family ${family}` });
      return registered(taskDefinition, family, hash);
    } catch (error) {
      if (isAwsError(error, "invalid") && /\brole is not valid\b/i.test(error.message))
        throw whichRole(error, family, content);
      // Its answer was lost: whether it was heard is seen by looking again.
      if (!isAwsError(error) || error.refused || attempt === mostAttempts) throw error;
    }
  }
}

const mostAttempts = 3;

/** ECS does not say which of its roles it means. */
function whichRole(cause: AwsError, family: string, content: Json): UserError {
  const roles = isMap(content) ? [content["executionRoleArn"], content["taskRoleArn"]] : [];
  const named = [...new Set(roles.filter((role) => typeof role === "string"))];
  return new UserError(
    {
      what: `ECS does not take a role of task definition ${family}: ${named.join(" and ")}.`,
      where: cause.where,
      fix: 'Each must exist in this account, by this path and name, and its trust policy must allow sts:AssumeRole to { "Service": "ecs-tasks.amazonaws.com" }. One that was made a moment ago may take some seconds.',
    },
    { cause },
  );
}

function ownerIn({ [stackTag]: name, [environmentTag]: environment }: Readonly<Record<string, string>>): Owner | null {
  return name === undefined || environment === undefined ? null : { name, environment };
}

/** The call with exactly this content: the SDK leaves out what its own model does not know, and says nothing. */
function registration(content: object): RegisterTaskDefinitionCommand {
  // The model's shape: what ECS would refuse, it refuses.
  const command = new RegisterTaskDefinitionCommand(content as unknown as RegisterTaskDefinitionCommandInput);
  command.middlewareStack.add(
    (next) => (args) => {
      if (typeof args.request === "object" && args.request !== null && "body" in args.request)
        args.request.body = JSON.stringify(content);
      return next(args);
    },
    { step: "build", name: "wholeDefinition", priority: "high" }, // before its length is taken
  );
  return command;
}

/** The definition's own tags, and ours; those that AWS keeps to itself cannot be set. */
function tagsOf(content: Json, ours: Readonly<Record<string, string>>): readonly object[] {
  const own = typeof content === "object" && content !== null && "tags" in content ? content.tags : [];
  const kept = (Array.isArray(own) ? (own as readonly Json[]) : []).filter((tag) => {
    const key = typeof tag === "object" && tag !== null && "key" in tag ? tag.key : null;
    return typeof key !== "string" || !(Object.hasOwn(ours, key) || /^aws:/i.test(key) || key.startsWith(ourTags));
  });
  return [...(kept as readonly object[]), ...Object.entries(ours).map(([key, value]) => ({ key, value }))];
}

function registered(
  taskDefinition: RegisterTaskDefinitionCommandOutput["taskDefinition"],
  family: string,
  hash: string,
): Omit<Definition, "madeFor"> & { readonly registered: boolean } {
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
