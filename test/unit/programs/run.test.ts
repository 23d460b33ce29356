import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Context, Progress } from "../../../src/domain/context.ts";
import { Cancelled, UserError } from "../../../src/domain/errors.ts";
import { type Program, ProgramFailed, run } from "../../../src/programs/index.ts";
import { errorOf } from "../../error-of.ts";
import { isAlive } from "../../is-alive.ts";

function context(signal = new AbortController().signal): Context & { readonly lines: string[] } {
  const lines: string[] = [];
  const report = (progress: Progress): void => {
    if (progress.kind === "foreign") lines.push(progress.text.untrusted);
  };
  const clock = { now: () => Date.now(), sleep: (ms: number) => sleep(ms) };
  return { clock, signal, report, lines };
}

const shell = (script: string, rest: Partial<Program> = {}): Program => ({
  command: "sh",
  args: ["-c", script],
  output: "report",
  ...rest,
});

describe("run", () => {
  test("an argument is one word, whatever it holds", async () => {
    const words = ["a b", "$(id)", "'\"", "", "*", "--"];
    const args = ["-e", "process.stdout.write(JSON.stringify(process.argv.slice(1)))", "--", ...words];
    const output = await run(context(), { command: process.execPath, args, output: "capture" });
    expect(JSON.parse(output)).toEqual(words);
  });

  test("lines of both streams are told as foreign text, and standard output is returned", async () => {
    const told = context();
    expect(await run(told, shell("echo one; echo two >&2; printf three"))).toBe("one\nthree\n");
    expect(told.lines.toSorted()).toEqual(["one", "three", "two"]);
  });

  test("captured output is returned byte for byte and not told; standard error is", async () => {
    const told = context();
    expect(await run(told, shell("printf 'a\\0b\\nc'; echo oops >&2", { output: "capture" }))).toBe("a\0b\nc");
    expect(told.lines).toEqual(["oops"]);
  });

  test("it reads its input, works in its folder, and has its own variables beside ours", async () => {
    const folder = await mkdtemp(join(tmpdir(), "run-"));
    try {
      const program = shell('cat; pwd; echo "$ADDED"; test -n "$PATH"', {
        input: "in\n",
        cwd: folder,
        environment: { ADDED: "yes" },
      });
      expect(await run(context(), program)).toBe(`in\n${folder}\nyes\n`);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("one that is to have its own variables gets no others, and is found all the same", async () => {
    process.env["A_TOKEN_OF_THE_JOB"] = "secret";
    try {
      const script = "env | cut -d= -f1 | sort | tr '\\n' ' '";
      const own = await run(context(), shell(script, { variables: "own", environment: { ADDED: "yes" } }));
      // A shell sets these by itself.
      const names = own
        .trim()
        .split(" ")
        .filter((name) => !["_", "OLDPWD", "PWD", "SHLVL", "LD_LIBRARY_PATH"].includes(name));
      expect(names).toEqual(["ADDED", "PATH"]);
      expect(await run(context(), shell(script))).toContain("A_TOKEN_OF_THE_JOB");
    } finally {
      delete process.env["A_TOKEN_OF_THE_JOB"];
    }
  });

  test("a program that does not read its input is judged by its exit code", async () => {
    expect(await run(context(), shell("echo done", { input: "x".repeat(1 << 20) }))).toBe("done\n");
  });

  test("a failure holds the exit code and the last line of standard error", async () => {
    const error = await errorOf(run(context(), shell("echo first >&2; echo last >&2; echo >&2; exit 3")));
    expect(error).toBeInstanceOf(ProgramFailed);
    expect(error).toMatchObject({
      exitCode: 3,
      lastLine: { untrusted: "last" },
      errors: { untrusted: "first\nlast\n" },
    });
    expect(String(error)).toContain("exit code 3");
    expect(String(error)).not.toContain("last");
  });

  test("a program that a signal ended has no exit code", async () => {
    const error = await errorOf(run(context(), shell("kill -9 $$")));
    expect(error).toMatchObject({ exitCode: null, message: "sh ended with signal SIGKILL" });
  });

  test("a program that is not there is said so", async () => {
    const error = await errorOf(run(context(), { command: "no-such-program", args: [], output: "report" }));
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain("no-such-program cannot be started");
  });

  test.each([
    ["that ends when asked", "sleep 60 & echo $! $$; wait"],
    ["that does not listen", "trap '' TERM; sleep 60 & echo $! $$; while :; do wait; done"],
  ])("a cancelled program %s is gone, with all that it has started", async (_, script) => {
    const controller = new AbortController();
    const told = context(controller.signal);
    const running = errorOf(run({ ...told, clock: { ...told.clock, sleep: () => sleep(50) } }, shell(script)));
    while (told.lines.length === 0) await sleep(5);
    controller.abort(new Cancelled());
    expect(await running).toBeInstanceOf(Cancelled);
    const pids = (told.lines[0] ?? "").split(" ").map(Number);
    expect(pids).toHaveLength(2);
    while (pids.some(isAlive)) await sleep(10); // a killed one is gone a moment after it was told; this test has its limit
  });

  const leftBehind = [
    "import subprocess, sys, time",
    "left = subprocess.Popen(['sleep', '60'], start_new_session=True)",
    "print(left.pid, flush=True)",
  ].join("\n");

  test.each(["report", "capture"] as const)(
    "a program that leaves one behind which keeps its output open is done all the same (%s)",
    async (output) => {
      const text = await run(context(), { command: "python3", args: ["-c", leftBehind], output });
      const pid = Number(text);
      expect(isAlive(pid)).toBe(true);
      process.kill(pid);
    },
    20_000,
  );

  test("one that was cancelled is done, whoever keeps its output open", async () => {
    const controller = new AbortController();
    const told = context(controller.signal);
    const args = [
      "-c",
      `${leftBehind}\nimport signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on', flush=True)\ntime.sleep(60)`,
    ];
    const clock = { ...told.clock, sleep: () => sleep(50) };
    const running = errorOf(run({ ...told, clock }, { command: "python3", args, output: "report" }));
    while (told.lines.length < 2) await sleep(5);
    controller.abort(new Cancelled());
    expect(await running).toBeInstanceOf(Cancelled);
    process.kill(Number(told.lines[0]));
  }, 20_000);

  test("nothing is started once the signal is aborted", async () => {
    const folder = await mkdtemp(join(tmpdir(), "run-"));
    try {
      const error = await errorOf(
        run(context(AbortSignal.abort(new Cancelled())), shell(`echo x > ${join(folder, "made")}`)),
      );
      expect(error).toBeInstanceOf(Cancelled);
      expect(await errorOf(readFile(join(folder, "made")))).toMatchObject({ code: "ENOENT" });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
