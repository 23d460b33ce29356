import { isAwsError } from "../aws/error.ts";
import { sharedLooks } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import type { Results } from "../domain/later.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { instant } from "../domain/identifiers.ts";
import type { Outcome } from "../domain/journal.ts";
import type { Part, Plan, Step } from "../domain/plan.ts";
import { saysAlready } from "../domain/release.ts";
import { type Stack, withLevels } from "../stack/index.ts";
import { checkCredentials, dayOf } from "./checks.ts";
import { failed, imagesFailed, lost, uncommitted } from "./end-badly.ts";
import { abandon } from "./history.ts";
import { endLeftTasks } from "./left-tasks.ts";
import { limits } from "./limits.ts";
import { type HeldLock, isLost } from "./lock.ts";
import { type SettledRevisions, settleRevisions } from "./old-revisions/settle.ts";
import { settleQueuedRuns } from "./queued-runs.ts";
import { unreached } from "./reach.ts";
import { outcomeHead, PlanRefused, type Result, resultOf, resultOfPlan, rolledIn } from "./result.ts";
import type { Rolling } from "./rolling.ts";
import { type RolloutEnd, rollOut, stepsOfParts, withParts } from "./rollout.ts";
import type { Session } from "./session.ts";
import { carryOut } from "./steps.ts";
import { type Done, StepFailed } from "./steps/done.ts";
import { begunMigration } from "./steps/migration.ts";
import { publish } from "./steps/dags.ts";
import { makeImage } from "./steps/image.ts";
import { protect } from "./steps/protect.ts";
import { longestSeconds } from "./time-outs.ts";
import { tell, type Undertaking } from "./undertaking.ts";
import { imageKeysOf, imageWorkshop, type Workshop, workshop } from "./workshop.ts";

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
  const end = await rollOut(mine, plan.target, context, async (step, _results, release) => {
    if (step.kind === "image") return makeImage(shop, step);
    if (step.kind === "protect") return protect(shop, step);
    if (step.kind === "publish") return publish({ ...shop, release }, step);
    throw new Error(`step ${step.id} makes no image`);
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
    isLast &&
    (begun ||
      mine.length > 0 ||
      plan.moved.length + plan.switched.length > 0 ||
      !saysAlready(session.currentRelease, plan.target));
  if (mine.length === 0 && !commits) {
    await leave(context, session, lock, plan);
    const release = (isLast ? session.currentRelease : null) ?? plan.target;
    return resultOf(tell(session, undertaking, { steps: [], failure: null, release }, "Nothing to do"));
  }
  await begin(context, session, lock, undertaking);
  let movedAt: number | null = null;
  const looks = sharedLooks(session.clients.ecs);
  const end = await rollOut(mine, plan.target, context, async (step, results, release) => {
    if (step.kind === "roll" || step.kind === "switch") movedAt ??= context.clock.now();
    const shop = workshop(context, session, lock, undertaking, release, looks);
    return step.kind === "run-task" ? noted(context, session, shop, step, results) : carryOut(shop, step, results);
  });
  if (end.failure !== null)
    throw await failed(context, session, lock, undertaking, withBegunMigrations(session, undertaking, end), movedAt);
  if (!isLast) {
    await session.journal.note(end.release);
    lock.handOn();
    return resultOf(tell(session, undertaking, end, "Done, as far as this action goes"));
  }
  let revisions: SettledRevisions | null = null;
  try {
    await commit(context, session, lock, undertaking, end);
    const { keepRevisions: keep } = undertaking;
    // While the lock is held: who releases next must not be about to run one of them.
    if (keep !== null)
      revisions = await settleRevisions(context, session, lock, end.release, session.webserver.dagster, keep);
    await lock.giveBack();
  } catch (error) {
    if (isLost(error)) throw lost(error, session, undertaking, end);
    throw uncommitted(error, tell(session, undertaking, end, "Rolled out, and not recorded"));
  }
  const { dagster } = session.webserver;
  const told = tell(session, undertaking, end, goodTitle(undertaking), "committed");
  const waiting = await settleQueuedRuns(context, session.stack, dagster, queued.since, queued.choice);
  return resultOf({ ...told, queued: waiting, revisions });
}

/**
 * A migration, noted before it is begun and when it has ended: what was done to a database cannot be seen from outside, and an attempt
 * that goes on from here must know. An end that cannot be noted leaves the note that it was begun.
 */
async function noted(
  { report }: Context,
  { journal }: Session,
  shop: Workshop,
  step: Extract<Step, { kind: "run-task" }>,
  results: Results,
): Promise<Done> {
  const note = async (parts: Done["parts"]): Promise<void> => {
    try {
      await journal.note(withParts(shop.release, parts));
    } catch (error) {
      if (isLost(error)) throw error;
      report({ kind: "line", text: `how ${step.id} ended was not noted: ${messageOf(error)}` });
    }
  };
  await journal.note(withParts(shop.release, begunMigration(shop, step)));
  try {
    const done = await carryOut(shop, step, results);
    await note(done.parts);
    return done;
  } catch (error) {
    if (error instanceof StepFailed) await note(error.parts);
    throw error;
  }
}

/** What a migration did that was not seen to its end is not known: its record says so. */
function withBegunMigrations(
  { stack }: Pick<Session, "stack">,
  { observation }: Pick<Undertaking, "observation">,
  end: RolloutEnd,
): RolloutEnd {
  const release = end.steps.reduce((known, { step, ...how }) => {
    if (step.kind !== "run-task" || how.kind !== "failed" || how.error instanceof StepFailed) return known;
    return isAwsError(how.error) && how.error.refused
      ? known
      : withParts(known, begunMigration({ stack, imageKeys: imageKeysOf(observation) }, step));
  }, end.release);
  return { ...end, release };
}

/**
 * With nothing to do: to the next step of this job, if it has begun something. What was cut before it moved anything is closed;
 * what has moved something stays open, for whoever rolls next to know what was before.
 */
async function leave(context: Context, session: Session, lock: HeldLock, plan: Plan): Promise<void> {
  if (isBegun(session, plan)) return lock.handOn();
  if (plan.moved.length + plan.switched.length === 0) {
    const { clock } = context;
    await endLeftTasks(context, session, session.unfinished, plan);
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
  { plan, parts, observation, rolling }: Pick<Undertaking, "plan" | "parts" | "observation" | "rolling">,
): readonly Step[] {
  const { mine, missing } = stepsOfParts(plan.steps, parts);
  // Whoever stops hosts for a migration stops them for what comes after it.
  const decides = parts.includes("rollout") || mine.some(({ kind }) => kind === "stop");
  const findings = plan.findings.filter(({ id }) => decides || !saidByWhoRolls.includes(id));
  const all = [...findings, ...ofCredentials(context, session, mine, rolling)];
  refuse(context, all, () => resultOfPlan({ ...plan, findings: all }, observation));
  if (missing.length > 0) throw partsMissing(missing.map(({ part }) => part));
  return mine;
}

/** What is not looked at after a release is said by who ends it; what it may lose is allowed, or not, to who rolls. */
const saidByWhoRolls: readonly string[] = ["not-checked", "location-renamed", "state-location-left", "state-not-noted"];

/**
 * Findings are shown; an error ends it before anything is written.
 * @param result what there is to tell of the plan that is refused
 * @throws PlanRefused
 */
export function refuse({ report }: Context, findings: readonly Finding[], result: () => Result): void {
  const errors = findings.filter(({ level }) => level === "error");
  const [first, ...others] = errors;
  const shown: readonly Finding[] = [...bySeverity(findings).filter(({ level }) => level !== "error"), ...others];
  for (const finding of shown) report({ kind: "finding", finding });
  if (first !== undefined) throw new PlanRefused(first, result());
}

/**
 * What this version does not carry out is told before anything is looked at: there is no plan for it.
 * @throws UserError
 */
export function refuseUncarried({ report }: Context, stack: Stack): void {
  const [first, ...others] = [...limits(stack), ...unreached(stack)];
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
    checkCredentials(
      request.job.credentialsEndAt,
      longestSeconds(steps, timeoutSeconds, stack.contract["name-ttl-seconds"]),
      now,
    ),
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
    what: `This step builds on what ${actions} ${parts.length > 1 ? "make" : "makes"}, and that is not there.`,
    where: "order of the steps of this job",
    fix: `Run ${actions} before it, and pass its output \`release\` on; or use the root action, which does all of it.`,
  });
}

/** Notes what is to be done before any of it is, and closes what was cut: this release goes on from it. */
async function begin(
  context: Context,
  session: Session,
  lock: HeldLock,
  { command, plan, observation, approved }: Undertaking,
): Promise<void> {
  const { journal, request, unfinished } = session;
  const now = context.clock.now();
  const cut = unfinished.filter(({ intent }) => intent.release.id !== plan.target.id);
  if (!isBegun(session, plan)) {
    await lock.begin(plan.target.id);
    await journal.begin({
      schema: 2,
      kind: "intent",
      command,
      release: plan.target,
      before: { ...observation.before },
      pointers: Object.fromEntries(Object.entries(observation.dags).map(([key, { before }]) => [key, before])),
      approved,
      instigators: observation.instigators.locations,
      jobs: observation.instigators.jobs,
      continues: cut.map(({ intent }) => intent.release.id),
      owner: request.owner,
      at: instant(now),
    });
  }
  await endLeftTasks(context, session, cut, plan);
  await abandon(journal, cut, { owner: request.owner, now });
}

/** Outcome, then pointer: whoever is cut in between is found by the next one, who moves the pointer. */
async function commit(
  { clock }: Context,
  { journal, request, current, rolledIn: before }: Session,
  lock: HeldLock,
  { command, observation }: Undertaking,
  end: RolloutEnd,
): Promise<void> {
  await lock.check();
  const at = instant(clock.now());
  const other = await journal.end({
    ...outcomeHead(command, end, []),
    rolledIn: { ...before, ...rolledIn(end, observation) },
    outcome: "committed",
    cause: null,
    owner: request.owner,
    at,
  });
  if (other !== null && other.outcome !== "committed") throw closedByOther(other);
  await journal.moveCurrent({ schema: 1, release: end.release.id, previous: end.release.base, at }, current);
  lock.settled();
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
