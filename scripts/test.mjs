// Everything that CI runs: `npm test`. Works on a clean clone, on Debian 12 or newer, as root or with sudo.
// What could not run is named on a `not run: …` line; the last line is `N passed, N failed`.
import { spawn } from "node:child_process";
import { ready } from "./ready.mjs";

const node = await ready();
const tests = spawn(node, ["scripts/test/main.ts", ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => tests.kill(signal));
tests.once("exit", (code) => process.exit(code ?? 1));
