/**
 * The bed as a process of its own.
 *
 *     node test/local-aws/main.ts '{"speed": 20, "port": 4566}'     options of startBed as JSON
 *
 * Prints one line of JSON when it is ready. Ends on SIGTERM and SIGINT, when whoever started it closes its input, and
 * on `POST /_bed/stop`.
 */
import { fstatSync } from "node:fs";
import { type BedOptions, startBed } from "./bed.ts";

const bed = await startBed(JSON.parse(process.argv[2] ?? "{}") as BedOptions);
const { url, account, region } = bed;
const { host, port, user } = bed.postgresql;
process.stdout.write(
  `${JSON.stringify({ url, account, region, pid: process.pid, postgresql: { host, port, user } })}\n`,
);

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void bed.close());
const input = fstatSync(0);
// Only a pipe can say that its other end is gone; /dev/null and a terminal cannot.
if (input.isFIFO() || input.isSocket()) process.stdin.resume().once("close", () => void bed.close());
await bed.closed;
process.exit(0);
