import type { ServiceObservation } from "../../deployments/service.ts";
import type { Json } from "../../domain/json.ts";
import { showAll } from "../../domain/later.ts";
import type { Plan } from "../../domain/plan.ts";
import { parseRevision, sameRevision } from "../../domain/verdict.ts";
import type { Stack } from "../../stack/stack.ts";
import { knownRevisions, nameIn, type Observation } from "../observation.ts";
import { type AroundPrice, around } from "./around.ts";
import { type TasksPrice, tasksPrice } from "./fargate.ts";
import { type RecentRuns, type RunsPrice, runsPrice } from "./runs.ts";
import { cents, type PriceTable, type RegionPrices } from "./prices.ts";

/** What a plan changes in what one service costs a month. */
export interface ServicePrice {
  /** As people know it. */
  readonly service: string;
  readonly before: TasksPrice;
  readonly after: TasksPrice;
  /** With as many tasks as its `scaling` allows; null: nothing scales it, or there is no price. */
  readonly atMost: number | null;
}

/** What a plan changes in what the stack costs a month. */
export interface StackPrice {
  readonly region: string;
  readonly currency: "USD";
  /** Day of the table. */
  readonly date: string;
  /** Prices of the user's own were given for some of it. */
  readonly own: boolean;
  readonly services: readonly ServicePrice[];
  /** Of the services that have a price. */
  readonly before: number;
  readonly after: number;
  /** What runs would cost, by what they were lately; null: nobody knows, or they are no tasks. It is not in `before` and `after`. */
  readonly runs: RunsPrice | null;
  readonly around: readonly AroundPrice[];
}

/**
 * Prices the services of a stack before and after a plan, and what stands around them as far as contract and services tell.
 * Traffic, logs and what is stored come on top.
 * @param own prices that replace those of the table for the stack's region
 * @param recent runs of the last days; null: nobody knows
 */
export function priceOf(
  stack: Stack,
  { steps }: Pick<Plan, "steps">,
  observation: Pick<Observation, "services" | "definitions">,
  table: PriceTable,
  own: RegionPrices,
  recent: RecentRuns | null = null,
): StackPrice {
  const prices = { ...table.regions[stack.region], ...own };
  const hours = table["hours-a-month"];
  const services = Object.entries(observation.services).map(([key, service]): ServicePrice => {
    const now = contentNow(key, observation);
    const then = contentAfter(key, steps, observation) ?? now;
    const [nowTasks, thenTasks] = [service?.desiredCount ?? 0, tasksAfter(key, service, steps)];
    const of = (content: Json, tasks: number): TasksPrice => tasksPrice(content, tasks, service, { prices, hours });
    const [before, after] = [of(now, nowTasks), of(then, thenTasks)];
    const scaled = stack.services[key];
    const most = scaled?.kind === "webserver" ? (scaled.scaling?.max ?? null) : null;
    const atMost = most === null ? null : of(then, most).usd;
    return { service: nameIn(observation, key), before, after, atMost };
  });
  const counted = Object.entries(observation.services).flatMap(([key, service]) =>
    service === null ? [] : [{ service, tasks: tasksAfter(key, service, steps) }],
  );
  const total = (when: "before" | "after"): number =>
    cents(services.reduce((sum, one) => sum + (one[when].usd ?? 0), 0));
  return {
    region: stack.region,
    currency: table.currency,
    date: table.date,
    own: Object.keys(own).length > 0,
    services,
    before: total("before"),
    after: total("after"),
    runs: runsPrice(stack, { steps }, observation, recent, { prices, hours }),
    around: around(stack, counted, prices, table),
  };
}

function contentNow(key: string, { definitions }: Pick<Observation, "definitions">): Json {
  return definitions[`service/${key}`]?.running?.content ?? null;
}

/** What the service will run; null: no step rolls it. */
function contentAfter(key: string, steps: Plan["steps"], { definitions }: Pick<Observation, "definitions">): Json {
  const registered = steps.find((step) => step.kind === "register" && step.definition === `service/${key}`);
  if (registered?.kind === "register") return showAll(registered.content);
  const rolled = steps.find((step) => step.kind === "roll" && step.service === key);
  const to = rolled?.kind === "roll" && typeof rolled.to === "string" ? parseRevision(rolled.to) : null;
  const known = knownRevisions(definitions[`service/${key}`]);
  return to === null ? null : (known.find(({ revision }) => sameRevision(revision, to))?.content ?? null);
}

function tasksAfter(key: string, service: ServiceObservation | null, steps: Plan["steps"]): number {
  const now = service?.desiredCount ?? 0;
  const last = steps.findLast(
    (step) => (step.kind === "roll" || step.kind === "put-back" || step.kind === "stop") && step.service === key,
  );
  if (last === undefined) return now;
  return last.kind === "stop" ? 0 : last.kind === "roll" || last.kind === "put-back" ? (last.count ?? now) : now;
}
