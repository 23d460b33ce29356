import { type Json, contentHash } from "../domain/json.ts";
import type { Revision } from "../domain/verdict.ts";

/** Tag that carries the hash of what was registered: finds an equal revision again, without comparing what AWS adds. */
export const contentHashTag = "dagster-ecs:content-hash";

/** Tags that say which stack, and which environment of it, a definition was registered for. */
export const stackTag = "dagster-ecs:stack";
export const environmentTag = "dagster-ecs:environment";

/** A registered task definition. */
export interface Definition {
  readonly revision: Revision;
  readonly arn: string;
  readonly active: boolean;
  /** Of its tag; null when somebody else registered it. */
  readonly contentHash: string | null;
  /** Stack and environment that it was registered for, of its tags; null when somebody else registered it. */
  readonly madeFor: { readonly stack: string; readonly environment: string } | null;
  /** As DescribeTaskDefinition gives it. */
  readonly content: { readonly [key: string]: Json };
}

/** Members that AWS adds, and that nobody chose. */
export const readOnlyMembers: ReadonlySet<string> = new Set([
  "taskDefinitionArn",
  "revision",
  "status",
  "requiresAttributes",
  "compatibilities",
  "registeredAt",
  "registeredBy",
  "deregisteredAt",
]);

/** What registers a revision anew that ECS has: the same content, without what AWS has added. */
export function registrable({ content }: Definition): { readonly [key: string]: Json } {
  return Object.fromEntries(Object.entries(content).filter(([member]) => !readOnlyMembers.has(member)));
}

/** The hash under which a rendered definition is found again. */
export function definitionHash(content: Json): string {
  return contentHash(content);
}
