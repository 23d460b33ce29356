/** `npm run bench -- NAME [--json] [--runs N] [--real-time]`: runs one benchmark and prints its table. */
import { parseArgs } from "node:util";
import { printRows, type Row } from "./rows.ts";

const benchmarks: Readonly<
  Record<string, () => Promise<{ readonly measure: (runs: number, isRealTime: boolean) => Promise<readonly Row[]> }>>
> = {
  start: () => import("./start.ts"),
  demo: () => import("./demo.ts"),
  tasks: () => import("./tasks.ts"),
  "run-task": () => import("./run-task.ts"),
  histories: () => import("./histories.ts"),
  release: () => import("./release.ts"),
  preview: () => import("./preview.ts"),
  verdict: () => import("./verdict.ts"),
  scenarios: () => import("./scenarios.ts"),
  images: () => import("./images.ts"),
  containers: () => import("./containers.ts"),
  dags: () => import("./dags.ts"),
  definitions: () => import("./definitions.ts"),
};

const { values, positionals } = parseArgs({
  options: {
    "real-time": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    runs: { type: "string", default: "15" },
  },
  allowPositionals: true,
});
const [name = ""] = positionals;
const load = benchmarks[name];
if (load === undefined) {
  console.error(`Which benchmark? There are ${Object.keys(benchmarks).join(", ")}.`);
  process.exit(1);
}
const { measure } = await load();
const rows = await measure(Number(values.runs), values["real-time"]);
if (values.json) console.log(JSON.stringify({ name, rows }));
else if (rows.length > 0) printRows(name, rows);
process.exit(0);
