import { sameRevision } from "../../domain/verdict.ts";
import { type Definition, hasHash, isFreeFor, type Owner } from "../../task-definitions/definition.ts";
import { knownRevisions, type Observation } from "../observation.ts";

type Known = Pick<Observation, "definitions" | "current">;

/**
 * The revision that is there already for a definition with this hash. One that the current release names is known by its tag, whatever
 * AWS adds to the answer one day. The tag of any other may be a copy upon something else: ecs-deploy and the console take tags along.
 */
export function equalRevision(
  owner: Owner,
  observation: Known,
  definition: string,
  hash: string,
): Definition | undefined {
  return usableRevisions(owner, observation, definition).find((one) => isEqual(observation, definition, one, hash));
}

export function isEqual({ current }: Known, definition: string, one: Definition, hash: string): boolean {
  const pinned = current?.taskDefinitions[definition] ?? null;
  return hasHash(one, hash) || (one.contentHash === hash && sameRevision(pinned, one.revision));
}

/** Those that can be used as they are. */
export function usableRevisions(owner: Owner, { definitions }: Known, definition: string): readonly Definition[] {
  return knownRevisions(definitions[definition]).filter((one) => one.active && isFreeFor(one, owner));
}
