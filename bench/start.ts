import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Bed } from "../test/local-aws/bed.ts";
import { type Checkout, checkOut, startSmallStack } from "../test/contract/actions/small-stack.ts";
import { readAction } from "../test/runner/run-step.ts";
import { type Peer, peers } from "./peers.ts";
import { median, type Row, row } from "./rows.ts";

/** Whole processes on this very Node, interleaved: what a step costs before it does anything. */
export async function measure(runs: number): Promise<readonly Row[]> {
  const small = await startSmallStack();
  const { bed } = small;
  const folder = mkdtempSync(join(tmpdir(), "start-"));
  const checkout = await checkOut(small);
  try {
    const there = peers();
    const [aws, docker] = ["amazon-ecs-deploy-task-definition", "build-push-action"].map((name) =>
      there.find((peer) => peer.name.endsWith(name)),
    );
    const base = environmentOf(bed, checkout, folder);
    const root = await inputsOf(".");
    const refused = await interleaved(runs, [
      ["ours", bundle("root"), { ...base, ...root, INPUT_COMMAND: "destroy" }],
      ...given(aws, { ...base }),
      ...given(docker, { ...base, INPUT_PUSH: "maybe" }),
    ]);
    const definition = join(folder, "task-definition.json");
    writeFileSync(
      definition,
      JSON.stringify({ family: "bench", containerDefinitions: [{ name: "bench", image: "bench", memory: 128 }] }),
    );
    const dryRun = await interleaved(runs, [
      ["ours", bundle("root"), { ...base, ...root, INPUT_COMMAND: "plan" }],
      ...given(aws, { ...base, "INPUT_TASK-DEFINITION": definition }),
    ]);
    return [...rowsOf("refused input", refused), ...rowsOf("dry run", dryRun), ...sizes(there)];
  } finally {
    await checkout.remove();
    rmSync(folder, { recursive: true, force: true });
    await bed.close();
  }
}

/** A bundle of ours, from the root of this repository. */
function bundle(name: string): string {
  return join("dist", name, "index.js");
}

type Environment = Readonly<Record<string, string>>;
type Program = readonly [name: string, main: string, environment: Environment];

interface Usage {
  readonly cpuMilliseconds: number;
  readonly wallMilliseconds: number;
  readonly maxMebibytes: number;
}

function given(peer: Peer | undefined, environment: Environment): readonly Program[] {
  return peer === undefined ? [] : [[`${peer.name} ${peer.version}`, peer.main, environment]];
}

function environmentOf(bed: Bed, checkout: Checkout, folder: string): Environment {
  for (const file of ["output", "summary", "state", "env"]) writeFileSync(join(folder, file), "");
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    ...bed.environment("deploy"),
    GITHUB_ACTIONS: "true",
    GITHUB_REPOSITORY: "owner/small",
    GITHUB_WORKSPACE: checkout.folder,
    GITHUB_RUN_ID: "1",
    GITHUB_JOB: "bench",
    GITHUB_EVENT_NAME: "push",
    GITHUB_OUTPUT: join(folder, "output"),
    GITHUB_STEP_SUMMARY: join(folder, "summary"),
    GITHUB_STATE: join(folder, "state"),
    GITHUB_ENV: join(folder, "env"),
    RUNNER_TEMP: folder,
  };
}

async function inputsOf(action: string): Promise<Environment> {
  const { inputs } = await readAction(action);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { default: value = "" }]) => [
      `INPUT_${name.toUpperCase()}`,
      value.startsWith("${{") ? "" : value,
    ]),
  );
}

/** Each program in turn, again and again: what slows the machine down meets all of them. The first round is not counted. */
async function interleaved(runs: number, programs: readonly Program[]): Promise<ReadonlyMap<string, readonly Usage[]>> {
  const usages = new Map<string, Usage[]>(programs.map(([name]) => [name, []]));
  for (let round = 0; round <= runs; round += 1) {
    for (const [name, main, environment] of programs) {
      const usage = await once(main, environment);
      if (round > 0) usages.get(name)?.push(usage);
    }
  }
  return usages;
}

function once(main: string, environment: Environment): Promise<Usage> {
  const preload = pathToFileURL(join(import.meta.dirname, "process-usage.mjs")).href;
  const since = performance.now();
  const child = spawn(process.execPath, ["--import", preload, main], {
    env: environment,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  return new Promise((done, fail) => {
    let text = "";
    child.stdio[3]?.on("data", (chunk) => {
      text += String(chunk);
    });
    child.once("error", fail);
    child.once("close", () => {
      const used = JSON.parse(text) as Omit<Usage, "wallMilliseconds">;
      done({ ...used, wallMilliseconds: performance.now() - since });
    });
  });
}

/** Against the peer that is best in this very measure. */
function rowsOf(name: string, usages: ReadonlyMap<string, readonly Usage[]>): readonly Row[] {
  const measures: readonly (readonly [string, string, keyof Usage])[] = [
    ["cpu", "ms", "cpuMilliseconds"],
    ["wall", "ms", "wallMilliseconds"],
    ["memory", "MiB", "maxMebibytes"],
  ];
  return measures.map(([measure, unit, key]) => {
    const figures = [...usages].map(([program, all]) => ({
      name: program,
      value: median(all.map((usage) => usage[key])),
    }));
    const ours = figures.find((one) => one.name === "ours")?.value ?? Number.NaN;
    const [best = null] = figures.filter((one) => one.name !== "ours").sort((a, b) => a.value - b.value);
    return row(`${name} ${measure}`, unit, ours, best);
  });
}

/** Bytes of JavaScript: all of ours against one action of each peer. */
function sizes(there: readonly Peer[]): readonly Row[] {
  const ours = bytesOf("dist");
  const all = there.map(({ name, version, main }) => ({ name: `${name} ${version}`, value: bytesOf(dirname(main)) }));
  return all.length === 0
    ? [row("size of dist", "bytes", ours, null)]
    : all.map((peer) => row("size of dist", "bytes", ours, peer));
}

function bytesOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.c?js$/.test(name));
  return files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
