import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "ready-"));
  cpSync("scripts/ready.mjs", join(root, "scripts/ready.mjs"));
  cpSync("scripts/demo/options.ts", join(root, "scripts/demo/options.ts"));
  writeFileSync(join(root, "package-lock.json"), "{}");
  writeFileSync(
    join(root, "scripts/start.mjs"),
    'import { ready } from "./ready.mjs";\nconsole.log(await ready("scripts/demo/options.ts"));\n',
  );
  mkdirSync(join(root, "bin"));
});
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));

/** In the place of npm, which would take minutes: refuses a folder that is there, and two at once, as npm stumbles over them. */
function npmThat(ends = "exit 0"): void {
  const program = `#!/bin/sh
echo "$@" >> calls
mkdir node_modules || exit 7
touch begun
while [ -e hold ]; do sleep 0.05; done
mkdir -p node_modules/.bin && touch node_modules/.bin/node
${ends}
`;
  writeFileSync(join(root, "bin/npm"), program);
  chmodSync(join(root, "bin/npm"), 0o755);
}

interface Started {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly code: Promise<unknown>;
}

function start(...args: readonly string[]): Started {
  const child = spawn(process.execPath, ["scripts/start.mjs", ...args], {
    cwd: root,
    env: { PATH: `${join(root, "bin")}:/usr/bin:/bin` },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (text += String(part)));
  return { child, said: () => text, code: once(child, "close").then(([code]: unknown[]) => code) };
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await pause(20);
}

const calls = (): readonly string[] => readFileSync(join(root, "calls"), "utf8").trim().split("\n");

test("two at once install once, and the second waits for the first", async () => {
  npmThat();
  writeFileSync(join(root, "hold"), "");
  const first = start();
  await until(() => existsSync(join(root, "begun")));
  const second = start();
  await until(() => second.said().includes("waiting for it"));
  rmSync(join(root, "hold"));
  expect([await first.code, await second.code]).toEqual([0, 0]);
  expect(calls()).toEqual(["ci --ignore-scripts --no-audit --no-fund --loglevel=error"]);
  expect(second.said()).toContain("node_modules/.bin/node");
  expect(existsSync(join(root, ".installing"))).toBe(false);
});

test("what an install has left that was cut off is taken away, once its npm is over", async () => {
  npmThat();
  writeFileSync(join(root, "hold"), "");
  const first = start();
  await until(() => existsSync(join(root, "begun")));
  first.child.kill("SIGKILL");
  await once(first.child, "exit"); // its npm goes on
  const second = start();
  await until(() => second.said().includes("waiting for it"));
  rmSync(join(root, "hold"));
  expect(await second.code).toBe(0);
  expect(calls()).toHaveLength(2);
});

test("an npm that fails is told with what heals, and the next one begins anew", async () => {
  npmThat("exit 3");
  const first = start();
  expect(await first.code).toBe(1);
  expect(first.said()).toContain("rm -rf node_modules");
  npmThat();
  expect(await start().code).toBe(0);
});

test("help is shown before anything is installed", async () => {
  const asked = start("--help");
  expect(await asked.code).toBe(0);
  expect(asked.said()).toContain("npm run demo [-- options]");
  expect(existsSync(join(root, "calls"))).toBe(false);
});
