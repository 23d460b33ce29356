import type { Plan } from "../domain/plan.ts";
import type { Release } from "../domain/release.ts";
import type { Stack } from "../stack/stack.ts";
import type { Definition } from "../task-definitions/definition.ts";
import { checkMigrations, checkServices, checkTarget } from "./checks.ts";
import { imageReference } from "./definitions.ts";
import { checkHosts, checkRunsAwaited } from "./hosts.ts";
import { limits } from "./limits.ts";
import type { Observation } from "./observation.ts";
import { planDefinitions, planFormerDefinitions } from "./plans/definitions.ts";
import { type Draft, finished } from "./plans/draft.ts";
import { planImages } from "./plans/images.ts";
import { planMigrations } from "./plans/migrations.ts";
import { planRollout } from "./plans/rollout.ts";

/**
 * What must be done so that the stack runs this commit. Pure: the same stack and observation give the same plan, whoever asks.
 * @param begun the release it is planned for; parts that earlier steps of it have made are taken as made
 */
export function planRelease(stack: Stack, observation: Observation, begun: Release): Plan {
  const draft: Draft = { steps: [], untouched: [], moved: [], target: begun, arns: {} };
  const images = planImages(stack, observation, draft);
  planMigrations(stack, observation, images, draft);
  planDefinitions(stack, observation, images, draft);
  planRollout(stack, observation, images, draft);
  const ofImages = Object.values(observation.images).flatMap(({ findings }) => findings);
  const findings = [
    ...limits(stack),
    ...ofImages,
    ...checkMigrations(stack),
    ...checkServices(stack, observation),
    ...checkHosts(stack),
    ...checkRunsAwaited(stack, observation, draft.steps),
  ];
  return finished(draft, findings);
}

/**
 * What must be done so that the stack runs an earlier release again: its very definitions, by the same rollout. Nothing is built
 * or migrated.
 * @param wanted the definitions that the earlier release names, as ECS has them now; null for one that is gone
 * @param images whether the registry still has each image of it
 */
export function planRollback(
  stack: Stack,
  observation: Observation,
  begun: Release,
  to: Release,
  wanted: Readonly<Record<string, Definition | null>>,
  images: Readonly<Record<string, boolean>>,
): Plan {
  // The schema stays as the newest release left it.
  const migrations = observation.current?.migrations ?? to.migrations;
  const target: Release = { ...begun, images: to.images, taskDefinitions: to.taskDefinitions, migrations };
  const draft: Draft = { steps: [], untouched: [], moved: [], target, arns: {} };
  planFormerDefinitions(to, wanted, draft);
  const references = Object.entries(to.images).map(
    ([key, { repository, digest }]) => [key, imageReference(stack, repository, digest)] as const,
  );
  planRollout(stack, observation, Object.fromEntries(references), draft);
  const findings = [
    ...limits(stack),
    ...checkServices(stack, observation),
    ...checkHosts(stack),
    ...checkRunsAwaited(stack, observation, draft.steps),
    ...checkTarget(stack, to, wanted, images, observation),
  ];
  return finished(draft, findings);
}
