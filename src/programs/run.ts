import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";

/** A program and its arguments. There is no shell in between: an argument is one word whatever it holds. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Beside what this process was given itself. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * What it gets of what this process was given; all of it, unless told.
   * - `own`: only where programs and libraries are.
   * - `guest`: all but what lets us into AWS and GitHub, for code that somebody else wrote.
   */
  readonly variables?: "all" | "own" | "guest";
  /** What it reads from its standard input; nothing when left out. */
  readonly input?: string;
  /** `report`: each line becomes progress. `capture`: standard output is kept quiet, only standard error is progress. */
  readonly output: "report" | "capture";
}

/** A program ended, and not well. What it said is foreign text. */
export class ProgramFailed extends Error {
  override readonly name = "ProgramFailed";
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  /** The last line that is not blank of what it wrote to standard error. */
  readonly lastLine: Untrusted | null;
  /** Its last hundred lines on standard error. */
  readonly errors: Untrusted;

  constructor(command: string, ended: string, exitCode: number | null, errors: readonly string[]) {
    super(`${command} ended with ${ended}`);
    const last = errors.findLast((line) => line.trim() !== "");
    this.exitCode = exitCode;
    this.lastLine = last === undefined ? null : untrusted(last);
    this.errors = untrusted(errors.join("\n"));
  }
}

/** From SIGTERM to SIGKILL. */
const graceMilliseconds = 5_000;
/** From a program's end to that of its output: what it has left behind may hold that open for ever. */
const pipesMilliseconds = 1_000;
const keptLines = 100;

/**
 * Runs a program to its end. The context's signal ends it and all that it has started: SIGTERM, and SIGKILL five seconds later. What has
 * taken a session of its own is not ended by that, and is not waited for: a second after the program nothing is read any more.
 *
 * Not `@actions/exec`: it gives no hold on the child, so that what it has started cannot be cancelled.
 *
 * @returns what it wrote to standard output.
 * @throws ProgramFailed for an exit code other than 0, UserError when there is no such program, and the signal's reason.
 */
export async function run(context: Context, program: Program): Promise<string> {
  context.signal.throwIfAborted();
  const child = spawn(program.command, program.args, {
    ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
    env: { ...given(program.variables ?? "all"), ...program.environment },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true, // a process group of its own: a signal to the group reaches what the program has started
  });
  const ended = once(child, "close");
  let pipes: NodeJS.Timeout | undefined;
  child.once("exit", () => {
    // What came while this process was busy is read before its next immediate.
    pipes = setTimeout(() => setImmediate(() => closePipes(child)), pipesMilliseconds);
  });
  // A program that is gone before it has read everything is judged by its exit code, not by the broken pipe.
  child.stdin.on("error", () => undefined);
  child.stdin.end(program.input ?? "");

  const written: string[] = [];
  const errors: string[] = [];
  const tell = (line: string): void =>
    context.report({ kind: "foreign", from: program.command, text: untrusted(line) });
  const read = Promise.all([
    eachLine(child.stderr, (line) => {
      errors.push(line);
      if (errors.length > keptLines) errors.shift();
      tell(line);
    }),
    program.output === "capture"
      ? collect(child.stdout, written)
      : eachLine(child.stdout, (line) => {
          written.push(`${line}\n`);
          tell(line);
        }),
  ]);
  read.catch(() => undefined); // awaited below, unless the program could not even start

  const cancel = (): void => void endGroup(context, child, ended);
  context.signal.addEventListener("abort", cancel, { once: true });
  try {
    const [exitCode, signal] = (await ended) as [number | null, NodeJS.Signals | null];
    await read;
    context.signal.throwIfAborted();
    if (exitCode === 0) return written.join("");
    const how = exitCode === null ? `signal ${signal ?? "unknown"}` : `exit code ${exitCode}`;
    throw new ProgramFailed(program.command, how, exitCode, errors);
  } catch (error) {
    if (isMissing(error)) {
      throw new UserError(
        {
          what: `The program ${program.command} cannot be started: it, or the folder it was to work in, is not there.`,
          where: program.cwd ?? "the PATH of this job",
          fix: `Install ${program.command}, or put its folder on the PATH.`,
        },
        { cause: error },
      );
    }
    throw error;
  } finally {
    clearTimeout(pipes);
    context.signal.removeEventListener("abort", cancel);
  }
}

function given(variables: "all" | "own" | "guest"): NodeJS.ProcessEnv {
  if (variables === "own") return whereProgramsAre();
  if (variables === "all") return process.env;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !letsIn.test(name)));
}

/** Credentials, and the inputs, tokens and files of the runner. */
const letsIn = /^(AWS|GITHUB|GH|ACTIONS|INPUT|RUNNER|STATE)_/i;

/** What a program needs to be found, and to find its libraries: a Python of actions/setup-python has them in a folder of its own. */
function whereProgramsAre(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }),
  };
}

async function eachLine(stream: Readable, line: (text: string) => void): Promise<void> {
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  stream.once("close", () => lines.close()); // one that was cut has no end
  for await (const text of lines) line(text);
}

async function collect(stream: Readable, into: string[]): Promise<void> {
  stream.setEncoding("utf8").on("data", (text) => into.push(String(text)));
  await once(stream, "close");
}

async function endGroup({ clock }: Context, child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  const gone = ended.then(
    () => true,
    () => true,
  );
  signalGroup(child, "SIGTERM");
  const stillThere = await Promise.race([gone.then(() => false), clock.sleep(graceMilliseconds).then(() => true)]);
  if (!stillThere) return;
  signalGroup(child, "SIGKILL");
  closePipes(child);
}

function closePipes({ stdout, stderr }: ChildProcess): void {
  stdout?.destroy();
  stderr?.destroy();
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Node words a missing program and a missing working folder alike: ENOENT of the system call `spawn <program>`. */
function isMissing(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === "ENOENT" && syscall?.startsWith("spawn") === true;
}
