import type { Context } from "../domain/context.ts";
import type { Finding } from "../domain/finding.ts";
import { inOrder, type Plan, planHash } from "../domain/plan.ts";
import { withLevels } from "../stack/index.ts";
import { dayOf } from "./checks.ts";
import { PlanRefused, resultOfPlan } from "./result.ts";
import type { Session } from "./session.ts";
import type { Undertaking } from "./undertaking.ts";

/** A plan that somebody has looked at before, and what to do when it is another one now. */
export interface Approved {
  readonly hash: string;
  readonly onChange: "continue" | "fail";
}

/** Has this run begun with that very plan before, and was cut? What is left of it is another plan, and was looked at. */
function wasBegun({ unfinished, request }: Pick<Session, "unfinished" | "request">, { hash }: Approved): boolean {
  return unfinished.some(({ intent }) => intent.approved === hash && intent.owner.name === request.owner.name);
}

/**
 * Is this the plan that was looked at? One that does nothing is as good as any, and so is what is left of one that was looked at.
 * @throws PlanRefused when it is another one, and that matters
 */
export function checkApproved(
  { clock, report }: Pick<Context, "clock" | "report">,
  session: Pick<Session, "stack" | "unfinished" | "request">,
  approved: Approved | null,
  { plan, observation }: Pick<Undertaking, "plan" | "observation">,
): void {
  if (approved === null || planHash(plan) === approved.hash) return;
  if (plan.steps.length === 0 && plan.moved.length === 0) return;
  if (wasBegun(session, approved)) return;
  const what = `The plan is another one than was looked at. Now it would: ${shortly(plan)}.`;
  const fix =
    "It was made for another commit, or something was released, or changed by hand, in between. Plan again, look at it, and carry that out.";
  const changed: Finding = { id: "plan-changed", level: "warning", where: "input plan-hash", what, fix };
  for (const finding of withLevels([changed], session.stack.checks, dayOf(clock.now()))) {
    if (approved.onChange === "fail" || finding.level === "error")
      throw new PlanRefused(finding, resultOfPlan(plan, observation));
    report({ kind: "finding", finding });
  }
}

const shownSteps = 8;

/** The steps that people know by name: what is made, migrated and rolled; all of them when there is no such step. */
function shortly({ steps }: Plan): string {
  if (steps.length === 0) return "do nothing";
  const ordered = inOrder(steps);
  const known = ordered.filter(({ kind }) => kind !== "register" && kind !== "gate");
  const shown = (known.length === 0 ? ordered : known).slice(0, shownSteps).map(({ id }) => id);
  const more = steps.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}
