import { bucket, type Stored } from "../../aws/bucket.ts";
import type { S3Send } from "../../aws/s3.ts";
import { type DagsList, dagsListName, dagsListSchema, dagsLists, listOf } from "../../domain/dags-list.ts";
import type { Release } from "../../domain/release.ts";
import type { Stack } from "../../stack/stack.ts";
import { loadedDags } from "../dags-definitions.ts";

/**
 * Reads the list of locations, where the stack's hosts load by one, or those of a release do. Changes nothing.
 * @param release which is current, or is to run again
 */
export async function observeList(
  s3: S3Send,
  stack: Stack,
  release: Release | null,
): Promise<{ readonly list?: Stored<DagsList> | null }> {
  const isRead = loadedDags(stack).length > 0 || (release !== null && listOf(release) !== null);
  if (!isRead) return {};
  return { list: await listStore(s3, stack).read(dagsListName(stack), dagsListSchema) };
}

/** Where the lists of all stacks are. */
export function listStore(s3: S3Send, { contract }: Pick<Stack, "contract">): ReturnType<typeof bucket> {
  return bucket(s3, contract.bucket.name, dagsLists);
}
