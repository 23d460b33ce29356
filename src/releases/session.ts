import type { Context } from "../domain/context.ts";
import { type Advice, UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { releaseId, type ReleaseId, type Sha } from "../domain/identifiers.ts";
import { emptyRelease, type Release, type Source } from "../domain/release.ts";
import { withLevels } from "../stack/index.ts";
import { dayOf } from "./checks.ts";
import type { Connections } from "./connections.ts";
import { type Compare, follows } from "./follows.ts";
import { type History, readHistory, settlePointer } from "./history.ts";
import { type Journal, journal } from "./journal.ts";
import type { HeldLock, LockRequest } from "./lock.ts";
import { type AskedWebserver, openWebserver } from "./webserver.ts";
import { type OpenStack, openStack, type StackLocation } from "./open.ts";

/** Who wants something of which stack. */
export interface SessionRequest extends StackLocation, LockRequest {
  /** `owner/name` of the repository that is checked out. */
  readonly repository: string;
  /** Folder for what is too large for memory; goes with the job. */
  readonly scratch: string;
  /** Folder of this machine that outlives the job, for what would be made again from the same. */
  readonly kept: string;
  /** Releases a commit that does not contain the released one. */
  readonly allowDivergent: boolean;
  /** A checkout that differs from its commit is released, and its images get no tag of that commit. */
  readonly allowDirty: boolean;
  /** Asks the host of a repository whether one commit is an ancestor of another; null when it cannot be asked. */
  readonly compare: Compare | null;
}

/** An open stack with its history. */
export interface Session extends OpenStack, History {
  readonly connections: Connections;
  /** Whoever opens a session to do something closes this at the end. */
  readonly webserver: AskedWebserver;
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
  const webserver = openWebserver(context, connections, open.clients, open.stack, open.records);
  const history = await readHistory(open.records, records);
  return { ...open, connections, webserver, request, openedAt, journal: records, ...history };
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

/** What is checked out. */
export interface CheckedOut {
  readonly source: Source;
  /** Files that differ from their commit, and those that git does not know. */
  readonly changedFiles: readonly string[];
}

/** The commit that is checked out, and what differs from it. */
export async function checkoutOf({ request, connections }: Session): Promise<CheckedOut> {
  const { root, repository } = request;
  const { head, changedFiles } = await connections.history.checkout(root);
  return { source: { repository, sha: head }, changedFiles };
}

/**
 * The commit that is checked out.
 * @throws UserError when the checkout differs from it, unless that is allowed
 */
export async function releasable(session: Session): Promise<CheckedOut> {
  const checkedOut = await checkoutOf(session);
  const { changedFiles } = checkedOut;
  if (changedFiles.length > 0 && !session.request.allowDirty) throw new UserError(dirtyCheckout(session, changedFiles));
  return checkedOut;
}

/** A plan may be of a checkout that no deploy would take. @param now milliseconds since 1970 */
export function checkClean(session: Session, { changedFiles }: CheckedOut, now: number): readonly Finding[] {
  if (changedFiles.length === 0) return [];
  const finding: Finding = { id: "checkout-differs", level: "warning", ...dirtyCheckout(session, changedFiles) };
  return withLevels([finding], session.stack.checks, dayOf(now));
}

function dirtyCheckout({ request }: Session, changedFiles: readonly string[]): Advice & Pick<Finding, "where"> {
  const some = changedFiles.slice(0, 5).join(", ");
  const more = changedFiles.length > 5 ? ", …" : "";
  return {
    what: `The checkout differs from its commit in ${changedFiles.length === 1 ? "a file" : `${changedFiles.length} files`}: ${some}${more}. A release is named by its commit, and would not be what it says: a deploy is refused.`,
    where: request.root,
    fix: "Commit them; or let git ignore what earlier steps of the job have made. For a trial, `allow-dirty: true` releases them all the same: under the name of a commit that does not hold them.",
  };
}

/** What a release is begun for. */
export interface Subject extends Pick<Release, "source" | "sources" | "only" | "promotes" | "stackFile"> {
  /** Parts of what is current go into it: so do the commits they come from. */
  readonly addsToCurrent: boolean;
}

/** The commit that a release was begun in, which its stack file is of. */
export function checkedOutFor({ source, promotes, stackFile }: Release): Source {
  return promotes === null ? source : (stackFile ?? source);
}

/** The release that is to be begun for something now. */
export function newRelease(context: Context, { stack, currentRelease }: Session, subject: Subject): Release {
  const { source, sources, only, promotes, stackFile, addsToCurrent } = subject;
  return emptyRelease({
    id: releaseId(context.clock.now(), source.sha),
    stack: stack.name,
    environment: stack.environment,
    base: currentRelease?.id ?? null,
    source,
    sources: addsToCurrent ? { ...currentRelease?.sources, ...sources } : sources,
    only,
    promotes,
    stackFile: stackFile ?? (only === null ? null : (currentRelease?.stackFile ?? null)),
    // A part is no proof that all was made under the newer one.
    contract: only === null ? (stack.contract.version ?? null) : (currentRelease?.contract ?? null),
  });
}

/**
 * A release that was handed over by an earlier step is of this stack, and of the commit that is to be released.
 * @throws UserError
 */
export function checkIdentity({ stack }: Session, begun: Release, { source, stackFile }: Subject): void {
  const whole = { stack: stack.name, environment: stack.environment };
  const expected = { ...whole, ...source, ...(stackFile === null ? {} : { "stack file": stackFile.sha }) };
  const found = {
    stack: begun.stack,
    environment: begun.environment,
    ...begun.source,
    "stack file": begun.stackFile?.sha ?? begun.source.sha,
  };
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
 * Going forward never goes back: of each repository, the commit that is current must be an ancestor of the one that is to come.
 * @throws UserError of kind `superseded`; UserError when the history does not tell
 */
export async function checkAncestry(session: Session, begun: Release): Promise<void> {
  const { request, currentRelease } = session;
  if (currentRelease === null || request.allowDivergent) return;
  const { sources } = currentRelease;
  const { repository } = begun.source;
  if (begun.only === null && begun.promotes === null && !Object.hasOwn(sources, repository)) {
    throw superseded(
      `Nothing that runs comes from ${repository}, but from ${Object.keys(sources).join(", ")}: deploying the whole stack from it would replace all of that.`,
      currentRelease.id,
      "Name what this repository releases: input `only`. When it is the same repository under a new name, release it once with `allow-divergent: true`.",
    );
  }
  for (const [of, released] of Object.entries(sources)) {
    const ours = Object.hasOwn(begun.sources, of) ? begun.sources[of] : undefined;
    if (ours !== undefined) await checkFollows(session, of, released, ours, currentRelease.id);
    else
      throw superseded(
        `Commit ${released} of ${of} is released, and release ${begun.promotes?.release ?? begun.id} holds nothing of that repository: it would be lost.`,
        currentRelease.id,
      );
  }
  await checkStackFile(session, begun, currentRelease);
}

/** What {@link checkAncestry} refuses, as a plan tells it: it may be looked at what a deploy would not do. @param now milliseconds since 1970 */
export async function checkForward(session: Session, begun: Release, now: number): Promise<readonly Finding[]> {
  try {
    await checkAncestry(session, begun);
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { what, fix, where = "history of the repository" } = error;
    const finding: Finding = { id: "not-forward", level: "warning", where, what: `${what} A deploy is refused.`, fix };
    return withLevels([finding], session.stack.checks, dayOf(now));
  }
}

/**
 * The stack file is part of a release: it goes behind neither the one that is current nor the code that it is for.
 * @throws UserError as {@link checkAncestry} does
 */
async function checkStackFile(session: Session, begun: Release, { id, stackFile: current }: Release): Promise<void> {
  const { repository, sha } = checkedOutFor(begun);
  if (current?.repository === repository) await checkFollows(session, repository, current.sha, sha, id);
  const code = Object.hasOwn(begun.sources, repository) ? begun.sources[repository] : undefined;
  if (code === undefined || (await follows(session, repository, code, sha))) return;
  throw superseded(
    `The stack file is of commit ${sha}, which does not contain ${code}: code of that is in what would be released.`,
    id,
    "Check out a commit that contains it; or promote a release that is no newer than the checkout: `from: <environment>@<release id>`. To go back, use `command: rollback`. When history was rewritten (force push, squash), release it with `allow-divergent: true`.",
  );
}

/** @throws UserError as {@link checkAncestry} does */
async function checkFollows(
  session: Session,
  repository: string,
  ancestor: Sha,
  descendant: Sha,
  now: ReleaseId,
): Promise<void> {
  if (await follows(session, repository, ancestor, descendant)) return;
  const where = repository === session.request.repository ? "" : ` of ${repository}`;
  throw superseded(
    `Commit ${descendant}${where} does not contain ${ancestor}, which is released: deploying it would go back, in part or whole.`,
    now,
  );
}

function superseded(
  what: string,
  now: ReleaseId | null,
  fix = "Deploy a commit that contains what is released. To go back, use `command: rollback`. When history was rewritten (force push, squash), release it with `allow-divergent: true`.",
): UserError {
  return new UserError(
    { what, where: now === null ? "current release" : `current release ${now}`, fix },
    { kind: "superseded" },
  );
}
