import type { Context } from "../domain/context.ts";
import type { Evidence } from "../domain/evidence.ts";
import type { Verdict } from "../domain/verdict.ts";

/** What was seen of a failure, in a group of its own; ECS's events stand in the log already. @param of what failed, for people */
export function tellEvidence(
  { report }: Pick<Context, "report">,
  of: string,
  evidence: readonly Evidence[],
  verdicts: readonly Pick<Verdict, "page">[],
): void {
  const shown = evidence.filter(({ kind }) => kind !== "event");
  const pages = [...verdicts.map(({ page }) => page), ...shown.map(({ page }) => page ?? null)];
  if (shown.length === 0) return;
  report({ kind: "stage", title: `What was seen of ${of}` });
  for (const { subject, text } of shown) report({ kind: "foreign", from: subject, text });
  for (const page of new Set(pages)) if (page !== null) report({ kind: "line", text: page });
  // Where nothing is taken back no stage follows, and what does is not part of this one.
  report({ kind: "result", lines: [] });
}
