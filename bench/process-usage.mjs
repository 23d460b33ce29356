// Loaded before the measured program: writes what the process used, at its very end, to the file BENCH_USAGE, else to file descriptor 3.
import { readFileSync, writeFileSync, writeSync } from "node:fs";

process.once("exit", () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const usage = { cpuMilliseconds: (userCPUTime + systemCPUTime) / 1000, maxMebibytes: mostMemory() };
  const file = process.env["BENCH_USAGE"];
  if (file === undefined) writeSync(3, JSON.stringify(usage));
  else writeFileSync(file, JSON.stringify(usage));
});

/** Of this program alone: `maxRSS` of a process that was forked begins with what its parent had. Source: proc(5), VmHWM; getrusage(2). */
function mostMemory() {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kibibytes) / 1024;
}
