import { inOrder, type Plan, type Step } from "../../domain/plan.ts";
import { details, heading, list, type Markdown, markdown, paragraphs } from "../../markdown/markdown.ts";
import {
  explainContents,
  explainFindings,
  explainSteps,
  explainSubject,
  explainUntouched,
  nothingToDo,
} from "../explain.ts";
import { glanceAtDefinitions, tablesOfDefinitions } from "../dagster-definitions/explain.ts";
import type { Observation } from "../observation.ts";
import { explainPrice } from "../price/explain.ts";
import type { StackPrice } from "../price/price.ts";
import { describe } from "../steps/explain.ts";

/**
 * A plan for who reads a pull request: what would be made, migrated and rolled, and what is wrong with it, at a glance; the rest folded,
 * what is longest last, for a comment may be cut.
 * @param web where repositories can be looked at, `https://github.com`; null: nobody knows
 */
export function explainPreview(
  plan: Plan,
  observation: Observation,
  price: StackPrice | null,
  web: string | null = null,
): Markdown {
  const { steps, findings, untouched, target } = plan;
  const { stack, environment } = target;
  const notices = findings.filter(({ level }) => level === "notice");
  const deeds = inOrder(steps).filter(isDeed);
  return paragraphs(
    heading(3, markdown`${steps.length === 0 ? "No changes" : "Plan"} for ${stack}, ${environment}`),
    explainSubject(plan, observation),
    observation.releasing === null
      ? null
      : markdown`**A release is under way**, by ${observation.releasing}: what it changes from now on is not in this plan.`,
    explainFindings(findings.filter(({ level }) => level !== "notice")),
    steps.length === 0 ? markdown`${nothingToDo(plan, observation)}` : null,
    deeds.length === 0 ? null : markdown`It would:`,
    list(deeds.map((step) => markdown`${describe(step)}: ${step.reason}`)),
    ...glanceAtDefinitions(observation.dagsterDefinitions),
    notices.length === 0 ? null : details(counted(notices.length, "notice"), explainFindings(notices) ?? markdown``),
    steps.length === 0 ? null : details(`In this order: ${counted(steps.length, "step")}`, explainSteps(plan)),
    untouched.length === 0
      ? null
      : details(`Not touched: ${untouched.map(({ what }) => what).join(", ")}`, explainUntouched(plan)),
    price === null ? null : explainPrice(price),
    ...tablesOfDefinitions(observation.dagsterDefinitions),
    ...explainContents(plan, observation, web),
  );
}

/** Something that people know by name; what is registered for it, and gates, are told with the order. */
function isDeed({ kind }: Step): boolean {
  return kind !== "register" && kind !== "gate";
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}
