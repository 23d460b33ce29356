import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createJumpingClock } from "../../local-aws/jumping/jumping-clock.ts";
import { openSleepers, type Sleepers } from "../../local-aws/jumping/sleepers.ts";

async function run(sleepers: Sleepers, command: string, ...given: readonly string[]): Promise<readonly number[]> {
  const env = { PATH: process.env["PATH"] ?? "", ...sleepers.environment() };
  const child = spawn(command, given, { env, stdio: ["ignore", "pipe", "inherit"] });
  const said = await text(child.stdout);
  return said.trim().split("\n").map(Number);
}

const programs = [
  {
    language: "Node",
    command: process.execPath,
    given: [
      "--input-type=module",
      "-e",
      `import { setTimeout as sleep } from "node:timers/promises";
       const say = () => console.log(Date.now());
       say();
       setTimeout(() => say(), 1_800_000);
       await sleep(3_600_000);
       say();
       setTimeout(() => {}, 86_400_000).unref();`,
    ],
  },
  {
    language: "Python",
    command: "python3",
    given: [
      "-c",
      `import time, datetime
print(time.time() * 1000)
time.sleep(1800)
print(datetime.datetime.now().timestamp() * 1000)
time.sleep(1800)
print(time.time() * 1000)`,
    ],
  },
];

describe.each(programs)("A program of $language on the bed's clock", ({ command, given }) => {
  test("sleeps through an hour at once, and what is due meanwhile happens in time", async () => {
    const clock = createJumpingClock();
    const sleepers = await openSleepers(clock);
    const begun = clock.now();
    const seen: number[] = [];
    for (const seconds of [600, 1200]) clock.after(seconds * 1000, () => seen.push((clock.now() - begun) / 1000));
    const told = (await run(sleepers, command, ...given)).map((at) => (at - begun) / 1000);
    await sleepers.close();
    expect(seen).toEqual([expect.closeTo(600, 0), expect.closeTo(1200, 0)]);
    const [first = Number.NaN, ...later] = told;
    // Its work goes at the machine's pace, which is not asserted here.
    expect(later.map((at) => Math.floor((at - first) / 60))).toEqual([30, 60]);
    expect(Math.floor((clock.now() - begun) / 3_600_000)).toBe(1);
  }, 60_000);
});

test("A jump ends where somebody is woken by something else", async () => {
  const clock = createJumpingClock();
  const begun = clock.now();
  clock.after(40_000, () => clock.interrupt());
  await clock.jumpTo(begun + 3_600_000);
  expect(Math.floor((clock.now() - begun) / 1000)).toBe(40);
});

test("A program that waits for an answer, or for a program of its own, does not sleep: it takes as long as that takes", async () => {
  const server = createServer((_request, response) => void setTimeout(() => response.end("late"), 300));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const clock = createJumpingClock();
  const sleepers = await openSleepers(clock);
  const code = `import { spawn } from "node:child_process";
    const say = () => console.log(Date.now());
    const alarm = setTimeout(() => {}, 3_600_000);
    say();
    await (await fetch("http://127.0.0.1:${port}")).text();
    say();
    await new Promise((ended) => spawn("sleep", ["0.3"]).once("close", ended));
    say();
    clearTimeout(alarm);`;
  const [first = 0, ...later] = await run(sleepers, process.execPath, "--input-type=module", "-e", code);
  await sleepers.close();
  server.close();
  expect(later).toHaveLength(2);
  for (const at of later) expect(at - first).toBeLessThan(3_600_000);
}, 60_000);
