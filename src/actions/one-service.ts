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
    const { clients, connections } = await openAws(work, context, regionOfJob(), inputs);
    const to = parseRevision(taskDefinition);
    const before = await work.undisturbedService(context, clients, { cluster, service: name, to }, rolling);
    const one = { cluster, service: name, taskDefinition };
    await work.checkOneService(
      context,
      clients,
      (account) => connections.registryOf(context, clients, account),
      one,
      before,
    );
    const settled = before === null ? null : await work.observeSettledRevision(clients.ecs, before);
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
    if (verdict.verdict !== "cancelled") work.tellEvidence(context, `service ${name}`, verdict.evidence, [verdict]);
    const count = desiredCount === null ? null : (before?.desiredCount ?? null);
    const request = {
      cluster,
      service: name,
      to: settled,
      count,
      ...(before?.primary == null ? {} : { former: before.primary.id }),
      ...(verdict.to === null ? {} : { ours: verdict.to }),
    };
    const takeBack = async (): Promise<Back> => {
      try {
        const { timeoutSeconds } = rolling;
        return shown(request.to, await work.takeBack(clients, context, { ...request, timeoutSeconds }));
      } catch (error) {
        return { isBack: false, said: `NOT taken back: ${messageOf(error)}` }; // it never hides why there was something to take back
      }
    };
    const sendBack = async (): Promise<Back> => {
      const { told, why } = await work.sendServiceBack(context, clients, request);
      return {
        isBack: told,
        said: `${told ? "Taken" : "NOT taken"} back to ${nameOf(request.to)}${why === null ? "." : `: ${why}`}`,
      };
    };
    const isCounted = count !== null && count !== desiredCount;
    const isMoved = request.to !== null && (isCounted || !sameRevision(request.to, verdict.to));
    // ECS goes back to the former revision, and leaves the count as it was given.
    const isCountLeft = isCounted && verdict.verdict === "rolled-back";
    const taken = isMoved && (isCountLeft || isToGoBack(verdict, rolling)) ? await takeBack() : null;
    const isCut = verdict.verdict === "cancelled" || taken?.isBack === false;
    const isToBeSent = isCut && context.signal.aborted && rolling.onCancel === "rollback";
    const isLost = request.to === null && (isToBeSent || isToGoBack(verdict, rolling));
    const sent = isLost ? unknownBefore : isToBeSent && isMoved ? await sendBack() : taken;
    const said = sent?.said ?? null;
    const page = [
      heading(2, markdown`Service ${name}`),
      pageOf(work, verdict),
      said === null ? null : markdown`${said}`,
    ];
    await writeSummary(paragraphs(...page));
    throw failureOf(verdict, said);
  });
}

const unknownBefore: Back = {
  isBack: false,
  said: "NOT taken back: nothing had come to run in it before, or nobody can tell what: somebody else was still bringing it to something.",
};

/** How a service went back to what it ran before. */
interface Back {
  readonly isBack: boolean;
  /** For people. */
  readonly said: string;
}

/** What ECS has taken back, somebody else has replaced, or goes on for itself, is left so. */
function isToGoBack({ verdict, deploymentId }: Verdict, { onTimeout }: Rolling): boolean {
  if (deploymentId === null) return false;
  return verdict === "failed" || (verdict === "timed-out" && onTimeout === "rollback");
}

function failureOf(verdict: Verdict, back: string | null): Error {
  const { what, fix } = causeOf(verdict);
  const words = [what, ...(fix === null ? [] : [`fix: ${fix}`]), back].filter((line) => line !== null);
  if (verdict.verdict === "cancelled") return new Cancelled(words.join("\n"));
  return new RolloutFailed(words.join("\n"), [verdict], { evidence: verdict.evidence });
}

function shown(to: Revision | null, back: Verdict): Back {
  return isGood(back.verdict)
    ? { isBack: true, said: `Taken back to ${nameOf(to)}.` }
    : { isBack: false, said: `NOT taken back to ${nameOf(to)}: ${causeOf(back).what}` };
}

function nameOf(revision: Revision | null): string {
  return revision === null ? "what ran before" : showRevision(revision);
}

function pageOf({ explainFailure }: typeof Work, verdict: Verdict): Markdown {
  const { what, fix } = causeOf(verdict);
  const { evidence, service } = verdict;
  return explainFailure({ step: `service ${service}`, what, fix, evidence, deployment: verdict });
}

function causeOf({ cause, service, verdict }: Verdict): { readonly what: string; readonly fix: string | null } {
  return cause ?? { what: `Service ${service}: ${verdict}.`, fix: null };
}
