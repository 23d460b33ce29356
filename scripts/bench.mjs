// `npm run bench -- NAME [--json]`, from a clone where nothing was installed yet.
import { spawn } from "node:child_process";
import { ready } from "./ready.mjs";

const bench = spawn(await ready(), ["bench/run.ts", ...process.argv.slice(2)], { stdio: "inherit" });
bench.once("exit", (code) => process.exit(code ?? 1));
