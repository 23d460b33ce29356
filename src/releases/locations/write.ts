import { readFile, realpath, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../domain/errors.ts";
import { readStackFile, type StackLocation } from "../open.ts";
import type { Change } from "./change.ts";

/** The stack file as it is now. @throws UserError when it cannot be read */
export function stackFileTextOf({ root, file, folder }: StackLocation): Promise<string> {
  return readStackFile(root, file, folder);
}

/**
 * Writes the stack file, whole or not at all.
 * @throws UserError when somebody else has changed it meanwhile
 */
export async function writeChange(
  { root }: Pick<StackLocation, "root">,
  { file, before, after }: Change,
): Promise<void> {
  const path = await realpath(join(root, file));
  if ((await readFile(path, "utf8")) !== before) {
    throw new UserError({
      what: "The stack file was changed while you were asked.",
      where: file,
      fix: "Look at it, and give the command again. Nothing was written.",
    });
  }
  const beside = `${path}.${process.pid}`;
  await writeFile(beside, after, { mode: (await stat(path)).mode });
  await rename(beside, path);
}
