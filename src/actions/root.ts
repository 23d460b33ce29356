import * as z from "zod";
import type { RoleRequest } from "../aws/assumed-role.ts";
import { UserError } from "../domain/errors.ts";
import { choice, flag, optional, readInputs } from "../github/inputs.ts";
import { markClosed } from "../github/state.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import type { SessionRequest } from "../releases/session.ts";
import type { Result } from "../releases/result.ts";
import { about, common, logged, rollingChoices, rollingOut, roleRequest, sessionRequest } from "./inputs.ts";
import { definitionsOutput, imagesOutput, told, verdictsOutput } from "./part.ts";

export const inputs = z.object({
  command: choice(["deploy", "plan", "rollback", "status", "unlock"]),
  ...common,
  ...about,
  "copy-images": flag,
  to: optional,
  reason: optional,
  "fail-on-drift": flag,
  "plan-hash": optional,
  "on-plan-change": choice(["continue", "fail"]),
  "dry-run": flag,
  ...rollingOut,
});

/** The whole sequence in one step: plan, deploy, roll back, or say what runs. */
export async function run(): Promise<void> {
  const {
    command,
    to,
    reason,
    "dry-run": dryRun,
    "plan-hash": hash,
    "on-plan-change": onChange,
    "fail-on-drift": failOnDrift,
    "copy-images": copyImages,
    only,
    from,
    ...rest
  } = readInputs(inputs);
  const choices = rollingChoices(rest);
  const approved = hash === null ? null : { hash, onChange };
  const request = sessionRequest(rest);
  const role = roleRequest(rest);
  if (to !== null && command !== "rollback") {
    throw new UserError({
      what: `\`to\` names what to go back to, and the command is \`${command}\`.`,
      where: "input to",
      fix: "Set `command: rollback`; or remove `to`.",
    });
  }
  switch (command) {
    case "plan":
    case "deploy": {
      const wanted = { ...request, release: null, only, from, copyImages };
      const { connect } = await import("../releases/connections.ts");
      const { allParts, deploy, plan } = await import("../releases/deploy.ts");
      if (command === "plan" || dryRun) {
        await told((context) => plan(context, connect(context, role), { ...wanted, approved }), outputs);
      } else {
        const whole = { ...wanted, parts: allParts, approved, ...choices };
        await told((context) => deploy(context, connect(context, role), whole), outputs);
        markClosed();
      }
      return;
    }
    case "rollback": {
      if (only !== null || from !== null) {
        throw new UserError({
          what: "A rollback is of the whole stack, to a release of this environment.",
          where: "inputs only and from",
          fix: "Remove them. To bring back one component, deploy a commit that reverts it.",
        });
      }
      if (to === null) {
        throw new UserError({
          what: "A rollback needs to know where to.",
          where: "input to",
          fix: "Give a release id, the SHA of its commit, or `previous`. The command `status` lists the releases.",
        });
      }
      const { connect } = await import("../releases/connections.ts");
      const { rollback } = await import("../releases/rollback.ts");
      const wanted = { ...request, to, dryRun, approved, ...choices };
      await told((context) => rollback(context, connect(context, role), wanted), outputs);
      markClosed();
      return;
    }
    case "status":
      await tellStatus(request, role, failOnDrift);
      return;
    case "unlock": {
      if (reason === null) {
        throw new UserError({
          what: "Whoever takes a lock away says why.",
          where: "input reason",
          fix: "Give a `reason`: it is told to whoever holds the lock.",
        });
      }
      await tellUnlocked(request, role, { why: reason, dryRun });
    }
  }
}

function outputs(result: Result): Readonly<Record<string, string>> {
  return {
    images: imagesOutput(result.release),
    "task-definitions": definitionsOutput(result.release),
    verdicts: verdictsOutput(result),
    "plan-hash": result.hash,
  };
}

async function tellStatus(request: SessionRequest, role: RoleRequest | null, failOnDrift: boolean): Promise<void> {
  const { connect } = await import("../releases/connections.ts");
  const { explainStatus, status, wordsOfStatus } = await import("../releases/status.ts");
  const { showDrift } = await import("../releases/drift.ts");
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
      fix: [...new Set(found.drift.map(({ remedy }) => remedy))].join("\n"),
    });
  }
}

async function tellUnlocked(
  request: SessionRequest,
  role: RoleRequest | null,
  options: { readonly why: string; readonly dryRun: boolean },
): Promise<void> {
  const { connect } = await import("../releases/connections.ts");
  const { explainUnlocked, unlockStack, wordsOfUnlocked } = await import("../releases/unlock.ts");
  const unlocked = await logged(async (context) => {
    const end = await unlockStack(context, connect(context, role), request, options);
    context.report({ kind: "result", lines: [wordsOfUnlocked(end)] });
    return end;
  });
  await writeSummary(explainUnlocked(unlocked));
  writeOutputs({ changed: String(unlocked.taken) });
}
