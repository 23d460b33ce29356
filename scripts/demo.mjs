// The demo, from a clone where nothing was installed yet: Node 20 or newer is enough to get the rest.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ready } from "./ready.mjs";

const node = await ready("scripts/demo/options.ts");
const demo = spawn(node, ["scripts/demo/main.ts", ...process.argv.slice(2)], { stdio: "inherit" });
// A terminal sends Ctrl-C to both: the demo ends its own things, and this process waits for it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => signal !== "SIGINT" && demo.kill(signal));
demo.once("exit", (code, signal) => {
  if (signal !== null && signal !== "SIGINT") {
    console.error(
      `The demo was killed (${signal}). All that it has started ends within some seconds, and its folder goes.`,
    );
  }
  process.exit(code ?? 128 + constants.signals[signal]);
});
