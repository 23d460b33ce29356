import type { Dagster } from "../../dagster/client.ts";
import { assets, type AssetsEntry } from "../../dagster/documents.ts";
import type { Cause } from "../../domain/verdict.ts";
import { nearest } from "../../stack/nearest.ts";
import type { Attempt } from "../gate.ts";
import { shown } from "./explain.ts";

/** Keys of assets, parts joined by `/`, by location. */
type Keys = Readonly<Record<string, readonly string[]>>;

/**
 * Looks whether each location shows the assets that are named. What does not load shows none, and is waited for.
 * @returns null when all are there, or none is named
 */
export async function unseenAssets(dagster: Dagster, wanted: Keys): Promise<Attempt | null> {
  if (Object.keys(wanted).length === 0) return null;
  const { workspaceOrError: workspace } = await dagster.ask(assets);
  if (!("locationEntries" in workspace)) return { waiting: `the webserver has no workspace (${workspace.__typename})` };
  const keysOf = new Map(workspace.locationEntries.map((entry) => [entry.name, keysIn(entry)]));
  for (const location of Object.keys(wanted)) {
    const seen = keysOf.get(location);
    if (seen === undefined) return { waiting: `the workspace does not have ${location}, which is to show assets` };
    if (typeof seen === "string") return { waiting: `${location}, which is to show assets, ${seen}` };
  }
  const missing = missingAssets(wanted, keysOf);
  return missing.length === 0 ? null : { seen: missing.join("; "), cause: absent(missing), evidence: [] };
}

/** A text says why nobody sees what it has. */
function keysIn({ loadStatus, locationOrLoadError: loaded }: AssetsEntry): readonly string[] | string {
  if (loaded === null || loadStatus !== "LOADED") return "is loading";
  if (loaded.__typename === "PythonError") return "does not load";
  return loaded.repositories.flatMap(({ assetNodes }) => assetNodes.map(({ assetKey }) => assetKey.path.join("/")));
}

/** @returns a line for each that is not where it should be, with what was probably meant */
function missingAssets(wanted: Keys, keysOf: ReadonlyMap<string, readonly string[] | string>): readonly string[] {
  const has = (location: string): readonly string[] => {
    const keys = keysOf.get(location) ?? [];
    return typeof keys === "string" ? [] : keys;
  };
  return Object.entries(wanted).flatMap(([location, keys]) => {
    const own = has(location);
    return keys
      .filter((key) => !own.includes(key))
      .map((key) => {
        const elsewhere = [...keysOf.keys()].find((other) => has(other).includes(key));
        const near = nearest(key, own);
        const hint =
          elsewhere !== undefined
            ? `it is in ${shown(elsewhere)}`
            : near !== null
              ? `the nearest it has is ${shown(near)}`
              : own.length === 0
                ? "it has none"
                : `it has ${own.length} others`;
        return `${shown(key)} in ${shown(location)} (${hint})`;
      });
  });
}

function absent(missing: readonly string[]): Cause {
  return {
    id: "expect-missing",
    what: `The stack file names assets that Dagster does not show: ${missing.join("; ")}.`,
    fix: "Under `gates: { expect: { assets: … } }` write keys as the code has them, parts joined by `/`; or see what its module hands to `Definitions(assets=…)`.",
  };
}
