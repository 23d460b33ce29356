import type { Finding } from "../../domain/finding.ts";
import { type Later, type LaterJson, stepsBehind } from "../../domain/later.ts";
import { type Plan, type Step, checkPlan } from "../../domain/plan.ts";
import type { Release } from "../../domain/release.ts";

/** A plan while it is made. */
export interface Draft {
  readonly steps: Step[];
  readonly untouched: Plan["untouched"][number][];
  readonly moved: Plan["moved"][number][];
  readonly switched: Plan["switched"][number][];
  target: Release;
  /** What each definition that is wanted says, whether or not it is registered. */
  readonly contents: Record<string, LaterJson>;
  /** ARN of each definition that is planned so far. */
  readonly arns: Record<string, Later>;
}

/** A step waits for those it names, and for those whose results it uses. */
export function push(draft: Draft, step: Step): string {
  const after = [...new Set([...step.after, ...stepsBehind(step as unknown as LaterJson)])];
  draft.steps.push({ ...step, after });
  return step.id;
}

/** The release with one part named; another one of that name is replaced. */
export function withPart<Part extends "images" | "kept" | "taskDefinitions" | "migrations" | "dags">(
  release: Release,
  part: Part,
  key: string,
  value: Release[Part][string],
): Release {
  return { ...release, [part]: { ...release[part], [key]: value } };
}

/** The release without a task definition. */
export function withoutDefinition(release: Release, definition: string): Release {
  const taskDefinitions = Object.entries(release.taskDefinitions).filter(([key]) => key !== definition);
  return { ...release, taskDefinitions: Object.fromEntries(taskDefinitions) };
}

/** The plan that was drafted. @throws Error when its steps do not fit together: a bug */
export function finished({ target, steps, untouched, moved, switched }: Draft, findings: readonly Finding[]): Plan {
  checkPlan({ steps });
  return { target, backTo: null, steps, untouched, moved, switched, findings, shownVariables: [] };
}
