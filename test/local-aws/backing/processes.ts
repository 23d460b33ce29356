import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What to start. The environment is complete: nothing is inherited. */
export interface ProcessRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  /** Another user to run as; only root can ask for one. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** All processes of one bed. Whatever is started here is gone when the bed is, however the bed ends. */
export interface Processes {
  /** The bed's block of loopback addresses: `127.77`. Nobody else's as long as the bed lives. */
  readonly block: string;
  /** In the environment of a process, whoever starts it: it then ends with the bed at the latest. */
  readonly mark: Readonly<Record<string, string>>;
  /** Starts a process as leader of its own group, with its output piped. */
  start(request: ProcessRequest): ChildProcess;
  /** Ends all that still runs, removes the bed's folder, and resolves when both are gone. */
  close(): Promise<void>;
}

/** In the environment of every process of a bed; the watchdog finds stragglers by it. */
const markVariable = "LOCAL_AWS_BED";

/**
 * Starts the watchdog of a bed, and with it the right to start processes.
 * @param folder the bed's own folder, removed at the end.
 */
export async function openProcesses(folder: string): Promise<Processes> {
  const mark = randomUUID();
  const watchdog = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      fileURLToPath(new URL("watchdog-process.ts", import.meta.url)),
      `${markVariable}=${mark}`,
      folder,
    ],
    { detached: true, stdio: ["pipe", "pipe", "inherit"], env: {} },
  );
  watchdog.stdin.on("error", () => {
    // The watchdog was killed; the bed is none the worse for it until it is killed too.
  });
  const gone = new Promise<void>((resolve) => watchdog.once("close", () => resolve()));
  const block = await firstLine(watchdog.stdout);
  const wrapper = parentDeathSignal();

  return {
    block,
    mark: { [markVariable]: mark },
    start: ({ program, args, environment, folder: cwd, user }) => {
      const [command = program, ...rest] = user === undefined ? [...wrapper, program, ...args] : [program, ...args];
      const options: SpawnOptions = {
        cwd,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...environment, [markVariable]: mark },
        ...user,
      };
      const child = spawn(command, rest, options);
      // Whoever waits for the child hears of it as well; nobody else must fall over it.
      child.on("error", () => undefined);
      const { pid } = child;
      if (pid !== undefined) {
        watchdog.stdin.write(`+${pid}\n`);
        child.once("exit", () => {
          killGroup(pid);
          watchdog.stdin.write(`-${pid}\n`);
        });
      }
      return child;
    },
    close: async () => {
      watchdog.stdin.end();
      await gone;
    },
  };
}

/** SIGKILL to a process and all it has started in its group. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in the group.
  }
}

/** Where a program is, as a shell with this PATH would find it. @returns null when there is no such program. */
export function findProgram(program: string, path: string): string | null {
  const candidates = program.includes("/") ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** util-linux's setpriv has the kernel end a process with its parent: at once, and without the watchdog. */
function parentDeathSignal(): readonly string[] {
  const setpriv = findProgram("setpriv", "/usr/bin:/bin");
  return setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"];
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stream })) return line;
  throw new Error("the watchdog of the bed ended before it had claimed a block of addresses");
}
