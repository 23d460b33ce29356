import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import type { GateResult } from "./gate.ts";
import { judgeLoaded } from "./judge.ts";
import { askWorkspace, brokenLocation, goodInARow } from "./workspace.ts";

export interface LoadedExpectation {
  /** Dagster's name for it. */
  readonly location: string;
  /** The image that the webserver runs, as it was told in `DAGSTER_CURRENT_IMAGE`. */
  readonly image: string;
  readonly timeoutSeconds: number;
}

/**
 * Passes when three answers in a row, a second apart, show a location loaded that the webserver loads itself: behind a load balancer
 * each may be of another task. Ask it once ECS has proved that every task of the webserver runs this image.
 */
export function loadedGate(dagster: Dagster, context: Context, expected: LoadedExpectation): Promise<GateResult> {
  const { location, image, timeoutSeconds } = expected;
  return askWorkspace(
    dagster,
    context,
    { gate: "loaded", on: location, timeoutSeconds, reloads: true },
    {
      judge: (entries) => judgeLoaded(entries, location, image),
      enough: goodInARow(context, (answers) => `${answers} answers with it loaded`),
      failed: (waiting, last) =>
        last?.kind === "waiting" && last.error !== null
          ? brokenLocation(location, last.error, context.clock.now())
          : {
              cause: {
                id: "location-not-loaded",
                what: `The webserver has not loaded code location ${location} after ${timeoutSeconds} s: ${waiting}.`,
                fix: "See the webserver's log; its workspace file must name the location under this very name.",
              },
              evidence: [],
            },
    },
  );
}
