import { UserError } from "../domain/errors.ts";
import { canonicalJson, isMap, type Json, type JsonMap } from "../domain/json.ts";
import type { Later } from "../domain/later.ts";
import { hidden } from "../domain/redaction.ts";

/** Variable that tells Dagster what runs of this code start from (dagster_aws/ecs/container_context.py). */
export const contextVariable = "DAGSTER_CONTAINER_CONTEXT";

/** Task definition of runs, and its container. */
export interface ContainerContext {
  readonly taskDefinitionArn: Later;
  readonly containerName: string;
}

/**
 * The context with the task definition of runs in it. What else it holds (variables, secrets, resources, roles, tags) Dagster gives to each run, and
 * stays.
 * @param before what the variable held
 * @throws UserError when that is no context
 */
export function contextWith(before: Later | undefined, { taskDefinitionArn, containerName }: ContainerContext): Later {
  const context = before === undefined ? {} : contextOf(before);
  if (context === null)
    throw new UserError({
      what: `${contextVariable} is no JSON object whose member \`ecs\` is one: a release cannot add the task definition of runs to it.`,
      where: `the variable ${contextVariable} of the container that serves or loads code`,
      fix: 'Write it as { "ecs": { … } }, in plain text, or remove it.',
    });
  const text = (arn: string): string =>
    JSON.stringify({
      ...context,
      ecs: { ...ecsOf(context), task_definition_arn: arn, container_name: containerName },
    });
  if (typeof taskDefinitionArn === "string") return text(taskDefinitionArn);
  const [start = "", after = ""] = text("\u0000").split(JSON.stringify("\u0000").slice(1, -1));
  return { pending: [start, ...taskDefinitionArn.pending, after] };
}

/** One that comes from a secret is not read; and a variable beside it would take all that it holds away from runs. */
export function secretContext(): UserError {
  return new UserError({
    what: `${contextVariable} comes from a secret: a release cannot add the task definition of runs to it.`,
    where: `the secret ${contextVariable} of the container that serves or loads code`,
    fix: "Write it as a variable in plain text. What is secret in it belongs to `secrets` of the definition of runs.",
  });
}

/** The context as everybody may see it: the task definition of runs and its container, and the names of all else. */
export function visibleContext(value: Json): Json {
  const context = typeof value === "string" ? contextOf(value) : null;
  if (context === null) return hidden;
  const isOurs = (name: string, member: Json): boolean => ours.has(name) && typeof member === "string";
  const ecs = masked(ecsOf(context), isOurs);
  const rest = masked(withoutEcs(context), () => false);
  return JSON.stringify("ecs" in context ? { ...rest, ecs } : rest);
}

/** Does the second context hold what the first one holds beside the task definition of runs? */
export function keepsContext(before: Later | undefined, after: Later | undefined): boolean {
  const [was, is] = [before, after].map((value) => (value === undefined ? {} : contextOf(value)));
  if (was === undefined || was === null || is === undefined || is === null) return false;
  return canonicalJson(others(was)) === canonicalJson(others(is));
}

/**
 * The context as it is without releases: what it holds now, and of the task definition of runs what it named before the first release.
 * @param was null: there was none
 * @returns null: nothing is left of it
 */
export function contextWithout(now: string, was: string | null): string | null {
  const [context, former] = [contextOf(now), was === null ? {} : contextOf(was)];
  if (context === null || former === null) return was;
  const named = Object.entries(ecsOf(former)).filter(([name]) => ours.has(name));
  const ecs = Object.fromEntries(Object.entries(ecsOf(context)).filter(([name]) => !ours.has(name)));
  const whole = { ...withoutEcs(context), ecs: { ...ecs, ...Object.fromEntries(named) } };
  if (canonicalJson(whole) === canonicalJson({ ...former, ecs: ecsOf(former) })) return was;
  return JSON.stringify(whole);
}

const ours: ReadonlySet<string> = new Set(["task_definition_arn", "container_name"]);

function contextOf(value: Later): JsonMap | null {
  if (typeof value !== "string") return null;
  if (value.trim() === "") return {};
  try {
    const context = JSON.parse(value) as Json;
    return isMap(context) && (context["ecs"] === undefined || isMap(context["ecs"])) ? context : null;
  } catch {
    return null;
  }
}

function ecsOf({ ecs }: JsonMap): JsonMap {
  return ecs !== undefined && isMap(ecs) ? ecs : {};
}

function withoutEcs(context: JsonMap): JsonMap {
  return Object.fromEntries(Object.entries(context).filter(([name]) => name !== "ecs"));
}

function others(context: JsonMap): Json {
  const ecs = Object.entries(ecsOf(context)).filter(([name]) => !ours.has(name));
  return { ...withoutEcs(context), ecs: Object.fromEntries(ecs) };
}

function masked(members: JsonMap, isSeen: (name: string, member: Json) => boolean): JsonMap {
  return Object.fromEntries(
    Object.entries(members).map(([name, member]) => [name, isSeen(name, member) ? member : hidden]),
  );
}
