import * as z from "zod";
import { UserError } from "../domain/errors.ts";
import { choice, flag, optional, readInputs } from "../github/inputs.ts";
import { logReport } from "../github/report.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import type { Result } from "../releases/undertake.ts";
import { common, sessionRequest, stepContext } from "./inputs.ts";
import { definitionsOutput, imagesOutput, told, verdictsOutput } from "./part.ts";

export const inputs = z.object({
  command: choice(["deploy", "plan", "rollback", "status"]),
  ...common,
  to: optional,
  "dry-run": flag,
});

/** The whole sequence in one step: plan, deploy, roll back, or say what runs. */
export async function run(): Promise<void> {
  const { command, to, "dry-run": dryRun, ...rest } = readInputs(inputs);
  const request = { ...sessionRequest(rest), release: null };
  switch (command) {
    case "plan":
    case "deploy": {
      const { allParts, deploy, plan } = await import("../releases/deploy.ts");
      await told(
        (context) =>
          command === "plan" || dryRun ? plan(context, request) : deploy(context, { ...request, parts: allParts }),
        outputs,
      );
      return;
    }
    case "rollback": {
      if (to === null) {
        throw new UserError({
          what: "A rollback needs to know where to.",
          where: "input to",
          fix: "Give a release id, the SHA of its commit, or `previous`. The command `status` lists the releases.",
        });
      }
      const { rollback } = await import("../releases/rollback.ts");
      await told((context) => rollback(context, { ...request, to, dryRun }), outputs);
      return;
    }
    case "status":
      await tellStatus(request);
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

async function tellStatus(request: ReturnType<typeof sessionRequest>): Promise<void> {
  const { explainStatus, status } = await import("../releases/status.ts");
  const { report, close } = logReport();
  const found = await status(stepContext(report), request);
  close();
  await writeSummary(explainStatus(found));
  const { current, drift, history } = found;
  writeOutputs({
    "release-id": current?.id ?? null,
    changed: "false",
    drift: JSON.stringify(drift),
    history: JSON.stringify(history),
  });
}
