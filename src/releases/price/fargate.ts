import { isMap, type Json, type JsonMap } from "../../domain/json.ts";
import type { ServiceObservation } from "../../deployments/service.ts";
import { storedForm } from "../../task-definitions/stored-form.ts";
import { cents, type RegionPrices } from "./prices.ts";

/** What the tasks of a service cost a month, all of them running all the time. */
export interface TasksPrice {
  readonly tasks: number;
  /** `0.5 vCPU, 2 GB, ARM64`; null: no definition is known. */
  readonly size: string | null;
  /** Rounded to cents; null: it cannot be said, see `why`. */
  readonly usd: number | null;
  readonly why: string | null;
}

/** What a task costs by the hour, and how many hours a month has. */
export interface Rates {
  readonly prices: RegionPrices;
  readonly hours: number;
}

/** Storage that costs nothing beside the task, in GB. Source: Fargate pricing, ephemeral storage. */
const freeStorage = 20;

/** @param service that the tasks are of; null: it is not there yet, and is taken to be on demand */
export function tasksPrice(content: Json, tasks: number, service: ServiceObservation | null, rates: Rates): TasksPrice {
  const nothing = { tasks, size: null, usd: null };
  if (tasks === 0) return { ...nothing, usd: 0, why: null };
  if (content === null) return { ...nothing, why: "its task definition was not read" };
  const { cpu, memory, runtimePlatform, ephemeralStorage } = storedForm(content);
  const [vcpu, gb] = [Number(cpu) / 1024, Number(memory) / 1024];
  const split = service === null ? { onDemand: tasks, spot: 0 } : splitTasks(tasks, service);
  if (split === null || Number.isNaN(vcpu + gb)) return { ...nothing, why: "it does not run on Fargate" };
  const platform = asMap(runtimePlatform);
  if ((platform["operatingSystemFamily"] ?? "LINUX") !== "LINUX") return { ...nothing, why: "it is not Linux" };
  const architecture = platform["cpuArchitecture"] === "ARM64" ? "ARM64" : "X86_64";
  const size = `${vcpu} vCPU, ${gb} GB, ${architecture}`;
  const { [architecture]: onDemand, [`${architecture}-SPOT` as const]: spot, "ephemeral-gb": storage } = rates.prices;
  const extra = Math.max(0, Number(asMap(ephemeralStorage)["sizeInGiB"] ?? freeStorage) - freeStorage);
  const parts = [
    { amount: split.onDemand, name: architecture, hourly: hourly(onDemand, vcpu, gb) },
    { amount: split.spot, name: `${architecture}-SPOT`, hourly: hourly(spot, vcpu, gb) },
    { amount: tasks * extra, name: "ephemeral-gb", hourly: storage ?? null },
  ].filter(({ amount }) => amount > 0);
  const missing = parts.filter((part) => part.hourly === null).map(({ name }) => name);
  if (missing.length > 0) return { tasks, size, usd: null, why: `there is no price for ${missing.join(" and ")}` };
  return {
    tasks,
    size,
    usd: cents(rates.hours * parts.reduce((sum, part) => sum + part.amount * (part.hourly ?? 0), 0)),
    why: null,
  };
}

function hourly(rate: RegionPrices["ARM64"], vcpu: number, gb: number): number | null {
  return rate === undefined ? null : vcpu * rate.vcpu + gb * rate.gb;
}

/**
 * How many of the tasks are on demand and how many are Spot: first each provider's base, then by weight; null: some are not on Fargate.
 * Source: API_CapacityProviderStrategyItem in the ECS API reference.
 */
function splitTasks(
  tasks: number,
  { launchType, capacityProviders }: ServiceObservation,
): { readonly onDemand: number; readonly spot: number } | null {
  if (capacityProviders.length === 0) return launchType === "FARGATE" ? { onDemand: tasks, spot: 0 } : null;
  if (capacityProviders.some(({ name }) => name !== "FARGATE" && name !== "FARGATE_SPOT")) return null;
  const base = capacityProviders.reduce((sum, one) => sum + one.base, 0);
  const weights = capacityProviders.reduce((sum, { weight }) => sum + weight, 0);
  const spot = capacityProviders.find(({ name }) => name === "FARGATE_SPOT");
  const byBase = Math.min(tasks, base) * (base === 0 ? 0 : (spot?.base ?? 0) / base);
  const byWeight = Math.max(0, tasks - base) * (weights === 0 ? 0 : (spot?.weight ?? 0) / weights);
  return { onDemand: tasks - byBase - byWeight, spot: byBase + byWeight };
}

function asMap(value: Json | undefined): JsonMap {
  return value !== undefined && isMap(value) ? value : {};
}
