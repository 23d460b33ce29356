import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "../../is-alive.ts";
import { openProcesses, type Processes } from "../../local-aws/backing/processes.ts";
import { startServer } from "../../local-aws/backing/server.ts";

let folder: string;
let processes: Processes;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "processes-"));
  processes = await openProcesses(folder);
});
afterEach(() => processes.close());

test("a process inherits nothing", async () => {
  process.env["OF_THE_BED"] = "x";
  const child = shell('printf %s "$OF_THE_BED$MINE"', { MINE: "mine" });
  delete process.env["OF_THE_BED"];
  expect(await output(child)).toBe("mine");
});

test("two beds have different blocks of addresses", async () => {
  const other = await openProcesses(mkdtempSync(join(tmpdir(), "processes-")));
  expect(other.block).not.toBe(processes.block);
  await other.close();
});

test("what a process leaves in its group ends with it", async () => {
  const child = shell("sleep 600 & echo $!; exit 0");
  const left = Number(await output(child));
  expect(isAlive(left)).toBe(false);
});

test("the end of a bed reaches processes in sessions of their own, and takes its folder", async () => {
  const child = shell("setsid sleep 600 >/dev/null 2>&1 & echo $!; exec sleep 600");
  const [line] = (await once(child.stdout ?? child, "data")) as [Buffer];
  const left = Number(line.toString("utf8"));
  expect(isAlive(left)).toBe(true);
  await processes.close();
  expect([child.pid ?? 0, left].filter(isAlive)).toEqual([]);
  expect(existsSync(folder)).toBe(false);
});

describe("a server that does not come up", () => {
  const request = {
    name: "the server",
    args: [],
    environment: {},
    ready: async () => false,
    stopSignal: "SIGTERM",
  } as const;

  test("is reported with its last words", async () => {
    const program = join(folder, "server");
    writeFileSync(program, "#!/bin/sh\necho first\necho the reason >&2\nexit 3\n", { mode: 0o755 });
    const started = startServer(processes, { ...request, program, folder });
    await expect(started).rejects.toThrow(/^the server did not start: exit code 3\n(.*\n)*.*the reason/);
  });
});

function shell(script: string, environment: Readonly<Record<string, string>> = {}) {
  return processes.start({
    program: "/bin/sh",
    args: ["-c", script],
    folder,
    environment: { PATH: "/usr/bin:/bin", ...environment },
  });
}

async function output(child: ReturnType<typeof shell>): Promise<string> {
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(child, "close");
  return Buffer.concat(chunks).toString("utf8");
}

describe("When the watchdog was killed", () => {
  /** The only child of ours that runs the watchdog's program on this folder. */
  const watchdogOf = (of: string): number => {
    const isIt = (pid: string): boolean => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(of);
      } catch {
        return false;
      }
    };
    return Number(
      readdirSync("/proc").find((name) => /^\d+$/.test(name) && Number(name) !== process.pid && isIt(name)),
    );
  };

  test("nothing more is started, and an ordinary end leaves neither process nor folder", async () => {
    const own = mkdtempSync(join(tmpdir(), "processes-"));
    const bed = await openProcesses(own);
    const sleeper = { program: "/bin/sleep", args: ["600"], environment: {}, folder: "/" };
    const child = bed.start(sleeper);
    const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
    const watchdog = watchdogOf(own);
    process.kill(watchdog, "SIGKILL");
    while (existsSync(`/proc/${watchdog}`)) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(() => bed.start(sleeper)).toThrow("the watchdog of the bed is gone");
    await bed.close();
    expect(await ended).toBe("SIGKILL");
    expect(existsSync(own)).toBe(false);
  });
});
