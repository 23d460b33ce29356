import { Cancelled, RolloutFailed } from "../../domain/errors.ts";
import { migratedBy, type Release } from "../../domain/release.ts";
import type { VerdictKind } from "../../domain/verdict.ts";
import { nameIn, type Observation } from "../observation.ts";
import { movesOf, wordsOf } from "../result.ts";
import { type ListBack, wordsOfList } from "./list.ts";
import type { PointerBack } from "../pointers-back.ts";
import type { RolloutEnd, StepEnd } from "../rollout.ts";
import type { SentBack } from "../send-back.ts";
import type { SettingsBack } from "../settings-back.ts";
import type { StateAfter } from "../state-after.ts";
import type { Moved, TakenBack } from "../take-back.ts";

// What the error of a release that went wrong says.

export const beforeAnyMove = "Cancelled before any service moved.";

/**
 * A release that was cancelled, and has left some services where they were. Those whose deployment was not seen to its end are told
 * apart from those that were through.
 */
export function wordsOfLeft(
  observation: Observation,
  end: RolloutEnd,
  left: readonly Pick<Moved, "service">[],
  switched: readonly string[] = [],
): string {
  if (left.length + switched.length === 0) return [beforeAnyMove, ...wordsOfSettings(end)].join("\n");
  const moves = movesOf(end);
  const underWay = moves.flatMap(({ step, end: how }) => (isStillMoving(how) ? [step.service] : []));
  // What ECS has taken back by itself is told by what failed.
  const back = moves.flatMap(({ step, end: how }) => (verdictOf(how) === "rolled-back" ? [step.service] : []));
  const names = (isUnderWay: boolean): string =>
    left
      .filter(({ service }) => !back.includes(service) && underWay.includes(service) === isUnderWay)
      .map(({ service }) => nameIn(observation, service))
      .join(", ");
  const [going, moved] = [names(true), names(false)];
  const text = [
    "Cancelled.",
    ...(going === "" ? [] : [`ECS goes on with ${going} by itself.`]),
    ...(moved === "" ? [] : [`Moved already, and left so: ${moved}.`]),
    ...(switched.length === 0 ? [] : [`DAGs switched already, and left so: ${switched.join(", ")}.`]),
    "The next deploy or rollback goes on from here.",
  ];
  return [...wordsBefore(end), text.join(" "), ...wordsOfSettings(end)].join("\n");
}

/** A release that was cancelled, and has told ECS to take back what had moved. */
export function wordsOfSentBack(
  end: RolloutEnd,
  sentBack: readonly SentBack[],
  pointersBack: readonly PointerBack[] = [],
  listBack: ListBack | null = null,
): string {
  const names = (those: readonly SentBack[]): string => those.map(({ name }) => name).join(", ");
  const back = sentBack.filter(({ why }) => why === null);
  const going = sentBack.filter(({ told, why }) => told && why !== null);
  const others = sentBack.filter(({ told }) => !told);
  const text = [
    "Cancelled.",
    ...(back.length === 0 ? [] : [`Taken back: ${names(back)}.`]),
    ...(going.length === 0 ? [] : [`Told to go back, and on the way: ${names(going)}.`]),
    ...others.map(({ name, why }) => `Not taken back: ${name}: ${why ?? "nobody knows why"}.`),
    ...wordsOfPointers(pointersBack),
    ...(listBack === null ? [] : [wordsOfList(listBack)]),
    "The next deploy or rollback goes on from here.",
  ];
  return [...wordsBefore(end), text.join(" "), ...wordsOfSettings(end)].join("\n");
}

/** What else there is to say of what was changed. */
export interface Others {
  /** Names of what moved and was not to be taken back. */
  readonly leftSo: readonly string[];
  readonly settings: readonly SettingsBack[];
  readonly stateAfter: readonly StateAfter[];
  readonly pointersBack: readonly PointerBack[];
  readonly listBack: ListBack | null;
}

export const noOthers: Others = { leftSo: [], settings: [], stateAfter: [], pointersBack: [], listBack: null };

/** What became of versions that readers were let have. */
function wordsOfPointers(pointersBack: readonly PointerBack[]): readonly string[] {
  return pointersBack.map(({ location, version, why }) => {
    const now = version === null ? "it is not known what they have" : `they are to have ${version.slice(0, 12)}`;
    return why === null
      ? `Readers of ${location} were taken back: ${now}.`
      : `Readers of ${location} are not seen to be as before: ${now}. ${why}`;
  });
}

/** A release that failed. */
export function wordsOfFailure(
  error: Error,
  takenBack: readonly TakenBack[],
  { leftSo, settings, stateAfter, pointersBack, listBack }: Others,
  release: Release,
): string {
  const { what, fix } = wordsOf(error);
  const migrated = migratedBy(release);
  const back = takenBack.filter(({ why }) => why === null).map(({ name }) => name);
  return [
    what,
    ...(fix === null ? [] : [`fix: ${fix}`]),
    ...(back.length === 0 ? [] : [`Taken back: ${back.join(", ")}.`]),
    ...takenBack.flatMap(({ name, why }) => (why === null ? [] : [`Not taken back: ${name}: ${why}`])),
    ...wordsOfPointers(pointersBack),
    ...(listBack === null ? [] : [wordsOfList(listBack)]),
    ...stateAfter.map(({ location, why }) => {
      return `Schedules and sensors of ${location}: ${why === null ? "as before" : `not as before: ${why}`}`;
    }),
    ...(leftSo.length === 0
      ? []
      : [
          `Left as they are, as \`on-timeout: leave\` says: ${leftSo.join(", ")}. The next deploy or rollback goes on from here.`,
        ]),
    ...settings.map(({ service, why }) =>
      why === null
        ? `Percentages and breaker of ${service} are as before.`
        : `Percentages and breaker of ${service} stay as this release has set them: ${why}`,
    ),
    ...(takenBack.length + leftSo.length === 0 ? ["No service was touched."] : []),
    ...(migrated.length === 0 ? [] : [`Not taken back, as migrations never are: ${migrated.join(", ")}.`]),
  ].join("\n");
}

/** What failed before it was cancelled stays the story. */
function wordsBefore({ failure }: RolloutEnd): readonly string[] {
  return isStopped(failure?.error) ? [] : [wordsOf(failure?.error).what];
}

/** What was set, and is not set back when a release is cancelled. */
function wordsOfSettings({ steps }: RolloutEnd): readonly string[] {
  const set = steps.flatMap(({ step, kind }) => (step.kind === "settings" && kind !== "left" ? [step.service] : []));
  return set.length === 0
    ? []
    : [`Percentages and breaker stay as this release has set them, as \`rollout: apply\` says: ${set.join(", ")}.`];
}

/** We stopped waiting for it: ECS may not be through. */
function isStillMoving(end: StepEnd): boolean {
  const verdict = verdictOf(end);
  return end.kind === "failed" && (verdict === null || verdict === "cancelled" || verdict === "timed-out");
}

/** null: the step gave none. */
function verdictOf(end: StepEnd): VerdictKind | null {
  return end.kind === "failed" && end.error instanceof RolloutFailed ? (end.error.verdicts[0]?.verdict ?? null) : null;
}

/** It ended because it was told to, and not because anything was wrong. */
function isStopped(cause: unknown): boolean {
  if (cause === undefined || cause instanceof Cancelled) return true;
  return cause instanceof RolloutFailed && cause.verdicts[0]?.verdict === "cancelled";
}
