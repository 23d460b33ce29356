import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { type Row, row } from "./rows.ts";

const reportSchema = z.object({
  speed: z.number(),
  seconds: z.number(),
  stages: z.array(
    z.object({
      stage: z.string(),
      seconds: z.number(),
      servedAfterSeconds: z.number().nullable(),
      oursSeconds: z.number().nullable(),
    }),
  ),
});

/** The demo, twice; the second run counts: caches are warm then. There is no peer that does this. */
export async function measure(): Promise<readonly Row[]> {
  await demo();
  const { speed, seconds, stages } = await demo();
  const alone = (name: string, value: number): Row => row(`${name}, speed factor ${speed}`, "s", value, null);
  return [
    ...stages.map(({ stage, seconds: each }) => alone(`stage ${stage}`, each)),
    ...stages.flatMap(({ servedAfterSeconds, oursSeconds }) => [
      ...(servedAfterSeconds === null ? [] : [alone("code change commit-to-served", servedAfterSeconds)]),
      ...(oursSeconds === null ? [] : [alone("code change commit-to-served, ours", oursSeconds)]),
    ]),
    alone("whole demo", seconds),
  ];
}

async function demo(): Promise<z.infer<typeof reportSchema>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-demo-"));
  const report = join(folder, "report.json");
  try {
    const child = spawn(process.execPath, ["scripts/demo/main.ts", "--exit", "--report", report], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const code = await new Promise<number | null>((done) => child.once("exit", done));
    if (code !== 0) throw new Error(`the demo ended with exit code ${code}`);
    return reportSchema.parse(JSON.parse(await readFile(report, "utf8")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
