import { locationKey } from "../../domain/identifiers.ts";
import { isMap, type Json } from "../../domain/json.ts";
import { showAll } from "../../domain/later.ts";
import type { Plan } from "../../domain/plan.ts";
import type { Stack } from "../../stack/stack.ts";
import { runOf } from "../hosts.ts";
import type { Observation } from "../observation.ts";
import { type Rates, tasksPrice } from "./fargate.ts";
import { cents } from "./prices.ts";

/** A run that is over. */
export interface EndedRun {
  /** null: of no location that is known. */
  readonly location: string | null;
  /** From its start to its end. */
  readonly seconds: number;
  /** As its tags `ecs/cpu` and `ecs/memory` ask for it; null: as its definition has it. */
  readonly cpu: string | null;
  readonly memory: string | null;
}

/** Runs of the last days. */
export interface RecentRuns {
  readonly days: number;
  readonly runs: readonly EndedRun[];
}

/** What runs would cost a month, were they as many and as long as they were lately. */
export interface RunsPrice {
  /** Of how many days they were counted. */
  readonly days: number;
  readonly runs: number;
  readonly runsAMonth: number;
  readonly taskHoursAMonth: number;
  /** With the definitions as they are, of those whose size is known; null: it cannot be said, see `why`. */
  readonly before: number | null;
  readonly after: number | null;
  /** Runs that are not in these, for `why`. */
  readonly notCounted: number;
  readonly why: string | null;
}

/** Fargate bills a minute at least. Source: https://aws.amazon.com/fargate/pricing/ */
const leastSeconds = 60;

/**
 * Runs that are tasks of their own, at the price of tasks on demand; null: they live in processes that are paid for already, or nobody
 * knows of any. What a task needs to start comes on top.
 */
export function runsPrice(
  stack: Pick<Stack, "services" | "runs">,
  { steps }: Pick<Plan, "steps">,
  { definitions }: Pick<Observation, "definitions">,
  recent: RecentRuns | null,
  rates: Rates,
): RunsPrice | null {
  if (recent === null || recent.runs.length === 0 || stack.runs.kind !== "ecs") return null;
  const perMonth = rates.hours / 24 / recent.days;
  const groups = grouped(stack, recent.runs);
  const priced = groups.map(({ definition, cpu, memory, hours, count }) => {
    const known = definition === null ? undefined : definitions[definition];
    const now = known?.released?.content ?? known?.newest?.content ?? null;
    const step = steps.find((one) => one.kind === "register" && one.definition === definition);
    const then = step?.kind === "register" ? showAll(step.content) : now;
    const of = (content: Json): ReturnType<typeof tasksPrice> =>
      tasksPrice(sized(content, cpu, memory), 1, null, { prices: rates.prices, hours: hours * perMonth });
    return { before: of(now), after: of(then), count };
  });
  const counted = priced.filter(({ after }) => after.usd !== null);
  const total = (when: "before" | "after"): number | null =>
    counted.length === 0 || counted.some((one) => one[when].usd === null)
      ? null
      : cents(counted.reduce((sum, one) => sum + (one[when].usd ?? 0), 0));
  const hours = groups.reduce((sum, one) => sum + one.hours, 0);
  return {
    days: Math.round(recent.days * 10) / 10,
    runs: recent.runs.length,
    runsAMonth: Math.round(recent.runs.length * perMonth),
    taskHoursAMonth: Math.round(hours * perMonth * 10) / 10,
    before: total("before"),
    after: total("after"),
    notCounted: priced.reduce((sum, { after, count }) => sum + (after.usd === null ? count : 0), 0),
    why: priced.find(({ after }) => after.why !== null)?.after.why ?? null,
  };
}

interface Group extends Pick<EndedRun, "cpu" | "memory"> {
  /** `run/<location>`; null: no definition of the stack. */
  readonly definition: string | null;
  readonly hours: number;
  readonly count: number;
}

/** Runs of one size, taken together. */
function grouped(stack: Pick<Stack, "services" | "runs">, runs: readonly EndedRun[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const { location, seconds, cpu, memory } of runs) {
    const run = location === null ? null : runOf(stack, location);
    const definition = run === null ? null : `run/${locationKey(run.location)}`;
    const key = JSON.stringify([definition, cpu, memory]);
    const former = groups.get(key) ?? { hours: 0, count: 0 };
    const hours = former.hours + Math.max(seconds, leastSeconds) / 3600;
    groups.set(key, { definition, cpu, memory, hours, count: former.count + 1 });
  }
  return [...groups.values()];
}

function sized(content: Json, cpu: string | null, memory: string | null): Json {
  if (!isMap(content)) return content;
  return { ...content, ...(cpu === null ? {} : { cpu }), ...(memory === null ? {} : { memory }) };
}
