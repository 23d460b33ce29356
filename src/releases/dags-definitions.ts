import type { RunProcess, Service, Stack } from "../stack/stack.ts";
import type { ReadDags } from "../task-definitions/dags.ts";
import { loadingHosts } from "./hosts.ts";

/** Locations from S3 that webserver and daemon load themselves. */
export function loadedDags(stack: Pick<Stack, "services" | "dags">): readonly string[] {
  const loaded = loadingHosts(stack).flatMap(({ locations }) => locations);
  return [...new Set(loaded)].filter((location) => stack.dags[location] !== undefined).sort();
}

/** What a service must know to have code from S3; null: it has none of it. */
export function dagsOfService(stack: Stack, service: Service): ReadDags | null {
  return readDags(stack, service.kind === "code-location" ? [service.location] : service.locations);
}

/** The same of runs, which are started from one definition for all that hosts load. */
export function dagsOfRun(stack: Stack, { location }: Pick<RunProcess, "location">): ReadDags | null {
  const loaded = loadedDags(stack);
  return readDags(stack, loaded.includes(location) ? loaded : [location]);
}

function readDags({ dags, contract }: Stack, names: readonly string[]): ReadDags | null {
  const found = names.flatMap((name) => dags[name] ?? []);
  if (found.length === 0) return null;
  const locations = found.map(({ location, prefix, module }) => [location, { prefix, module }] as const);
  return {
    bucket: contract.bucket.name,
    locations: Object.fromEntries(locations),
    // One process looks at all of them together.
    pollSeconds: Math.min(...found.map(({ pollSeconds }) => pollSeconds)),
  };
}
