import { type Json, contentHash } from "../domain/json.ts";
import type { Revision } from "../domain/verdict.ts";

/** Tag that carries the hash of what was registered: finds an equal revision again, without comparing what AWS adds. */
export const contentHashTag = "dagster-ecs:content-hash";

/** A registered task definition. */
export interface Definition {
  readonly revision: Revision;
  readonly arn: string;
  readonly active: boolean;
  /** Of its tag; null when somebody else registered it. */
  readonly contentHash: string | null;
  /** As DescribeTaskDefinition gives it. */
  readonly content: { readonly [key: string]: Json };
}

/** The hash under which a rendered definition is found again. */
export function definitionHash(content: Json): string {
  return contentHash(content);
}
