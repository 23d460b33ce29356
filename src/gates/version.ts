import type { Dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import type { DagsVersion } from "../domain/dags.ts";
import type { GateResult } from "./gate.ts";
import { judgeVersion } from "./judge.ts";
import { askWorkspace, brokenLocation, goodInARow } from "./workspace.ts";

export interface VersionExpectation {
  /** Dagster's name for the location. */
  readonly location: string;
  /** Of its code, which a reader brings from S3. */
  readonly version: DagsVersion;
  readonly timeoutSeconds: number;
}

/**
 * Passes when three answers in a row, a second apart, show a location loaded from one version of its code. Nobody is told to load
 * anything: readers follow by themselves, and reload what they have brought.
 */
export function versionGate(dagster: Dagster, context: Context, expected: VersionExpectation): Promise<GateResult> {
  const { location, version, timeoutSeconds } = expected;
  const name = version.slice(0, 12);
  return askWorkspace(
    dagster,
    context,
    { gate: "version", on: location, timeoutSeconds, reloads: false },
    {
      judge: (entries) => judgeVersion(entries, location, version),
      enough: goodInARow(context, (answers) => `${answers} answers with version ${name} loaded`),
      failed: (waiting, last) =>
        last?.kind === "waiting" && last.error !== null && last.from === "ours"
          ? brokenLocation(location, last.error, context.clock.now())
          : {
              cause: {
                id: "version-not-loaded",
                what: `The webserver has not loaded version ${name} of code location ${location} after ${timeoutSeconds} s: ${waiting}.`,
                fix: "See the log of the reader, which says for each version why it is not served: a right that is missing, code that cannot be loaded. It looks at S3 every `DAGS_POLL_SECONDS`.",
              },
              evidence: [],
            },
    },
  );
}
