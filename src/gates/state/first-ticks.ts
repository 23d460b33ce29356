import type { Dagster } from "../../dagster/client.ts";
import { scheduleTicks, type InstigatorTick } from "../../dagster/instigators.ts";
import type { Finding } from "../../domain/finding.ts";
import type { FirstTick } from "../../domain/plan.ts";
import { hideSecrets } from "../../domain/redaction.ts";
import type { SeenInstigator } from "./compare.ts";
import { nameOf } from "./explain.ts";
import { isDueWithin, judgeTicks } from "./judge.ts";

/** What the first ticks of schedules tell so far. */
export type FirstTicks =
  | { readonly kind: "waiting"; readonly why: string }
  | { readonly kind: "failed"; readonly of: Found; readonly tick: InstigatorTick }
  | { readonly kind: "done"; readonly said: string; readonly findings: readonly Finding[] };

/** A schedule or sensor with the location that has it. */
export interface Found {
  readonly location: string;
  readonly now: SeenInstigator;
}

/** A schedule that is due soon. */
interface Awaited extends Found {
  /** Seconds since 1970 of its last tick when it was first asked for. */
  readonly since: number;
}

/** So soon a schedule must be due for its tick to be waited for, in seconds. A release does not wait for the night. */
const soon: Readonly<Record<FirstTick, number>> = { report: 60, require: 300 };

/** So long after it was due a tick may come, and still be told when it is not required; in seconds: the daemon looks once a minute. */
const patience = 90;

/** Follows the first tick of every schedule that is on and due soon. What is due later is not waited for. */
export function followFirstTicks(
  dagster: Dagster,
  mode: FirstTick,
): (all: readonly Found[], now: number) => Promise<FirstTicks> {
  let awaited: readonly Awaited[] | null = null;
  let lateAt = 0;
  let told: readonly string[] = [];
  let findings: readonly Finding[] = [];
  return async (all, now) => {
    if (awaited === null) {
      lateAt = now + soon[mode] + patience;
      awaited = await dueSoon(dagster, all, now, soon[mode]);
      if (awaited.length === 0)
        return { kind: "done", said: `no schedule that is on is due within ${soon[mode]} s`, findings };
    }
    const left: Awaited[] = [];
    for (const one of awaited) {
      const judged = judgeTicks((await ask(dagster, one)).ticks, one.since);
      const name = `${nameOf(one.now)} of ${one.location}`;
      if (judged.kind === "waiting") left.push(one);
      else if (judged.kind === "good") told = [...told, `${name}: ${judged.tick.status}`];
      else if (mode === "require") return { kind: "failed", of: one, tick: judged.tick };
      else {
        told = [...told, `${name}: ${judged.tick.status}`];
        findings = [...findings, failedFinding(name, judged.tick)];
      }
    }
    awaited = left;
    const names = left.map((one) => nameOf(one.now)).join(", ");
    if (left.length > 0 && (mode === "require" || now < lateAt))
      return { kind: "waiting", why: `${names}: due soon, not ticked yet` };
    const late = left.length === 0 ? [] : [`not ticked in time: ${names}`];
    return { kind: "done", said: `first ticks: ${[...told, ...late].join(", ")}`, findings };
  };
}

async function dueSoon(
  dagster: Dagster,
  all: readonly Found[],
  now: number,
  seconds: number,
): Promise<readonly Awaited[]> {
  const awaited: Awaited[] = [];
  for (const one of all) {
    if (one.now.kind !== "schedule" || one.now.status !== "RUNNING") continue;
    const { ticks, due } = await ask(dagster, one);
    const since = Math.max(0, ...ticks.map(({ timestamp }) => timestamp));
    if (isDueWithin(due, now, seconds)) awaited.push({ ...one, since });
  }
  return awaited;
}

async function ask(
  dagster: Dagster,
  { location, now: { repository, name } }: Found,
): Promise<{ readonly ticks: readonly InstigatorTick[]; readonly due: readonly number[] }> {
  const selector = { repositoryLocationName: location, repositoryName: repository, scheduleName: name };
  const { scheduleOrError: answer } = await dagster.ask(scheduleTicks, { selector });
  if (!("scheduleState" in answer)) return { ticks: [], due: [] };
  const due = answer.futureTicks.results.flatMap(({ timestamp }) => timestamp ?? []);
  return { ticks: answer.scheduleState.ticks, due };
}

function failedFinding(name: string, { error }: InstigatorTick): Finding {
  return {
    id: "tick-failed",
    level: "warning",
    where: name,
    what: `Its first tick after the deploy has failed${error?.message === undefined ? "" : `: ${JSON.stringify(hideSecrets(error.message).slice(0, 300))}`}.`,
    fix: "See its ticks in Dagster; `first-tick: require` takes such a release back.",
  };
}
