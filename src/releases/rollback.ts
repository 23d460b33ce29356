import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { begunAt, instant, type ReleaseId, releaseIdSchema, shaOf } from "../domain/identifiers.ts";
import { webOf } from "../domain/journal.ts";
import type { Plan } from "../domain/plan.ts";
import { imagesOf, type Release, runsSame } from "../domain/release.ts";
import { type ImageClients, imageIsThere } from "../images/index.ts";
import { withFindings } from "./checks.ts";
import { definitionOf } from "../task-definitions/observe.ts";
import { type Approved, checkApproved } from "./approved.ts";
import type { Connections } from "./connections.ts";
import { undisturbed } from "./in-flight.ts";
import { releasingBeside } from "./lock.ts";
import { observeList } from "./observe/list.ts";
import { observeFormerLocations } from "./observe/dags.ts";
import { definitionsOfService } from "./observe/definitions.ts";
import { observeBefore, observeServicesByKey } from "./observe/services.ts";
import { noteInstigators } from "./observe/instigators.ts";
import { isAskable, type Observation } from "./observation.ts";
import { planRollback } from "./plan.ts";
import { committed } from "./history.ts";
import { badSince, type QueuedRunsChoice } from "./queued-runs.ts";
import type { Rolling } from "./rolling.ts";
import { newRelease, openSession, type Session, type SessionRequest } from "./session.ts";
import { type Result, resultOfPlan } from "./result.ts";
import { checkState } from "./state-checks.ts";
import { underLock } from "./under-lock.ts";
import { refuse, refuseUncarried, undertake } from "./undertake.ts";

/** What a rollback is asked for. */
export interface RollbackRequest extends SessionRequest {
  /** A release id, the beginning of its commit's SHA (7 digits at least), `previous`, or a time: what was current then. */
  readonly to: string;
  /** Plan only. */
  readonly dryRun: boolean;
  /** The plan that somebody has looked at before; null: nobody has. */
  readonly approved: Approved | null;
  /** What becomes of runs in the queue that carry the code which is left, or this release's, should it be taken back. */
  readonly queuedRuns: QueuedRunsChoice;
  /** What schedules and sensors lose by it is only said. */
  readonly allowStateLoss: boolean;
  readonly rolling: Rolling;
}

/** Releases that are looked through for a SHA: what S3 lists in one call. */
const searched = 1000;
/** Releases before a moment whose ends are read until one was committed; then the oldest of them tells. */
const readBefore = 100;

/** Releases whose migrations are looked at, although they were not committed. */
const migratedLately = 20;

/**
 * Lets the stack run an earlier release again. The same machine as a deploy, with an old record as its request; it never migrates.
 * @throws ReleaseFailed; UserError when there is no such release, or something that it needs is gone
 */
export async function rollback(context: Context, connections: Connections, request: RollbackRequest): Promise<Result> {
  const session = await openSession(context, connections, request);
  if (request.dryRun) {
    const { observation, planned } = await look(
      context,
      session,
      await target(session, request.to, context),
      request,
      session.webserver.forPlan,
    );
    checkApproved(context, session, request.approved, { plan: planned, observation });
    const result = resultOfPlan(planned, observation, null, webOf(request.owner));
    refuse(context, result.plan.findings, () => result);
    return result;
  }
  return underLock(context, session, async (now, lock) => {
    const to = await target(now, request.to, context);
    const { observation, plan, images } = await undisturbed(context, now, request.rolling, async () => {
      const { planned, ...looked } = await look(context, now, to, request, now.webserver.dagster);
      return { ...looked, plan: planned };
    });
    checkApproved(context, now, request.approved, { plan, observation });
    const since = await badSince(now, observation, to);
    return undertake(context, now, lock, {
      command: "rollback",
      plan,
      observation,
      approved: request.approved?.hash ?? null,
      images: { clients: images, observations: {}, copies: {} },
      dags: {},
      dagsCopies: {},
      parts: ["definitions", "rollout"],
      earlier: [],
      allowsStateLoss: request.allowStateLoss,
      rolling: request.rolling,
      queued: { choice: request.queuedRuns, since },
      keepRevisions: null,
    });
  });
}

/**
 * A commit that was released more than once, by a rollback for instance, is one target as long as each release of it pins the same.
 * @throws UserError when it is not one
 */
async function target(session: Session, to: string, { clock }: Pick<Context, "clock">): Promise<Release> {
  const { journal } = session;
  const id = releaseIdSchema.safeParse(to);
  if (id.success) return committed(journal, id.data);
  if (to === "previous") return previousOf(session);
  const moment = momentOf(to);
  if (moment !== null) {
    if (moment > clock.now()) throw notYet(to, clock.now());
    return currentAt(journal, moment, to);
  }
  if (!/^[0-9a-f]{7,64}$/.test(to)) {
    throw new UserError({
      what: `${JSON.stringify(to)} names no release.`,
      where: "input to",
      fix: "Give a release id, the SHA of its commit, `previous`, or a time in UTC: 2026-11-20T15:00Z.",
    });
  }
  const found = await committedOf(
    journal,
    (await journal.newest(searched)).filter((other) => shaOf(other).startsWith(to)),
  );
  const [newest, ...others] = found;
  if (newest === undefined)
    throw new UserError({
      what: `No release of commit ${to} was committed, among the last ${searched}.`,
      where: "input to",
      fix: "`status` lists the releases.",
    });
  if (others.some((other) => !runsSame(other, newest)))
    throw new UserError({
      what: `Commit ${to} was released ${found.length} times, and not always the same: ${found.map((release) => release.id).join(", ")}.`,
      where: "input to",
      fix: "Name one of these releases by its id.",
    });
  return newest;
}

/**
 * What was current before, and pins something else: to release the same again, or only another record of it, is nothing to go back
 * from. An earlier attempt of this run that has gone back already, and was cut before it could say so, has reached
 * it: what is current then is not left again.
 * @throws UserError when there is none
 */
async function previousOf(session: Session): Promise<Release> {
  const { journal, currentRelease, request } = session;
  if (currentRelease === null || currentRelease.base === null) throw nothingBefore(session);
  const outcome = await journal.outcome(currentRelease.id);
  const { command, owner } = outcome ?? {};
  const isOurs = owner?.name === request.owner.name && owner.attempt < request.owner.attempt;
  if (command === "rollback" && isOurs) return currentRelease;
  let base: ReleaseId | null = currentRelease.base;
  for (let looked = 0; base !== null && looked < readBefore; looked += 1) {
    const before: Release = await committed(journal, base);
    if (!runsSame(before, currentRelease)) return before;
    ({ base } = before);
  }
  throw nothingBefore(session);
}

function nothingBefore({ currentRelease, unfinished }: Session): UserError {
  const what =
    currentRelease?.base == null
      ? "There is no release before the current one."
      : "All releases before the current one pin the same as it: there is none to go back to.";
  const where = "input to";
  if (currentRelease !== null) {
    const fix =
      currentRelease.base === null
        ? `${currentRelease.id} is the first release: there is none to go back to. Deploy a commit that mends it.`
        : "Name a release: `status` lists them.";
    return new UserError({ what, where, fix });
  }
  const cut = unfinished.map(({ intent }) => intent.release.id).join(", ");
  const fix =
    cut === ""
      ? "Deploy: nothing is released yet."
      : `Nothing was ever committed; ${cut} was begun, and has not come to its end. Deploy again: that goes on from there, and should it fail, everything goes back to no task.`;
  return new UserError({ what, where, fix });
}

function notYet(to: string, now: number): UserError {
  return new UserError({
    what: /T/.test(to) ? `${to} is not yet: it is ${instant(now)}.` : `${to} is not over: it is ${instant(now)}.`,
    where: "input to",
    fix: "Give a time in UTC that is over (2026-11-20T15:00Z): what was current then runs again. `previous` is what was current before this release.",
  });
}

/** Milliseconds since 1970; a day alone means its end. Null for what is no time. */
function momentOf(to: string): number | null {
  const [, day, time] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)Z?)?$/.exec(to) ?? [];
  if (day === undefined) return null;
  // What `status` shows is cut to the second in which it was.
  const isToTheSecond = time !== undefined && time.length > "15:00".length;
  const moment = Date.parse(`${day}T${time ?? "23:59:59"}${time === undefined || isToTheSecond ? ".999" : ""}Z`);
  return Number.isNaN(moment) ? null : moment;
}

/**
 * The last one that was committed until then. Whatever was committed was begun on what was committed before: both orders are one, and
 * a release that was not committed names the one which was.
 * @throws UserError when nothing was
 */
async function currentAt(journal: Session["journal"], moment: number, to: string): Promise<Release> {
  let base: ReleaseId | null = null;
  for (const id of await journal.newest(readBefore, moment)) {
    const outcome = await journal.outcome(id);
    if (outcome === null) continue;
    if (outcome.outcome === "committed" && Date.parse(outcome.at) <= moment) return outcome.release;
    ({ base } = outcome.release);
  }
  if (base !== null) return committed(journal, base);
  throw new UserError({
    what: `No release was committed before ${to}.`,
    where: "input to",
    fix: "`status` lists the releases.",
  });
}

async function committedOf(journal: Session["journal"], ids: readonly ReleaseId[]): Promise<readonly Release[]> {
  const outcomes = await Promise.all(ids.map((id) => journal.outcome(id)));
  return outcomes.flatMap((outcome) => (outcome?.outcome === "committed" ? [outcome.release] : []));
}

async function look(
  context: Context,
  session: Session,
  to: Release,
  { allowStateLoss }: Pick<RollbackRequest, "allowStateLoss">,
  webserver: Dagster | null,
): Promise<{ readonly observation: Observation; readonly planned: Plan; readonly images: ImageClients }> {
  const { clients, connections, stack, currentRelease, request } = session;
  refuseUncarried(context, stack);
  const [services, images] = await Promise.all([
    observeServicesByKey(clients, stack, session),
    connections.images(context, clients, request),
  ]);
  const before = await observeBefore(clients, services, session);
  const dagster = isAskable(stack, { services }) ? webserver : null;
  const [instigators, wanted, running, there, schema, dags, list] = await Promise.all([
    noteInstigators(dagster, context, session),
    byKey(to.taskDefinitions, (revision) => definitionOf(clients.ecs, revision)),
    byKey(services, (service, key) =>
      definitionsOfService(clients.ecs, service, before[key], currentRelease?.taskDefinitions[`service/${key}`]),
    ),
    byKey(imagesOf(to), ({ repository, digest }) => imageIsThere(images, repository, digest)),
    schemaNow(session, to),
    observeFormerLocations(clients.s3, context, stack, session, to),
    observeList(clients.s3, stack, to),
  ]);
  const definitions = Object.entries(running).map(
    ([key, known]) => [`service/${key}`, { ...known, newest: null }] as const,
  );
  const observation: Observation = {
    source: to.source,
    releasing: releasingBeside(session.lock, request.owner),
    current: currentRelease,
    rolledIn: session.rolledIn,
    services,
    before,
    definitions: Object.fromEntries(definitions),
    images: {},
    tagged: [],
    keepable: {},
    parameters: {},
    existing: {},
    environmentFile: null,
    instanceFile: null,
    missingModules: {},
    promoted: null,
    scripts: {},
    sql: {},
    dagsterDefinitions: {},
    instigators,
    dags,
    ...list,
  };
  const { source, sources, promotes, stackFile } = to;
  const begun = newRelease(context, session, {
    source,
    sources,
    only: null,
    promotes,
    stackFile,
    addsToCurrent: false,
  });
  const plan = planRollback(stack, observation, begun, to, wanted, there, schema);
  const findings = [...plan.findings, ...checkState(stack, observation, begun, allowStateLoss)];
  return { observation, planned: withFindings(stack, { ...plan, findings }, context.clock.now()), images };
}

/** A release that failed is taken back, and what it had migrated is not: its record tells more than the current release. */
async function schemaNow({ journal, currentRelease }: Session, to: Release): Promise<Release["migrations"]> {
  const since = currentRelease === null ? 0 : begunAt(currentRelease.id);
  const newer = (await journal.newest(migratedLately)).filter((id) => begunAt(id) > since);
  const releases = await Promise.all(
    newer.toReversed().map(async (id) => (await journal.outcome(id))?.release ?? (await journal.made(id))),
  );
  const migrated = releases.flatMap((release) => Object.entries(release?.migrations ?? {}));
  return {
    ...(currentRelease ?? to).migrations,
    ...Object.fromEntries(migrated.filter(([, { state }]) => state !== "none")),
  };
}

async function byKey<T, R>(
  values: Readonly<Record<string, T>>,
  look: (value: T, key: string) => Promise<R> | R,
): Promise<Readonly<Record<string, R>>> {
  return Object.fromEntries(
    await Promise.all(Object.entries(values).map(async ([key, value]) => [key, await look(value, key)] as const)),
  );
}
