import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { heading, list, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { Connections } from "./connections.ts";
import { mayTakeLock, takeLock } from "./lock.ts";
import { type SettledRevisions, settleRevisions } from "./old-revisions/settle.ts";
import { openSession, type SessionRequest, settled } from "./session.ts";

/** What is to be cleaned up. */
export interface CleanUpRequest extends SessionRequest {
  /** How many of the newest revisions stay of each family, beside those that something names. */
  readonly keep: number;
  /** Only says what would go. */
  readonly dryRun: boolean;
}

/** What went, or would. */
export interface CleanedUp {
  readonly revisions: SettledRevisions;
  readonly dryRun: boolean;
}

/**
 * Deregisters old task definitions of the stack, as a release with `keep-revisions` does once it is committed: for a schedule. What is
 * deregistered can still be read, and a rollback to it registers it anew.
 * @throws UserError when nothing is released, a release has not come to its end, or not all could be looked at; AwsError
 */
export async function cleanUp(context: Context, connections: Connections, request: CleanUpRequest): Promise<CleanedUp> {
  const { dryRun, keep } = request;
  const session = await openSession(context, connections, request);
  if (!dryRun) await mayTakeLock(session.records, session.lock, request);
  const lock = dryRun ? null : await takeLock(session.records, context, request);
  try {
    const now = lock === null ? session : await settled(session, lock);
    const { currentRelease, unfinished, stack, webserver } = now;
    const where = `stack ${stack.name}, ${stack.environment}`;
    if (currentRelease === null) {
      throw new UserError({ what: "Nothing is released yet.", where, fix: "Release it first: `command: deploy`." });
    }
    const [left] = unfinished;
    if (left !== undefined) {
      throw new UserError({
        what: `Release ${left.intent.release.id} has not come to its end: what it needs is not certain.`,
        where,
        fix: "Run `command: deploy`, or go back with `command: rollback`; then clean up.",
      });
    }
    const dagster = dryRun ? webserver.forPlan : webserver.dagster;
    const revisions = await settleRevisions(context, now, lock, currentRelease, dagster, keep);
    if (revisions.why === null) return { revisions, dryRun };
    throw new UserError({
      what: `Old revisions were not all looked at: ${revisions.why.untrusted}`,
      where,
      fix: "Mend what it names, and run this again; what went is gone for good reason, and nothing that is needed went.",
    });
  } finally {
    await lock?.giveBack();
    await session.webserver.close();
  }
}

/** For the log. */
export function wordsOfCleanedUp({ revisions, dryRun }: CleanedUp): readonly string[] {
  const { deregistered, keep, isMore, leavesRuns } = revisions;
  const went = dryRun ? "would be deregistered" : "deregistered";
  return [
    deregistered.length === 0
      ? `No old task definition: the newest ${keep} of each family stay, and those that something names.`
      : `${went}: ${deregistered.join(", ")}`,
    ...(isMore ? ["There are more: run it again."] : []),
    ...(leavesRuns ? ["Those of runs are left alone: runs wait for their task, or no webserver could be asked."] : []),
  ];
}

/** For the job summary. */
export function explainCleanedUp(cleaned: CleanedUp): Markdown {
  const title = cleaned.dryRun ? "What a clean-up would do" : "Cleaned up";
  return paragraphs(heading(2, title), list(wordsOfCleanedUp(cleaned).map((line) => markdown`${line}`)));
}
