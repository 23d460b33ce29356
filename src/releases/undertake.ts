import { sharedLooks } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { instant } from "../domain/identifiers.ts";
import type { Outcome } from "../domain/journal.ts";
import type { Part, Plan, Step } from "../domain/plan.ts";
import { saysAlready } from "../domain/release.ts";
import { type Stack, withLevels } from "../stack/index.ts";
import { checkCredentials, dayOf } from "./checks.ts";
import { failed, imagesFailed, lost, uncommitted } from "./end-badly.ts";
import { abandon } from "./history.ts";
import { uncarried } from "./limits.ts";
import { type HeldLock, isLost } from "./lock.ts";
import { settleQueuedRuns } from "./queued-runs.ts";
import { outcomeHead, PlanRefused, type Result, resultOf, resultOfPlan } from "./result.ts";
import type { Rolling } from "./rolling.ts";
import { type RolloutEnd, rollOut, stepsOfParts, withParts } from "./rollout.ts";
import type { Session } from "./session.ts";
import { carryOut } from "./steps.ts";
import { makeImage } from "./steps/image.ts";
import { longestSeconds } from "./time-outs.ts";
import { tell, type Undertaking } from "./undertaking.ts";
import { imageWorkshop, webserverOf, workshop } from "./workshop.ts";

/**
 * Makes the images of a plan. Nothing that others share is written: it needs no lock, begins no release, and whatever an unfinished
 * one has moved is left to whoever holds the lock.
 * @throws ReleaseFailed, ReleaseCancelled; PlanRefused and UserError when nothing was written
 */
export async function makeImages(
  context: Context,
  session: Session,
  undertaking: Omit<Undertaking, "parts">,
): Promise<Result> {
  const { plan } = undertaking;
  const mine = stepsToCarryOut(context, session, { ...undertaking, parts: ["images"] });
  const shop = imageWorkshop(context, session, undertaking);
  const end = await rollOut(mine, plan.target, context, async (step) => {
    if (step.kind !== "image") throw new Error(`step ${step.id} makes no image`);
    return makeImage(shop, step);
  });
  if (end.failure !== null) throw imagesFailed(context, session, undertaking, end);
  const title = mine.length === 0 ? "Nothing to do" : "Done, as far as this action goes";
  return resultOf(tell(session, undertaking, end, title));
}

/**
 * Carries out a plan, or the parts of it that are this action's. With the last part the release is committed; after a failure what
 * moved is taken back.
 * @throws ReleaseFailed, ReleaseCancelled; PlanRefused and UserError when nothing was written
 */
export async function undertake(
  context: Context,
  session: Session,
  lock: HeldLock,
  undertaking: Undertaking,
): Promise<Result> {
  const { plan, parts, queued } = undertaking;
  const isLast = parts.includes("rollout");
  const mine = stepsToCarryOut(context, session, undertaking);
  const begun = isBegun(session, plan);
  // What an interrupted release has moved is not released until it is committed, although nothing is left to do.
  const commits =
    isLast && (begun || mine.length > 0 || plan.moved.length > 0 || !saysAlready(session.currentRelease, plan.target));
  if (mine.length === 0 && !commits) {
    await leave(context, session, lock, plan);
    const release = (isLast ? session.currentRelease : null) ?? plan.target;
    return resultOf(tell(session, undertaking, { steps: [], failure: null, release }, "Nothing to do"));
  }
  await begin(context, session, lock, undertaking);
  let movedAt: number | null = null;
  const looks = sharedLooks(session.clients.ecs);
  const end = await rollOut(mine, plan.target, context, async (step, results, release) => {
    if (step.kind === "roll") movedAt ??= context.clock.now();
    const done = await carryOut(workshop(context, session, lock, undertaking, release, looks), step, results);
    // What was done to a database cannot be seen from outside: an attempt that goes on from here must know.
    if (step.kind === "run-task") await session.journal.note(withParts(release, done.parts));
    return done;
  });
  if (end.failure !== null) throw await failed(context, session, lock, undertaking, end, movedAt);
  if (!isLast) {
    await session.journal.note(end.release);
    lock.handOn();
    return resultOf(tell(session, undertaking, end, "Done, as far as this action goes"));
  }
  try {
    await commit(context, session, lock, undertaking, end);
  } catch (error) {
    if (isLost(error)) throw lost(error, session, undertaking, end);
    throw uncommitted(error, tell(session, undertaking, end, "Rolled out, and not recorded"));
  }
  const dagster = webserverOf(context, session);
  const told = tell(session, undertaking, end, goodTitle(undertaking), "committed");
  const waiting = await settleQueuedRuns(context, session.stack, dagster, queued.since, queued.choice);
  return resultOf({ ...told, queued: waiting });
}

/**
 * With nothing to do: to the next step of this job, if it has begun something. What was cut before it moved anything is closed;
 * what has moved something stays open, for whoever rolls next to know what was before.
 */
async function leave({ clock }: Context, session: Session, lock: HeldLock, plan: Plan): Promise<void> {
  if (isBegun(session, plan)) return lock.handOn();
  if (plan.moved.length === 0) {
    await abandon(session.journal, session.unfinished, { owner: session.request.owner, now: clock.now() });
    lock.settled();
  }
  await lock.giveBack();
}

/**
 * The steps of the parts that are carried out here, once the findings are shown.
 * @throws PlanRefused; UserError when they build on what is not there
 */
function stepsToCarryOut(
  context: Context,
  session: Session,
  { command, plan, parts, observation, rolling }: Omit<Undertaking, "images" | "earlier" | "queued">,
): readonly Step[] {
  const { mine, missing } = stepsOfParts(plan.steps, parts);
  // What is not looked at after a release is said by who ends it.
  const findings = plan.findings.filter(({ id }) => parts.includes("rollout") || id !== "not-checked");
  const all = [...findings, ...ofCredentials(context, session, mine, rolling)];
  refuse(context, { command, plan: { ...plan, findings: all }, observation });
  if (missing.length > 0) throw partsMissing(missing.map(({ part }) => part));
  return mine;
}

/** A plan, and what it was made of. */
type Looked = Pick<Undertaking, "command" | "plan" | "observation">;

/**
 * Findings are shown; an error ends it before anything is written.
 * @throws PlanRefused
 */
export function refuse({ report }: Context, { command, plan, observation }: Looked): void {
  const errors = plan.findings.filter(({ level }) => level === "error");
  const [first, ...others] = errors;
  const shown: readonly Finding[] = [...bySeverity(plan.findings).filter(({ level }) => level !== "error"), ...others];
  for (const finding of shown) report({ kind: "finding", finding });
  if (first !== undefined) throw new PlanRefused(first, resultOfPlan(plan, observation, command));
}

/**
 * What this version does not carry out is told before anything is looked at: there is no plan for it.
 * @throws UserError
 */
export function refuseUncarried({ report }: Context, stack: Stack): void {
  const [first, ...others] = uncarried(stack);
  for (const finding of others) report({ kind: "finding", finding });
  if (first !== undefined) throw new UserError(first);
}

/** Not of the plan: that one may be carried out by another job, with other credentials. */
function ofCredentials(
  { clock }: Context,
  { stack, request }: Session,
  steps: readonly Step[],
  { timeoutSeconds }: Rolling,
): readonly Finding[] {
  const now = clock.now();
  return withLevels(
    checkCredentials(request.job.credentialsEndAt, longestSeconds(steps, timeoutSeconds), now),
    stack.checks,
    dayOf(now),
  );
}

function goodTitle({ command, plan, observation }: Undertaking): string {
  const { stack, environment, source } = plan.target;
  if (command === "deploy") return `Released ${stack} to ${environment}`;
  const from = observation.current === null ? "" : ` from ${observation.current.source.sha.slice(0, 12)}`;
  return `Rolled ${stack} in ${environment} back${from} to ${source.sha.slice(0, 12)}`;
}

/** An earlier step of this job, or an attempt of this run that was cut, has written its intent. */
function isBegun({ unfinished }: Session, { target }: Plan): boolean {
  return unfinished.some(({ intent, outcome }) => outcome === null && intent.release.id === target.id);
}

/** The action that makes a part, for those who left it out. */
const actionOf: Readonly<Record<Part, string>> = {
  images: "build-push-image",
  migrations: "run-migrations",
  definitions: "register-task-def",
  rollout: "deploy-service",
};

function partsMissing(parts: readonly Part[]): UserError {
  const actions = [...new Set(parts)].map((part) => actionOf[part]).join(" and ");
  return new UserError({
    what: `This step builds on what ${actions} makes, and that is not there.`,
    where: "order of the steps of this job",
    fix: `Run ${actions} before it, and pass its output \`release\` on; or use the root action, which does all of it.`,
  });
}

/** Notes what is to be done before any of it is, and closes what was cut: this release goes on from it. */
async function begin(
  { clock }: Context,
  session: Session,
  lock: HeldLock,
  { command, plan, observation }: Undertaking,
): Promise<void> {
  const { journal, request, unfinished } = session;
  const now = clock.now();
  const cut = unfinished.filter(({ intent }) => intent.release.id !== plan.target.id);
  if (!isBegun(session, plan)) {
    await lock.begin(plan.target.id);
    await journal.begin({
      schema: 1,
      kind: "intent",
      command,
      release: plan.target,
      before: { ...observation.before },
      continues: cut.map(({ intent }) => intent.release.id),
      owner: request.owner,
      at: instant(now),
    });
  }
  await abandon(journal, cut, { owner: request.owner, now });
}

/** Outcome, pointer, lock, in this order: whoever is cut in between is found by the next one, who moves the pointer. */
async function commit(
  { clock }: Context,
  { journal, request, current }: Session,
  lock: HeldLock,
  { command }: Undertaking,
  end: RolloutEnd,
): Promise<void> {
  await lock.check();
  const at = instant(clock.now());
  const other = await journal.end({
    ...outcomeHead(command, end, []),
    outcome: "committed",
    cause: null,
    owner: request.owner,
    at,
  });
  if (other !== null && other.outcome !== "committed") throw closedByOther(other);
  await journal.moveCurrent({ schema: 1, release: end.release.id, previous: end.release.base, at }, current);
  lock.settled();
  await lock.giveBack();
}

function closedByOther({ release, outcome, owner }: Outcome): UserError {
  return new UserError(
    {
      what: `Release ${release.id} was closed as ${outcome} by ${owner.name} while it was carried out.`,
      where: "journal of the stack",
      fix: "See `status` for what runs now; then deploy again.",
    },
    { kind: "superseded" },
  );
}
