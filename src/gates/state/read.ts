import type { Dagster } from "../../dagster/client.ts";
import { type InstigatorEntry, instigators } from "../../dagster/instigators.ts";
import { keptCursor } from "../../domain/instigators.ts";
import type { SeenInstigator } from "./compare.ts";

/** The schedules and sensors of one location, as one answer has them. */
export type StateAnswer =
  | {
      readonly kind: "loaded";
      /** What serves it; null: it does not say. */
      readonly image: string | null;
      readonly instigators: readonly SeenInstigator[];
      /** How many jobs it has; Dagster makes one of assets. */
      readonly jobs: number;
    }
  /** What does not load has none that anybody could see: that says nothing about those that it has. */
  | { readonly kind: "waiting"; readonly why: string };

/** By location; a text says why there is no workspace. @throws as Dagster's client does */
export async function readState(dagster: Dagster): Promise<ReadonlyMap<string, StateAnswer> | string> {
  const { workspaceOrError: workspace } = await dagster.ask(instigators);
  if (!("locationEntries" in workspace)) return `the webserver has no workspace (${workspace.__typename})`;
  return new Map(workspace.locationEntries.map((entry) => [entry.name, answerOf(entry)]));
}

function answerOf({ loadStatus, displayMetadata, locationOrLoadError: loaded }: InstigatorEntry): StateAnswer {
  if (loaded === null || loadStatus !== "LOADED") return { kind: "waiting", why: "it is loading" };
  if (loaded.__typename === "PythonError") return { kind: "waiting", why: "it does not load" };
  return {
    kind: "loaded",
    image: displayMetadata.find(({ key }) => key === "image")?.value ?? null,
    jobs: loaded.repositories.flatMap(({ jobs }) => jobs).length,
    instigators: loaded.repositories.flatMap(({ name: repository, schedules, sensors }): SeenInstigator[] => [
      ...schedules.map(
        ({ name, defaultStatus, canReset: byHand, cronSchedule: cron, scheduleState: { id, status } }) => {
          return { kind: "schedule" as const, repository, name, status, byHand, cursor: null, id, defaultStatus, cron };
        },
      ),
      ...sensors.map(({ name, defaultStatus, canReset: byHand, sensorState }) => {
        const { id, status, typeSpecificData } = sensorState;
        const text = typeSpecificData?.lastCursor ?? null;
        const cursor = text === null ? null : keptCursor(text);
        return { kind: "sensor" as const, repository, name, status, byHand, cursor, id, defaultStatus };
      }),
    ]),
  };
}
