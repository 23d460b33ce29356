import type { Dagster } from "../dagster/client.ts";
import { locations, reloadLocation } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { askUntil, type GateResult } from "./gate.ts";
import { judgeLoaded, type LoadedAnswer } from "./judge.ts";
import { brokenLocation, brokenSeconds, patience } from "./location.ts";

export interface LoadedExpectation {
  /** Dagster's name for it. */
  readonly location: string;
  /** The image that the webserver runs, as it was told in `DAGSTER_CURRENT_IMAGE`. */
  readonly image: string;
  readonly timeoutSeconds: number;
}

/** Answers in a row that are wanted: behind a load balancer each may be of another task. */
const answersWanted = 3;

/**
 * Passes when three answers in a row, a second apart, show a location loaded that the webserver loads itself. Ask it once ECS has
 * proved that every task of the webserver runs this image.
 */
export function loadedGate(dagster: Dagster, context: Context, expected: LoadedExpectation): Promise<GateResult> {
  const { clock } = context;
  const { location, image, timeoutSeconds } = expected;
  let last: LoadedAnswer | null = null;
  let row = { answers: 0, since: 0 };
  let waits = 0;
  let brokenSince: number | null = null;
  return askUntil(
    context,
    { gate: "loaded", on: location, timeoutSeconds },
    async () => {
      const { answers, since } = row;
      row = { answers: 0, since: 0 };
      last = null;
      const { workspaceOrError: workspace } = await dagster.ask(locations);
      if (!("locationEntries" in workspace))
        return { waiting: `the webserver has no workspace (${workspace.__typename})` };
      last = judgeLoaded(workspace.locationEntries, location, image);
      if (last.kind === "waiting") {
        const { why, error } = last;
        brokenSince = error === null ? null : (brokenSince ?? clock.now());
        if (error !== null && brokenSince !== null && clock.now() - brokenSince >= brokenSeconds * 1000)
          return { seen: why, ...brokenLocation(location, error, clock.now()) };
        waits += 1;
        // It does not try by itself again what it could not load.
        if (waits % patience === 0) await dagster.ask(reloadLocation, { location });
        return { waiting: why };
      }
      brokenSince = null;
      row = { answers: answers + 1, since: answers === 0 ? clock.now() : since };
      if (row.answers < answersWanted) return { waiting: "it is loaded, asking on" };
      return { seen: `${row.answers} answers with it loaded`, since: row.since };
    },
    (waiting) => {
      const error = last?.kind === "waiting" ? last.error : null;
      if (error !== null) return brokenLocation(location, error, clock.now());
      return {
        cause: {
          id: "location-not-loaded",
          what: `The webserver has not loaded code location ${location} after ${timeoutSeconds} s: ${waiting}.`,
          fix: "See the webserver's log; its workspace file must name the location under this very name.",
        },
        evidence: [],
      };
    },
  );
}
