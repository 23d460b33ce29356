import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { releaseId, type ReleaseId, type Sha } from "../domain/identifiers.ts";
import { emptyRelease, type Release, type Source } from "../domain/release.ts";
import type { Connections } from "./connections.ts";
import { type History, readHistory, settlePointer } from "./history.ts";
import { type Journal, journal } from "./journal.ts";
import type { HeldLock, LockRequest } from "./lock.ts";
import { type OpenStack, openStack, type StackLocation } from "./open.ts";

/** Who wants something of which stack. */
export interface SessionRequest extends StackLocation, LockRequest {
  /** `owner/name` of the repository that is checked out. */
  readonly repository: string;
  /** Folder for what is too large for memory; goes with the job. */
  readonly scratch: string;
  /** Releases a commit that does not contain the released one. */
  readonly allowDivergent: boolean;
  /** Asks the repository's host whether one commit is an ancestor of another; null when it cannot be asked. */
  readonly compare: ((ancestor: Sha, descendant: Sha) => Promise<"yes" | "no" | "unknown">) | null;
}

/** An open stack with its history. */
export interface Session extends OpenStack, History {
  readonly connections: Connections;
  readonly request: SessionRequest;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  readonly journal: Journal;
}

/** @throws UserError, AwsError */
export async function openSession(
  context: Context,
  connections: Connections,
  request: SessionRequest,
): Promise<Session> {
  const openedAt = context.clock.now();
  const open = await openStack(context, connections, request);
  const records = journal(open.records);
  return { ...open, connections, request, openedAt, journal: records, ...(await readHistory(open.records, records)) };
}

/**
 * The same session with what the records say now, the pointer on what was committed. For whoever holds the lock.
 * @throws UserError, AwsError
 */
export async function settled(session: Session, lock: HeldLock): Promise<Session> {
  const { records, journal: written } = session;
  let history = await readHistory(records, written);
  if (history.unpointed !== null) {
    await settlePointer(history, written);
    history = await readHistory(records, written);
  }
  if (history.unfinished.length === 0) lock.settled();
  return { ...session, ...history };
}

/**
 * The commit that is checked out.
 * @throws UserError when the checkout differs from it, unless that is allowed
 */
export async function sourceOf({ request, connections }: Session, allowDirty: boolean): Promise<Source> {
  const { root, repository } = request;
  const { head, changedFiles } = await connections.history.checkout(root);
  if (changedFiles.length > 0 && !allowDirty) {
    const some = changedFiles.slice(0, 5).join(", ");
    throw new UserError({
      what: `The checkout differs from its commit in ${changedFiles.length} files: ${some}${changedFiles.length > 5 ? ", …" : ""}. A release is named by its commit, and would not be what it says.`,
      where: root,
      fix: "Commit them; or let git ignore what earlier steps of the job have made.",
    });
  }
  return { repository, sha: head };
}

/** The release that is to be begun for a commit now. */
export function newRelease(context: Context, { stack, currentRelease }: Session, source: Source): Release {
  return emptyRelease({
    id: releaseId(context.clock.now(), source.sha),
    stack: stack.name,
    environment: stack.environment,
    base: currentRelease?.id ?? null,
    source,
    contract: stack.contract.version ?? null,
  });
}

/**
 * A release that was handed over by an earlier step is of this stack, and of the commit that is checked out.
 * @throws UserError
 */
export function checkIdentity({ stack }: Session, begun: Release, source: Source): void {
  const expected = { stack: stack.name, environment: stack.environment, ...source };
  const found = { stack: begun.stack, environment: begun.environment, ...begun.source };
  for (const [name, value] of Object.entries(expected)) {
    const given = found[name as keyof typeof found];
    if (given === value) continue;
    throw new UserError({
      what: `The release that was handed over is of ${name} ${given}, and this step is of ${value}.`,
      where: "input release",
      fix: "Pass on the output `release` of a step for the same stack and environment, on the same commit; or leave the input empty.",
    });
  }
}

/**
 * A release that travelled, or waited, must have been begun on what is current still.
 * @throws UserError of kind `superseded`
 */
export function checkBase({ currentRelease }: Session, begun: Release): void {
  const now = currentRelease?.id ?? null;
  if (begun.base === now) return;
  throw superseded(
    `Release ${begun.id} was begun on ${begun.base ?? "an empty stack"}, and ${now ?? "nothing"} is current now.`,
    now,
  );
}

/**
 * Going forward never goes back: what is current must be an ancestor of what is to come.
 * @throws UserError of kind `superseded`; UserError when the history does not tell
 */
export async function checkAncestry({ request, connections, currentRelease }: Session, source: Source): Promise<void> {
  if (currentRelease === null || request.allowDivergent) return;
  const [ancestor, descendant] = [currentRelease.source.sha, source.sha];
  const local = await connections.history.isAncestor(request.root, ancestor, descendant);
  const answer = local === "unknown" && request.compare !== null ? await request.compare(ancestor, descendant) : local;
  if (answer === "yes") return;
  if (answer === "no")
    throw superseded(
      `Commit ${descendant} does not contain ${ancestor}, which is released: deploying it would go back, in part or whole.`,
      currentRelease.id,
    );
  throw new UserError({
    what: `This checkout does not hold enough history to tell whether ${descendant} follows ${ancestor}, which is released.`,
    where: request.root,
    fix: "Check out with the whole history (actions/checkout with `fetch-depth: 0`), or give this step a `github-token` that may read the repository.",
  });
}

function superseded(what: string, now: ReleaseId | null): UserError {
  return new UserError(
    {
      what,
      where: now === null ? "current release" : `current release ${now}`,
      fix: "Deploy a commit that contains what is released. To go back, use `command: rollback`. When history was rewritten (force push, squash), release it with `allow-divergent: true`.",
    },
    { kind: "superseded" },
  );
}
