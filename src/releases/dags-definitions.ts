import type { RunProcess, Service, Stack } from "../stack/stack.ts";
import type { ReadDags } from "../task-definitions/dags.ts";
import { loadingHosts } from "./hosts.ts";

/** Locations from S3 that webserver and daemon load themselves. */
export function loadedDags(stack: Pick<Stack, "services" | "dags">): readonly string[] {
  const loaded = loadingHosts(stack).flatMap(({ locations }) => locations);
  return [...new Set(loaded)].filter((location) => hasReader(stack, location)).sort();
}

/** Does the reader of this suite bring a location's code? Of plain files, whatever copies them does. */
export function hasReader({ dags }: Pick<Stack, "dags">, location: string): boolean {
  const layout = dags[location]?.layout;
  return layout !== undefined && layout !== "mirror";
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

function readDags(stack: Stack, names: readonly string[]): ReadDags | null {
  const { dags, contract } = stack;
  const found = names.filter((name) => hasReader(stack, name)).flatMap((name) => dags[name] ?? []);
  if (found.length === 0) return null;
  const locations = found.map(({ location, prefix, module }) => [location, { prefix, module }] as const);
  return {
    bucket: contract.bucket.name,
    locations: Object.fromEntries(locations),
    // One process looks at all of them together.
    pollSeconds: Math.min(...found.map(({ pollSeconds }) => pollSeconds)),
  };
}
