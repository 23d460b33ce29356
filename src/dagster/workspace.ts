import * as z from "zod";
import type { Document } from "./client.ts";

/** An answer that is not what was asked for: its type says why, mostly with a message. */
export const unexpected = z.object({ __typename: z.string(), message: z.string().optional() });
export type Unexpected = z.infer<typeof unexpected>;

/**
 * Schema of one code location as a webserver has it.
 * @param location what is read of one that is loaded
 * @param error what is read of one that is broken
 */
export function entryOf<L extends z.ZodRawShape, E extends z.ZodRawShape>(location: L, error: E) {
  return z.object({
    name: z.string(),
    loadStatus: z.string(),
    displayMetadata: z.array(z.object({ key: z.string(), value: z.string() })),
    locationOrLoadError: z
      .discriminatedUnion("__typename", [
        z.object({ ...location, __typename: z.literal("RepositoryLocation") }),
        z.object({ ...error, __typename: z.literal("PythonError") }),
      ])
      .nullable(),
  });
}

/** What is read of a location that is loaded, and of the error of one that is broken. */
interface EntryFields {
  readonly location: string;
  readonly error: string;
}

/** The fields of `entryOf`, as GraphQL. */
export function fieldsOf({ location, error }: EntryFields): string {
  return `name loadStatus
        displayMetadata { key value }
        locationOrLoadError {
          __typename
          ... on RepositoryLocation { ${location} }
          ... on PythonError { ${error} }
        }`;
}

/** Asks every code location of the workspace for something, the broken ones too. */
export function askEvery<E>(
  name: string,
  fields: EntryFields,
  entry: z.ZodType<E>,
): Document<{
  readonly workspaceOrError: { readonly __typename: "Workspace"; readonly locationEntries: readonly E[] } | Unexpected;
}> {
  return {
    name,
    text: `query ${name} {
  workspaceOrError {
    __typename
    ... on Workspace {
      locationEntries {
        ${fieldsOf(fields)}
      }
    }
    ... on PythonError { message }
  }
}`,
    answer: z.object({
      workspaceOrError: z.union([
        z.object({ __typename: z.literal("Workspace"), locationEntries: z.array(entry) }),
        unexpected,
      ]),
    }),
  };
}
