import * as z from "zod";
import { readInputs } from "../github/inputs.ts";
import { wasOpen } from "../github/state.ts";
import { writeSummary } from "../github/summary.ts";
import { removeScratch } from "../images/scratch.ts";
import { common, logged, roleRequest, sessionRequest } from "./inputs.ts";

/** Inputs of every action that has this post step. */
export const inputs = z.object(common);

/** Runs when the job is over, however it ended: closes what the action, or one after it, has left open. */
export async function run(): Promise<void> {
  const { RUNNER_TEMP } = process.env;
  try {
    if (wasOpen()) await close();
  } finally {
    // Last: a file that cannot be removed must not keep the lock.
    if (RUNNER_TEMP !== undefined) await removeScratch(RUNNER_TEMP);
  }
}

async function close(): Promise<void> {
  const given = readInputs(inputs);
  const [request, role] = [sessionRequest(given), roleRequest(given)];
  const { connect, closeOpen, explainClosed } = await import("../releases/work.ts");
  const closed = await logged((context) => closeOpen(context, connect(context, role), { ...request, waitSeconds: 0 }));
  if (closed !== null) await writeSummary(explainClosed(closed));
}
