import type { Dagster } from "../../dagster/client.ts";
import { type InstigatorTick, sensorTicks } from "../../dagster/instigators.ts";
import type { Context } from "../../domain/context.ts";
import { untrusted } from "../../domain/evidence.ts";
import { instant } from "../../domain/identifiers.ts";
import type { Instigator } from "../../domain/instigators.ts";
import { type ExpectedState, type FirstTick, usualTickSeconds } from "../../domain/plan.ts";
import type { Cause } from "../../domain/verdict.ts";
import { type Attempt, askUntil, type GateResult } from "../gate.ts";
import { nameOf } from "./explain.ts";
import { followFirstTicks, type Found } from "./first-ticks.ts";
import { unseenAssets } from "./assets.ts";
import { compareExpected, judgeTicks } from "./judge.ts";
import { putBackState } from "./put-back.ts";
import { readState } from "./read.ts";

export interface StateNamed {
  /** Name of the stack whose file names them. */
  readonly stack: string;
  readonly schedules: Readonly<Record<string, ExpectedState>>;
  readonly sensors: Readonly<Record<string, ExpectedState>>;
  /** Keys of assets, parts joined by `/`, by the location that must show them. */
  readonly assets: Readonly<Record<string, readonly string[]>>;
  /** null: nobody looks at the first tick of schedules. */
  readonly firstTick: { readonly mode: FirstTick; readonly locations: readonly string[] } | null;
  /** What has another status gets the one that is named. */
  readonly restores: boolean;
  readonly timeoutSeconds: number;
}

/**
 * Passes when every asset, schedule and sensor that is named is there, and the latter are on or off as they are named; and when the
 * next tick of each sensor that must succeed has. Ask it when all runs.
 */
export function expectGate(dagster: Dagster, context: Context, expected: StateNamed): Promise<GateResult> {
  const { stack, schedules, sensors, assets, timeoutSeconds } = expected;
  const named = [...wantedOf("schedule", schedules), ...wantedOf("sensor", sensors)];
  /** Newest tick of each sensor when it was first asked for, in seconds since 1970: later ones are of what runs now. */
  const since = new Map<string, number>();
  const put = new Set<string>();
  let begunAt: number | null = null;
  /** Once they are there nobody asks for them again: code that is loaded does not lose them. */
  let hasAssets = false;
  /** What is waited for is that code loads. */
  let isLoading = false;
  const first = expected.firstTick === null ? null : followFirstTicks(dagster, expected.firstTick.mode);
  return askUntil(
    context,
    { gate: "expect", on: stack, timeoutSeconds },
    async () => {
      const unseen = hasAssets ? null : await unseenAssets(dagster, assets);
      isLoading = unseen !== null;
      if (unseen !== null) return unseen;
      hasAssets = true;
      const seen = await readState(dagster);
      isLoading = typeof seen === "string";
      if (typeof seen === "string") return { waiting: seen };
      begunAt ??= context.clock.now();
      const all = [...seen].flatMap(([location, answer]): readonly Found[] =>
        answer.kind === "waiting" ? [] : answer.instigators.map((now) => ({ location, now })),
      );
      const broken = [...seen].flatMap(([location, { kind }]) => (kind === "waiting" ? [location] : []));
      const { missing, other } = compareExpected(named, all);
      if (missing.length > 0) {
        const text = `${missing.map(nameOf).join(", ")}: no location has it`;
        isLoading = broken.length > 0;
        if (isLoading) return { waiting: `${text}, and ${broken.join(", ")} does not load` };
        return { seen: text, cause: absent(missing), evidence: [] };
      }
      const open = other.filter(({ found }) => !put.has(found.now.id));
      if (expected.restores && open.length > 0) return putBack(dagster, open, put);
      if (other.length > 0) return { seen: "not as named", cause: otherStatus(other), evidence: [] };
      const unticked = await untickedOf(dagster, context, named, all, { since, begunAt });
      if (unticked !== null) return unticked;
      const now = context.clock.now();
      const keys = Object.values(assets).flat();
      const said = [
        ...(keys.length > 0 ? [`${keys.length} assets there`] : []),
        ...(named.length > 0 || keys.length === 0 ? [`${named.length} schedules and sensors as named`] : []),
      ].join(", ");
      if (first === null) return { seen: said, since: now };
      const own = all.filter(({ location }) => expected.firstTick?.locations.includes(location));
      const ticked = await first(own, now / 1000);
      if (ticked.kind === "waiting") return { waiting: ticked.why };
      if (ticked.kind === "failed") return tickFailed(ticked.of, ticked.tick, now);
      return { seen: `${said}; ${ticked.said}`, since: now, findings: ticked.findings };
    },
    (waiting) => ({
      cause: {
        id: "state-unexpected",
        what: `What the stack file names is not as it says after ${timeoutSeconds} s: ${waiting}.`,
        fix: isLoading
          ? "See why the location does not load: its log, and the gate `location`."
          : "See the daemon's log: it is the daemon that ticks. A sensor ticks once in its `minimum_interval_seconds`.",
      },
      evidence: [],
    }),
  );
}

/** One that the stack file names. */
interface Wanted extends ExpectedState {
  readonly kind: Instigator["kind"];
  readonly name: string;
}

function wantedOf(kind: Instigator["kind"], named: Readonly<Record<string, ExpectedState>>): readonly Wanted[] {
  return Object.entries(named).map(([name, state]) => ({ kind, name, ...state }));
}

/** Asked for once each: what Dagster does not do then is told by the next look. */
async function putBack(
  dagster: Dagster,
  others: readonly { readonly found: Found; readonly wanted: Wanted }[],
  put: Set<string>,
): Promise<Attempt> {
  for (const { found, wanted } of others) {
    const { location, now } = found;
    const refused = await putBackState(dagster, location, now, { status: wanted.status, byHand: null, cursor: null });
    put.add(now.id);
    if (refused !== null)
      return { waiting: `${nameOf(now)} of ${location} is not put to ${wanted.status}: ${refused}` };
  }
  return { waiting: `put to what is named: ${others.map(({ found }) => nameOf(found.now)).join(", ")}` };
}

/** @returns null when every tick that must succeed has */
async function untickedOf(
  dagster: Dagster,
  { clock }: Context,
  named: readonly Wanted[],
  all: readonly Found[],
  { since, begunAt }: { readonly since: Map<string, number>; readonly begunAt: number },
): Promise<Attempt | null> {
  let waiting: Attempt | null = null;
  const wanted = named.filter(({ kind, tick }) => kind === "sensor" && tick === "success");
  for (const { location, now } of all) {
    const one = wanted.find(({ kind, name }) => kind === now.kind && name === now.name);
    if (one === undefined) continue;
    const selector = { repositoryLocationName: location, repositoryName: now.repository, sensorName: now.name };
    const { sensorOrError: answer } = await dagster.ask(sensorTicks, { selector });
    if (!("sensorState" in answer)) return { waiting: `${nameOf(now)}: ${answer.__typename}` };
    const { ticks } = answer.sensorState;
    const known = since.get(now.id) ?? Math.max(0, ...ticks.map(({ timestamp }) => timestamp));
    since.set(now.id, known);
    const judged = judgeTicks(ticks, known);
    if (judged.kind === "failed") return tickFailed({ location, now }, judged.tick, clock.now());
    if (judged.kind === "good") continue;
    const { withinSeconds = usualTickSeconds } = one;
    if (clock.now() - begunAt > withinSeconds * 1000) return tickLate({ location, now }, judged.why, withinSeconds);
    waiting ??= { waiting: `${nameOf(now)} of ${location} ${judged.why}` };
  }
  return waiting;
}

function absent(missing: readonly Wanted[]): Cause {
  return {
    id: "expect-missing",
    what: `The stack file names what no code location has: ${missing.map(nameOf).join(", ")}.`,
    fix: "Under `gates: { expect: … }` name schedules and sensors as the code does.",
  };
}

function otherStatus(others: readonly { readonly found: Found; readonly wanted: Wanted }[]): Cause {
  const listed = others.map(
    ({ found: { location, now }, wanted }) => `${nameOf(now)} of ${location} is ${now.status} and not ${wanted.status}`,
  );
  return {
    id: "state-unexpected",
    what: `Not as the stack file names it: ${listed.join("; ")}.`,
    fix: "Turn it on or off in Dagster; `gates: { expect: { restore: true } }` does so by itself.",
  };
}

function tickLate({ location, now }: Found, why: string, seconds: number): Attempt {
  return {
    seen: "its tick did not come in time",
    cause: {
      id: "tick-late",
      what: `${nameOf(now)} of ${location} ${why}, and ${seconds / 60} min are over, which is what \`within-minutes\` allows.`,
      fix: "See the daemon's log: it is the daemon that ticks. A sensor ticks once in its `minimum_interval_seconds`: give it more minutes than that.",
    },
    evidence: [],
  };
}

/** @param at milliseconds since 1970 */
function tickFailed({ location, now }: Found, { error }: InstigatorTick, at: number): Attempt {
  const text = untrusted([...(error?.stack ?? []), error?.message ?? ""].join("").trim());
  return {
    seen: "its tick failed",
    cause: {
      id: "tick-failed",
      what: `The first tick of ${nameOf(now)} of ${location} after the deploy has failed.`,
      fix: "Its traceback says why.",
    },
    evidence: [{ kind: "graphql", at: instant(at), subject: `tick of ${now.name}`, text }],
  };
}
