import * as z from "zod";
import type { Document } from "./client.ts";
import { askEvery, entryOf } from "./workspace.ts";

const assetKey = z.object({ path: z.array(z.string()) });

const repository = z.object({
  name: z.string(),
  jobs: z.array(z.object({ name: z.string() })),
  schedules: z.array(
    z.object({
      name: z.string(),
      pipelineName: z.string(),
      cronSchedule: z.string(),
      executionTimezone: z.string().nullish(),
    }),
  ),
  sensors: z.array(
    z.object({
      name: z.string(),
      sensorType: z.string(),
      targets: z.array(z.object({ pipelineName: z.string() })).nullish(),
    }),
  ),
  assetNodes: z.array(
    z.object({
      assetKey,
      groupName: z.string().nullish(),
      isMaterializable: z.boolean(),
      partitionDefinition: z.object({ description: z.string() }).nullable(),
    }),
  ),
});

const entry = entryOf({ repositories: z.array(repository) }, { message: z.string() });

/** A code location with all that it defines. */
export type DefinitionsEntry = z.infer<typeof entry>;

/** What every code location defines; one that is broken says why. */
export const servedDefinitions = askEvery<DefinitionsEntry>(
  "Definitions",
  {
    location: `repositories {
            name
            jobs { name }
            schedules { name pipelineName cronSchedule executionTimezone }
            sensors { name sensorType targets { pipelineName } }
            assetNodes { assetKey { path } groupName isMaterializable partitionDefinition { description } }
          }`,
    error: "message",
  },
  entry,
);

/** When assets were last materialized, in milliseconds since 1970, as text; an empty list: never. Of assets that nobody has, nothing. */
export const lastMaterializations: Document<{
  readonly assetNodes: readonly {
    readonly assetKey: { readonly path: readonly string[] };
    readonly assetMaterializations: readonly { readonly timestamp: string }[];
  }[];
}> = {
  name: "LastMaterializations",
  text: `query LastMaterializations($assets: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $assets) { assetKey { path } assetMaterializations(limit: 1) { timestamp } }
}`,
  answer: z.object({
    assetNodes: z.array(z.object({ assetKey, assetMaterializations: z.array(z.object({ timestamp: z.string() })) })),
  }),
};

/** Every document of these, for the test that holds them against Dagster's schema. */
export const definitionDocuments: readonly Document<unknown>[] = [servedDefinitions, lastMaterializations];
