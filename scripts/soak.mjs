// Every cut of a release with real processes, from a clone where nothing was installed yet.
import { spawn } from "node:child_process";
import { ready } from "./ready.mjs";

const node = await ready("scripts/soak/options.ts");
const soak = spawn(node, ["scripts/soak/main.ts", ...process.argv.slice(2)], { stdio: "inherit" });
// A terminal sends Ctrl-C to both: the soak closes what it has open, and this process waits for it.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => signal !== "SIGINT" && soak.kill(signal));
soak.once("exit", (code) => process.exit(code ?? 1));
