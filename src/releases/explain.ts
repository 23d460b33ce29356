import { showPlace } from "../domain/errors.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { inOrder, type Plan } from "../domain/plan.ts";
import { imagesOf, type Release, saysAlready, type Source } from "../domain/release.ts";
import {
  code,
  details,
  heading,
  link,
  list,
  type Markdown,
  markdown,
  paragraphs,
  table,
} from "../markdown/markdown.ts";
import { explainFiles } from "../dags/explain.ts";
import { explainSql } from "../migrations/explain.ts";
import { explainChanges, showChanges } from "../task-definitions/explain.ts";
import { type DefinitionChange, definitionChanges } from "./changes.ts";
import { glanceAtDefinitions, tablesOfDefinitions, wordsOfDefinitions } from "./dagster-definitions/explain.ts";
import type { Observation } from "./observation.ts";
import { explainPrice, wordsOfPrice } from "./price/explain.ts";
import type { StackPrice } from "./price/price.ts";
import { describe } from "./steps/explain.ts";

/**
 * What a plan would do, as a page: what moves and why, what each definition changes, what stays.
 * @param web where repositories can be looked at, `https://github.com`; null: nobody knows
 */
export function explainPlan(
  plan: Plan,
  observation: Observation,
  price: StackPrice | null = null,
  web: string | null = null,
): Markdown {
  const { stack, environment } = plan.target;
  return paragraphs(
    heading(2, markdown`${titleOf(plan)} for ${stack}, ${environment}`),
    explainSubject(plan, observation),
    explainFindings(plan.findings),
    plan.steps.length > 0 ? null : markdown`${nothingToDo(plan, observation)}`,
    explainSteps(plan),
    ...glanceAtDefinitions(observation.dagsterDefinitions),
    ...tablesOfDefinitions(observation.dagsterDefinitions),
    ...explainContents(plan, observation, web),
    price === null ? null : explainPrice(price),
    plan.untouched.length === 0 ? null : details("Untouched", explainUntouched(plan)),
  );
}

/** What it is a plan of, and what is there now. */
export function explainSubject({ target, backTo }: Plan, { current }: Observation): Markdown {
  const { source } = target;
  return paragraphs(
    markdown`Commit ${code(source.sha.slice(0, 12))} of ${source.repository}; ${currentText(current)}.`,
    backTo === null ? null : markdown`Back to release ${code(backTo)}.`,
    explainAbout(target),
  );
}

/** Each step with its reason, in the order in which they are done. */
export function explainSteps({ steps }: Plan): Markdown {
  return table(
    ["Step", "Why"],
    inOrder(steps).map((step) => [describe(step), step.reason]),
  );
}

/** What migrations and definitions hold, each folded. */
export function explainContents(plan: Plan, observation: Observation, web: string | null): readonly Markdown[] {
  const known = sourcesOf(plan, observation);
  return [
    ...Object.entries(observation.sql).map(([name, sql]) => explainSql(name, sql)),
    ...filesOfDags(plan, observation),
    ...definitionChanges(plan, observation).map((change) =>
      explainDefinition(change, known, commitsBetween(change, known, plan.target.source, web)),
    ),
  ];
}

/** Files that each location's next version adds, changes and removes. */
function filesOfDags({ steps }: Plan, { dags }: Observation): readonly Markdown[] {
  return steps.flatMap((step): readonly Markdown[] => {
    const wanted = step.kind === "switch" ? dags[step.location]?.wanted : null;
    if (step.kind !== "switch" || wanted == null) return [];
    const files = explainFiles(`DAGs of ${step.location}`, wanted.changes);
    return files === null ? [] : [files];
  });
}

/** What stays, and why. */
export function explainUntouched({ untouched }: Plan): Markdown {
  return list(untouched.map(({ what, why }) => markdown`${what}: ${why}`));
}

/** What a plan would do, for the log: a line for each step. */
export function wordsOfPlan(plan: Plan, observation: Observation, price: StackPrice | null = null): readonly string[] {
  const { steps, target } = plan;
  const { stack, environment, source } = target;
  const back = plan.backTo === null ? "" : ` (release ${plan.backTo})`;
  const title = `${titleOf(plan)} for ${stack}, ${environment}, commit ${source.sha.slice(0, 12)}${back}`;
  const definitions = wordsOfDefinitions(observation.dagsterDefinitions);
  if (steps.length === 0) return [`${title}: ${nothingToDo(plan, observation)}`, ...definitions];
  const cost = price === null ? [] : [wordsOfPrice(price)];
  return [
    `${title}, ${steps.length === 1 ? "1 step" : `${steps.length} steps`}:`,
    ...inOrder(steps).map(({ id, reason }) => `  ${id}: ${reason}`),
    ...definitions,
    ...cost,
  ];
}

function titleOf({ backTo }: Plan): string {
  return backTo === null ? "Plan" : "Plan of a rollback";
}

/** Why there is no step; without one there may be something to record. */
export function nothingToDo({ target, moved, switched }: Plan, { current }: Observation): string {
  if (moved.length + switched.length > 0) {
    const names = [...moved.map(({ service }) => service), ...switched.map(({ location }) => `DAGs of ${location}`)];
    return `Nothing to make or roll: a release that was cut has brought ${names.join(", ")} where this one would. It is recorded.`;
  }
  return current !== null && saysAlready(current, target)
    ? `Nothing to do: nothing in it differs from what runs, release ${current.id}.`
    : "Nothing to make or roll: only the record changes.";
}

/** What a release is about, when it is not simply the whole stack of one commit; null otherwise. */
export function explainAbout({ only, base, promotes, stackFile, source, sources }: Release): Markdown | null {
  const others = Object.entries(sources).filter(([repository]) => repository !== source.repository);
  const lines = [
    only === null
      ? null
      : markdown`Of ${code(only.join(", "))} only; all else stays as in release ${code(base ?? "")}.`,
    promotes === null
      ? null
      : markdown`Images are those of release ${code(promotes.release)} of ${promotes.environment}: none is made here.${stackFile === null ? "" : markdown` The stack file is of ${commit(stackFile)}.`}`,
    ...others.map(
      ([repository, sha]) => markdown`Other parts come from ${repository}, up to commit ${code(sha.slice(0, 12))}.`,
    ),
  ];
  return lines.every((line) => line === null) ? null : paragraphs(...lines);
}

/** Findings as a list, errors first. */
export function explainFindings(findings: readonly Finding[]): Markdown | null {
  if (findings.length === 0) return null;
  return list(
    bySeverity(findings).map(
      ({ level, id, what, fix, where }) => markdown`**${level}** ${code(id)}: ${what} ${fix} (${showPlace(where)})`,
    ),
  );
}

/** What a task definition changes, for people: its own line, and a line for each member. */
export function wordsOfChange(change: DefinitionChange): readonly string[] {
  return [titleOfChange(change), ...showChanges(change.changes).map((line) => `  ${line}`)];
}

function titleOfChange({ definition, family, from }: DefinitionChange): string {
  return `${definition}: ${from ?? "new"} → ${family}:(known after apply)`;
}

function explainDefinition(change: DefinitionChange, known: Sources, between: readonly Markdown[]): Markdown {
  const commits = Object.fromEntries(Object.entries(known).map(([digest, { sha }]) => [digest, sha]));
  return details(
    titleOfChange(change),
    paragraphs(
      explainChanges(change.changes, commits) ?? markdown`Nothing that is compared changes.`,
      ...between.map((commitsOfImage) => markdown`Commits between: ${commitsOfImage}`),
    ),
  );
}

/** What images come from, by digest. */
type Sources = Readonly<Record<string, Source>>;

/** Of the images of what is current, and of what is to come. */
function sourcesOf({ target }: Plan, { current }: Observation): Sources {
  const images = [...Object.values(current === null ? {} : imagesOf(current)), ...Object.values(imagesOf(target))];
  return Object.fromEntries(images.map(({ digest, source }) => [digest, source]));
}

/**
 * A link for each image that changes, to the commits from which the one comes to those of the other: each once. An image that is not
 * made yet is of the commit that is planned.
 */
function commitsBetween(
  { changes }: DefinitionChange,
  known: Sources,
  planned: Source,
  web: string | null,
): readonly Markdown[] {
  if (web === null) return [];
  const links = changes.flatMap(({ path, from, to }): readonly (readonly [string, Markdown])[] => {
    if (path[0] !== "containers" || path.at(-1) !== "image" || typeof from !== "string" || typeof to !== "string")
      return [];
    const [before, after] = [
      known[digestIn(from)],
      known[digestIn(to)] ?? (to.includes("(known after apply)") ? planned : undefined),
    ];
    if (before === undefined || after === undefined) return [];
    if (before.repository !== after.repository || before.sha === after.sha) return [];
    const range = `${before.sha}...${after.sha}`;
    const text = `${before.sha.slice(0, 12)}...${after.sha.slice(0, 12)}`;
    return [[range, link(text, `${web}/${before.repository}/compare/${range}`)]];
  });
  return [...new Map(links).values()];
}

function digestIn(image: string): string {
  return image.split("@")[1] ?? "";
}

/** As people know it. */
export function commit({ sha }: Source): Markdown {
  return code(sha.slice(0, 12));
}

function currentText(current: Release | null): string {
  return current === null ? "nothing is released yet" : `release ${current.id} is current`;
}
