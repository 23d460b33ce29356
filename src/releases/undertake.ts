import type { Dagster } from "../dagster/client.ts";
import { dagster } from "../dagster/client.ts";
import type { ServiceNetwork } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { Cancelled, messageOf, RolloutFailed, UserError } from "../domain/errors.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { instant } from "../domain/identifiers.ts";
import type { Before, Outcome, OutcomeKind } from "../domain/journal.ts";
import { type Part, type Plan, planHash } from "../domain/plan.ts";
import type { Release } from "../domain/release.ts";
import type { ImageClients, ImageObservation } from "../images/index.ts";
import type { Markdown } from "../markdown/markdown.ts";
import type { Stack } from "../stack/index.ts";
import { type Ending, explainEnding } from "./explain.ts";
import type { HeldLock } from "./lock.ts";
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
  const goesOn = lock !== null && lock.release === plan.target.id;
  if (mine.length === 0 && !(goesOn && parts.includes("rollout"))) {
    if (goesOn) lock.handOn();
    else await lock?.giveBack();
    return resultOf(
      undertaking,
      null,
      { steps: [], failure: null, release: plan.target },
      "Nothing to do",
      [],
      session,
    );
  }
  if (lock !== null && !goesOn) await begin(context, session, lock, undertaking);
  const end = await rollOut(mine, plan.target, context.clock, (step, results, release) =>
    carryOut(workshop(context, session, lock, undertaking, release), step, results),
  );
  for (const one of end.steps)
    if (one.kind === "done") context.report({ kind: "line", text: `${one.step.id}: ${one.done.said}` });
  if (end.failure !== null) throw await failed(context, session, lock, undertaking, end);
  if (lock === null || !parts.includes("rollout")) {
    lock?.handOn();
    return resultOf(undertaking, null, end, "Done, as far as this action goes", [], session);
  }
  await commit(context, session, lock, undertaking, end);
  return resultOf(
    undertaking,
    "committed",
    end,
    `Released ${plan.target.stack} to ${plan.target.environment}`,
    [],
    session,
  );
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

async function begin(
  { clock }: Context,
  { journal, request }: Session,
  lock: HeldLock,
  { command, plan, observation }: Undertaking,
): Promise<void> {
  await lock.holdFor(plan.target.id);
  const before = Object.entries(observation.services).flatMap(([key, service]): [string, Before][] =>
    service === null
      ? []
      : [[key, { service: service.name, taskDefinition: service.revision, desiredCount: service.desiredCount }]],
  );
  await journal.begin({
    schema: 1,
    kind: "intent",
    command,
    release: plan.target,
    before: Object.fromEntries(before),
    owner: request.owner,
    at: instant(clock.now()),
  });
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
    dagster: webserverOf(context, stack),
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
function webserverOf(context: Context, { services }: Stack): Dagster | null {
  const url = Object.values(services).flatMap((service) =>
    service.kind === "webserver" && service.url !== null ? [service.url] : [],
  )[0];
  return url === undefined ? null : dagster({ url, headers: {} }, context);
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
  await journal.end({ ...outcomeHead(command, end), outcome: "committed", cause: null, owner: request.owner, at });
  await journal.moveCurrent(
    { schema: 1, release: end.release.id, previous: current?.value.release ?? null, at },
    current,
  );
  await lock.giveBack();
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
  const { observation, command } = undertaking;
  const { stack, clients, journal, request } = session;
  const cancelled = context.signal.aborted;
  // What moved, or may have: a step that failed has been begun.
  const moved = end.steps.flatMap(({ step, kind }) => (step.kind === "roll" && kind !== "left" ? [step] : []));
  if (moved.length > 0 && !cancelled) context.report({ kind: "stage", title: "Taking back" });
  const takenBack = cancelled
    ? []
    : await takeAllBack(clients, context, stack, observation, moved, webserverOf(context, stack));
  const lost = cancelled
    ? moved.map(({ service }) => service)
    : takenBack.filter(({ why }) => why !== null).map(({ service }) => service);
  const outcome: OutcomeKind = lost.length === 0 ? "taken-back" : "failed";
  if (lock !== null) {
    const cause = failure.error instanceof StepFailed ? failure.error.failure.id : cancelled ? "cancelled" : "error";
    await journal.end({
      ...outcomeHead(command, end),
      outcome,
      cause,
      owner: request.owner,
      at: instant(context.clock.now()),
    });
    await lock.giveBack();
  }
  const title = cancelled ? "Cancelled" : outcome === "taken-back" ? "Failed, and taken back" : "Failed";
  const result = resultOf(undertaking, lock === null ? null : outcome, end, title, takenBack, session);
  if (cancelled)
    return new Cancelled(
      lost.length === 0
        ? "Cancelled before any service moved."
        : `Cancelled; ECS goes on with ${lost.join(", ")}: see \`status\`.`,
    );
  const known = failure.error instanceof Error ? failure.error : new Error(messageOf(failure.error));
  // With nothing done there is nothing more to tell than the error itself.
  if (!(known instanceof StepFailed) && result.steps.every(({ kind }) => kind !== "done")) return known;
  const verdicts = known instanceof RolloutFailed ? known.verdicts : [];
  return new ReleaseFailed(failureText(known, takenBack), result, verdicts, known);
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
