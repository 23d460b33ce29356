import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Place } from "../../domain/errors.ts";
import { showRevision } from "../../domain/verdict.ts";
import { type Problem, quote, refusal, StackFileError } from "../../stack/problems.ts";
import type { Stack } from "../../stack/index.ts";
import { environmentFile, existingFile, existingLive } from "../../task-definitions/existing.ts";
import { definitionNamed } from "../../task-definitions/observe.ts";
import type { Clients } from "../connections.ts";
import { writtenDefinitions } from "../existing.ts";
import type { Observation } from "../observation.ts";

/** What files of the checkout say of task definitions. Nothing in them is executed. */
export type DefinitionFiles = Pick<Observation, "existing" | "environmentFile">;

/**
 * Reads every definition file that the stack names, and the environment file.
 * @param root the checkout
 * @throws StackFileError with every mistake of all of them
 */
export async function readDefinitionFiles(stack: Stack, root: string): Promise<DefinitionFiles> {
  const problems: Problem[] = [];
  const texts = new Map<string, Promise<string>>();
  const read = async <T>(path: string, where: Place, parse: (text: string) => T): Promise<T | null> => {
    const text = texts.get(path) ?? readFile(join(root, path), "utf8");
    texts.set(path, text);
    try {
      return parse(await text);
    } catch (error) {
      if (error instanceof StackFileError) problems.push(...error.problems);
      else
        problems.push({
          where,
          what: `${quote(path)} cannot be read.`,
          fix: "Check the path, which starts at the root of the checkout.",
        });
      return null;
    }
  };
  const definitions = await Promise.all(
    writtenDefinitions(stack).map(async ({ definition, of }) => {
      if (of.kind !== "file") return [];
      const found = await read(of.path, of.place, (text) => existingFile(text, of.path, stack.placeholders));
      return found === null ? [] : [[definition, found] as const];
    }),
  );
  const file = stack.environmentFile;
  const environment =
    file === null
      ? null
      : await read(file.path, file.place, (text) => environmentFile(text, file.path, stack.placeholders));
  if (problems.length > 0) throw refusal(problems);
  return { existing: Object.fromEntries(definitions.flat()), environmentFile: environment };
}

/**
 * Reads every definition that the stack takes from ECS by its name.
 * @throws StackFileError with every one that is not there
 */
export async function readRegisteredDefinitions(
  { ecs }: Pick<Clients, "ecs">,
  stack: Stack,
): Promise<Observation["existing"]> {
  const problems: Problem[] = [];
  const found = await Promise.all(
    writtenDefinitions(stack).map(async ({ definition, of }) => {
      if (of.kind !== "registered") return [];
      const read = await definitionNamed(ecs, of.name);
      if (read !== null) return [[definition, existingLive(read.content, showRevision(read.revision))] as const];
      problems.push({
        where: of.place,
        what: `ECS has no task definition ${quote(of.name)} in this account and region.`,
        fix: "Check the name: `aws ecs list-task-definition-families` lists the families that have an active revision.",
      });
      return [];
    }),
  );
  if (problems.length > 0) throw refusal(problems);
  return Object.fromEntries(found.flat());
}
