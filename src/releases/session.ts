import type { ClientSettings } from "../aws/settings.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { releaseId, type ReleaseId, type Sha } from "../domain/identifiers.ts";
import type { Current, Owner } from "../domain/journal.ts";
import { emptyRelease, type Release, type Source } from "../domain/release.ts";
import { checkout, isAncestor } from "../git/history.ts";
import type { Stored } from "./bucket.ts";
import { type Journal, journal } from "./journal.ts";
import { type OpenStack, openStack, type StackLocation } from "./open.ts";

/** Who wants something of which stack. */
export interface SessionRequest extends StackLocation {
  /** `owner/name` of the repository that is checked out. */
  readonly repository: string;
  readonly owner: Owner;
  /** Folder for what is too large for memory; goes with the job. */
  readonly scratch: string;
  readonly settings?: ClientSettings;
  /** Asks the repository's host whether one commit is an ancestor of another; null when it cannot be asked. */
  readonly compare: ((ancestor: Sha, descendant: Sha) => Promise<"yes" | "no" | "unknown">) | null;
}

/** An open stack with its history. */
export interface Session extends OpenStack {
  readonly request: SessionRequest;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  readonly journal: Journal;
  readonly current: Stored<Current> | null;
  /** The release that `current` names. */
  readonly currentRelease: Release | null;
}

/** @throws UserError, AwsError */
export async function openSession(context: Context, request: SessionRequest): Promise<Session> {
  const openedAt = context.clock.now();
  const open = await openStack(context, request, request.settings);
  return readHistory({ ...open, request, openedAt, journal: journal(open.records) });
}

/** The same session, with what is current now. */
export async function readHistory(session: Omit<Session, "current" | "currentRelease">): Promise<Session> {
  const current = await session.journal.current();
  const currentRelease = current === null ? null : await committed(session.journal, current.value.release);
  return { ...session, current, currentRelease };
}

/**
 * The release that was committed under an id.
 * @throws UserError when there is none
 */
export async function committed(records: Journal, id: ReleaseId): Promise<Release> {
  const outcome = await records.outcome(id);
  if (outcome?.outcome === "committed") return outcome.release;
  throw new UserError({
    what:
      outcome === null
        ? `There is no record of release ${id}.`
        : `Release ${id} was not committed: it ended as ${outcome.outcome}.`,
    where: "journal of the stack",
    fix: "Name a release that was committed: `status` lists them.",
  });
}

/**
 * The commit that is checked out.
 * @throws UserError when the checkout differs from it, unless that is allowed
 */
export async function sourceOf({ root, repository }: SessionRequest, allowDirty: boolean): Promise<Source> {
  const { head, changedFiles } = await checkout(root);
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
export function newRelease(context: Context, { stack, current }: Session, source: Source): Release {
  return emptyRelease({
    id: releaseId(context.clock.now(), source.sha),
    stack: stack.name,
    environment: stack.environment,
    base: current?.value.release ?? null,
    source,
  });
}

/**
 * A release that travelled, or waited, must have been begun on what is current still.
 * @throws UserError of kind `superseded`
 */
export function checkBase({ current }: Session, begun: Release): void {
  const now = current?.value.release ?? null;
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
export async function checkAncestry({ request, currentRelease }: Session, begun: Release): Promise<void> {
  if (currentRelease === null || currentRelease.source.repository !== begun.source.repository) return;
  const [ancestor, descendant] = [currentRelease.source.sha, begun.source.sha];
  const local = await isAncestor(request.root, ancestor, descendant);
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
      fix: "Deploy a commit that contains what is released. To go back, use `command: rollback`.",
    },
    { kind: "superseded" },
  );
}
