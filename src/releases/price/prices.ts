import * as z from "zod";

const usd = z.number().nonnegative();
const rate = z.strictObject({ vcpu: usd, gb: usd });

/** What one region costs, in USD by the hour where nothing else is said; as infra's `prices`, which a user may give as well. */
export const regionPricesSchema = z
  .strictObject({
    ARM64: rate,
    X86_64: rate,
    "ARM64-SPOT": rate,
    "X86_64-SPOT": rate,
    /** Of a task's own storage above the 20 GB that cost nothing. */
    "ephemeral-gb": usd,
    "load-balancer": usd,
    "nat-gateway": usd,
    /** By class. */
    database: z.record(z.string(), usd),
    "database-gb-month": usd,
  })
  .partial();
export type RegionPrices = z.infer<typeof regionPricesSchema>;

/** List prices of AWS, as infra/modules/cost/prices.json has them. */
export interface PriceTable {
  /** Day on which it was read. */
  readonly date: string;
  readonly currency: "USD";
  readonly "hours-a-month": number;
  readonly everywhere: Readonly<Record<"public-address" | "secret-month" | "namespace-month", number>>;
  readonly regions: Readonly<Record<string, RegionPrices>>;
}

/** `12.50 USD` */
export function showUsd(amount: number): string {
  return `${amount.toFixed(2)} USD`;
}

/** As infra rounds: half a cent goes up. */
export function cents(amount: number): number {
  return Math.floor(amount * 100 + 0.5) / 100;
}
