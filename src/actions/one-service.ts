import * as z from "zod";
import { parseArn, showArn } from "../aws/arn.ts";
import { Cancelled, messageOf, RolloutFailed, UserError } from "../domain/errors.ts";
import { optional } from "../domain/given.ts";
import { isGood, parseRevision, type Revision, sameRevision, showRevision, type Verdict } from "../domain/verdict.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import { code, heading, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { Rolling } from "../releases/rolling.ts";
import type * as Work from "../releases/work.ts";
import { logged } from "./inputs.ts";
import { openAws, regionOfJob, type SignIn } from "./without-stack.ts";

/** What is taken for one service, without a stack file. */
export const ofOneService = {
  service: optional,
  cluster: optional,
  "task-definition": optional.refine(
    (text) => text === null || parseRevision(text) !== null,
    "names one revision: family:7, or its whole ARN",
  ),
  "desired-count": optional
    .refine((text) => text === null || /^[1-9]\d{0,3}$/.test(text), "is a whole number, 1 to 9999")
    .transform((text) => (text === null ? null : Number(text))),
};

type OneService = z.output<z.ZodObject<typeof ofOneService>> & SignIn;

/** Names of those inputs that were given although no service is. */
export function withoutService(inputs: z.output<z.ZodObject<typeof ofOneService>>): readonly string[] {
  return (["cluster", "task-definition", "desired-count"] as const).filter((name) => inputs[name] !== null);
}

/**
 * Brings one ECS service to one revision, looks on until it is there, and says why it is not: what fails goes back to what ran before. Nobody
 * asks Dagster, nothing is recorded, and no lock is taken: that is what a stack file is for.
 * @throws RolloutFailed, Cancelled; UserError before any write
 */
export async function deployOne(name: string, inputs: OneService, rolling: Rolling): Promise<void> {
  const { cluster, "task-definition": taskDefinition, "desired-count": desiredCount } = inputs;
  if (cluster === null || taskDefinition === null) {
    throw new UserError({
      what: `\`service\` is given, and ${cluster === null ? "`cluster`" : "`task-definition`"} is not.`,
      where: "inputs service, cluster and task-definition",
      fix: "Give all three; or none, for the services of a stack file.",
    });
  }
  const work = await import("../releases/work.ts");
  await logged(async (context) => {
    const { clients } = await openAws(work, context, regionOfJob(), inputs);
    const before = (await work.observeServices(clients.ecs, cluster, [name]))[name] ?? null;
    const verdict = await work.roll(clients, context, {
      cluster,
      service: name,
      taskDefinition,
      desiredCount,
      timeoutSeconds: rolling.timeoutSeconds,
      failEarly: rolling.failEarly,
    });
    const arnOf = (revision: Revision | null): string => {
      const home = parseArn(before?.arn ?? "");
      if (revision === null || home === null) return "";
      return showArn({ ...home, resource: `task-definition/${showRevision(revision)}` });
    };
    writeOutputs({
      verdict: verdict.verdict,
      changed: String(verdict.verdict !== "unchanged"),
      "deployment-id": verdict.deploymentId ?? "",
      "task-definition-arn": arnOf(verdict.to),
      "previous-task-definition-arn": arnOf(verdict.from),
    });
    if (isGood(verdict.verdict)) {
      const said = `${name}: ${verdict.verdict} in ${Math.round(verdict.seconds)} s`;
      context.report({ kind: "result", lines: [said] });
      await writeSummary(paragraphs(heading(2, markdown`Service ${name}`), markdown`${code(said)}`));
      return;
    }
    const count = desiredCount === null ? null : (before?.desiredCount ?? null);
    const takeBack = async (): Promise<Verdict | string> => {
      try {
        return await work.takeBack(clients, context, {
          cluster,
          service: name,
          to: verdict.from,
          count,
          ...(verdict.to === null ? {} : { ours: verdict.to }),
          timeoutSeconds: rolling.timeoutSeconds,
        });
      } catch (error) {
        return messageOf(error); // it never hides why there was something to take back
      }
    };
    const back = isToGoBack(verdict, rolling) ? await takeBack() : null;
    const said = wordsOfBack(back);
    const page = [
      heading(2, markdown`Service ${name}`),
      pageOf(work, verdict),
      said === null ? null : markdown`${said}`,
    ];
    await writeSummary(paragraphs(...page));
    throw failureOf(verdict, back);
  });
}

/** What ECS has taken back, somebody else has replaced, or goes on for itself, is left so; and so is what ran this revision before. */
function isToGoBack({ verdict, from, to, deploymentId }: Verdict, { onTimeout }: Rolling): boolean {
  if (from === null || deploymentId === null || sameRevision(from, to)) return false;
  return verdict === "failed" || (verdict === "timed-out" && onTimeout === "rollback");
}

function failureOf(verdict: Verdict, back: Verdict | string | null): Error {
  const { what, fix } = causeOf(verdict);
  const words = [what, ...(fix === null ? [] : [`fix: ${fix}`]), wordsOfBack(back)].filter((line) => line !== null);
  if (verdict.verdict === "cancelled") return new Cancelled(words.join("\n"));
  return new RolloutFailed(words.join("\n"), [verdict], { evidence: verdict.evidence });
}

/** @param back how taking back ended, or why it could not be done; null: there was nothing to do */
function wordsOfBack(back: Verdict | string | null): string | null {
  if (back === null) return null;
  if (typeof back === "string") return `NOT taken back: ${back}`;
  const to = back.to === null ? "what ran before" : showRevision(back.to);
  return isGood(back.verdict) ? `Taken back to ${to}.` : `NOT taken back to ${to}: ${causeOf(back).what}`;
}

function pageOf({ explainFailure }: typeof Work, verdict: Verdict): Markdown {
  const { what, fix } = causeOf(verdict);
  const { evidence, service } = verdict;
  return explainFailure({ step: `service ${service}`, what, fix, evidence, deployment: verdict });
}

function causeOf({ cause, service, verdict }: Verdict): { readonly what: string; readonly fix: string | null } {
  return cause ?? { what: `Service ${service}: ${verdict}.`, fix: null };
}
