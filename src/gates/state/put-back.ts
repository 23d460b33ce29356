import { type Dagster, QuestionRefused } from "../../dagster/client.ts";
import {
  isChanged,
  resetSchedule,
  resetSensor,
  setSensorCursor,
  startSchedule,
  startSensor,
  type StateChange,
  stopSchedule,
  stopSensor,
} from "../../dagster/instigators.ts";
import { askedSince } from "../../dagster/versions.ts";
import type { Instigator } from "../../domain/instigators.ts";
import { hideSecrets } from "../../domain/redaction.ts";
import type { SeenInstigator } from "./compare.ts";

/** Status and cursor that one is to have. `byHand`: null when it does not matter whether the code says so or somebody. */
export interface WantedState extends Pick<Instigator, "status" | "cursor"> {
  readonly byHand: boolean | null;
}

/**
 * Gives a schedule or sensor the status and the cursor that it is to have, as somebody would in Dagster; where nobody had touched
 * it, its code decides again.
 * @returns why Dagster does not do so; null: it has
 * @throws as Dagster's client does
 */
export async function putBackState(
  dagster: Dagster,
  location: string,
  now: SeenInstigator,
  wanted: WantedState,
): Promise<string | null> {
  const { kind, repository, name, id } = now;
  const where = { repositoryLocationName: location, repositoryName: repository };
  const selector = kind === "schedule" ? { ...where, scheduleName: name } : { ...where, sensorName: name };
  const change = async (
    document: StateChange,
    variables: Readonly<Record<string, unknown>>,
  ): Promise<string | null> => {
    const answer = await dagster.ask(document, variables).catch(unknownTo);
    if (answer === null) return `this Dagster does not know ${document.name}: that takes ${askedSince[document.name]}`;
    return isChanged(answer) ? null : hideSecrets(answer.changed.message ?? answer.changed.__typename);
  };
  if (wanted.status !== now.status) {
    const refused = await change(changeTo(now, wanted), { selector, id });
    if (refused !== null) return refused;
  }
  const cursor = wanted.cursor?.text ?? null;
  if (kind === "schedule" || cursor === null || wanted.cursor?.hash === now.cursor?.hash) return null;
  // One that is on moves its cursor by itself: only where there is none, something is missing.
  if (now.status === "RUNNING" && now.cursor !== null) return null;
  return change(setSensorCursor, { selector, cursor });
}

/** An older Dagster may not know what is asked: that is an answer, too. */
function unknownTo(error: unknown): null {
  if (error instanceof QuestionRefused && askedSince[error.document] !== undefined) return null;
  throw error;
}

function changeTo({ kind, defaultStatus }: SeenInstigator, { status, byHand }: WantedState): StateChange {
  if (byHand === false && defaultStatus === status) return kind === "schedule" ? resetSchedule : resetSensor;
  if (status === "RUNNING") return kind === "schedule" ? startSchedule : startSensor;
  return kind === "schedule" ? stopSchedule : stopSensor;
}
