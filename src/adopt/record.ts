import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { webOf } from "../domain/journal.ts";
import { observeHold } from "../images/index.ts";
import { withFindings } from "../releases/checks.ts";
import type { Connections } from "../releases/connections.ts";
import { type Result, resultOfPlan } from "../releases/result.ts";
import { usualRolling } from "../releases/rolling.ts";
import { openSession, releasable, type Session, type SessionRequest } from "../releases/session.ts";
import { underLock } from "../releases/under-lock.ts";
import { undertake } from "../releases/undertake.ts";
import { askDagster } from "./ask-dagster.ts";
import { distinctImages, planRecord } from "./plan.ts";
import { prove } from "./prove.ts";
import { findingsOfUnpinned, observeUnpinned, pinnedLocations, wordsOfUnpinned } from "./waiting-runs.ts";

/** What somebody records. */
export interface RecordRequest extends SessionRequest {
  /** Plan only. */
  readonly dryRun: boolean;
}

/**
 * Records what runs as the first release: what every later one is begun on, and can go back to. Images get a tag that keeps them,
 * definitions that name a tag are registered with the digest; no service moves.
 * @throws UserError when something is released already, or the commit is not merged; ReleaseFailed; AwsError
 */
export async function recordRunning(
  context: Context,
  connections: Connections,
  request: RecordRequest,
): Promise<Result> {
  const session = await openSession(context, connections, request);
  checkFirst(session);
  await checkMerged(session);
  if (request.dryRun) {
    const { plan, observation } = await look(context, session, connections, false);
    return resultOfPlan(plan, observation, null, webOf(request.owner));
  }
  await releasable(session);
  return underLock(context, session, async (now, lock) => {
    checkFirst(now);
    const { plan, observation, images } = await look(context, now, connections, true);
    return undertake(context, now, lock, {
      command: "deploy",
      plan,
      observation,
      approved: null,
      images: { clients: images, observations: {}, copies: {} },
      dags: {},
      dagsCopies: {},
      parts: ["images", "definitions", "rollout"],
      earlier: [],
      allowsStateLoss: false,
      rolling: usualRolling,
      queued: { choice: "keep", since: {} },
      keepRevisions: null,
    });
  });
}

/** @param asks Dagster may be asked by a task */
async function look(context: Context, session: Session, connections: Connections, asks: boolean) {
  const { clients, stack, request, webserver } = session;
  const images = await connections.images(context, clients, request);
  const { head } = await connections.history.checkout(request.root);
  const checkout = { root: request.root, source: { repository: request.repository, sha: head } };
  const registry = () => connections.registryOf(context, clients, stack.account);
  const dagster = asks ? webserver.dagster : webserver.forPlan;
  const { version } = await askDagster(dagster);
  const proved = await prove(context, clients, images, registry, stack, checkout, dagster, version);
  const { observation } = proved.observed;
  const all = distinctImages(proved.release);
  const held = await Promise.all(all.map(async (one) => ({ one, hold: await observeHold(images, one) })));
  const loose = held.flatMap(({ one, hold }) => (hold === "loose" ? [one] : []));
  const pinned = pinnedLocations(stack, proved.ran);
  const waiting = dagster === null ? null : await observeUnpinned(dagster, pinned);
  for (const text of waiting === null ? [] : wordsOfUnpinned(waiting))
    context.report({ kind: "foreign", from: "waits", text });
  const plan = planRecord(stack, proved.release, proved.ran, loose, [
    ...notNoted(stack.file, observation.instigators.unknown),
    ...(waiting === null ? [] : findingsOfUnpinned(stack, waiting)),
  ]);
  return { plan: withFindings(stack, plan, context.clock.now()), observation, images };
}

function notNoted(file: string, unknown: string | null): readonly Finding[] {
  if (unknown === null) return [];
  return [
    {
      id: "state-not-noted",
      level: "warning",
      where: { file, line: 1, column: 1 },
      what: `What schedules and sensors are now is not in the record: ${unknown}.`,
      fix: "Let the webserver be reached from here, or set `gates: { reach: task }`; the first release that reaches it notes them.",
    },
  ];
}

/**
 * The commit that is checked out is what every later release has to follow: one that is squashed into another is followed by none.
 * @throws UserError when it is not in the remote's default branch, where that is known
 */
async function checkMerged({ request: { root, allowDivergent }, connections: { history } }: Session): Promise<void> {
  if (allowDivergent) return;
  const [{ head }, branch] = await Promise.all([history.checkout(root), history.defaultBranch(root)]);
  if (branch === null || (await history.isAncestor(root, head, branch.head)) !== "no") return;
  throw new UserError({
    what: `Commit ${head.slice(0, 12)} is not in ${branch.name}: as the source of the first release it would keep every later one from being released, unless it is merged as it is.`,
    where: root,
    fix: `Merge it first; then: git fetch && git switch ${branch.name.replace(/^origin\//, "")} && git pull, and record from there. \`--allow-divergent\` records it all the same.`,
  });
}

/** @throws UserError */
function checkFirst({ currentRelease, unfinished, stack, records }: Session): void {
  if (currentRelease === null && unfinished.length === 0) return;
  throw new UserError({
    what:
      currentRelease === null
        ? `A release of ${stack.name} to ${stack.environment} was begun, and has not come to its end: what runs is no longer what was there before.`
        : `Release ${currentRelease.id} is current: what runs is recorded already.`,
    where: `s3://${records.name}/${records.prefix}`,
    fix: "Nothing to do: `status` says what runs, and `rollback` goes back to any release.",
  });
}
