/** Records the command line in a terminal, on an AWS of this machine: `npm run record`. Writes docs/pictures/terminal.cast. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { openProcessAccount } from "../test/releases/processes/account.ts";
import { machinePython } from "../test/local-aws/backing/machine-python.ts";
import { castPath } from "./generate/pictures.ts";
import { writeCast } from "./pictures/terminal.ts";

const columns = 100;
const program = resolve("dist/dagster-ecs/index.js");
/** What is shown: a change of code, on a stack that runs. */
const commands = [["plan"], ["deploy"], ["history", "--limit", "2"]];
const instance = `telemetry: { enabled: false }
run_monitoring: { enabled: true }
run_launcher: { module: dagster_aws.ecs, class: EcsRunLauncher, config: { run_task_kwargs: { launchType: FARGATE } } }
`;

const account = await openProcessAccount();
const events: { seconds: number; text: string }[] = [];
let begun = 0;
const told = (text: string): void => void events.push({ seconds: Math.round(performance.now() - begun) / 1000, text });
try {
  account.checkout.git("remote", "add", "origin", "git@github.com:owner/small.git");
  const { workspace, environment } = account.job(1);
  const { executable } = await machinePython();
  const inTerminal = async (words: readonly string[], hear: (text: string) => void): Promise<void> => {
    const script = resolve("test/runner/terminal.py");
    const child = spawn(executable, [script, String(columns), "", process.execPath, program, ...words], {
      cwd: workspace,
      env: { PATH: process.env["PATH"], HOME: workspace, ...environment, TERM: "xterm-256color" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.setEncoding("utf8").on("data", hear);
    await new Promise((done) => child.once("close", done));
  };
  await account.checkout.write("dagster.yaml", instance);
  account.checkout.commit("Watch runs");
  await inTerminal(["deploy"], () => undefined);
  await account.checkout.write("app/main.py", "VERSION = 2\n");
  account.checkout.commit("Count from two");
  begun = performance.now();
  for (const words of commands) {
    told(`$ dagster-ecs ${words.join(" ")}\r\n`);
    await inTerminal(words, told);
    told("\r\n");
  }
} finally {
  await account.close();
}
writeFileSync(castPath, writeCast({ columns, events }));
console.log(`${castPath} written; npm run generate makes the picture of it`);
process.exit();
