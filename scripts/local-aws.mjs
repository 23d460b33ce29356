// AWS on this machine with what a stack needs, from a clone where nothing was installed yet.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ready } from "./ready.mjs";

const from = process.cwd();
const node = await ready("scripts/local-aws/options.ts");
const aws = spawn(node, ["scripts/local-aws/main.ts", "--from", from, ...process.argv.slice(2)], { stdio: "inherit" });
// A terminal sends Ctrl-C to both: AWS ends its own things, and this process waits for it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => signal !== "SIGINT" && aws.kill(signal));
aws.once("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
