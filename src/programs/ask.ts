import { getExecOutput } from "@actions/exec";
import { UserError } from "../domain/errors.ts";

/** What a program said that answers at once. */
export interface Answer {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

/**
 * Asks a program something small: all it says is kept, none of it is shown, any exit code is an answer.
 * @throws UserError when there is no such program.
 */
export async function ask(command: string, args: readonly string[], cwd: string): Promise<Answer> {
  try {
    const { exitCode, stdout, stderr } = await getExecOutput(command, [...args], {
      cwd,
      env: Object.fromEntries(Object.entries(process.env).flatMap(([name, value = ""]) => [[name, value]])),
      silent: true,
      ignoreReturnCode: true,
    });
    return { exitCode, output: stdout, errors: stderr };
  } catch (cause) {
    const fix = `Install ${command}, or put its folder on the PATH.`;
    throw new UserError({ what: `The program ${command} cannot be started.`, where: cwd, fix }, { cause });
  }
}
