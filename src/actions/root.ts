import * as z from "zod";
import type { RoleRequest } from "../aws/assumed-role.ts";
import { UserError } from "../domain/errors.ts";
import { choice, flag, optional, required } from "../domain/given.ts";
import { parsedJson } from "../domain/json.ts";
import { readInputs } from "../github/inputs.ts";
import { pullRequestOf } from "../github/pull-request.ts";
import { whyNotRun, workflowRun } from "../github/run.ts";
import { markClosed } from "../github/state.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import {
  about,
  approvedPlan,
  cleaning,
  described,
  keptOf,
  lookedAt,
  reasonOf,
  rollingChoices,
  rollingOut,
  unlocking,
  verification,
} from "../releases/asked.ts";
import type { CleanUpRequest } from "../releases/clean-up.ts";
import type { Connections } from "../releases/connections.ts";
import type { SessionRequest } from "../releases/session.ts";
import { type RegionPrices, regionPricesSchema } from "../releases/price/prices.ts";
import type { Result } from "../releases/result.ts";
import { common, logged, roleRequest, sessionRequest } from "./inputs.ts";
import { dagsterDefinitionsOutput } from "./definitions-output.ts";
import { unlessForeign } from "./foreign.ts";
import { changesOutput, definitionsOutput, imagesOutput, type Listener, told, verdictsOutput } from "./part.ts";
import type { Teller } from "./preview.ts";

export const inputs = z.object({
  command: choice(["deploy", "plan", "rollback", "status", "unlock", "clean-up"]),
  ...common,
  ...about,
  "copy-images": flag,
  to: optional,
  ...unlocking,
  "fail-on-drift": flag,
  ...lookedAt,
  "dry-run": flag,
  ...verification,
  ...described,
  prices: optional.transform(pricesOf),
  comment: flag,
  "comment-author": required,
  ...rollingOut,
  ...cleaning,
});

/** The whole sequence in one step: plan, deploy, roll back, or say what runs. */
export async function run(): Promise<void> {
  const {
    command,
    to,
    reason,
    "dry-run": dryRun,
    "fail-on-drift": failOnDrift,
    "copy-images": copyImages,
    verify: verifying,
    definitions,
    prices,
    comment,
    "comment-author": author,
    "keep-revisions": keepRevisions,
    only,
    from,
    ...rest
  } = readInputs(inputs);
  const choices = rollingChoices(rest);
  const approved = approvedPlan(rest);
  const request = sessionRequest(rest);
  const token = rest["github-token"];
  const role = roleRequest(rest);
  refuseUnused(command, {
    only: only !== null && ["deploy", "plan"],
    from: from !== null && ["deploy", "plan"],
    "copy-images": copyImages && ["deploy", "plan"],
    to: to !== null && ["rollback"],
    "plan-hash": approved !== null && ["deploy", "plan", "rollback"],
    verify: verifying !== "false" && ["plan", "deploy"],
    "keep-revisions": keepRevisions !== null && ["deploy", "clean-up"],
    reason: reason !== null && ["unlock"],
    "fail-on-drift": failOnDrift && ["status"],
    definitions: (definitions.loads || definitions.files.length > 0) && ["plan"],
    prices: prices !== null && ["plan"],
  });
  if (copyImages && from === null) {
    throw new UserError({
      what: "`copy-images` copies what another environment has released, and `from` names none.",
      where: "input copy-images",
      fix: "Give `from`; or remove `copy-images`.",
    });
  }
  switch (command) {
    case "plan":
    case "deploy": {
      const wanted = { ...request, ...choices, release: null, only, from, copyImages, verifying };
      const { connect, allParts, deploy, plan } = await import("../releases/work.ts");
      if (command === "plan" || dryRun) {
        const looked = {
          ...wanted,
          approved,
          whyNotRun: whyNotRun(workflowRun(process.env)),
          isTrial: command === "deploy",
          definitions,
          prices: prices ?? {},
        };
        const teller = comment && token !== null ? { token, author } : null;
        await forPullRequest(teller, request.environment, (listener) =>
          told(
            async (context) => {
              const connections = connect(context, role);
              await refuseBase(connections.history, looked.root);
              return plan(context, connections, looked);
            },
            outputs,
            listener,
          ),
        );
      } else {
        const whole = { ...wanted, parts: allParts, approved, keepRevisions };
        await told((context) => deploy(context, connect(context, role), whole), outputs);
        markClosed();
      }
      return;
    }
    case "rollback": {
      if (to === null) {
        throw new UserError({
          what: "A rollback needs to know where to.",
          where: "input to",
          fix: "Give a release id, the SHA of its commit, `previous`, or a time in UTC (2026-11-20T15:00Z). The command `status` lists the releases.",
        });
      }
      const { connect, rollback } = await import("../releases/work.ts");
      const wanted = { ...request, to, dryRun, approved, ...choices };
      await told((context) => rollback(context, connect(context, role), wanted), outputs);
      markClosed();
      return;
    }
    case "status":
      await tellStatus(request, role, failOnDrift);
      return;
    case "unlock":
      await tellUnlocked(request, role, { why: reasonOf({ reason }), dryRun });
      return;
    case "clean-up":
      await tellCleanedUp({ ...request, keep: keptOf({ "keep-revisions": keepRevisions }), dryRun }, role);
  }
}

/**
 * An input that its command does not look at was meant for something.
 * @param given the commands that each input is for; false: it was not given
 * @throws UserError
 */
function refuseUnused(command: string, given: Readonly<Record<string, false | readonly string[]>>): void {
  for (const [input, commands] of Object.entries(given)) {
    if (commands === false || commands.includes(command)) continue;
    const others = commands.map((one) => `\`${one}\``).join(" or ");
    const part =
      command === "rollback"
        ? " A rollback is of the whole stack, to a release of this environment; to bring back one component, deploy a commit that reverts it."
        : "";
    throw new UserError({
      what: `\`${input}\` is for ${others}, and the command is \`${command}\`.`,
      where: `input ${input}`,
      fix: `Set \`command: ${commands[0] ?? ""}\`; or remove \`${input}\`.${part}`,
    });
  }
}

/** Runs something whose result a pull request is told, when this job is for one and somebody may tell it. */
async function forPullRequest(
  teller: Teller | null,
  environment: string | null,
  work: (listener: Listener | null) => Promise<void>,
): Promise<void> {
  const pullRequest = pullRequestOf(process.env);
  await unlessForeign(async () => {
    if (pullRequest === null || teller === null) return work(null);
    const { tellPullRequest } = await import("./preview.ts");
    await work(await tellPullRequest(pullRequest, teller, environment));
  });
}

/** A plan of what is there already would say that a pull request changes nothing. @throws UserError */
async function refuseBase({ checkout }: Connections["history"], root: string): Promise<void> {
  const base = pullRequestOf(process.env)?.base ?? null;
  if (base === null || (await checkout(root)).head !== base) return;
  throw new UserError({
    what: "The checkout is the branch that the pull request would be merged into, not what it brings: on `pull_request_target` actions/checkout takes that one.",
    where: `commit ${base}`,
    fix: "Plan on `pull_request`. What comes from a fork gets no credentials there, and that is as well: a plan reads its stack file with the rights of the job.",
  });
}

/** Prices of the user's own, as JSON. */
function pricesOf(text: string | null, context: z.RefinementCtx): RegionPrices | null {
  if (text === null) return null;
  const result = regionPricesSchema.safeParse(parsedJson(text));
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "it"}: ${message}`);
  context.addIssue(
    `is no JSON object of prices in USD, as infra/modules/cost/prices.json has them for a region (${problems.join("; ")})`,
  );
  return z.NEVER;
}

function outputs(result: Result): Readonly<Record<string, string>> {
  return {
    images: imagesOutput(result.release),
    "task-definitions": definitionsOutput(result.release),
    "definition-changes": changesOutput(result),
    verdicts: verdictsOutput(result),
    "plan-hash": result.hash,
    "images-to-make": JSON.stringify(imagesToMake(result)),
    "webserver-url": result.webserverUrl ?? "",
    "dagster-definitions": dagsterDefinitionsOutput(result),
    price: result.price === null ? "" : JSON.stringify(result.price),
  };
}

/** Keys of images that the plan makes, or names: what a job that pushes images is for. */
function imagesToMake({ plan: { steps } }: Result): readonly string[] {
  return [...new Set(steps.flatMap((step) => (step.kind === "image" ? [step.image] : [])))];
}

async function tellStatus(request: SessionRequest, role: RoleRequest | null, failOnDrift: boolean): Promise<void> {
  const { connect, explainStatus, status, subjectOf, wordsOfStatus, showDrift } = await import("../releases/work.ts");
  const found = await logged(async (context) => {
    const seen = await status(context, connect(context, role), request);
    context.report({ kind: "result", lines: wordsOfStatus(seen) });
    return seen;
  });
  await writeSummary(explainStatus(found));
  const { current, history } = found;
  const drift = found.drift.map(showDrift);
  writeOutputs({
    "release-id": current?.id ?? null,
    changed: "false",
    drift: JSON.stringify(drift),
    history: JSON.stringify(history),
  });
  // While somebody releases, services are on their way.
  if (failOnDrift && drift.length > 0 && found.holder === null) {
    throw new UserError({
      what: `What runs is not what the current release says: ${drift.join("; ")}.`,
      where: `stack ${found.stack}, ${found.environment}`,
      fix: found.drift.map((one) => `${subjectOf(one)}: ${one.remedy}`).join("\n"),
    });
  }
}

async function tellUnlocked(
  request: SessionRequest,
  role: RoleRequest | null,
  options: { readonly why: string; readonly dryRun: boolean },
): Promise<void> {
  const { connect, explainUnlocked, unlockStack, wordsOfUnlocked } = await import("../releases/work.ts");
  const unlocked = await logged(async (context) => {
    const end = await unlockStack(context, connect(context, role), request, options);
    context.report({ kind: "result", lines: [wordsOfUnlocked(end)] });
    return end;
  });
  await writeSummary(explainUnlocked(unlocked));
  writeOutputs({ changed: String(unlocked.taken) });
}

async function tellCleanedUp(request: CleanUpRequest, role: RoleRequest | null): Promise<void> {
  const { cleanUp, connect, explainCleanedUp, wordsOfCleanedUp } = await import("../releases/work.ts");
  const cleaned = await logged(async (context) => {
    const end = await cleanUp(context, connect(context, role), request);
    context.report({ kind: "result", lines: wordsOfCleanedUp(end) });
    return end;
  });
  await writeSummary(explainCleanedUp(cleaned));
  const { deregistered } = cleaned.revisions;
  writeOutputs({
    changed: String(deregistered.length > 0 && !request.dryRun),
    "old-revisions": JSON.stringify(deregistered),
  });
}
