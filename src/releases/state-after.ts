import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { messageOf } from "../domain/errors.ts";
import { stateGate } from "../gates/state/gate.ts";
import type { Stack } from "../stack/stack.ts";
import { locationsServedBy } from "./hosts.ts";
import type { Observation } from "./observation.ts";
import type { RolloutEnd } from "./rollout.ts";
import { servedImage, type TakenBack } from "./take-back.ts";

/** Schedules and sensors of a location after a release that has failed. */
export interface StateAfter {
  readonly location: string;
  /** What is not as before, or could not be seen; null: all is as before. */
  readonly why: string | null;
}

/** A location that was taken back has been asked for already. */
const timeoutSeconds = 60;

/**
 * Compares what people have made of schedules and sensors with what was noted before anything moved, once code is back. Never
 * throws: how the release ended does not depend on it.
 * @param switchedBack locations whose readers have their former version again
 */
export async function stateAfterTakeBack(
  context: Context,
  stack: Stack,
  before: Observation,
  { steps }: Pick<RolloutEnd, "steps">,
  takenBack: readonly TakenBack[],
  switchedBack: readonly string[],
  dagster: Dagster | null,
): Promise<readonly StateAfter[]> {
  const noted = before.instigators.locations;
  const ran = Object.values(stack.services).some(({ kind, key }) => {
    return kind === "webserver" && (before.before[key]?.desiredCount ?? 0) > 0;
  });
  if (dagster === null || noted === null || !ran || stack.gates.levels.state?.level === "off") return [];
  const back = takenBack.flatMap(({ service: key, why, count }) => {
    const service = stack.services[key];
    return service === undefined || why !== null || count === 0 ? [] : [service];
  });
  const ofBack = back.flatMap((service) =>
    locationsServedBy(service).map((location) => [location, servedImage(before, service.key)] as const),
  );
  const others = Object.values(stack.services).filter(({ key }) => takenBack.every(({ service }) => service !== key));
  // What the stack file names was turned on or off in locations that did not move, too.
  const isSwitched =
    stack.gates.restore &&
    steps.some(({ step, kind }) => step.kind === "gate" && step.gate === "expect" && kind !== "left");
  const ofOthers = isSwitched ? others.flatMap(locationsServedBy).map((location) => [location, null] as const) : [];
  const images = new Map<string, string | null>([
    ...ofOthers,
    ...switchedBack.map((location) => [location, null] as const),
    ...ofBack,
  ]);
  return Promise.all(
    [...images].flatMap(([location, image]) => {
      const was = noted[location];
      if (was === undefined) return [];
      const expected = {
        location,
        image,
        before: was,
        jobsBefore: before.instigators.jobs?.[location] ?? null,
        allowsLoss: false,
        restores: stack.gates.restore,
        timeoutSeconds,
      };
      return [look(context, dagster, expected)];
    }),
  );
}

async function look(
  context: Context,
  dagster: Dagster,
  expected: Parameters<typeof stateGate>[2],
): Promise<StateAfter> {
  const { location } = expected;
  try {
    const { cause, findings = [] } = await stateGate(dagster, context, expected);
    return { location, why: cause?.what ?? findings[0]?.what ?? null };
  } catch (error) {
    return { location, why: messageOf(error) };
  }
}
