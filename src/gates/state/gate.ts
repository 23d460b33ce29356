import type { Dagster } from "../../dagster/client.ts";
import type { Context } from "../../domain/context.ts";
import { type Evidence, untrusted } from "../../domain/evidence.ts";
import type { Finding } from "../../domain/finding.ts";
import { instant } from "../../domain/identifiers.ts";
import type { Instigator } from "../../domain/instigators.ts";
import type { Cause } from "../../domain/verdict.ts";
import { type Attempt, askUntil, type GateResult } from "../gate.ts";
import { compareInstigators, type Difference, isLoss, type SeenInstigator } from "./compare.ts";
import { explainDifference } from "./explain.ts";
import { putBackState } from "./put-back.ts";
import { readState } from "./read.ts";

export interface StateExpectation {
  /** Dagster's name for it. */
  readonly location: string;
  /** What must serve it; null: whatever does. */
  readonly image: string | null;
  /** What was noted before anything moved; null: nothing was. */
  readonly before: readonly Instigator[] | null;
  /** How many jobs it had then; null: nobody has counted. */
  readonly jobsBefore: number | null;
  /** What is lost is only said. */
  readonly allowsLoss: boolean;
  /** What is there and has another status, or has lost its cursor, gets it again. */
  readonly restores: boolean;
  readonly timeoutSeconds: number;
}

/** Answers in a row that say the same, before a loss is believed. */
const answersOfLoss = 2;

/**
 * Passes when every schedule and sensor that the location had is there, with its status and cursor. Ask it once the location is
 * served: what does not load has nothing to show, and is waited for. A loss stops the release, unless that is told.
 */
export function stateGate(dagster: Dagster, context: Context, expected: StateExpectation): Promise<GateResult> {
  const { location, before, timeoutSeconds } = expected;
  const { clock } = context;
  const progress: Progress = { losses: 0, isTried: false, refused: [] };
  return askUntil(
    context,
    { gate: "state", on: location, timeoutSeconds },
    async () => {
      if (before === null) return { seen: "nothing was noted of it before: not compared", since: clock.now() };
      const seen = await readState(dagster);
      if (typeof seen === "string") return { waiting: seen };
      const answer = seen.get(location) ?? { kind: "waiting", why: "the workspace does not have it" };
      if (answer.kind === "waiting") return { waiting: answer.why };
      if (expected.image !== null && answer.image !== null && answer.image !== expected.image)
        return { waiting: `it is loaded from another image, ${answer.image}` };
      const isVanished = answer.jobs === 0 && (expected.jobsBefore ?? 0) > 0;
      if (isVanished && !expected.allowsLoss) {
        if ((progress.losses += 1) < answersOfLoss)
          return { waiting: "it is loaded, and defines no job: asking again" };
        return { seen: "it defines nothing any more", cause: vanished(expected), evidence: [] };
      }
      return judge(dagster, context, expected, progress, compareInstigators(before, answer.instigators), before.length);
    },
    (waiting) => ({
      cause: {
        id: "state-not-seen",
        what: `The schedules and sensors of code location ${location} could not be compared with those before it, after ${timeoutSeconds} s: ${waiting}.`,
        fix: "See the log of the webserver and of the code server.",
      },
      evidence: [],
    }),
  );
}

interface Progress {
  /** Answers in a row with a loss in them. */
  losses: number;
  /** What differs was put back, or could not be. */
  isTried: boolean;
  /** Why Dagster has not put something back. */
  refused: readonly string[];
}

async function judge(
  dagster: Dagster,
  { clock }: Context,
  expected: StateExpectation,
  progress: Progress,
  differences: readonly Difference[],
  noted: number,
): Promise<Attempt> {
  const { location, allowsLoss, restores } = expected;
  const losses = differences.filter(isLoss);
  if (losses.length === 0) progress.losses = 0;
  else if ((progress.losses += 1) < answersOfLoss)
    return { waiting: `${losses.map(explainDifference).join("; ")}: asking again` };
  const mendable = differences.flatMap((one) => (one.kind === "reset" || one.kind === "changed" ? [one] : []));
  if (restores && mendable.length > 0 && !progress.isTried) {
    progress.refused = await putAllBack(dagster, location, mendable);
    progress.isTried = true;
    return { waiting: `put back: ${mendable.map(explainDifference).join("; ")}` };
  }
  const now = clock.now();
  if (losses.length > 0 && !allowsLoss)
    return {
      seen: "not as before",
      cause: lost(expected, losses, progress.refused),
      evidence: quote(location, differences, now),
    };
  const said = [
    `${noted} schedules and sensors compared`,
    ...(progress.isTried ? ["what differed was put back, as far as Dagster did so"] : []),
    ...differences.map(explainDifference),
  ];
  return { seen: said.join("; "), since: now, findings: findingsOf(location, differences, progress.refused) };
}

/** @returns why some were not */
async function putAllBack(
  dagster: Dagster,
  location: string,
  differences: readonly { readonly was: Instigator; readonly now: SeenInstigator }[],
): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const { was, now } of differences) {
    const why = await putBackState(dagster, location, now, was);
    if (why !== null) refused.push(`${was.kind} ${was.name}: ${why}`);
  }
  return refused;
}

function lost(
  { location, restores }: StateExpectation,
  losses: readonly Difference[],
  refused: readonly string[],
): Cause {
  const notPutBack = refused.length === 0 ? "" : ` Not put back: ${refused.join("; ")}.`;
  return {
    id: "state-lost",
    what: `Code location ${location} has lost schedules or sensors that were on, or what somebody had made of them: ${listed(losses)}.${notPutBack}`,
    fix: `Dagster keeps status and cursor under location, repository and name: keep the names.${restores ? "" : " What is there, and only has another status, `gates: { expect: { restore: true } }` puts back."} When the loss is meant, release with the input \`allow-state-loss: true\`, and turn on what takes their place.`,
  };
}

function vanished({ location, jobsBefore }: StateExpectation): Cause {
  return {
    id: "definitions-vanished",
    what: `Code location ${location} loads, and has neither a job nor an asset any more: it had ${jobsBefore} ${jobsBefore === 1 ? "job" : "jobs"}, counting those that Dagster makes of assets.`,
    fix: "See what its module hands to `Definitions(…)`: a folder that is not in the image, a list that is filled elsewhere. When it is to be empty, release with the input `allow-state-loss: true`.",
  };
}

/** What does not stop the release, and somebody should know. */
function findingsOf(
  location: string,
  differences: readonly Difference[],
  refused: readonly string[],
): readonly Finding[] {
  const losses = differences.filter(isLoss);
  const changed = differences.filter(({ kind }) => kind === "changed");
  const where = `code location ${location}`;
  return [
    ...(losses.length === 0
      ? []
      : [
          {
            id: "state-lost",
            level: "warning" as const,
            where,
            what: `Lost, as was allowed: ${listed(losses)}.`,
            fix: "Turn on in Dagster what takes their place; a sensor without its cursor begins anew.",
          },
        ]),
    ...(changed.length === 0
      ? []
      : [
          {
            id: "state-changed",
            level: "warning" as const,
            where,
            what: `Not as it was noted before: ${listed(changed)}.${refused.length === 0 ? "" : ` Not put back: ${refused.join("; ")}.`}`,
            fix: "Nothing to do when somebody has meant it; `gates: { expect: { restore: true } }` puts it back.",
          },
        ]),
  ];
}

/** Differences that are named in one sentence; the evidence has all. */
const namedAtMost = 5;

function listed(differences: readonly Difference[]): string {
  const named = differences.slice(0, namedAtMost).map(explainDifference).join("; ");
  const more = differences.length - namedAtMost;
  return more > 0 ? `${named}; and ${more} more` : named;
}

function quote(location: string, differences: readonly Difference[], now: number): readonly Evidence[] {
  const text = untrusted(differences.map(explainDifference).join("\n"));
  return [{ kind: "graphql", at: instant(now), subject: `schedules and sensors of ${location}`, text }];
}
