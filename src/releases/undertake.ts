import type { Dagster } from "../dagster/client.ts";
import type { ServiceNetwork } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { Cancelled, messageOf, RolloutFailed, UserError } from "../domain/errors.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { instant } from "../domain/identifiers.ts";
import type { Outcome, OutcomeKind } from "../domain/journal.ts";
import { type Part, type Plan, planHash } from "../domain/plan.ts";
import { type Release, samePins } from "../domain/release.ts";
import type { ImageClients, ImageObservation } from "../images/index.ts";
import type { Markdown } from "../markdown/markdown.ts";
import type { Stack } from "../stack/index.ts";
import { type Ending, explainEnding } from "./explain.ts";
import { abandon } from "./history.ts";
import { type HeldLock, isLost } from "./lock.ts";
import type { Observation } from "./observation.ts";
import { taskNetwork } from "./observe.ts";
import { type RolloutEnd, rollOut, type StepEnd, stepsOfParts } from "./rollout.ts";
import type { Session } from "./session.ts";
import { carryOut, StepFailed, type Workshop } from "./steps.ts";
import { type TakenBack, takeAllBack } from "./take-back.ts";

/** A plan that is to be carried out. */
export interface Undertaking {
  readonly command: Outcome["command"];
  readonly plan: Plan;
  readonly observation: Observation;
  readonly images: {
    readonly clients: ImageClients;
    readonly observations: Readonly<Record<string, ImageObservation>>;
  };
  /** The parts of it that are carried out here. */
  readonly parts: readonly Part[];
  /** Steps that were carried out before, and belong to the same story. */
  readonly earlier: readonly StepEnd[];
}

/** What an action has to tell. */
export interface Result {
  readonly release: Release;
  readonly plan: Plan;
  readonly hash: string;
  /** null: nothing was to be done, or the release goes on in the next action. */
  readonly outcome: OutcomeKind | null;
  readonly changed: boolean;
  readonly steps: readonly StepEnd[];
  readonly summary: Markdown;
}

/** A release that was carried out and failed, with all there is to tell of it. */
export class ReleaseFailed extends RolloutFailed {
  override readonly name: string = "ReleaseFailed";
  readonly result: Result;

  constructor(what: string, result: Result, verdicts: RolloutFailed["verdicts"], cause: unknown) {
    super(what, verdicts, { cause });
    this.result = result;
  }
}

/** The action that makes a part, for those who left it out. */
const actionOf: Readonly<Record<Part, string>> = {
  images: "build-push-image",
  migrations: "run-migrations",
  definitions: "register-task-def",
  rollout: "deploy-service",
};

/**
 * Carries out a plan, or the parts of it that are this action's. With the last part the release is committed; after a failure what
 * moved is taken back.
 * @param lock null for parts that write to nothing which others share
 * @throws ReleaseFailed; UserError when the plan may not be carried out: then nothing was written
 */
export async function undertake(
  context: Context,
  session: Session,
  lock: HeldLock | null,
  undertaking: Undertaking,
): Promise<Result> {
  const { plan, parts } = undertaking;
  report(context, plan.findings);
  const { mine, missing } = stepsOfParts(plan.steps, parts);
  if (missing.length > 0) throw partsMissing(missing.map(({ part }) => part));
  const isLast = parts.includes("rollout");
  const begun = isBegun(session, plan);
  // What an interrupted release has moved is not released until it is committed, although nothing is left to do.
  const commits = isLast && (begun || mine.length > 0 || plan.moved.length > 0 || !isCurrent(session, plan));
  if (mine.length === 0 && !commits) {
    if (begun) lock?.handOn();
    else await lock?.giveBack();
    return resultOf(undertaking, null, untouched(plan), "Nothing to do", [], session);
  }
  if (lock !== null) await begin(context, session, lock, undertaking);
  const end = await rollOut(mine, plan.target, context.clock, (step, results, release) =>
    carryOut(workshop(context, session, lock, undertaking, release), step, results),
  );
  for (const one of end.steps)
    if (one.kind === "done") context.report({ kind: "line", text: `${one.step.id}: ${one.done.said}` });
  if (end.failure !== null) throw await failed(context, session, lock, undertaking, end);
  if (lock === null || !isLast) {
    lock?.handOn();
    return resultOf(undertaking, null, end, "Done, as far as this action goes", [], session);
  }
  await commit(context, session, lock, undertaking, end);
  const title = `Released ${plan.target.stack} to ${plan.target.environment}`;
  return resultOf(undertaking, "committed", end, title, [], session);
}

function untouched({ target }: Plan): RolloutEnd {
  return { steps: [], failure: null, release: target };
}

/** An earlier step of this job, or an attempt of this run that was cut, has written its intent. */
function isBegun({ unfinished }: Session, { target }: Plan): boolean {
  return unfinished.some(({ intent, outcome }) => outcome === null && intent.release.id === target.id);
}

/** Is what the plan leads to what the current release says already? */
function isCurrent({ currentRelease }: Session, { target }: Plan): boolean {
  return currentRelease !== null && samePins(currentRelease, target);
}

/** Findings are shown; an error ends it before anything is written. */
function report(context: Context, findings: readonly Finding[]): void {
  const errors = findings.filter(({ level }) => level === "error");
  for (const finding of bySeverity(findings))
    if (finding.level !== "error") context.report({ kind: "finding", finding });
  const [first, ...others] = errors;
  if (first === undefined) return;
  for (const finding of others) context.report({ kind: "finding", finding });
  throw new UserError({ what: first.what, where: first.where, fix: first.fix });
}

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

function workshop(
  context: Context,
  session: Session,
  lock: HeldLock | null,
  { images, observation }: Undertaking,
  release: Release,
): Workshop {
  const { stack, clients, request } = session;
  return {
    stack,
    clients,
    images: images.clients,
    imageObservations: images.observations,
    imageKeys: Object.fromEntries(Object.entries(observation.images).map(([key, { contentKey }]) => [key, contentKey])),
    context,
    dagster: webserverOf(context, session),
    network: (): Promise<ServiceNetwork> => taskNetwork(clients, stack.contract, stack.file),
    check: async () => {
      context.signal.throwIfAborted();
      await lock?.check();
    },
    release,
    attempt: request.owner.attempt,
  };
}

/** The webserver as the runner reaches it; null when no address is known. */
function webserverOf(context: Context, { stack, connections }: Session): Dagster | null {
  const url = Object.values(stack.services).flatMap((service) =>
    service.kind === "webserver" && service.url !== null ? [service.url] : [],
  )[0];
  return url === undefined ? null : connections.webserver(context, { url, headers: {} });
}

async function commit(
  { clock }: Context,
  { journal, request, current }: Session,
  lock: HeldLock,
  { command }: Undertaking,
  end: RolloutEnd,
): Promise<void> {
  await lock.check();
  const at = instant(clock.now());
  const outcome: Outcome = {
    ...outcomeHead(command, end),
    outcome: "committed",
    cause: null,
    owner: request.owner,
    at,
  };
  const other = await journal.end(outcome);
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

async function failed(
  context: Context,
  session: Session,
  lock: HeldLock | null,
  undertaking: Undertaking,
  end: RolloutEnd,
): Promise<Error> {
  const { failure } = end;
  if (failure === null) throw new Error("nothing has failed");
  // Somebody else may write now: whatever is half done is his to go on from.
  if (isLost(failure.error)) {
    lock?.handOn();
    return asError(failure.error);
  }
  const cancelled = context.signal.aborted;
  const moved = [...movedBy(end), ...undertaking.plan.moved];
  if (moved.length > 0 && !cancelled) context.report({ kind: "stage", title: "Taking back" });
  const takenBack = cancelled
    ? []
    : await takeAllBack(context, session, lock, undertaking.observation, moved, webserverOf(context, session));
  const lost = cancelled
    ? moved.map(({ service }) => service)
    : takenBack.filter(({ why }) => why !== null).map(({ service }) => service);
  const outcome: OutcomeKind = lost.length === 0 ? "taken-back" : "failed";
  if (lock !== null) await close(context, session, lock, undertaking, end, outcome);
  const title = cancelled ? "Cancelled" : outcome === "taken-back" ? "Failed, and taken back" : "Failed";
  const result = resultOf(undertaking, lock === null ? null : outcome, end, title, takenBack, session);
  if (cancelled)
    return new Cancelled(
      lost.length === 0
        ? "Cancelled before any service moved."
        : `Cancelled; ECS goes on with ${lost.join(", ")}. The next deploy, or a rollback, goes on from here.`,
    );
  const known = asError(failure.error);
  // With nothing done there is nothing more to tell than the error itself.
  if (!(known instanceof StepFailed) && result.steps.every(({ kind }) => kind !== "done") && takenBack.length === 0)
    return known;
  const verdicts = known instanceof RolloutFailed ? known.verdicts : [];
  return new ReleaseFailed(failureText(known, takenBack), result, verdicts, known);
}

/** Services that were moved, or may have been: a step that failed has been begun. The last one first. */
function movedBy({ steps }: RolloutEnd): Plan["moved"] {
  return steps
    .flatMap(({ step, kind }) => (step.kind === "roll" && kind !== "left" ? [step] : []))
    .toReversed()
    .map(({ service, undo }) => ({ service, undo }));
}

/**
 * Writes how it ended, and gives the lock back. The first cause stays the story: what goes wrong here is only said, and the release
 * then counts as interrupted.
 */
async function close(
  { clock, report: say }: Context,
  { journal, request }: Session,
  lock: HeldLock,
  { command }: Undertaking,
  end: RolloutEnd,
  outcome: OutcomeKind,
): Promise<void> {
  const error = end.failure?.error;
  const cause = error instanceof StepFailed ? error.failure.id : error instanceof Cancelled ? "cancelled" : "error";
  try {
    const at = instant(clock.now());
    await journal.end({ ...outcomeHead(command, end), outcome, cause, owner: request.owner, at });
    if (outcome !== "failed") lock.settled();
  } catch (unwritten) {
    say({ kind: "line", text: `how the release ended was not written: ${messageOf(unwritten)}` });
  }
  await lock.giveBack();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}

function failureText(error: Error, takenBack: readonly TakenBack[]): string {
  const { what, fix } = wordsOf(error);
  const back = takenBack.filter(({ why }) => why === null).map(({ service }) => service);
  return [
    what,
    ...(fix === null ? [] : [`fix: ${fix}`]),
    ...(back.length === 0 ? [] : [`Taken back: ${back.join(", ")}.`]),
    ...takenBack.flatMap(({ service, why }) => (why === null ? [] : [`Not taken back: ${service}: ${why}`])),
    ...(takenBack.length === 0 ? ["No service was touched."] : []),
  ].join("\n");
}

function wordsOf(error: unknown): { readonly what: string; readonly fix: string | null } {
  if (error instanceof StepFailed) return error.failure;
  if (error instanceof UserError) return error;
  return { what: messageOf(error), fix: null };
}

function outcomeHead(
  command: Outcome["command"],
  { release, steps }: RolloutEnd,
): Pick<Outcome, "schema" | "kind" | "command" | "release" | "services"> {
  const verdicts = steps.flatMap((end) =>
    end.kind === "done"
      ? (end.done.verdict ?? [])
      : end.kind === "failed" && end.error instanceof StepFailed
        ? end.error.verdicts
        : [],
  );
  const services = verdicts.map(({ service, verdict, from, to, digests, cause }) => ({
    service,
    verdict,
    from,
    to,
    digests: { ...digests },
    cause: cause?.id ?? null,
  }));
  return { schema: 1, kind: "outcome", command, release, services };
}

function resultOf(
  { plan, earlier }: Pick<Undertaking, "plan" | "earlier">,
  outcome: OutcomeKind | null,
  end: RolloutEnd,
  title: string,
  takenBack: readonly TakenBack[],
  { openedAt }: Session,
): Result {
  const { failure, release } = end;
  const steps = [...earlier, ...end.steps];
  const served = steps.flatMap((one) =>
    one.kind === "done" && one.step.kind === "gate" && one.step.gate === "location" ? (one.done.gate?.since ?? []) : [],
  );
  const ending: Ending = {
    title,
    release,
    plan,
    steps,
    takenBack,
    failure:
      failure === null
        ? null
        : {
            step: failure.step.id,
            ...wordsOf(failure.error),
            evidence: failure.error instanceof StepFailed ? failure.error.evidence : [],
          },
    servedAfterSeconds: served.length === 0 ? null : (Math.max(...served) - openedAt) / 1000,
  };
  return {
    release,
    plan,
    hash: planHash(plan),
    outcome,
    changed: steps.some(({ kind }) => kind === "done"),
    steps,
    summary: explainEnding(ending),
  };
}
