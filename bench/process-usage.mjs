// Loaded before the measured program: writes what the process used, at its very end, to the file BENCH_USAGE, else to file descriptor 3.
import { writeFileSync, writeSync } from "node:fs";

process.once("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const usage = { cpuMilliseconds: (userCPUTime + systemCPUTime) / 1000, maxMebibytes: maxRSS / 1024 };
  const file = process.env["BENCH_USAGE"];
  if (file === undefined) writeSync(3, JSON.stringify(usage));
  else writeFileSync(file, JSON.stringify(usage));
});
