import { DescribeTasksCommand, ECSClient } from "@aws-sdk/client-ecs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { type ActionScene, type MigrationStack, openActionScene } from "../test/e2e/migrations/action.ts";
import type { Bed } from "../test/local-aws/bed.ts";
import { type Job, runPost, startStep } from "../test/runner/run-step.ts";
import { forward } from "./forward.ts";
import { median, type Row, row } from "./rows.ts";
import { listen } from "../test/loopback.ts";

/** One-off tasks through the bundle, as processes: how soon their end is known, and how fast their log is followed. */
export async function measure(runs: number): Promise<readonly Row[]> {
  const scene = await openActionScene({ speed });
  try {
    const few = await followed(scene, "few", 100);
    const many = await followed(scene, "many", lineCount);
    const log = `a log of ${lineCount.toLocaleString("en-US")} lines`;
    return [
      ...(await ends(scene, runs)),
      row(`${log}, followed and written, goal 20,000`, "lines/s", many.linesPerSecond, null),
      row(`${log}, memory of the whole process, goal 120`, "MiB", many.maxMebibytes, null),
      row("a log of 100 lines, memory of the whole process", "MiB", few.maxMebibytes, null),
    ];
  } finally {
    await scene.close();
  }
}

/** Divides what ECS takes to provide a task and to take it away. */
const speed = 4;
const sideBySide = 4;
const lineCount = 100_000;

const python = (script: string): string => `tool: command, command: ["python3", "-c", ${JSON.stringify(script)}]`;
const files = { "empty.txt": "" };

/** Milliseconds after ECS has set a task to STOPPED. */
interface Lag {
  /** Until the log says how it ended. */
  readonly said: number;
  /** Until the process of the step is gone, its records and summary written. */
  readonly gone: number;
}

async function ends(scene: ActionScene, runs: number): Promise<readonly Row[]> {
  const database = await scene.database();
  const rounds = Math.ceil(runs / sideBySide);
  const lags = await Promise.all(
    Array.from({ length: sideBySide }, async (_, number): Promise<readonly Lag[]> => {
      const stack = await scene.stack(`side-${number}`);
      const found: Lag[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        // Tasks end at all times between two looks.
        const seconds = (1 + (((number * rounds + round) * 0.37) % 1)).toFixed(2);
        await stack.write(database, files, python(`import time; time.sleep(${seconds}); print("done")`));
        found.push(await lagOf(scene, stack, stack.job(round)));
      }
      return found;
    }),
  );
  const all = lags.flat();
  const figures = (name: string, of: keyof Lag): readonly Row[] => {
    const seconds = all.map((lag) => lag[of] / 1000).sort((a, b) => a - b);
    return [
      row(`${name}, median of ${all.length}, speed factor ${speed}`, "s", median(seconds), null),
      row(
        `${name}, p95, speed factor ${speed}`,
        "s",
        seconds[Math.ceil(seconds.length * 0.95) - 1] ?? Number.NaN,
        null,
      ),
    ];
  };
  return [
    ...figures("from STOPPED to the end of our wait", "said"),
    ...figures("from STOPPED to the end of the step", "gone"),
  ];
}

async function lagOf({ bed }: ActionScene, stack: MigrationStack, job: Job): Promise<Lag> {
  const step = await stack.build(job);
  let task = "";
  let saidAt = 0;
  const running = await startStep(job, step, (line) => {
    task = /: task (\w{32})$/.exec(line)?.[1] ?? task;
    if (line.startsWith("migrate/application: ")) saidAt = bed.clock.now();
  });
  const result = await running.result;
  const goneAt = bed.clock.now();
  await runPost(job, step, result);
  if (result.exitCode !== 0) throw new Error(result.log.join("\n"));
  const stoppedAt = await stopOf(bed, task);
  if (stoppedAt === undefined || saidAt === 0) throw new Error(`task ${task} has no end:\n${result.log.join("\n")}`);
  return { said: saidAt - stoppedAt, gone: goneAt - stoppedAt };
}

/** When ECS set a task to STOPPED, in milliseconds since 1970. */
async function stopOf({ url, region }: Bed, task: string): Promise<number | undefined> {
  const client = new ECSClient({
    endpoint: url,
    region,
    credentials: { accessKeyId: "bench", secretAccessKey: "secret" },
  });
  const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster: "small", tasks: [task] }));
  return tasks[0]?.stoppedAt?.getTime();
}

/** A log that CloudWatch gives as fast as it is asked for: what is measured is who reads it. */
async function followed(
  scene: ActionScene,
  name: string,
  count: number,
): Promise<{ readonly linesPerSecond: number; readonly maxMebibytes: number }> {
  const logs = await serveLines(scene.bed.url, count);
  try {
    const stack = await scene.stack(name);
    await stack.write(await scene.database(), files, python("print('done')"));
    const usage = join(scene.bed.folder, `${name}.json`);
    const preload = pathToFileURL(join(import.meta.dirname, "process-usage.mjs")).href;
    const job = stack.job(1);
    const step = await stack.build(job);
    const path = join(scene.bed.folder, `${name}.txt`);
    const output = await open(path, "w");
    const measured: Job = {
      ...job,
      output: output.fd,
      environment: {
        ...job.environment,
        AWS_ENDPOINT_URL: logs.url,
        BENCH_USAGE: usage,
        NODE_OPTIONS: `--import ${preload}`,
      },
    };
    const result = await (await startStep(measured, step)).result;
    await runPost(job, step, result);
    await output.close();
    const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line.startsWith("once │ "));
    const wrong = lines.findIndex((line, at) => line !== `once │ ${textOf(at)}`);
    if (result.exitCode !== 0 || lines.length !== count || wrong !== -1)
      throw new Error(`exit code ${result.exitCode}, ${lines.length} lines, ${wrong} is wrong: ${lines[wrong]}`);
    const { maxMebibytes } = JSON.parse(await readFile(usage, "utf8")) as { readonly maxMebibytes: number };
    return { linesPerSecond: (count / logs.milliseconds()) * 1000, maxMebibytes };
  } finally {
    await logs.close();
  }
}

function textOf(line: number): string {
  return `INFO 2026-11-21 10:00:00 row ${String(line).padStart(7, "0")} of table deals was given a score`;
}

/** Events of one page: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html */
const mostEvents = 10_000;

interface Asked {
  readonly nextToken?: string;
  readonly limit?: number;
}

interface Lines {
  readonly url: string;
  /** From the question for the first page to that for what comes after the last one, which comes when all was written. */
  milliseconds(): number;
  close(): Promise<void>;
}

/** The bed, but for GetLogEvents, which gives these lines. */
async function serveLines(to: string, count: number): Promise<Lines> {
  const events = Array.from({ length: count }, (_, at) =>
    JSON.stringify({ timestamp: 1_795_000_000_000, ingestionTime: 1_795_000_000_500, message: textOf(at) }),
  );
  let [firstAt, endAt] = [0, 0];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    if (!String(request.headers["x-amz-target"]).endsWith(".GetLogEvents")) return forward(to, request, body, response);
    const { nextToken = "f/0", limit = mostEvents } = JSON.parse(body.toString()) as Asked;
    const from = Number(nextToken.slice(2));
    if (from === 0) firstAt = performance.now();
    if (from === count && endAt === 0) endAt = performance.now();
    const page = events.slice(from, from + Math.min(limit, mostEvents));
    const text = `{"events":[${page.join(",")}],"nextForwardToken":"f/${from + page.length}"}`;
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end(text);
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  const { url, close } = await listen(server);
  return { url, milliseconds: () => endAt - firstAt, close };
}
