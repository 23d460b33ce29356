import { showPlace } from "../domain/errors.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { showAll } from "../domain/later.ts";
import { inOrder, type Plan, type Step } from "../domain/plan.ts";
import { type Release, saysAlready, type Source } from "../domain/release.ts";
import { showRevision } from "../domain/verdict.ts";
import { code, details, heading, list, type Markdown, markdown, paragraphs, table } from "../markdown/markdown.ts";
import { explainSql } from "../migrations/explain.ts";
import { compareDefinitions } from "../task-definitions/compare.ts";
import { explainChanges } from "../task-definitions/explain.ts";
import type { Observation } from "./observation.ts";
import { describe } from "./steps/explain.ts";

/** What a plan would do, as a page: what moves and why, what each definition changes, what stays. */
export function explainPlan(plan: Plan, observation: Observation): Markdown {
  const { stack, environment, source } = plan.target;
  return paragraphs(
    heading(2, markdown`${titleOf(plan)} for ${stack}, ${environment}`),
    markdown`Commit ${code(source.sha.slice(0, 12))} of ${source.repository}; ${currentText(observation.current)}.`,
    plan.backTo === null ? null : markdown`Back to release ${code(plan.backTo)}.`,
    explainAbout(plan.target),
    explainFindings(plan.findings),
    plan.steps.length > 0 ? null : markdown`${nothingToDo(plan, observation)}`,
    table(
      ["Step", "Why"],
      inOrder(plan.steps).map((step) => [describe(step), step.reason]),
    ),
    ...Object.entries(observation.sql).map(([name, sql]) => explainSql(name, sql)),
    ...plan.steps.flatMap((step) => (step.kind === "register" ? [explainDefinition(step, observation)] : [])),
    plan.untouched.length === 0
      ? null
      : details("Untouched", list(plan.untouched.map(({ what, why }) => markdown`${what}: ${why}`))),
  );
}

/** What a plan would do, for the log: a line for each step. */
export function wordsOfPlan(plan: Plan, observation: Observation): readonly string[] {
  const { steps, target } = plan;
  const { stack, environment, source } = target;
  const back = plan.backTo === null ? "" : ` (release ${plan.backTo})`;
  const title = `${titleOf(plan)} for ${stack}, ${environment}, commit ${source.sha.slice(0, 12)}${back}`;
  if (steps.length === 0) return [`${title}: ${nothingToDo(plan, observation)}`];
  return [
    `${title}, ${steps.length === 1 ? "1 step" : `${steps.length} steps`}:`,
    ...inOrder(steps).map(({ id, reason }) => `  ${id}: ${reason}`),
  ];
}

function titleOf({ backTo }: Plan): string {
  return backTo === null ? "Plan" : "Plan of a rollback";
}

/** Without a step there may be something to record. */
function nothingToDo({ target, moved }: Plan, { current }: Observation): string {
  if (moved.length > 0) {
    const services = moved.map(({ service }) => service).join(", ");
    return `Nothing to make or roll: a release that was cut has brought ${services} where this one would. It is recorded.`;
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

function explainDefinition(step: Extract<Step, { kind: "register" }>, { definitions }: Observation): Markdown {
  const known = definitions[step.definition];
  const before = known?.running ?? known?.newest ?? null;
  const changes = explainChanges(compareDefinitions(before?.content ?? null, showAll(step.content)));
  const title = markdown`${step.definition}: ${before === null ? "new" : showRevision(before.revision)} → ${step.family}:(known after apply)`;
  return details(title, changes ?? markdown`Nothing that is compared changes.`);
}

/** As people know it. */
export function commit({ sha }: Source): Markdown {
  return code(sha.slice(0, 12));
}

function currentText(current: Release | null): string {
  return current === null ? "nothing is released yet" : `release ${current.id} is current`;
}
