import { resolve, type Results } from "../../domain/later.ts";
import type { Step } from "../../domain/plan.ts";
import { environmentTag, stackTag } from "../../task-definitions/definition.ts";
import { registerDefinition } from "../../task-definitions/register.ts";
import type { Workshop } from "../workshop.ts";
import type { Done } from "./done.ts";

/** Registers a task definition, unless it is there. @throws AwsError, Cancelled */
export async function register(
  { clients, stack, release }: Workshop,
  step: Extract<Step, { kind: "register" }>,
  results: Results,
): Promise<Done> {
  const tags = {
    [stackTag]: stack.name,
    [environmentTag]: stack.environment,
    "dagster-ecs:definition": step.definition,
    "dagster-ecs:release": release.id,
    "dagster-ecs:repository": release.source.repository,
    "dagster-ecs:commit": release.source.sha,
  };
  const { arn, revision, contentHash, registered } = await registerDefinition(
    clients.ecs,
    step.family,
    resolve(step.content, results),
    tags,
  );
  if (contentHash === null) throw new Error(`${step.family} was registered without its tag`);
  const said = `${revision.family}:${revision.revision}${registered ? "" : ", which was there"}`;
  return { results: { arn }, parts: { taskDefinitions: { [step.definition]: { ...revision, contentHash } } }, said };
}
