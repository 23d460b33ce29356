import * as z from "zod";
import type { RoleRequest } from "../aws/assumed-role.ts";
import { UserError } from "../domain/errors.ts";
import { choice, flag, optional, readInputs } from "../github/inputs.ts";
import { whyNotRun, workflowRun } from "../github/run.ts";
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
  reason: optional.refine((text) => text === null || text.length <= 500, "has 500 characters at most"),
  "fail-on-drift": flag,
  "plan-hash": optional.refine(
    (text) => text === null || /^[0-9a-f]{64}$/.test(text),
    "is the output of that name, 64 hex digits",
  ),
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
  if (onChange === "fail" && hash === null) {
    throw new UserError({
      what: "`on-plan-change: fail` compares with a plan that was looked at, and `plan-hash` is empty.",
      where: "input plan-hash",
      fix: "Give the output `plan-hash` of that plan; look whether the job that made it passes it on.",
    });
  }
  const choices = rollingChoices(rest);
  const approved = hash === null ? null : { hash, onChange };
  const request = sessionRequest(rest);
  const role = roleRequest(rest);
  refuseUnused(command, {
    only: only !== null && ["deploy", "plan"],
    from: from !== null && ["deploy", "plan"],
    "copy-images": copyImages && ["deploy", "plan"],
    to: to !== null && ["rollback"],
    "plan-hash": hash !== null && ["deploy", "plan", "rollback"],
    reason: reason !== null && ["unlock"],
    "fail-on-drift": failOnDrift && ["status"],
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
      const wanted = { ...request, ...choices, release: null, only, from, copyImages };
      const { connect } = await import("../releases/connections.ts");
      const { allParts, deploy, plan } = await import("../releases/deploy.ts");
      if (command === "plan" || dryRun) {
        await told(
          (context) =>
            plan(context, connect(context, role), {
              ...wanted,
              approved,
              whyNotRun: whyNotRun(workflowRun(process.env)),
            }),
          outputs,
        );
      } else {
        const whole = { ...wanted, parts: allParts, approved, ...choices };
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
      fix: found.drift.map(({ service, remedy }) => `${service ?? "the stack"}: ${remedy}`).join("\n"),
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
