import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { machinePython } from "../local-aws/backing/machine-python.ts";

/** Somebody at a terminal, or a script. */
export interface Desk {
  readonly folder: string;
  /** AWS's endpoint and credentials. Nothing else is inherited but PATH. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface CommandResult {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

const program = resolve(import.meta.dirname, "../../dist/dagster-ecs/index.js");

/** Runs the command line as a process, its streams into pipes. */
export async function runCommand(desk: Desk, words: readonly string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [program, ...words], {
    cwd: desk.folder,
    env: environmentOf(desk),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const [output, errors, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exitCode, output, errors };
}

/** What somebody does at a terminal while a command runs. */
export interface Typing {
  readonly columns?: number;
  /** Ctrl-C, as soon as the terminal has shown this. */
  readonly interruptAt?: string;
  /** Keys in the place of Ctrl-C. */
  readonly answer?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** Runs it in a terminal of its own. `output` is all that the terminal was sent. */
export async function runInTerminal(
  desk: Desk,
  words: readonly string[],
  { columns = 100, interruptAt = "", answer = "\u0003", variables = {} }: Typing = {},
): Promise<Omit<CommandResult, "errors">> {
  const script = join(import.meta.dirname, "terminal.py");
  const args = [script, String(columns), interruptAt, answer, process.execPath, program, ...words];
  const { executable } = await machinePython();
  const child = spawn(executable, args, {
    cwd: desk.folder,
    env: { ...environmentOf(desk), TERM: "xterm-256color", ...variables },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const [output, exitCode] = await Promise.all([text(child.stdout), ended]);
  return { exitCode, output };
}

function environmentOf({ folder, environment }: Desk): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: folder, ...environment };
}
