import { join } from "node:path";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { ask, ProgramFailed, run } from "../programs/index.ts";
import type { DagsRequest } from "./request.ts";

/** Definitions that Dagster does not load. */
export interface DefinitionsFault {
  /** Null: a signal ended it. */
  readonly exitCode: number | null;
}

/**
 * Lets the Dagster of this machine load the definitions. That imports the code: no variable that lets it into AWS or GitHub goes with it.
 * @returns null when they are good, or when nobody asked, or there is no Dagster and none is required.
 */
export async function definitionsFault(
  context: Context,
  { validate = null, root, directory, place }: DagsRequest,
): Promise<DefinitionsFault | null> {
  if (validate === null) return null;
  const folder = join(root, directory);
  const find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('dagster') is None)";
  const found = await ask("python3", ["-c", find], "/"); // not in the checkout: a folder of that name would be found
  if (found.exitCode !== 0) {
    if (!validate.isRequired) return null;
    throw new UserError({
      what: "The definitions cannot be tried: the python3 of this job has no package dagster.",
      where: place,
      fix: "Install the lock file of the image in an earlier step, and put its Python on the PATH; or `validate: off`.",
    });
  }
  try {
    await run(context, {
      command: "python3",
      args: ["-m", "dagster", "definitions", "validate", "-m", validate.module, "-d", folder],
      cwd: folder,
      variables: "guest",
      environment: { PYTHONDONTWRITEBYTECODE: "1" },
      output: "report",
    });
    return null;
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error;
    return { exitCode: error.exitCode };
  }
}
