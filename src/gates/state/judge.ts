import type { InstigatorTick } from "../../dagster/instigators.ts";
import type { Instigator } from "../../domain/instigators.ts";

type Named = Pick<Instigator, "kind" | "name" | "status">;

/** What of those that are named is not there, and what is there with another status: in each location that has one of that name. */
export function compareExpected<W extends Named, F extends { readonly now: Named }>(
  named: readonly W[],
  all: readonly F[],
): { readonly missing: readonly W[]; readonly other: readonly { readonly found: F; readonly wanted: W }[] } {
  const foundFor = ({ kind, name }: Named): readonly F[] =>
    all.filter(({ now }) => now.kind === kind && now.name === name);
  return {
    missing: named.filter((wanted) => foundFor(wanted).length === 0),
    other: named.flatMap((wanted) =>
      foundFor(wanted)
        .filter(({ now }) => now.status !== wanted.status)
        .map((found) => ({ found, wanted })),
    ),
  };
}

/** What the first tick after a moment tells. */
export type JudgedTicks =
  | { readonly kind: "good"; readonly tick: InstigatorTick }
  | { readonly kind: "waiting"; readonly why: string }
  | { readonly kind: "failed"; readonly tick: InstigatorTick };

/** A tick that finds nothing to do is skipped, and has not failed. @param since seconds since 1970 */
export function judgeTicks(ticks: readonly InstigatorTick[], since: number): JudgedTicks {
  const first = ticks.filter(({ timestamp }) => timestamp > since).sort((a, b) => a.timestamp - b.timestamp)[0];
  if (first === undefined) return { kind: "waiting", why: "has not ticked yet" };
  switch (first.status) {
    case "SUCCESS":
    case "SKIPPED":
      return { kind: "good", tick: first };
    case "FAILURE":
      return { kind: "failed", tick: first };
    default:
      return { kind: "waiting", why: `ticks: ${first.status}` };
  }
}

/** Is one of these moments within so many seconds? All in seconds since 1970. */
export function isDueWithin(due: readonly number[], now: number, seconds: number): boolean {
  return due.some((moment) => moment <= now + seconds);
}
