import type { Dagster } from "../dagster/client.ts";
import { type PythonError, reloadLocation } from "../dagster/documents.ts";
import type { Unexpected } from "../dagster/workspace.ts";
import type { Context } from "../domain/context.ts";
import type { Finding } from "../domain/finding.ts";
import type { GateResult } from "./gate.ts";
import { extend, judgeLocation, judgeReloaded, type LocationAnswer, type Row } from "./judge.ts";
import { answersWanted, askWorkspace, brokenLocation, type Failure } from "./workspace.ts";

export interface LocationExpectation {
  /** Dagster's name for it. */
  readonly location: string;
  /** What its code server was told in `DAGSTER_CURRENT_IMAGE`: equal text, or it is another release. */
  readonly image: string;
  /** Seconds for which a resolver may still give an old server's address. */
  readonly nameTtlSeconds: number;
  readonly timeoutSeconds: number;
}

/**
 * Passes when the webserver gives three answers in a row, a second apart, of one and the same server with our image, and
 * still gives it when every resolver must have forgotten older addresses; and then the server itself does, which the webserver is told
 * to ask: it shows what it had loaded for a while after the server has died, too, and of several webservers each by itself. What it
 * shows then must be that server still; or, of one that begins anew whenever it is asked (`dagster code-server start`), one server after
 * another must have been well, with nothing amiss in between. Ask it only when no older task runs.
 */
export function locationGate(dagster: Dagster, context: Context, expected: LocationExpectation): Promise<GateResult> {
  const { clock } = context;
  const { location, image, nameTtlSeconds, timeoutSeconds } = expected;
  let row: Row | null = null;
  let broken: PythonError | null = null;
  /** The last time that the server was to be asked itself, nobody did. */
  let isUnasked = false;
  /** Begin of the last row in which the server was asked itself, and was well; and in how many it was so, since one was not. */
  let confirmed = { row: -1, times: 0 };
  const note = (answer: LocationAnswer): LocationAnswer => {
    row = extend(row, answer, clock.now());
    if (answer.kind === "waiting" && answer.error !== null) {
      confirmed = { row: -1, times: 0 };
      if (answer.from !== "another") broken = answer.error;
    }
    return answer;
  };
  return askWorkspace(
    dagster,
    context,
    { gate: "location", on: location, timeoutSeconds, reloads: true },
    {
      judge: (entries) => note(judgeLocation(entries, location, image)),
      enough: async ({ serverId }, _previous, askedAt) => {
        const server = `server ${serverId.slice(0, 8)}`;
        if (row === null || row.answers < answersWanted || askedAt < row.since + nameTtlSeconds * 1000)
          return { waiting: `served by ${server}, asking on` };
        const passed = { seen: `${row.answers} answers of ${server} with this image`, since: row.since };
        // Its successor may have been the one that was well; the webserver shows that server now, which ends the row.
        if (confirmed.row === row.since) return passed;
        const { reloadRepositoryLocation: itself } = await dagster.ask(reloadLocation, { location });
        isUnasked = !("name" in itself);
        if (!("name" in itself)) {
          return mayNotBeAsked.has(itself.__typename)
            ? { ...passed, findings: [notAsked(expected, itself)] }
            : { waiting: `served by ${server}, which could not be asked itself (${itself.__typename})` };
        }
        const wrong = judgeReloaded(itself, image);
        if (wrong === null) {
          confirmed = { row: row.since, times: confirmed.times + 1 };
          if (confirmed.times >= answersWanted) return passed;
          return { waiting: `served by ${server}, which was asked itself; asking once more` };
        }
        note(wrong);
        confirmed = { row: -1, times: 0 };
        return { waiting: `shown as served by ${server}; when it was asked itself, ${wrong.why}` };
      },
      failed: (waiting, last) => failure({ last, broken, isUnasked }, waiting, expected, clock.now()),
    },
  );
}

/** A webserver that is read-only, and one whose workspace cannot be loaded anew. Source: dagster_graphql/schema/roots/mutation.py */
const mayNotBeAsked: ReadonlySet<string> = new Set(["UnauthorizedError", "ReloadNotSupported"]);

function notAsked({ location }: LocationExpectation, { __typename }: Unexpected): Finding {
  return {
    id: "not-checked",
    level: "notice",
    where: `code location ${location}`,
    what: `The webserver shows it as served, and may not ask its code server anew (${__typename}): one that has died a moment ago would not be seen.`,
    fix: "Let the gates ask a webserver that may reload locations: one without `--read-only`.",
  };
}

interface Seen {
  readonly last: LocationAnswer | null;
  /** What was said last when it did not load, by no server of another image; null: it never was. */
  readonly broken: PythonError | null;
  readonly isUnasked: boolean;
}

function failure(
  { last, broken, isUnasked }: Seen,
  waiting: string,
  { location, timeoutSeconds }: LocationExpectation,
  now: number,
): Failure {
  // One server that comes and goes is not two: it serves until it dies, and is started again.
  const error = last?.kind === "served" ? broken : (last?.error ?? null);
  if (error !== null) return brokenLocation(location, error, now);
  if (last?.kind === "served" && !isUnasked) {
    return {
      cause: {
        id: "location-unsteady",
        what: `Code location ${location} was served, but not by one server ${answersWanted} times in a row within ${timeoutSeconds} s: several code servers answer under its name.`,
        fix: "Let one task serve the location (count 1), or give the service the percentages 0/100.",
      },
      evidence: [],
    };
  }
  return {
    cause: {
      id: "location-not-served",
      what: `Code location ${location} is not served from the new image after ${timeoutSeconds} s: ${waiting}.`,
      fix: "See the log of the webserver and of the code server.",
    },
    evidence: [],
  };
}
