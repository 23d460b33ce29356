import * as z from "zod";
import { dagsPrefixSchema } from "./dags.ts";
import { instantSchema } from "./identifiers.ts";
import { contentHash } from "./json.ts";
import type { Release } from "./release.ts";
import { sourceSchema } from "./source.ts";

const locationsSchema = z.record(
  z.string().min(1).max(255),
  z.strictObject({
    /** Key prefix in the stack's bucket. */
    prefix: dagsPrefixSchema,
    /** That Dagster loads. */
    module: z.string().min(1),
    /** From one look of its readers to the next. */
    pollSeconds: z.number().positive(),
  }),
);

/** The locations that webserver and daemon load themselves, by name. The reader reads the same. */
export const dagsListSchema = z.strictObject({
  schema: z.literal(1),
  /** Hash of the locations. */
  version: z.string().regex(/^[0-9a-f]{40}$/, "40 hex digits"),
  locations: locationsSchema,
  /** Of lists before: a run that waits may still name the code of one. */
  left: locationsSchema,
  /** The version before; null: it is the first. */
  previous: z.string().nullable(),
  /** What the release that wrote it was begun for. */
  source: sourceSchema,
  /** Page of the run that wrote it. */
  run: z.string().nullable(),
  at: instantSchema,
});
export type DagsList = z.infer<typeof dagsListSchema>;
export type ListedLocations = DagsList["locations"];

/** Folder of the lists of all stacks in a bucket, and the name of one. */
export const dagsLists = "dags/.stacks/";
export function dagsListName({ name, environment }: { readonly name: string; readonly environment: string }): string {
  return `${name}/${environment}.json`;
}

/** The list as a release pins it; null: its hosts have none, or its record is of before there were lists. */
export function listOf({ dags }: Pick<Release, "dags">): ListedLocations | null {
  const listed = Object.entries(dags).flatMap(([location, { prefix, listed: one }]) =>
    one === undefined ? [] : [[location, { prefix, ...one }] as const],
  );
  return listed.length === 0 ? null : Object.fromEntries(listed);
}

export function listVersion(locations: ListedLocations): string {
  return contentHash(locations).slice(0, 40);
}

/** Locations that come with a list, go with it, or are read in another way. */
export function compareLists(
  from: ListedLocations | null,
  to: ListedLocations,
): { readonly added: readonly string[]; readonly changed: readonly string[]; readonly removed: readonly string[] } {
  const names = [...new Set([...Object.keys(from ?? {}), ...Object.keys(to)])].sort();
  const differs = (name: string): boolean => contentHash(from?.[name] ?? null) !== contentHash(to[name] ?? null);
  return {
    added: names.filter((name) => from?.[name] === undefined),
    changed: names.filter((name) => from?.[name] !== undefined && to[name] !== undefined && differs(name)),
    removed: names.filter((name) => to[name] === undefined),
  };
}
