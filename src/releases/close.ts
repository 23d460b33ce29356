import { nameOf } from "../aws/arn.ts";
import type { Context } from "../domain/context.ts";
import { listOf, listVersion } from "../domain/dags-list.ts";
import { dagsKeys, dagsPointerSchema } from "../domain/dags.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { instant, type ReleaseId } from "../domain/identifiers.ts";
import { code, heading, list, type Markdown, markdown, paragraphs } from "../markdown/markdown.ts";
import type { Connections } from "./connections.ts";
import { pointersBeforeUnfinished } from "./history.ts";
import { observeList } from "./observe/list.ts";
import { stopTasksOf } from "./left-tasks.ts";
import { isHeldBy, takeLock } from "./lock.ts";
import { movedOf, shownName } from "./observation.ts";
import { observeBefore, observeServicesByKey } from "./observe/services.ts";
import { openSession, type Session, type SessionRequest, settled } from "./session.ts";

/** What a job that is over had left open. */
export interface Closed {
  readonly releases: readonly ReleaseId[];
  /** Services that are not as they were before, and locations whose readers have another version. */
  readonly moved: readonly string[];
  /** One-off tasks that were stopped. */
  readonly tasks: readonly string[];
}

/**
 * Closes what this job has begun and not ended, since it was cancelled, or failed in a step of somebody else: stops one-off tasks,
 * writes how the release ended, gives the lock back. Services are left as they are: the next release goes on from there.
 * @returns null when nothing was open, or it cannot be looked at
 * @throws UserError, AwsError
 */
export async function closeOpen(
  context: Context,
  connections: Connections,
  request: SessionRequest,
): Promise<Closed | null> {
  const opened = await openSession(context, connections, request).catch((error: unknown) => {
    // What keeps it from looking was told where it ended the release; or it tells itself to the next one, which goes on from there.
    if (!(error instanceof UserError)) throw error;
    context.report({
      kind: "line",
      text: `what this job may have left open is left to the next release: ${messageOf(error)}`,
    });
    return null;
  });
  return opened === null ? null : closeIn(context, opened);
}

/**
 * As {@link closeOpen}, and what keeps it from looking is an error.
 * @returns null when nothing was open
 */
export async function closeWhole(
  context: Context,
  connections: Connections,
  request: SessionRequest,
): Promise<Closed | null> {
  return closeIn(context, await openSession(context, connections, request));
}

async function closeIn(context: Context, opened: Session): Promise<Closed | null> {
  const { request, lock } = opened;
  if (lock === null || !isHeldBy(lock.value, request.owner)) return null;
  if (lock.value.holder?.attempt !== request.owner.attempt) return null; // a later attempt goes on by itself
  const held = await takeLock(opened.records, context, request);
  const session = await settled(opened, held);
  const { clients, stack, journal, unfinished } = session;
  const open = unfinished.filter(({ outcome }) => outcome === null);
  const tasks = await Promise.all(
    open.map(({ intent }) => stopTasksOf(clients.ecs, stack.contract.cluster, intent.release)),
  );
  const services = await observeServicesByKey(clients, stack, session);
  const ofServices = movedOf(stack, { services, before: await observeBefore(clients, services, session) }).map(
    ({ key, now }) => shownName(key, now.name),
  );
  const moved = [
    ...ofServices,
    ...(await switchedOf(session)).map((location) => `DAGs of ${location}`),
    ...(await listedOf(session)),
  ];
  for (const { intent } of open) {
    await journal.end({
      schema: 1,
      kind: "outcome",
      command: intent.command,
      outcome: moved.length === 0 ? "abandoned" : "failed",
      release: intent.release,
      services: [],
      cause: "interrupted",
      owner: request.owner,
      at: instant(context.clock.now()),
    });
  }
  if (moved.length === 0) held.settled();
  await held.giveBack();
  return { releases: open.map(({ intent }) => intent.release.id), moved, tasks: tasks.flat().map(nameOf) };
}

/** Locations whose readers do not have what they had before unfinished releases. */
async function switchedOf({ stack, pointers, unfinished }: Session): Promise<readonly string[]> {
  const before = pointersBeforeUnfinished({ unfinished });
  const ofStack = Object.values(stack.dags).flatMap(({ location, prefix, source }) =>
    source === null ? [[location, prefix] as const] : [],
  );
  const ofReleases = unfinished
    .flatMap(({ intent }) => Object.entries(intent.release.dags))
    .flatMap(([location, { prefix, releasedBy }]) => (releasedBy === "stack" ? [[location, prefix] as const] : []));
  const found = await Promise.all(
    [...new Map([...ofStack, ...ofReleases])].map(async ([location, prefix]) => {
      const former = before[location];
      if (former === undefined) return []; // none of them has looked at it
      const now = await pointers(prefix).read(dagsKeys.pointer, dagsPointerSchema);
      return now?.value.version === former?.version ? [] : [location];
    }),
  );
  return found.flat();
}

/** Is the list of locations another one than the current release says, by a release that was cut? */
async function listedOf({ clients, stack, currentRelease, unfinished }: Session): Promise<readonly string[]> {
  const says = currentRelease === null ? null : listOf(currentRelease);
  if (says === null || unfinished.every(({ intent }) => listOf(intent.release) === null)) return [];
  const { list } = await observeList(clients.s3, stack, currentRelease);
  return list == null || list.value.version === listVersion(says) ? [] : ["list of locations"];
}

/** For the job summary. */
export function explainClosed({ releases, moved, tasks }: Closed): Markdown {
  return paragraphs(
    heading(2, "Closed what was open"),
    markdown`The job is over, and had neither committed nor taken back: ${releases.length === 0 ? "nothing" : ""}`,
    releases.length === 0 ? null : list(releases.map((id) => code(id))),
    moved.length === 0
      ? markdown`No service had moved.`
      : markdown`Not as before: ${moved.join(", ")}. The next deploy or rollback goes on from there; \`status\` says what runs.`,
    tasks.length === 0 ? null : markdown`Stopped: task ${tasks.join(", ")}.`,
  );
}
