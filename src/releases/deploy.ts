import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { webOf } from "../domain/journal.ts";
import { type Part, type Plan, planHash } from "../domain/plan.ts";
import type { Release, Source } from "../domain/release.ts";
import type { ImageClients } from "../images/index.ts";
import { type Approved, checkApproved } from "./approved.ts";
import { withFindings } from "./checks.ts";
import { checkShared } from "./components.ts";
import type { Connections } from "./connections.ts";
import { checkDagsForward } from "./dags-forward.ts";
import { undisturbed } from "./in-flight.ts";
import { isHeldBy, mayTakeLock, releasingBeside } from "./lock.ts";
import type { DefinitionsSource } from "./dagster-definitions/compared.ts";
import { previewDefinitions } from "./dagster-definitions/preview.ts";
import { type Observed, observe } from "./observe.ts";
import type { About } from "./observe/images.ts";
import { planWithContents } from "./plan.ts";
import { priceOf } from "./price/price.ts";
import type { RegionPrices } from "./price/prices.ts";
import { readRecentRuns } from "./price/recent-runs.ts";
import { priceTable } from "./price/table.ts";
import { isAskable } from "./observation.ts";
import { openPromotion } from "./promotion.ts";
import type { QueuedRunsChoice } from "./queued-runs.ts";
import type { Rolling } from "./rolling.ts";
import { scopeOf } from "./scope.ts";
import {
  checkAncestry,
  checkBase,
  checkedOutFor,
  checkClean,
  checkForward,
  checkIdentity,
  checkoutOf,
  type CheckedOut,
  releasable,
  newRelease,
  openSession,
  type Session,
  type SessionRequest,
  type Subject,
} from "./session.ts";
import { type Result, resultOfPlan } from "./result.ts";
import { previewSql } from "./sql.ts";
import { checkState } from "./state-checks.ts";
import { type Verification, type Verifying, verify, verifyOnce } from "./verify/verify.ts";
import { underLock } from "./under-lock.ts";
import { makeImages, refuse, refuseUncarried, undertake } from "./undertake.ts";
import type { Undertaking } from "./undertaking.ts";
import { agrees, checkPartial, checkWishes, isWished, subjectOf, type Wishes } from "./wishes.ts";

/** What a deploy, or a part of one, is asked for. */
export interface DeployRequest extends SessionRequest, Wishes {
  /** What earlier steps of this release have made; null: it is found by the lock that this job holds, or begun here. */
  readonly release: Release | null;
  /** The parts of the plan that this action carries out. */
  readonly parts: readonly Part[];
  /** The plan that somebody has looked at before; null: nobody has. */
  readonly approved: Approved | null;
  /** What becomes of runs in the queue that carry this release's code, should it be taken back. */
  readonly queuedRuns: QueuedRunsChoice;
  /** What schedules and sensors lose by it is only said. */
  readonly allowStateLoss: boolean;
  readonly rolling: Rolling;
  readonly verifying: Verifying;
  /** How many old revisions of task definitions stay of each family once it is committed; null: all do. */
  readonly keepRevisions: number | null;
}

/** The webserver of a plan, when it has answered before. */
function answering({ stack, webserver }: Session, { observation }: Observed): Dagster | null {
  const { services, instigators } = observation;
  const isSilent = instigators.locations === null && instigators.unknown !== null;
  return isSilent || !isAskable(stack, { services }) ? null : webserver.forPlan;
}

/** Every part, in the order of a release. */
export const allParts: readonly Part[] = ["images", "migrations", "definitions", "rollout"];

/** What a plan is asked for. */
export interface PlanRequest extends Omit<DeployRequest, "parts" | "queuedRuns" | "rolling" | "keepRevisions"> {
  /** null: files of the checkout may be run here; else why not, as a sentence. */
  readonly whyNotRun: string | null;
  /** A deploy that is only tried: what it refuses is refused, a commit that is superseded or not committed, and not only told. */
  readonly isTrial: boolean;
  /** From where it is known what new code defines. */
  readonly definitions: DefinitionsSource;
  /** Prices of the user's own for the stack's region. */
  readonly prices: RegionPrices;
}

/**
 * Plans, and changes nothing. The plan is the one that {@link deploy} would carry out.
 * @throws UserError, AwsError
 */
export async function plan(context: Context, connections: Connections, request: PlanRequest): Promise<Result> {
  const session = await openSession(context, connections, request);
  const { isTrial } = request;
  const checkedOut = await (isTrial ? releasable : checkoutOf)(session);
  const { release, about } = await begin(context, session, request, checkedOut, request.release);
  if (isTrial) await checkAncestry(session, release);
  const { observed, planned, images } = await look(
    context,
    session,
    release,
    about,
    { ...request, verified: verifyOnce(request.verifying) },
    session.webserver.forPlan,
  );
  const { clock } = context;
  const sql = await previewSql(context, about.scope, observed, planned, request);
  const dagsterDefinitions = await previewDefinitions(context, about.scope, observed, planned, {
    source: request.definitions,
    root: request.root,
    whyNotRun: request.whyNotRun,
    dagster: session.webserver.forPlan,
    images,
    allowsLoss: request.allowStateLoss,
  });
  const observation = { ...observed.observation, sql, dagsterDefinitions };
  const findings = [
    ...planned.findings,
    ...checkClean(session, checkedOut, clock.now()),
    ...(isTrial ? [] : await checkForward(session, release, clock.now())),
  ];
  const looked = { plan: { ...planned, findings }, observation };
  checkApproved(context, session, request.approved, looked);
  const dagster = answering(session, observed);
  const isPaid = session.stack.runs.kind === "ecs";
  const recent = dagster === null || !isPaid ? null : await readRecentRuns(dagster, clock.now());
  const price = priceOf(session.stack, looked.plan, observation, priceTable, request.prices, recent);
  const result = resultOfPlan(looked.plan, observation, price, webOf(request.owner));
  refuse(context, findings, () => result);
  return result;
}

/**
 * Carries out some parts of the plan of a release, or all of them; with the last part it is committed, or taken back. Images are
 * made before the lock is taken: they take longest, and disturb nobody.
 * @throws ReleaseFailed; UserError and AwsError when nothing was carried out; Cancelled
 */
export async function deploy(context: Context, connections: Connections, request: DeployRequest): Promise<Result> {
  const session = await openSession(context, connections, request);
  const checkedOut = await releasable(session);
  await mayTakeLock(session.records, session.lock, request);
  const handedOver = request.release ?? heldRelease(session, checkedOut.source, request);
  const begun = await begin(context, session, request, checkedOut, handedOver);
  const { about } = begun;
  checkBase(session, begun.release);
  await checkAncestry(session, begun.release);
  // What is carried on was looked at when it was begun.
  let approved = handedOver === null ? request.approved : null;
  let made: Result | null = null;
  const verified = verifyOnce(request.verifying);
  if (request.parts.includes("images")) {
    // Nothing moves with images, so nothing is noted.
    const prepared = await prepare(context, session, begun.release, about, request, verified, null);
    checkApproved(context, session, approved, prepared);
    approved &&= { ...approved, hash: planHash(prepared.plan) };
    made = await makeImages(context, session, prepared);
  }
  const others = request.parts.filter((part) => part !== "images");
  if (made !== null && others.length === 0) return made;

  return underLock(context, session, async (now, lock) => {
    const release = await onWhatIsCurrent(
      context,
      now,
      made?.release ?? begun.release,
      handedOver === null ? begun : null,
    );
    const prepareNow = () => prepare(context, now, release, about, request, verified, now.webserver.dagster);
    const prepared = others.includes("rollout")
      ? await undisturbed(context, now, request.rolling, prepareNow)
      : await prepareNow();
    checkApproved(context, now, approved, prepared);
    return undertake(context, now, lock, { ...prepared, parts: others, earlier: made?.steps ?? [] });
  });
}

interface Begun {
  readonly release: Release;
  readonly subject: Subject;
  readonly about: About;
}

/** The release that is carried on, or else begun, and what it is about. @throws UserError */
async function begin(
  context: Context,
  session: Session,
  wishes: Wishes,
  { source, changedFiles }: CheckedOut,
  carriedOn: Release | null,
): Promise<Begun> {
  if (carriedOn !== null) checkWishes(carriedOn, wishes);
  const from = carriedOn === null ? wishes.from : carriedOn.promotes;
  const promotion = from === null ? null : await openPromotion(context, session, from);
  const only = carriedOn === null ? wishes.only : carriedOn.only;
  const scope = scopeOf(session.stack, only);
  const subject = subjectOf(scope, only, promotion, source);
  const release = carriedOn ?? newRelease(context, session, subject);
  checkIdentity(session, release, subject);
  checkPartial(session, release);
  return {
    release,
    subject,
    about: { scope, promotion, copyImages: wishes.copyImages, isDirty: changedFiles.length > 0 },
  };
}

/** The release that an earlier step of this job, or an attempt of this run that was cut, has begun for the same. */
function heldRelease({ lock, unfinished, request }: Session, source: Source, asked: DeployRequest): Release | null {
  const last = unfinished.at(-1);
  if (lock === null || last === undefined || !isHeldBy(lock.value, request.owner)) return null;
  const { intent, outcome } = last;
  const { release } = intent;
  const isOfCommit = checkedOutFor(release).sha === source.sha;
  // Who begins with the images may begin another release; the later steps of a job are for the one that it has begun.
  const isAskedFor = asked.parts.includes("images") ? isWished(release, asked) : agrees(release, asked);
  return outcome === null && intent.command === "deploy" && isOfCommit && isAskedFor ? release : null;
}

/**
 * Whoever had the lock before may have released something meanwhile. A release that was handed over is then superseded; one that was
 * only planned begins now, and is planned anew, if it still goes forward.
 * @param planned null: it was handed over
 * @throws UserError of kind `superseded`
 */
async function onWhatIsCurrent(
  context: Context,
  now: Session,
  release: Release,
  planned: Begun | null,
): Promise<Release> {
  if (planned === null) {
    checkBase(now, release);
    return release;
  }
  // What is current says what was migrated and registered: only images are what they are.
  const anew = { ...newRelease(context, now, planned.subject), images: release.images };
  if (anew.base !== release.base) await checkAncestry(now, anew);
  return anew;
}

/** All that a plan is carried out by, but for who carries out which part of it. */
async function prepare(
  context: Context,
  session: Session,
  begun: Release,
  about: About,
  { approved, queuedRuns: choice, allowStateLoss, rolling, keepRevisions }: DeployRequest,
  verified: Verification,
  dagster: Dagster | null,
): Promise<Omit<Undertaking, "parts">> {
  const { observed, planned, images } = await look(
    context,
    session,
    begun,
    about,
    { allowStateLoss, verified },
    dagster,
  );
  const { observation, images: observations, copies } = observed;
  return {
    command: "deploy",
    plan: planned,
    observation,
    approved: approved?.hash ?? null,
    images: { clients: images, observations, copies },
    dags: observed.dags,
    dagsCopies: observed.dagsCopies,
    earlier: [],
    allowsStateLoss: allowStateLoss,
    rolling,
    queued: { choice, since: {} },
    keepRevisions,
  };
}

async function look(
  context: Context,
  session: Session,
  begun: Release,
  about: About,
  { allowStateLoss, verified }: Pick<DeployRequest, "allowStateLoss"> & { readonly verified: Verification },
  dagster: Dagster | null,
): Promise<{ readonly observed: Observed; readonly planned: Plan; readonly images: ImageClients }> {
  const { clients, connections, stack, request } = session;
  refuseUncarried(context, about.scope);
  const images = await connections.images(context, clients, request);
  const observed = await observe(
    clients,
    images,
    context,
    stack,
    { root: request.root, source: begun.source },
    { ...session, releasing: releasingBeside(session.lock, request.owner) },
    about,
    dagster,
  );
  if (begun.only !== null) checkShared(stack, about.scope, observed.observation);
  const { observation } = observed;
  const { plan, contents } = planWithContents(stack, observation, begun);
  const findings = [
    ...plan.findings,
    ...checkState(stack, observation, begun, allowStateLoss),
    ...(await checkDagsForward(session, about.scope, observation, begun)),
    ...(await verified((verifying) =>
      verify(clients, images, about.scope, observation, { contents, target: plan.target }, verifying),
    )),
  ];
  const planned = withFindings(stack, { ...plan, findings }, context.clock.now());
  return { observed, planned, images };
}
