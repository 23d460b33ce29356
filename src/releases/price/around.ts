import type { ServiceObservation } from "../../deployments/service.ts";
import type { Stack } from "../../stack/stack.ts";
import { cents, type PriceTable, type RegionPrices, showUsd } from "./prices.ts";

/** Something that the stack's shape brings along, and that no release changes. */
export interface AroundPrice {
  readonly what: string;
  /** Null: how much of it there is, nobody tells here; `note` has list prices then. */
  readonly usd: number | null;
  readonly note: string | null;
}

/** A service with the number of its tasks once the plan is carried out. */
export interface Counted {
  readonly service: ServiceObservation;
  readonly tasks: number;
}

/** Load balancer, addresses, ways out and database, as far as they can be known from here. */
export function around(
  { contract, region }: Pick<Stack, "contract" | "region">,
  all: readonly Counted[],
  prices: RegionPrices,
  { everywhere, "hours-a-month": hours }: PriceTable,
): readonly AroundPrice[] {
  const monthly = (hourly: number): number => cents(hours * hourly);
  const unpriced = (name: string): string => `there is no price for ${name} in ${region}`;
  const running = all.filter(({ tasks }) => tasks > 0);
  const isPublic = ({ service }: Counted): boolean => service.network?.publicAddress === true;
  const addresses = running.filter(isPublic).reduce((sum, { tasks }) => sum + tasks, 0);
  const lines: AroundPrice[] = [];
  if (all.some(({ service }) => service.targetGroups.length > 0)) {
    const { "load-balancer": hourly } = prices;
    const known = { usd: monthly(hourly ?? 0), note: "its addresses and what it carries come on top" };
    lines.push({
      what: "Load balancer",
      ...(hourly === undefined ? { usd: null, note: unpriced("load-balancer") } : known),
    });
  }
  if (addresses > 0)
    lines.push({
      what: `Public addresses of tasks: ${addresses}`,
      usd: monthly(addresses * everywhere["public-address"]),
      note: null,
    });
  if (running.some((one) => one.service.network !== null && !isPublic(one))) {
    const { "nat-gateway": hourly } = prices;
    const note = hourly === undefined ? unpriced("nat-gateway") : `a gateway is ${showUsd(monthly(hourly))}`;
    lines.push({ what: "NAT gateways, or endpoints, of tasks without a public address", usd: null, note });
  }
  if (contract.database !== undefined) {
    const classes = Object.entries(prices.database ?? {}).map(
      ([name, hourly]) => `${name} is ${showUsd(monthly(hourly))}`,
    );
    const note = classes.length === 0 ? unpriced("database") : classes.join(", ");
    lines.push({ what: `Database ${contract.database.host}`, usd: null, note });
  }
  return lines;
}
