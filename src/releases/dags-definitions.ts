import { dagsListName, dagsLists } from "../domain/dags-list.ts";
import type { DagsPart } from "../domain/release.ts";
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
  if (service.kind === "code-location") return readDags(stack, [service.location]);
  return service.locations.some((location) => hasReader(stack, location)) ? listedDags(stack) : null;
}

/** The same of runs, which are started from one definition for all that hosts load. */
export function dagsOfRun(stack: Stack, { location }: Pick<RunProcess, "location">): ReadDags | null {
  const loaded = loadedDags(stack);
  return loaded.includes(location) ? listedDags(stack) : readDags(stack, [location]);
}

/** What webserver and daemon are to load, by the list; undefined: a location is not on it. */
export function listedOf(stack: Pick<Stack, "services" | "dags">, location: string): DagsPart["listed"] {
  const dags = stack.dags[location];
  if (dags === undefined || !loadedDags(stack).includes(location)) return undefined;
  return { module: dags.module, pollSeconds: dags.pollSeconds };
}

/** Hosts are not replaced for a location that comes or goes: their definitions name where the list is. */
function listedDags({ contract, name, environment }: Stack): ReadDags {
  const key = `${dagsLists}${dagsListName({ name, environment })}`;
  return { bucket: contract.bucket.name, from: { kind: "list", key } };
}

function readDags(stack: Stack, names: readonly string[]): ReadDags | null {
  const { dags, contract } = stack;
  const found = names.filter((name) => hasReader(stack, name)).flatMap((name) => dags[name] ?? []);
  if (found.length === 0) return null;
  const locations = found.map(({ location, prefix, module }) => [location, { prefix, module }] as const);
  return {
    bucket: contract.bucket.name,
    from: {
      kind: "named",
      named: {
        locations: Object.fromEntries(locations),
        // One process looks at all of them together.
        pollSeconds: Math.min(...found.map(({ pollSeconds }) => pollSeconds)),
      },
    },
  };
}
