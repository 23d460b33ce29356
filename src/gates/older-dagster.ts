import { type Dagster, QuestionRefused } from "../dagster/client.ts";
import { askedSince, isOlder } from "../dagster/versions.ts";
import type { Context } from "../domain/context.ts";
import type { Place } from "../domain/errors.ts";
import type { Asked, GateResult } from "./gate.ts";
import { serverInfo } from "./webserver.ts";

/**
 * Asks a gate, unless the webserver is of a Dagster that does not know its questions yet: then it is not asked, and that is said.
 * What has begun by then must be nothing.
 * @param where the stack file wants it
 * @throws as the gate does
 */
export async function asFarAsKnown(
  dagster: Dagster,
  { clock }: Pick<Context, "clock">,
  { gate, on }: Pick<Asked, "gate" | "on">,
  where: Place | string,
  ask: () => Promise<GateResult>,
): Promise<GateResult> {
  const begun = clock.now();
  try {
    return await ask();
  } catch (error) {
    const since = error instanceof QuestionRefused ? askedSince[error.document] : undefined;
    if (since === undefined) throw error;
    const info = serverInfo.safeParse(await dagster.serverInfo().catch(() => null));
    const version = info.success ? info.data.dagster_webserver_version : null;
    if (version === null || !isOlder(version, since)) throw error;
    return {
      gate,
      on,
      cause: null,
      seen: `not asked: Dagster ${version} does not know its questions`,
      evidence: [],
      seconds: (clock.now() - begun) / 1000,
      since: clock.now(),
      findings: [
        {
          id: "dagster-unsupported",
          level: "notice",
          where,
          what: `Gate ${gate} of ${on} was not asked: the webserver is Dagster ${version}, and what it asks is known from ${since} on.`,
          fix: `Raise \`dagster\` to ${since} or newer in the image of the webserver; until then a canary of a job without partitions is one that can be asked.`,
        },
      ],
    };
  }
}
