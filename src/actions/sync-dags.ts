import * as z from "zod";
import { choice, lines } from "../domain/given.ts";
import { readInputs } from "../github/inputs.ts";
import { workflowRun } from "../github/run.ts";
import { writeOutputs, writeSummary } from "../github/summary.ts";
import { checkPublishing, publishing, whichDags } from "../releases/asked-dags.ts";
import { compareBy, logged, signIn } from "./inputs.ts";
import { openAws, regionOfJob, writesFor } from "./without-stack.ts";

export const inputs = z.object({
  ...whichDags,
  ...publishing,
  publish: choice(["auto", "true", "false"]),
  "allowed-account-ids": lines,
  ...signIn,
});

/** Brings the code of one location to S3, from where readers take it. */
export async function run(): Promise<void> {
  const given = readInputs(inputs);
  checkPublishing(given, (name) => `input ${name}`);
  const region = regionOfJob();
  const workflow = workflowRun(process.env);
  const work = await import("../releases/work.ts");
  await logged(async (context) => {
    const { connections, clients } = await openAws(work, context, region, given);
    const synced = await work.syncCheckout(context, connections, clients, given, {
      root: workflow.workspace,
      repository: workflow.repository,
      run: workflow.url,
      writes: writesFor(given.publish, workflow.event),
      compare: compareBy(given["github-token"]),
      place: "input directory",
    });
    const { plan, outcome } = synced;
    await writeSummary(work.explainSynced(synced));
    writeOutputs({
      version: plan.version,
      "previous-version": plan.served?.version ?? "",
      changed: String(plan.switches !== null),
      outcome: outcome.kind,
    });
    const failure = work.failureOfSynced(synced);
    if (failure !== null) throw failure;
  });
}
