import type { ComparedDefinitions } from "../releases/dagster-definitions/compared.ts";
import { lossesFirst } from "../releases/dagster-definitions/order.ts";
import type { Result } from "../releases/result.ts";

/**
 * What new code changes among Dagster's definitions, as JSON by location. Jobs hand outputs on in variables, which Linux limits to 128 KiB
 * each: what does not find room is counted by location as `more`, and what loses state comes first.
 */
export function dagsterDefinitionsOutput({ dagsterDefinitions }: Pick<Result, "dagsterDefinitions">): string {
  const whole = Object.entries(dagsterDefinitions).map(
    ([location, compared]): readonly [string, ComparedDefinitions] => [
      location,
      compared.kind === "compared" ? { ...compared, changes: lossesFirst(compared.changes) } : compared,
    ],
  );
  const without = whole.map(([, compared]) =>
    compared.kind === "compared" ? { ...compared, changes: [], more: compared.changes.length } : compared,
  );
  let left = mostBytes - bytesOf(Object.fromEntries(whole.map(([location], index) => [location, without[index]])));
  const kept = whole.map(([location, compared]): readonly [string, ComparedDefinitions & { more?: number }] => {
    if (compared.kind !== "compared") return [location, compared];
    const changes = [];
    for (const change of compared.changes) {
      const bytes = bytesOf(change) + 1;
      if (bytes > left) break;
      left -= bytes;
      changes.push(change);
    }
    return [location, { ...compared, changes, more: compared.changes.length - changes.length }];
  });
  return JSON.stringify(Object.fromEntries(kept));
}

/** 64 KiB. */
const mostBytes = 65_536;

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
