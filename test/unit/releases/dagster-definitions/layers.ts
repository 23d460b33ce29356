import type { LayersToLoad } from "../../../../src/releases/dagster-definitions/loadable.ts";

/** An image of layers without packages, whose files are none. */
export function layers(
  change: {
    readonly request?: Partial<LayersToLoad["request"]>;
    readonly inputs?: Partial<LayersToLoad["inputs"]>;
    readonly sources?: Partial<LayersToLoad["sources"]>;
  } = {},
): LayersToLoad {
  return {
    way: "layers",
    lock: null,
    request: {
      root: "/checkout",
      requirements: null,
      repository: "deal-flow",
      workdir: "/app",
      environment: {},
      prepare: [],
      ...change.request,
    },
    inputs: { requirements: null, groups: [], localPackages: {}, ...change.inputs },
    sources: { entries: [], size: 0, ...change.sources },
  };
}
