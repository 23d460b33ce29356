import { isAwsError } from "../aws/error.ts";
import type { Outcome, OutcomeKind, ServiceOutcome } from "../domain/journal.ts";
import { type Advice, Cancelled, messageOf, RolloutFailed, UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { changesNothing, type Plan, planHash, type Step } from "../domain/plan.ts";
import type { Release } from "../domain/release.ts";
import { type Revision, showRevision, type Verdict } from "../domain/verdict.ts";
import type { Markdown } from "../markdown/markdown.ts";
import { type DefinitionChange, definitionChanges } from "./changes.ts";
import { type Ending, explainEnding } from "./ending/explain.ts";
import type { ComparedDefinitions } from "./dagster-definitions/compared.ts";
import { explainPlan, wordsOfPlan } from "./explain.ts";
import { explainPreview } from "./preview/explain.ts";
import { nameIn, type Observation, showRunning } from "./observation.ts";
import type { ListBack } from "./ending/list.ts";
import type { PointerBack } from "./pointers-back.ts";
import type { StackPrice } from "./price/price.ts";
import type { SettledRevisions } from "./old-revisions/settle.ts";
import type { QueuedRuns } from "./queued-runs.ts";
import type { RolloutEnd, StepEnd } from "./rollout.ts";
import type { Session } from "./session.ts";
import type { StateAfter } from "./state-after.ts";
import { StepFailed } from "./steps/done.ts";
import type { TakenBack } from "./take-back.ts";
import { webserversOf } from "./webserver.ts";

/** What an action has to tell. */
export interface Result {
  readonly release: Release;
  readonly plan: Plan;
  readonly hash: string;
  /** null: nothing was to be done, or the release goes on in the next action. */
  readonly outcome: OutcomeKind | null;
  readonly changed: boolean;
  /** What each definition that was registered, or would be, changes. */
  readonly definitionChanges: readonly DefinitionChange[];
  /** What new code changes among Dagster's definitions, by location; none: nobody asked. */
  readonly dagsterDefinitions: Readonly<Record<string, ComparedDefinitions>>;
  readonly steps: readonly StepEnd[];
  /** How each service that was rolled ended. */
  readonly services: readonly ServiceOutcome[];
  /** Where people find the webserver; null: nobody wrote it down, or nothing was to be carried out. */
  readonly webserverUrl: string | null;
  /** What the plan changes in what the services cost; null where only that plan is asked for which is carried out. */
  readonly price: StackPrice | null;
  readonly summary: Markdown;
  /** The same for a pull request; null where only that plan is told which is carried out. */
  readonly preview: Markdown | null;
  /** For the log: the same in a few lines. */
  readonly words: readonly string[];
}

/** A release that was carried out and failed, with all there is to tell of it. */
export class ReleaseFailed extends RolloutFailed {
  override readonly name: string = "ReleaseFailed";
  readonly result: Result;

  constructor(what: string, result: Result, verdicts: RolloutFailed["verdicts"], cause: unknown) {
    super(what, verdicts, { cause, evidence: cause instanceof RolloutFailed ? cause.evidence : [] });
    this.result = result;
  }
}

/** A release that was cancelled after something was done. */
export class ReleaseCancelled extends Cancelled {
  readonly result: Result;

  constructor(what: string, result: Result) {
    super(what);
    this.result = result;
  }
}

/** A release whose lock somebody else has: nothing more was written, and what was done is his to go on from. */
export class ReleaseLost extends UserError {
  readonly result: Result;

  constructor({ what, where, fix }: Advice, result: Result, cause: unknown) {
    super({ what, where, fix }, { kind: "locked", cause });
    this.result = result;
  }
}

/** A plan that may not be carried out. Nothing was written. */
export class PlanRefused extends UserError {
  readonly result: Result;

  constructor({ what, where, fix }: Finding, result: Result) {
    super({ what, where, fix });
    this.result = result;
  }
}

/** What the summary is made of. */
export interface Told {
  readonly title: string;
  readonly plan: Plan;
  readonly observation: Observation;
  readonly end: RolloutEnd;
  /** Steps that were carried out before, and belong to the same story. */
  readonly earlier: readonly StepEnd[];
  readonly outcome: OutcomeKind | null;
  readonly takenBack: readonly TakenBack[];
  /** Schedules and sensors of what was taken back. */
  readonly stateAfter: readonly StateAfter[];
  /** What readers of DAGs have again. */
  readonly pointersBack: readonly PointerBack[];
  /** What webserver and daemon are to load again; null: their list was not touched. */
  readonly listBack: ListBack | null;
  /** Runs that waited and carry code that was taken back; null: none, or nobody looked. */
  readonly queued: QueuedRuns | null;
  /** What became of old revisions of task definitions; null: nothing was to. */
  readonly revisions: SettledRevisions | null;
  readonly session: Pick<Session, "openedAt" | "stack">;
}

/** What there is to tell of a plan that is not carried out. */
export function resultOfPlan(
  plan: Plan,
  observation: Observation,
  price: StackPrice | null = null,
  web: string | null = null,
): Result {
  return {
    release: plan.target,
    plan,
    hash: planHash(plan),
    outcome: null,
    changed: !changesNothing(plan, observation.current),
    definitionChanges: definitionChanges(plan, observation),
    dagsterDefinitions: observation.dagsterDefinitions,
    steps: [],
    services: [],
    webserverUrl: null,
    price,
    summary: explainPlan(plan, observation, price, web),
    preview: price === null ? null : explainPreview(plan, observation, price, web),
    words: wordsOfPlan(plan, observation, price),
  };
}

/** What there is to tell of one that was. */
export function resultOf(told: Told): Result {
  const { plan, observation, end, earlier, outcome, takenBack } = told;
  const steps = [...earlier, ...end.steps];
  return {
    release: end.release,
    plan,
    hash: planHash(plan),
    outcome,
    changed: steps.some((end) => end.kind === "done" || mayHaveChanged(end)),
    definitionChanges: definitionChanges(plan, observation),
    dagsterDefinitions: observation.dagsterDefinitions,
    steps,
    services: servicesOf(end, takenBack),
    webserverUrl: webserverUrl(told.session),
    price: null,
    preview: null,
    summary: explainEnding(endingOf(told, steps)),
    words: [`${told.title}: release ${end.release.id}`],
  };
}

function webserverUrl({ stack }: Told["session"]): string | null {
  return webserversOf(stack).find(({ url }) => url !== null)?.url ?? null;
}

/** The record of how it ended, but for when and by whom. */
export function outcomeHead(
  command: Outcome["command"],
  end: RolloutEnd,
  takenBack: readonly TakenBack[],
): Pick<Outcome, "schema" | "kind" | "command" | "release" | "services"> {
  return { schema: 1, kind: "outcome", command, release: end.release, services: [...servicesOf(end, takenBack)] };
}

/**
 * How long each service took that was replaced, by its key, in seconds: not one that was started only, and not one that was stopped
 * before, which stood still for longer.
 */
export function rolledIn(
  { steps }: RolloutEnd,
  { services }: Pick<Observation, "services">,
): Readonly<Record<string, number>> {
  const stopped = new Set(steps.flatMap(({ step }) => (step.kind === "stop" ? [step.service] : [])));
  return Object.fromEntries(
    steps.flatMap((end) => {
      if (end.kind !== "done" || end.step.kind !== "roll" || end.done.verdict?.verdict !== "succeeded") return [];
      const { service } = end.step;
      const ran = (services[service]?.desiredCount ?? 0) > 0 && !stopped.has(service);
      return ran ? [[service, Math.round(end.done.verdict.seconds)]] : [];
    }),
  );
}

/** What to say of an error, and what to do about it. */
export function wordsOf(error: unknown): { readonly what: string; readonly fix: string | null } {
  if (error instanceof StepFailed) return error.failure;
  if (error instanceof UserError) return error;
  return { what: messageOf(error), fix: null };
}

/** What a step that failed has begun may stay: revisions that a migration has applied, say. */
function mayHaveChanged(end: StepEnd): boolean {
  return end.kind === "failed" && end.step.kind !== "gate" && end.step.kind !== "drain" && !isRefused(end);
}

/** A roll that was refused, by us before its first write or by AWS, has moved nothing. */
function isRefused(end: StepEnd): boolean {
  return end.kind === "failed" && end.error instanceof UserError && (!isAwsError(end.error) || end.error.refused);
}

/** A service that was moved, or may have been, with the step that did it last: one that failed has been begun. In their order. */
export function movesOf({ steps }: Pick<RolloutEnd, "steps">): readonly Move[] {
  const moves = steps.flatMap((end): Move[] => {
    const { step } = end;
    return isMoving(step) && end.kind !== "left" && !isRefused(end) ? [{ step, end }] : [];
  });
  const last = new Map(moves.map((move) => [move.step.service, move]));
  return moves.filter((move) => last.get(move.step.service) === move);
}

function isMoving(step: Step): step is Move["step"] {
  return step.kind === "roll" || step.kind === "stop" || step.kind === "put-back";
}

/** What became of a service. */
export interface Move {
  readonly step: Extract<Step, { kind: "roll" | "stop" | "put-back" }>;
  readonly end: StepEnd;
}

function servicesOf(end: RolloutEnd, takenBack: readonly TakenBack[]): readonly ServiceOutcome[] {
  return movesOf(end).flatMap(({ step, end }) => {
    const { service: key, from: was } = step;
    const back = takenBack.find((one) => one.service === key);
    return verdictsOf(end, was).map(({ verdict, from, to, digests, cause }) => ({
      service: key,
      verdict,
      from,
      to,
      digests: { ...digests },
      cause: cause?.id ?? null,
      takenBack: back === undefined ? null : back.why === null,
    }));
  });
}

/** What is known of how the roll of one step ended; a failure that gave no verdict is one of its own. */
function verdictsOf(
  end: StepEnd,
  from: Revision | null,
): readonly Pick<Verdict, "verdict" | "from" | "to" | "digests" | "cause">[] {
  if (end.kind === "left") return [];
  if (end.kind === "done") return end.done.verdict === undefined ? [] : [end.done.verdict];
  if (end.error instanceof StepFailed) return end.error.verdicts;
  const cause = { id: "error", what: messageOf(end.error), fix: null };
  return [{ verdict: "failed", from, to: null, digests: {}, cause }];
}

function endingOf(
  {
    title,
    plan,
    observation,
    end,
    outcome,
    takenBack,
    stateAfter,
    pointersBack,
    listBack,
    queued,
    revisions,
    session,
  }: Told,
  steps: readonly StepEnd[],
): Ending {
  const { failure, release } = end;
  const served = steps.flatMap((one) =>
    one.kind === "done" && one.step.kind === "gate" && ["location", "loaded", "version"].includes(one.step.gate)
      ? (one.done.gate?.since ?? [])
      : [],
  );
  const isServed = outcome === "committed" && served.length > 0;
  return {
    title,
    release,
    plan,
    steps,
    takenBack,
    stateAfter,
    pointersBack,
    listBack,
    failure:
      failure === null
        ? null
        : {
            step: failure.step.id,
            ...wordsOf(failure.error),
            evidence: failure.error instanceof StepFailed ? failure.error.evidence : [],
            deployment: failure.error instanceof StepFailed ? (failure.error.verdicts[0] ?? null) : null,
          },
    running: outcome === null ? null : runningNow(observation, release, outcome, steps, takenBack),
    current: outcome === "committed" ? release : observation.current,
    queued,
    revisions,
    servedAfterSeconds: isServed ? (Math.max(...served) - session.openedAt) / 1000 : null,
  };
}

/** What each service runs when all is over: `family:revision`, or that it is not known. By what people know it by. */
function runningNow(
  { services, before }: Observation,
  release: Release,
  outcome: OutcomeKind,
  steps: readonly StepEnd[],
  takenBack: readonly TakenBack[],
): Readonly<Record<string, string>> {
  const moved = new Set(steps.flatMap(({ step, kind }) => (isMoving(step) && kind !== "left" ? [step.service] : [])));
  return Object.fromEntries(
    Object.entries(services).map(([key, service]) => {
      const name = nameIn({ services }, key);
      if (outcome === "committed") {
        const pinned = release.taskDefinitions[`service/${key}`];
        return [name, pinned === undefined ? "nothing of this release" : showRevision(pinned)];
      }
      const back = takenBack.find((one) => one.service === key);
      const then = before[key];
      if (back?.why === null && then !== undefined) return [name, showRunning(then.taskDefinition, then.desiredCount)];
      if (back !== undefined || moved.has(key)) return [name, "not known: the command status tells"];
      return [name, service === null ? "does not exist" : showRunning(service.revision, service.desiredCount)];
    }),
  );
}
