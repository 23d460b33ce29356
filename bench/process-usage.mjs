// Loaded before the measured program: writes what the process used, at its very end, to file descriptor 3.
import { writeSync } from "node:fs";

process.once("exit", () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeSync(3, JSON.stringify({ cpuMilliseconds: (userCPUTime + systemCPUTime) / 1000, maxMebibytes: maxRSS / 1024 }));
});
