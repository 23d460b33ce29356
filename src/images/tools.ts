import { type Advice, UserError } from "../domain/errors.ts";
import { ask } from "../programs/index.ts";
import { withoutTool } from "./export-lock.ts";
import type { Lock } from "./lock.ts";
import { withoutPip } from "./pip.ts";
import type { ImageRequest } from "./request.ts";

/** What a check of this job's tools has to say; null when it is content. */
export async function lackOf(check: () => Promise<void>): Promise<Advice | null> {
  try {
    await check();
    return null;
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

/** Are the programs there that install what a lock file names? @throws UserError */
export async function checkTools(
  { root, requirements }: Pick<ImageRequest, "root" | "requirements">,
  { exporter }: Lock,
): Promise<void> {
  if (!(await answers("python3", ["-I", "-c", "import pip"], root))) throw new UserError(withoutPip);
  if (exporter !== null && !(await answers(exporter.tool, ["--version"], root)))
    throw new UserError(withoutTool(exporter.tool, requirements ?? ""));
}

async function answers(command: string, args: readonly string[], cwd: string): Promise<boolean> {
  try {
    return (await ask(command, args, cwd)).exitCode === 0;
  } catch (error) {
    if (error instanceof UserError) return false; // there is no program of that name
    throw error;
  }
}
