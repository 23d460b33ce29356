import type { ServiceObservation } from "../deployments/service.ts";
import { type Later, type LaterJson, later, laterText, resolve, stepsBehind, substitute } from "../domain/later.ts";
import type { Finding } from "../domain/finding.ts";
import type { Before } from "../domain/journal.ts";
import { checkPlan, type Plan, type Question, type Step, type Undo } from "../domain/plan.ts";
import type { ImagePart, Release } from "../domain/release.ts";
import { sameRevision, showRevision } from "../domain/verdict.ts";
import type { CodeLocation, Service, Stack } from "../stack/stack.ts";
import { type Definition, definitionHash, registrable } from "../task-definitions/definition.ts";
import { render } from "../task-definitions/render.ts";
import { checkMigrations, checkServices, checkTarget } from "./checks.ts";
import {
  type ImageReferences,
  imageReference,
  onceDefinitions,
  runDefinitions,
  serviceDefinitions,
  type WantedDefinition,
} from "./definitions.ts";
import { limits } from "./limits.ts";
import { hasMoved, isScaled, type Observation } from "./observation.ts";

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
  const findings = [...limits(stack), ...ofImages, ...checkMigrations(stack), ...checkServices(stack, observation)];
  return finished(draft, findings);
}

/** A plan while it is made. */
interface Draft {
  readonly steps: Step[];
  readonly untouched: Plan["untouched"][number][];
  readonly moved: Plan["moved"][number][];
  target: Release;
  /** ARN of each definition that is planned so far. */
  readonly arns: Record<string, Later>;
}

function planImages(stack: Stack, observation: Observation, draft: Draft): ImageReferences {
  const references: Record<string, Later> = {};
  for (const image of Object.values(stack.images)) {
    const plan = observation.images[image.key];
    if (plan === undefined) continue; // of a way that this version does not know: the findings say so
    const { contentKey, digest } = plan;
    const id = `image/${image.key}`;
    const reason = plan.reasons.join("; ");
    if (plan.way !== "layers" && digest !== null) {
      const { repository, platform } = image;
      const source = sourceOf(contentKey, image.key, observation, draft.target);
      draft.target = withPart(draft.target, "images", image.key, { repository, digest, contentKey, platform, source });
      references[image.key] = imageReference(stack, repository, digest);
      if (plan.way === "reuse") {
        draft.untouched.push({ what: `image ${image.key}`, why: reason });
        continue;
      }
    }
    const undo: Undo = { kind: "none", why: "an image that nothing runs does no harm" };
    push(draft, {
      id,
      part: "images",
      after: [],
      reason,
      undo,
      kind: "image",
      image: image.key,
      contentKey,
      way: plan.way === "name" ? "name" : "layers",
    });
    references[image.key] ??= imageReference(stack, image.repository, later(id, "digest"));
  }
  return references;
}

/** An image that was made before keeps the commit which it was made of. */
function sourceOf(
  contentKey: string,
  key: string,
  { current, source }: Observation,
  target: Release,
): ImagePart["source"] {
  const made = [target.images[key], current?.images[key]].find((part) => part?.contentKey === contentKey);
  return made?.source ?? source;
}

function planMigrations(stack: Stack, observation: Observation, images: ImageReferences, draft: Draft): void {
  const once = new Map(
    onceDefinitions(stack, images, observation.parameters).map((wanted) => [wanted.definition, wanted]),
  );
  let previous: readonly string[] = [];
  for (const { name, image } of stack.migrations) {
    const contentKey = observation.images[image]?.contentKey;
    const wanted = once.get(`once/${image}`);
    if (contentKey === undefined || wanted === undefined) continue;
    const before = observation.current?.migrations[name];
    const made = draft.target.migrations[name];
    if (made?.state === "done" && made.contentKey === contentKey) {
      draft.untouched.push({ what: `migration ${name}`, why: "done in this release" });
      continue;
    }
    if (before?.contentKey === contentKey) {
      draft.untouched.push({
        what: `migration ${name}`,
        why: "its image, and so its revisions, are those of the current release",
      });
      draft.target = withPart(draft.target, "migrations", name, { state: "none", contentKey });
      continue;
    }
    // Migrations of one image share its definition.
    const definition = draft.arns[wanted.definition] ?? planDefinition(observation, wanted, [], draft, "migrations");
    const reason = before === undefined ? "it was never run for this stack" : `image ${image} is another one`;
    const undo: Undo = { kind: "none", why: "a migration is never taken back: going back leaves the schema as it is" };
    const id = `migrate/${name}`;
    previous = [
      push(draft, {
        id,
        part: "migrations",
        after: previous,
        reason,
        undo,
        kind: "run-task",
        purpose: "migrate",
        migration: name,
        definition,
      }),
    ];
  }
}

function planDefinitions(stack: Stack, observation: Observation, images: ImageReferences, draft: Draft): void {
  const migrations = draft.steps.filter(({ part }) => part === "migrations").map(({ id }) => id);
  const { runs } = stack;
  for (const run of runDefinitions(stack, images, observation.parameters)) {
    planDefinition(observation, run, migrations, draft, "definitions");
  }
  const runArn = (location: string): Later | null => {
    const run = runs.kind === "ecs" ? runs.definitions[location] : undefined;
    return run === undefined ? null : (draft.arns[`run/${run.key}`] ?? null);
  };
  for (const service of serviceDefinitions(stack, images, observation.parameters, runArn)) {
    planDefinition(observation, service, migrations, draft, "definitions");
  }
}

/** Registers a definition, unless an equal one runs or is the newest of its family. @returns its ARN */
function planDefinition(
  observation: Observation,
  { definition, request }: WantedDefinition,
  after: readonly string[],
  draft: Draft,
  part: Step["part"],
): Later {
  const content = render(request);
  const { running = null, newest = null } = observation.definitions[definition] ?? {};
  const hash = stepsBehind(content).length === 0 ? definitionHash(resolve(content, {})) : null;
  const equal = [running, newest].find((known) => known?.active === true && known.contentHash === hash);
  if (hash !== null && equal !== null && equal !== undefined) {
    draft.target = withPart(draft.target, "taskDefinitions", definition, { ...equal.revision, contentHash: hash });
    draft.arns[definition] = equal.arn;
    return equal.arn;
  }
  const id = `register/${definition}`;
  const replaces = (running ?? newest)?.revision ?? null;
  const reason = replaces === null ? "it is new" : `it differs from ${showRevision(replaces)}`;
  const undo: Undo = { kind: "none", why: "a revision that nothing runs does no harm" };
  push(draft, {
    id,
    part,
    after,
    reason,
    undo,
    kind: "register",
    definition,
    family: request.family,
    content,
    replaces,
  });
  draft.arns[definition] = later(id, "arn");
  return later(id, "arn");
}

/**
 * Code first, each location behind its gate; then the daemon; then the webserver; the canary last. Before any webserver runs there
 * is nobody to ask, so on a first release all gates wait for the webserver's own. A new webserver is asked for every location.
 */
function planRollout(stack: Stack, observation: Observation, images: ImageReferences, draft: Draft): void {
  const services = Object.values(stack.services);
  const rolls = new Map(services.map((service) => [service.key, neededRoll(service, observation, draft)]));
  const askable = services.some(
    ({ kind, key }) => kind === "webserver" && (observation.services[key]?.runningCount ?? 0) > 0,
  );
  // Everything is registered before the first service moves: what ECS refuses is found while nothing has changed.
  const earlier = draft.steps.filter(({ part }) => part !== "images").map(({ id }) => id);

  const rollAll = (kind: Service["kind"], after: readonly string[]): readonly Touched[] =>
    services.flatMap((service) => {
      if (service.kind !== kind) return [];
      const roll = rolls.get(service.key) ?? null;
      if (roll !== null) return [{ service, steps: [pushRoll(draft, service, roll, [...earlier, ...after])] }];
      // Moved by a release that was cut before it had looked: nothing to write, and all to ask.
      return noteMoved(draft, service, observation) ? [{ service, steps: [] }] : [];
    });
  const gateLocation = (service: CodeLocation, after: readonly string[], again = ""): string =>
    pushGate(draft, after, { gate: "location", on: service.location, image: images[service.image] ?? "" }, again);
  const gateDaemons = (after: readonly string[]): readonly string[] =>
    daemons.map(({ service, steps }) => pushGate(draft, [...steps, ...after], { gate: "daemon", on: service.key }));

  const code = rollAll("code-location", []);
  const codeGates = !askable
    ? []
    : code.flatMap(({ service, steps }) => (service.kind === "code-location" ? [gateLocation(service, steps)] : []));
  const codeDone = [...stepsOf(code), ...codeGates];
  const daemons = rollAll("daemon", codeDone);
  const daemonsDone = [...stepsOf(daemons), ...(askable ? gateDaemons([]) : [])];
  const webservers = rollAll("webserver", [...codeDone, ...daemonsDone]);
  const webserverGates = webservers.map(({ service, steps }) =>
    pushGate(draft, steps, { gate: "webserver", on: service.key }),
  );
  const lateGates =
    webserverGates.length === 0
      ? []
      : services.flatMap((service) =>
          service.kind === "code-location"
            ? [gateLocation(service, [...codeDone, ...webserverGates], askable ? "/again" : "")]
            : [],
        );
  const lateDaemons = askable ? [] : gateDaemons(webserverGates);

  const all = [...codeDone, ...daemonsDone, ...webserverGates, ...lateGates, ...lateDaemons];
  const { canary } = stack.gates;
  if (canary?.target.kind !== "job" || all.length === 0 || stack.runs.kind !== "ecs") return;
  const run = stack.runs.definitions[canary.location];
  const image = run === undefined ? undefined : images[run.image];
  if (image === undefined) return;
  pushGate(draft, all, { gate: "canary", on: canary.location, job: canary.target.name, image });
}

interface Touched {
  readonly service: Service;
  /** Id of the step that rolls it; none when it is there already. */
  readonly steps: readonly string[];
}

function stepsOf(touched: readonly Touched[]): readonly string[] {
  return touched.flatMap(({ steps }) => steps);
}

/** @returns whether an unfinished release has moved it. */
function noteMoved(draft: Draft, service: Service, { services, before }: Observation): boolean {
  const [now, then] = [services[service.key] ?? null, before[service.key]];
  if (now === null || then === undefined) return false;
  if (!hasMoved(service, now, then)) return false;
  draft.moved.push({ service: service.key, undo: undoOf(service, then) });
  return true;
}

function undoOf(service: Service, { service: name, taskDefinition, desiredCount }: Before): Undo {
  const count = isScaled(service) && desiredCount > 0 ? null : desiredCount;
  return { kind: "roll", service: name, to: taskDefinition, count };
}

/** What an ECS service must be brought to. */
interface Roll {
  readonly observed: ServiceObservation;
  readonly to: Later;
  readonly count: number | null;
  readonly reason: string;
  readonly undo: Undo;
}

/** @returns null when it is there, or when the findings say what is missing. */
function neededRoll(service: Service, observation: Observation, draft: Draft): Roll | null {
  const observed = observation.services[service.key] ?? null;
  const to = draft.arns[`service/${service.key}`];
  if (observed === null || to === undefined) return null;
  const count = observed.desiredCount === 0 && !isScaled(service) ? service.count : null;
  const before = observation.before[service.key];
  const undo: Undo =
    before === undefined ? { kind: "none", why: "it is not known what it was before" } : undoOf(service, before);
  const known = typeof to === "string" ? draft.target.taskDefinitions[`service/${service.key}`] : undefined;
  if (known === undefined || !sameRevision(known, observed.revision)) {
    const reason = count === null ? "its task definition is another one" : "nothing runs yet";
    return { observed, to, count, reason, undo };
  }
  if (count !== null) return { observed, to, count, reason: "nothing runs yet", undo };
  if (!isSettled(observed)) return { observed, to, count, reason: "a deployment of it is under way", undo };
  draft.untouched.push({ what: `service ${service.key}`, why: `${showRevision(known)} is what it runs` });
  return null;
}

function isSettled({ primary, others, runningCount, desiredCount }: ServiceObservation): boolean {
  return primary?.state === "COMPLETED" && others.length === 0 && runningCount === desiredCount;
}

function pushRoll(
  draft: Draft,
  service: Service,
  { observed, to, count, reason, undo }: Roll,
  after: readonly string[],
): string {
  const id = `roll/${service.key}`;
  return push(draft, {
    id,
    part: "rollout",
    after,
    reason,
    undo,
    kind: "roll",
    service: service.key,
    from: observed.revision,
    to,
    count,
  });
}

function pushGate(draft: Draft, after: readonly string[], question: Question, name = ""): string {
  const id = `gate/${question.gate}/${question.on}${name}`;
  const reason = "nothing is committed that was not seen";
  return push(draft, {
    id,
    part: "rollout",
    after,
    reason,
    undo: { kind: "none", why: "a gate changes nothing" },
    kind: "gate",
    ...question,
  });
}

/** A step waits for those it names, and for those whose results it uses. */
function push(draft: Draft, step: Step): string {
  const after = [...new Set([...step.after, ...stepsBehind(step as unknown as LaterJson)])];
  draft.steps.push({ ...step, after });
  return step.id;
}

function withPart<Part extends "images" | "taskDefinitions" | "migrations">(
  release: Release,
  part: Part,
  key: string,
  value: Release[Part][string],
): Release {
  return { ...release, [part]: { ...release[part], [key]: value } };
}

/**
 * The definitions of an earlier release. Those that were deregistered meanwhile cannot start a task, and are registered anew; code
 * servers that name the definition of their runs are then registered with the new one.
 */
function planFormerDefinitions(to: Release, wanted: Readonly<Record<string, Definition | null>>, draft: Draft): void {
  const replaced: (readonly [arn: string, by: Later])[] = [];
  const pinned = Object.keys(to.taskDefinitions).filter((definition) => !definition.startsWith("once/"));
  const runsFirst = pinned.sort((a, b) => Number(b.startsWith("run/")) - Number(a.startsWith("run/")));
  for (const definition of runsFirst) {
    const known = wanted[definition] ?? null;
    if (known === null) continue; // the findings say so
    const former = registrable(known);
    // In quotes: the ARN of revision 1 is the beginning of revision 12's.
    const content = replaced.reduce<LaterJson>(
      (now, [arn, by]) => substitute(now, JSON.stringify(arn), laterText`"${by}"`),
      former,
    );
    if (known.active && stepsBehind(content).length === 0) {
      draft.arns[definition] = known.arn;
      continue;
    }
    const id = `register/${definition}`;
    const undo: Undo = { kind: "none", why: "a revision that nothing runs does no harm" };
    const { family } = known.revision;
    const reason = known.active
      ? "it names the definition of its runs, which is registered anew"
      : `${showRevision(known.revision)} was deregistered`;
    push(draft, {
      id,
      part: "definitions",
      after: [],
      reason,
      undo,
      kind: "register",
      definition,
      family,
      content,
      replaces: null,
    });
    draft.arns[definition] = later(id, "arn");
    draft.target = withoutDefinition(draft.target, definition);
    replaced.push([known.arn, later(id, "arn")]);
  }
}

function withoutDefinition(release: Release, definition: string): Release {
  const taskDefinitions = Object.entries(release.taskDefinitions).filter(([key]) => key !== definition);
  return { ...release, taskDefinitions: Object.fromEntries(taskDefinitions) };
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
    ...checkTarget(stack, to, wanted, images, observation),
  ];
  return finished(draft, findings);
}

function finished({ target, steps, untouched, moved }: Draft, findings: readonly Finding[]): Plan {
  checkPlan({ steps });
  return { target, steps, untouched, moved, findings };
}
