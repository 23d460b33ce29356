/** A bed to be killed: an in-process location in webserver and daemon, and a run of several processes that lingers. */
import { startStack, until } from "./stack.ts";

const stack = await startStack();
const digest = await stack.push({ release: "lingering" });
const workspace = "in-process.yaml";
await Promise.all((["daemon", "webserver"] as const).map((key) => stack.deploy(key, digest, { workspace })));
await until(() => stack.complete("daemon", "webserver"), Boolean);
await until(
  () => stack.location(),
  ({ kind }) => kind === "loaded",
);
await stack.launch("parallel");
await until(
  () => stack.logs("deal-flow-run"),
  (lines) => lines.some((line) => line.endsWith("lingering")),
);
process.stdout.write(`${JSON.stringify({ pid: process.pid, folder: stack.bed.folder })}\n`);
