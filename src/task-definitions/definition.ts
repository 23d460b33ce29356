import { type Json, contentHash } from "../domain/json.ts";
import type { Revision } from "../domain/verdict.ts";
import { readOnlyMembers } from "./read-only.ts";
import { storedForm } from "./stored-form.ts";

/** What the keys of our own tags begin with. */
export const ourTags = "dagster-ecs:";

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

/** An environment of a stack. */
export interface Owner {
  /** The stack's. */
  readonly name: string;
  readonly environment: string;
}

/** Was it registered for this environment of this stack? */
export function isMadeFor({ madeFor }: Pick<Definition, "madeFor">, { name, environment }: Owner): boolean {
  return madeFor?.stack === name && madeFor.environment === environment;
}

/**
 * May it be used as it is? What was registered for another environment is gone when that one cleans up, whoever else runs it.
 * @param owner null: no stack
 */
export function isFreeFor(definition: Pick<Definition, "madeFor">, owner: Owner | null): boolean {
  return definition.madeFor === null || (owner !== null && isMadeFor(definition, owner));
}

/** What registers a revision anew that ECS has: the same content, without what AWS has added. */
export function registrable({ content }: Definition): { readonly [key: string]: Json } {
  return Object.fromEntries(Object.entries(content).filter(([member]) => !readOnlyMembers.has(member)));
}

/**
 * The hash under which a definition is found again: that of the form which all ways of writing it share. What DescribeTaskDefinition
 * gives back has the hash of what was registered. Tags are not part of it: they say who made it, not what it is.
 */
export function definitionHash(content: Json): string {
  return contentHash(storedForm(content));
}

/** Is this revision what a definition with that hash would become? By all that it says: its tag may be a copy, as other tools make them. */
export function hasHash({ content }: Pick<Definition, "content">, hash: string): boolean {
  return definitionHash(content) === hash;
}
