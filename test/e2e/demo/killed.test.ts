import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

// The demo is ended while its first step makes images: two pips and all of AWS are under way then.

let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), "killed-demo-"));
  chmodSync(temporary, 0o755); // PostgreSQL may run as somebody else
});
afterEach(() => rmSync(temporary, { recursive: true, force: true }));

interface Started {
  readonly demo: ChildProcess;
  /** The process that `npm run demo` only waits for. */
  readonly main: number;
  readonly errors: Promise<string>;
}

/** Resolves when pip is at work. */
async function start(): Promise<Started> {
  const demo = spawn(process.execPath, ["scripts/demo.mjs", "--exit"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: temporary },
    detached: true,
  });
  const errors = text(demo.stderr);
  const lines = createInterface({ input: demo.stdout });
  await new Promise<void>((resolve) => lines.on("line", (line) => /│ .*installing/i.test(line) && resolve()));
  const main = childOf(demo.pid ?? 0);
  return { demo, main, errors };
}

function childOf(parent: number): number {
  const found = readdirSync("/proc").find((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/status`, "utf8").includes(`\nPPid:\t${parent}\n`);
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`process ${parent} has no child`);
  return Number(found);
}

async function nothingLeft(): Promise<void> {
  for (let waited = 0; readdirSync(temporary).length > 0 && waited < 300; waited += 1) await sleep(100);
  expect(readdirSync(temporary)).toEqual([]);
}

test.each<[how: string, end: (started: Started) => void, code: number, words: RegExp]>([
  ["Ctrl-C", ({ main }) => process.kill(main, "SIGINT"), 130, /^$/],
  ["SIGKILL", ({ main }) => process.kill(main, "SIGKILL"), 137, /^The demo was killed \(SIGKILL\)/],
  ["the end of its terminal", ({ demo }) => process.kill(-(demo.pid ?? 0), "SIGHUP"), 130, /^$/],
])("after %s no folder is left, and it says how it ended", async (_how, end, code, words) => {
  const started = await start();
  const exited = once(started.demo, "exit");
  end(started);
  expect(await exited).toEqual([code, null]);
  expect(await started.errors).toMatch(words);
  await nothingLeft();
});

test("after a second Ctrl-C no folder is left either", async () => {
  const { demo, main } = await start();
  const exited = once(demo, "exit");
  process.kill(main, "SIGINT");
  await sleep(300);
  process.kill(main, "SIGINT");
  expect(await exited).toEqual([130, null]);
  await nothingLeft();
});
