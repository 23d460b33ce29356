import type { Plan } from "../domain/plan.ts";
import { imageOf, type Release } from "../domain/release.ts";
import type { Stack } from "../stack/stack.ts";
import type { Definition } from "../task-definitions/definition.ts";
import { checkMigrations, checkServices, checkTarget } from "./checks.ts";
import { checkComponents } from "./components.ts";
import { type ImageReferences, imageReference } from "./definitions.ts";
import { checkHosts, checkRunsAwaited } from "./hosts.ts";
import { limits } from "./limits.ts";
import type { Observation } from "./observation.ts";
import { checkRevisions } from "./revisions.ts";
import { planDefinitions, planFormerDefinitions } from "./plans/definitions.ts";
import { type Draft, finished } from "./plans/draft.ts";
import { checkHostChange, checkHostsLeft, hostChange } from "./plans/host-change.ts";
import { planImages } from "./plans/images.ts";
import { planMigrations } from "./plans/migrations.ts";
import { checkDagster, checkSchema } from "./rollback-checks.ts";
import { planRollout } from "./plans/rollout.ts";
import { scopeOf, withBase, withoutUnreleased } from "./scope.ts";

/**
 * What must be done so that the stack runs this commit. Pure: the same stack and observation give the same plan, whoever asks.
 * @param begun the release it is planned for; parts that earlier steps of it have made are taken as made
 */
export function planRelease(stack: Stack, observation: Observation, begun: Release): Plan {
  const scope = scopeOf(stack, begun.only);
  const target = withBase(scope, observation.current, begun);
  const draft: Draft = { steps: [], untouched: [], moved: [], target, arns: {} };
  const hosts = hostChange(scope, observation.current, ({ image }) => observation.images[image]);
  const images = { ...imageReferences(stack, target), ...planImages(scope, observation, draft) };
  planMigrations(scope, observation, images, hosts, draft);
  planDefinitions(scope, observation, images, draft);
  planRollout(withoutUnreleased(stack, scope, target), observation, images, hosts, draft);
  const ofImages = Object.values(observation.images).flatMap(({ findings }) => findings);
  const findings = [
    ...limits(scope),
    ...ofImages,
    ...checkMigrations(scope),
    ...checkHostChange(scope, hosts, draft.target),
    ...checkHostsLeft(stack, scope, hosts, observation, draft.steps),
    ...checkServices(scope, observation),
    ...checkHosts(stack),
    ...checkRunsAwaited(stack, observation, draft.steps),
    ...checkComponents(stack, scope, observation, begun),
    ...checkRevisions(scope, observation, draft.steps),
  ];
  return finished(draft, findings);
}

/**
 * What must be done so that the stack runs an earlier release again: its very definitions, by the same rollout. Nothing is built
 * or migrated.
 * @param wanted the definitions that the earlier release names, as ECS has them now; null for one that is gone
 * @param images whether the registry still has each image of it, as {@link imagesOf} names them
 * @param schema what is known of each database now; it stays as it is
 */
export function planRollback(
  stack: Stack,
  observation: Observation,
  begun: Release,
  to: Release,
  wanted: Readonly<Record<string, Definition | null>>,
  images: Readonly<Record<string, boolean>>,
  schema: Release["migrations"],
): Plan {
  const { contract, kept, images: formerImages, taskDefinitions } = to;
  // Nothing is migrated: what is known of the schema is from earlier releases.
  const migrations = Object.fromEntries(
    Object.entries(schema).map(([name, part]) => [name, { ...part, state: "none" as const }]),
  );
  const target: Release = { ...begun, contract, images: formerImages, kept, taskDefinitions, migrations };
  const draft: Draft = { steps: [], untouched: [], moved: [], target, arns: {} };
  planFormerDefinitions(to, wanted, draft);
  const hosts = hostChange(stack, observation.current, (host) => imageOf(to, host));
  planRollout(stack, observation, imageReferences(stack, to), hosts, draft);
  const findings = [
    ...limits(stack),
    ...checkServices(stack, observation),
    ...checkHosts(stack),
    ...checkRunsAwaited(stack, observation, draft.steps),
    ...checkTarget(stack, observation, to, wanted, images),
    ...checkSchema(to, schema),
    ...checkDagster(stack, to, observation.current),
  ];
  return finished(draft, findings);
}

/** Of the images that a release pins. */
function imageReferences(stack: Stack, { images }: Release): ImageReferences {
  return Object.fromEntries(
    Object.entries(images).map(([key, { repository, digest }]) => [key, imageReference(stack, repository, digest)]),
  );
}
