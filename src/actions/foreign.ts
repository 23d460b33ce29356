import { UserError } from "../domain/errors.ts";
import { pullRequestOf } from "../github/pull-request.ts";

/** Runs what only looks. Jobs of forks get no credentials: that is not their fault, told in the summary, and does not fail. */
export async function unlessForeign(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const pullRequest = pullRequestOf(process.env);
    const isTheirs = pullRequest?.isForeign === true && error instanceof UserError && error.kind === "no-credentials";
    if (!isTheirs) throw error;
    const { tellNotPlanned } = await import("./preview.ts");
    await tellNotPlanned(pullRequest, error.what);
  }
}
