import { type Later, type LaterJson, later, laterText, resolve, stepsBehind, substitute } from "../../domain/later.ts";
import type { Step, Undo } from "../../domain/plan.ts";
import { keptName, type Release } from "../../domain/release.ts";
import { showRevision } from "../../domain/verdict.ts";
import type { Service, Stack } from "../../stack/stack.ts";
import { type Definition, definitionHash, registrable } from "../../task-definitions/definition.ts";
import { render } from "../../task-definitions/render.ts";
import {
  type ImageReferences,
  imageReference,
  type WantedDefinition,
  runDefinitions,
  serviceDefinitions,
} from "../definitions.ts";
import { hostLabels } from "../host-labels.ts";
import { runOf } from "../hosts.ts";
import { comparedRevision, imageFor, type Observation } from "../observation.ts";
import { type Draft, push, withPart, withoutDefinition } from "./draft.ts";
import { equalRevision } from "./equal.ts";
import { keptImage } from "./kept.ts";
import { promotedDefinition } from "./promoted.ts";

/** Adds a step for each task definition whose wanted content is no revision yet; of the others the target names the revision. */
export function planDefinitions(stack: Stack, observation: Observation, images: ImageReferences, draft: Draft): void {
  const migrations = draft.steps.filter(({ part }) => part === "migrations").map(({ id }) => id);
  for (const run of runDefinitions(stack, images, observation)) {
    planDefinition(stack, observation, run, migrations, draft, "definitions");
  }
  const runArn = (location: string): Later | null => {
    const run = runOf(stack, location);
    return run === null ? null : (draft.arns[`run/${run.key}`] ?? null);
  };
  for (const { service, ...plain } of serviceDefinitions(stack, images, observation, runArn)) {
    const wanted =
      observation.promoted === null
        ? ownDefinition(stack, observation, service, plain, draft)
        : promotedDefinition(stack, observation, service, withImage(plain, images[keptName(service.key)]));
    planDefinition(stack, observation, wanted, migrations, draft, "definitions");
  }
}

/** On the stack's image, or on the one that the service keeps. */
function ownDefinition(
  stack: Stack,
  observation: Observation,
  service: Service,
  { definition, request }: WantedDefinition,
  draft: Draft,
): WantedDefinition {
  const labels = hostLabels(stack, service, imageFor(observation, service));
  const newest = { definition, request: { ...request, labels } };
  const kept = keptImage(stack, observation, service, newest);
  if (kept === null) return newest;
  draft.target = withPart(draft.target, "kept", service.key, kept);
  return withImage(newest, imageReference(stack, kept.repository, kept.digest));
}

function withImage({ definition, request }: WantedDefinition, image: Later | undefined): WantedDefinition {
  return { definition, request: { ...request, image: image ?? request.image } };
}

/** Registers a definition, unless an equal one runs, is the newest of its family, or should run and does not. @returns its ARN */
export function planDefinition(
  stack: Stack,
  observation: Observation,
  { definition, request }: WantedDefinition,
  after: readonly string[],
  draft: Draft,
  part: Step["part"],
): Later {
  const content = render(request);
  draft.contents[definition] = content;
  const known = observation.definitions[definition];
  const hash = stepsBehind(content).length === 0 ? definitionHash(resolve(content, {})) : null;
  const equal = hash === null ? undefined : equalRevision(stack, observation, definition, hash);
  if (hash !== null && equal !== undefined) {
    draft.target = withPart(draft.target, "taskDefinitions", definition, { ...equal.revision, contentHash: hash });
    draft.arns[definition] = equal.arn;
    return equal.arn;
  }
  const id = `register/${definition}`;
  const replaces = (known === undefined ? null : comparedRevision(known))?.revision ?? null;
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
 * The definitions of an earlier release. Those that were deregistered meanwhile cannot start a task, and are registered anew; code
 * servers that name the definition of their runs are then registered with the new one.
 */
export function planFormerDefinitions(
  to: Release,
  wanted: Readonly<Record<string, Definition | null>>,
  draft: Draft,
): void {
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
