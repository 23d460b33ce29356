import type { Context } from "../domain/context.ts";
import { type Part, type Plan, planHash } from "../domain/plan.ts";
import type { Release, Source } from "../domain/release.ts";
import { instant } from "../domain/identifiers.ts";
import { type ImageClients, openImages } from "../images/index.ts";
import { findings as stackFindings, withLevels } from "../stack/index.ts";
import { explainPlan } from "./explain.ts";
import { type HeldLock, mayTakeLock, takeLock } from "./lock.ts";
import { type Observed, observe } from "./observe.ts";
import { planRelease } from "./plan.ts";
import type { StepEnd } from "./rollout.ts";
import {
  checkAncestry,
  checkBase,
  newRelease,
  openSession,
  readHistory,
  type Session,
  type SessionRequest,
  sourceOf,
} from "./session.ts";
import { type Result, undertake } from "./undertake.ts";

export interface DeployRequest extends SessionRequest {
  /** What earlier steps of this release have made; null: it is found by the lock that this job holds, or begun here. */
  readonly release: Release | null;
  /** The parts of the plan that this action carries out. */
  readonly parts: readonly Part[];
}

/** Every part, in the order of a release. */
export const allParts: readonly Part[] = ["images", "migrations", "definitions", "rollout"];

/**
 * Plans, and changes nothing. The plan is the one that {@link deploy} would carry out.
 * @throws UserError, AwsError
 */
export async function plan(context: Context, request: Omit<DeployRequest, "parts">): Promise<Result> {
  const session = await openSession(context, request);
  const source = await sourceOf(request, true);
  const begun = request.release ?? newRelease(context, session, source);
  const { observed, planned } = await look(context, session, source, begun);
  const summary = explainPlan(planned, observed.observation);
  return {
    release: planned.target,
    plan: planned,
    hash: planHash(planned),
    outcome: null,
    changed: planned.steps.length > 0,
    steps: [],
    summary,
  };
}

/**
 * Carries out some parts of the plan of a release, or all of them; with the last part it is committed, or taken back. Images are
 * made before the lock is taken: they take longest, and disturb nobody.
 * @throws ReleaseFailed; UserError and AwsError when nothing was carried out; Cancelled
 */
export async function deploy(context: Context, request: DeployRequest): Promise<Result> {
  const session = await openSession(context, request);
  const source = await sourceOf(request, false);
  const held = await heldRelease(session);
  const begun = request.release ?? held ?? newRelease(context, session, source);
  checkBase(session, begun);
  await checkAncestry(session, begun);
  const made = request.parts.includes("images")
    ? await carryOutParts(context, session, source, begun, ["images"], null, [])
    : null;
  const others = request.parts.filter((part) => part !== "images");
  if (made !== null && others.length === 0) return made;

  const lock = await takeLock(session.records, context, request.owner);
  try {
    // Whoever had the lock before may have released something meanwhile.
    const now = await readHistory(session);
    checkBase(now, begun);
    return await carryOutParts(context, now, source, made?.release ?? begun, others, lock, made?.steps ?? []);
  } catch (error) {
    await lock.giveBack();
    throw error;
  }
}

/**
 * The release that an earlier step of this job has begun, and holds the lock for.
 * @throws UserError of kind `locked` when somebody else holds it: better said before images are made than after
 */
async function heldRelease({ records, journal, request }: Session): Promise<Release | null> {
  const id = await mayTakeLock(records, request.owner);
  return id === null ? null : ((await journal.intent(id))?.release ?? null);
}

async function carryOutParts(
  context: Context,
  session: Session,
  source: Source,
  begun: Release,
  parts: readonly Part[],
  lock: HeldLock | null,
  earlier: readonly StepEnd[],
): Promise<Result> {
  const { observed, planned, images } = await look(context, session, source, begun);
  const { observation, images: observations } = observed;
  return undertake(context, session, lock, {
    command: "deploy",
    plan: planned,
    observation,
    images: { clients: images, observations },
    parts,
    earlier,
  });
}

async function look(
  context: Context,
  session: Session,
  source: Source,
  begun: Release,
): Promise<{ readonly observed: Observed; readonly planned: Plan; readonly images: ImageClients }> {
  const { clients, stack, request, currentRelease } = session;
  const images = await openImages(context, clients.ecr, request.scratch);
  const observed = await observe(clients, images, context, stack, { root: request.root, source }, currentRelease);
  const planned = planRelease(stack, observed.observation, begun);
  const today = instant(context.clock.now()).slice(0, 10);
  const findings = [...stackFindings(stack, today), ...withLevels(planned.findings, stack.checks, today)];
  return { observed, planned: { ...planned, findings }, images };
}
