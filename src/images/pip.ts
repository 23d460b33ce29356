import type { Context } from "../domain/context.ts";
import type { Advice } from "../domain/errors.ts";
import { type Program, run } from "../programs/index.ts";

/**
 * pip as `python3 -m pip` starts it, but for the folder that it is started in: that is somebody's checkout, and a `pip.py` in it, or a
 * module of any name that pip imports, would be run with all that this job may do. Python has an option for that from 3.11 on only.
 */
const pip =
  "import sys; sys.path[:] = [path for path in sys.path if path]; import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)";

/** As variables, since a pip that does not know one of them lets it be. */
const settings = {
  PIP_USER: "0", // cannot be together with --target
  PIP_ROOT_USER_ACTION: "ignore",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_NO_INPUT: "1",
};

/** What to do when there is none. */
export const withoutPip: Advice = {
  what: "The python3 of this job has no pip.",
  where: "python3 -m pip",
  fix: "Put actions/setup-python before this step, or install pip for python3.",
};

/** Runs pip to its end. @throws ProgramFailed, UserError as {@link run} does */
export async function runPip(
  context: Context,
  args: readonly string[],
  { environment, ...program }: Pick<Program, "cwd" | "environment" | "variables">,
): Promise<void> {
  await run(context, {
    ...program,
    command: "python3",
    args: ["-c", pip, ...args],
    environment: { ...settings, ...environment },
    output: "report",
  });
}
