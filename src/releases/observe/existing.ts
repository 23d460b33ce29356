import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Place } from "../../domain/errors.ts";
import { type Problem, quote, refusal, StackFileError } from "../../stack/problems.ts";
import type { Stack } from "../../stack/index.ts";
import { environmentFile, existingFile } from "../../task-definitions/existing.ts";
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
