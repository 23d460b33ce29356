import type { Finding } from "../domain/finding.ts";
import { canonicalJson } from "../domain/json.ts";
import type { Plan } from "../domain/plan.ts";
import { imageOf, layoutOf, leftTo, type Release, runsSame } from "../domain/release.ts";
import type { Service, Stack } from "../stack/stack.ts";
import type { Definition } from "../task-definitions/definition.ts";
import { checkMigrations, checkServices, checkTarget } from "./checks.ts";
import { checkCodeVersions } from "./code-versions.ts";
import { checkComponents } from "./components.ts";
import { checkDagsterVersions } from "./dagster-versions.ts";
import { checkDags, checkDagsThere } from "./dags-checks.ts";
import { checkDefinitions } from "./definition-checks.ts";
import { type ImageReferences, imageReference } from "./definitions.ts";
import { checkExisting, withNames } from "./existing.ts";
import { checkHosts, checkRunsAwaited } from "./hosts.ts";
import { checkInstance } from "./instance-checks.ts";
import { checkModules } from "./module-checks.ts";
import { checkNginx } from "./nginx-checks.ts";
import { limits } from "./limits.ts";
import { imageFor, type Observation } from "./observation.ts";
import { checkRevisions } from "./revisions.ts";
import { checkTicks } from "./ticks-checks.ts";
import { planDefinitions, planFormerDefinitions } from "./plans/definitions.ts";
import { type Draft, finished, withoutDefinition } from "./plans/draft.ts";
import { checkHostChange, checkHostsLeft, hostChange } from "./plans/host-change.ts";
import { planPublishing } from "./plans/dags.ts";
import { noteFormerListed, noteListed } from "./plans/list.ts";
import { planImages } from "./plans/images.ts";
import { planMigrations } from "./plans/migrations.ts";
import { planPromotedKept } from "./plans/promoted.ts";
import { checkDagster, checkLeft, checkRise, checkSchema, servicesLeft } from "./rollback-checks.ts";
import { checkTagged, planProtection } from "./plans/protect.ts";
import { planRollout } from "./plans/rollout.ts";
import { scopeOf, withBase, withoutUnreleased } from "./scope.ts";

/**
 * What must be done so that the stack runs this commit. Pure: the same stack and observation give the same plan, whoever asks.
 * @param begun the release it is planned for; parts that earlier steps of it have made are taken as made
 */
export function planRelease(written: Stack, observation: Observation, begun: Release): Plan {
  return planWithContents(written, observation, begun).plan;
}

/** The same, with what each definition that is wanted says, whether or not it is registered. */
export function planWithContents(
  written: Stack,
  observation: Observation,
  begun: Release,
): { readonly plan: Plan } & Pick<Draft, "contents"> {
  const stack = withNames(written, observation);
  const scope = scopeOf(stack, begun.only);
  const target = withBase(scope, observation.current, begun);
  const draft: Draft = {
    steps: [],
    untouched: [],
    moved: [],
    switched: [],
    target: withoutKept(target, scope),
    contents: {},
    arns: {},
  };
  const hosts = hostChange(scope, observation.current, (host) => imageFor(observation, host));
  const images = {
    ...imageReferences(stack, target),
    ...planImages(scope, observation, draft),
    ...planPromotedKept(scope, observation, draft),
  };
  planPublishing(observation, { ...observation.current?.dags, ...scope.dags }, draft);
  noteListed(scope, observation, draft);
  planProtection(observation, draft);
  planMigrations(scope, observation, images, hosts, draft);
  planDefinitions(scope, observation, images, draft);
  const released = withoutUnreleased(stack, scope, target);
  planRollout(released, observation, images, hosts, draft);
  // Several services may keep one image.
  const ofImages = distinct(Object.values(observation.images).flatMap(({ findings }) => findings));
  const willHave = (service: Service): string | null => versionFor(service, scope, observation, draft.target);
  const findings = [
    ...limits(scope),
    ...checkNginx(scope),
    ...checkExisting(scope, observation),
    ...distinct(checkDefinitions(scope, observation, draft.contents, begun.source.sha)),
    ...checkInstance(scope, observation, draft.contents),
    ...checkModules(scope, observation),
    ...ofImages,
    ...checkMigrations(scope),
    ...checkHostChange(scope, hosts, draft.target),
    ...checkCodeVersions(released, willHave),
    ...checkDagsterVersions(released, willHave),
    ...checkHostsLeft(stack, scope, hosts, observation, draft.steps),
    ...checkServices(scope, observation, rolledBy(draft.steps)),
    ...checkTagged(observation),
    ...checkHosts(stack),
    ...checkRunsAwaited(stack, observation, draft.steps),
    ...checkComponents(stack, scope, observation, begun),
    ...checkRevisions(scope, observation, draft.steps),
    ...checkDags(stack, scope, observation),
    ...checkTicks(stack, observation, draft.steps),
  ];
  return { plan: { ...finished(draft, findings), shownVariables: stack.shownVariables }, contents: draft.contents };
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
  const { current } = observation;
  const former = without(to, servicesLeft(stack, to));
  const { contract, kept, images: formerImages, taskDefinitions, dags } = former;
  const migrations = leftTo(to, schema);
  const target: Release = { ...begun, contract, images: formerImages, kept, taskDefinitions, migrations, dags };
  const draft: Draft = { steps: [], untouched: [], moved: [], switched: [], target, contents: {}, arns: {} };
  planPublishing(observation, to.dags, draft);
  noteFormerListed(to, draft);
  planFormerDefinitions(former, wanted, draft);
  const hosts = hostChange(stack, current, (host) => imageOf(to, host));
  planRollout(withLayouts(stack, to), observation, imageReferences(stack, to), hosts, draft);
  if (
    draft.steps.length === 0 &&
    draft.moved.length === 0 &&
    draft.switched.length === 0 &&
    current !== null &&
    [to, target].some((release) => runsSame(release, current))
  )
    draft.target = { ...begun, ...pinsOf(current) };
  const hadThen = (service: Service): string | null =>
    Object.hasOwn(to.taskDefinitions, `service/${service.key}`) ? (imageOf(to, service)?.dagster ?? null) : null;
  const findings = [
    ...limits(stack),
    ...checkServices(stack, observation, new Set()),
    ...checkHosts(stack),
    ...checkRunsAwaited(stack, observation, draft.steps),
    ...checkTarget(stack, observation, former, wanted, images),
    ...checkDagsThere(observation, to),
    ...checkTicks(stack, observation, draft.steps),
    ...checkLeft(stack, to),
    ...checkSchema(to, schema, current),
    ...checkDagster(stack, to, current),
    ...checkRise(stack, to, hosts, schema),
    ...checkCodeVersions(stack, hadThen),
    ...checkDagsterVersions(stack, hadThen),
  ];
  return { ...finished(draft, findings), backTo: to.id, shownVariables: stack.shownVariables };
}

/** The processes of an earlier release have their code as they had it then. */
function withLayouts(stack: Stack, { dags }: Pick<Release, "dags">): Stack {
  const then = Object.entries(stack.dags).map(([location, one]) => [location, { ...one, ...layoutOf(dags[location]) }]);
  return { ...stack, dags: Object.fromEntries(then) as Stack["dags"] };
}

/** What services of the scope keep is decided anew. */
function withoutKept(release: Release, { services }: Stack): Release {
  const others = Object.entries(release.kept).filter(([key]) => !Object.hasOwn(services, key));
  return { ...release, kept: Object.fromEntries(others) };
}

/** Keys of services that get another revision, or begin to run. */
function rolledBy(steps: Plan["steps"]): ReadonlySet<string> {
  return new Set(steps.flatMap((step) => (step.kind === "roll" ? [step.service] : [])));
}

/** Dagster's version in the image that a service is to run, whether it is made yet or not. */
function versionFor(service: Service, scope: Stack, observation: Observation, target: Release): string | null {
  const isPlanned = Object.hasOwn(scope.services, service.key) && target.kept[service.key] === undefined;
  const image = isPlanned ? imageFor(observation, service) : imageOf(target, service);
  return image?.dagster ?? null;
}

function distinct(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [canonicalJson(finding), finding])).values()];
}

/** An earlier release without services that nobody rolls. Definitions of runs stay: code servers of that release may name any of them. */
function without(release: Release, services: readonly string[]): Release {
  const kept = Object.entries(release.kept).filter(([key]) => !services.includes(key));
  const others: Release = { ...release, kept: Object.fromEntries(kept) };
  return services.reduce((rest, key) => withoutDefinition(rest, `service/${key}`), others);
}

function pinsOf({
  contract,
  images,
  kept,
  taskDefinitions,
  migrations,
  dags,
}: Release): Pick<Release, "contract" | "images" | "kept" | "taskDefinitions" | "migrations" | "dags"> {
  return { contract, images, kept, taskDefinitions, migrations, dags };
}

/** Of the images that a release pins. */
function imageReferences(stack: Stack, { images }: Release): ImageReferences {
  return Object.fromEntries(
    Object.entries(images).map(([key, { repository, digest }]) => [key, imageReference(stack, repository, digest)]),
  );
}
