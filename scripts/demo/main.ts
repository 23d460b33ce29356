/** Deal flow, from nothing to production and back, on this machine: `npm run demo`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runJob } from "../../test/runner/run-job.ts";
import type { Step, StepResult } from "../../test/runner/run-step.ts";
import { ownOptions } from "../options.ts";
import { oursBetween } from "./awaited.ts";
import { foldedPip } from "./fold.ts";
import { readOptions } from "./options.ts";
import { type Watcher, watchLocation } from "./served.ts";
import { openWorkplace, type Workplace } from "./workplace.ts";

const options = ownOptions(readOptions);
const { speed } = options;
const began = performance.now();

interface StageReport {
  readonly stage: string;
  readonly seconds: number;
  /** From the commit to the first answer of the new code in the row that lasted; null where no code moved. */
  readonly servedAfterSeconds: number | null;
  /** The part of it in which nobody else was waited for. */
  readonly oursSeconds: number | null;
  readonly outputs: Readonly<Record<string, string>>;
}
const stages: StageReport[] = [];

console.log("Starting an AWS on this machine: its own ECS, a registry, S3, a PostgreSQL …");
const place = await openWorkplace({ speed });
say(`Dagster's webserver will be at ${place.webserverUrl}`);
say(`AWS is at ${place.bed.url}, for AWS_ENDPOINT_URL, with any credentials in ${place.bed.region}`);
const interruption = new AbortController();
process.once("SIGINT", () => interruption.abort()); // a second Ctrl-C ends it at once
// These come twice, from the terminal and from the process that waits: what is being closed must not be cut off.
for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort());
const interrupted = new Promise<void>((resolve) =>
  interruption.signal.addEventListener("abort", () => resolve(), { once: true }),
);

try {
  await walk(place);
  await showEnd(place);
} catch (error) {
  if (!interruption.signal.aborted) console.error(error instanceof Error ? error.message : error);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
} finally {
  console.log("Stopping everything …");
  await place.close();
}
process.exit();

async function walk(workplace: Workplace): Promise<void> {
  const first = await stage("a", "First release: images, database, services, canary", workplace, [
    { action: "actions/build-push-image" },
    { action: "actions/run-migrations" },
    { action: "actions/register-task-def" },
    { action: "actions/deploy-service" },
  ]);
  const watcher = watchLocation(workplace.webserverUrl, "DealFlow");
  try {
    edit(workplace, "app/version.py", (text) => text.replace('"1"', '"2"'));
    const committedAt = commit(workplace, "Say version 2");
    const second = await stage("b", "A code change: only the code location moves", workplace, [{ action: "." }], {
      watcher,
      committedAt,
    });
    await pullRequest(workplace);
    await badCommit(workplace, watcher, imageOf(workplace, second));
    const back = await stage("e", "A rollback to the first release", workplace, [
      { action: ".", with: { command: "rollback", to: first.outputs["release-id"] ?? "" } },
    ]);
    expectServed(watcher, imageOf(workplace, back), "the first release");
  } finally {
    await watcher.stop();
  }
}

async function pullRequest(workplace: Workplace): Promise<void> {
  workplace.git("switch", "--quiet", "--create", "more-memory");
  edit(workplace, "dagster-stack.yml", (text) =>
    text.replace(
      "runs: { image: code, size: { cpu: 512, memory: 2048 } }",
      "runs: { image: code, size: { cpu: 1024, memory: 4096 } }",
    ),
  );
  commit(workplace, "Give runs more memory");
  const event = {
    name: "pull_request",
    payload: { number: 7, pull_request: { number: 7, head: { sha: workplace.git("rev-parse", "HEAD") } } },
  };
  await stage("c", "A pull request: what it would change", workplace, [{ action: ".", with: { command: "plan" } }], {
    event,
  });
  workplace.git("switch", "--quiet", "main");
}

async function badCommit(workplace: Workplace, watcher: Watcher, before: string): Promise<void> {
  edit(workplace, "app/main.py", (text) => `import pandsa\n${text}`);
  commit(workplace, "Use pandsa");
  const since = watcher.looks.length;
  await stage("d", "A bad commit: found, explained, taken back", workplace, [{ action: "." }], { fails: true });
  const looks = watcher.looks.slice(since);
  const old = looks.filter(({ image }) => image === before).length;
  say(
    `Meanwhile the webserver was asked ${looks.length} times for the code: ${old} answers came from the old code, ${looks.length - old} did not.`,
  );
  workplace.git("reset", "--quiet", "--hard", "HEAD~1");
}

interface StageOptions {
  readonly event?: { readonly name: string; readonly payload: unknown };
  readonly fails?: boolean;
  readonly watcher?: Watcher;
  readonly committedAt?: number;
}

/** Runs the steps of a job, then their post steps, as GitHub's runner would, and shows what a person would see. */
async function stage(
  letter: string,
  title: string,
  workplace: Workplace,
  steps: readonly Step[],
  { event, fails = false, watcher, committedAt }: StageOptions = {},
): Promise<StepResult> {
  console.log(`\n━━━ ${letter}. ${title} ${"━".repeat(Math.max(3, 70 - title.length))}\n`);
  const show = foldedPip((line) => console.log(`  │ ${line}`));
  const local = steps.map((step) => ({ ...step, with: { environment: "local", ...step.with } }));
  const { steps: results, posts } = await runJob(workplace.job(event, interruption.signal), local, {
    onStep: ({ action, with: inputs = {} }) => {
      const shown = Object.entries(inputs).map(([name, value]) => `${name}: ${name === "release" ? "…" : value}`);
      console.log(`uses: ${action === "." ? "this action" : action}, with: ${shown.join(", ")}`);
    },
    onLine: show,
    onEnd: ({ summary }) => console.log(`\n${indent(summary)}`),
    onPost: ({ action }, { summary }) => {
      if (summary !== "") console.log(`after ${action === "." ? "this action" : action}\n\n${indent(summary)}`);
    },
  });
  interruption.signal.throwIfAborted();
  const result = results.at(-1) ?? null;
  const unexpected = [...results.slice(0, -1), ...posts].find(({ exitCode }) => exitCode !== 0);
  if (unexpected !== undefined || (result?.exitCode === 0) === fails) {
    const { exitCode } = unexpected ?? result ?? { exitCode: null };
    throw new Error(`Stage ${letter} ended with exit code ${exitCode}, which it should not.`);
  }
  const seconds = [...results, ...posts].reduce((sum, one) => sum + one.seconds, 0);
  if (result === null) throw new Error(`stage ${letter} has no steps`);
  const servedAt = watcher === undefined ? null : watcher.servedSince(imageOf(workplace, result));
  const servedAfterSeconds = servedAt === null || committedAt === undefined ? null : (servedAt - committedAt) / 1000;
  const oursSeconds =
    servedAt === null || committedAt === undefined ? null : oursOf(workplace, committedAt, servedAt) / 1000;
  stages.push({ stage: letter, seconds, servedAfterSeconds, oursSeconds, outputs: result.outputs });
  say(`Stage ${letter} took ${seconds.toFixed(1)} s.`);
  if (servedAfterSeconds !== null)
    say(`From the commit until its code was served: ${servedAfterSeconds.toFixed(1)} s.`);
  return result;
}

async function showEnd(workplace: Workplace): Promise<void> {
  say(
    `\nAll stages are through after ${((performance.now() - began) / 1000).toFixed(0)} s. AWS's own waiting was ${speed} times faster than in a real account; Dagster was not.`,
  );
  say(`Dagster's webserver: ${workplace.webserverUrl}`);
  const { bed, infrastructure, webserverUrl } = workplace;
  const { host, port, user } = bed.postgresql;
  const report = {
    speed,
    seconds: (performance.now() - began) / 1000,
    stages,
    webserver: webserverUrl,
    gateway: bed.url,
    region: bed.region,
    postgresql: { host, port, user },
    bucket: infrastructure.contract.bucket.name,
    folders: [workplace.folder, bed.folder],
  };
  if (options.report !== null) writeFileSync(options.report, JSON.stringify(report));
  if (options.exit) return;
  say("It stays up until Ctrl-C.");
  await interrupted;
}

function oursOf({ bed }: Workplace, from: number, to: number): number {
  return oursBetween(
    bed.calls.filter(({ caller }) => caller === "deploy"),
    { from, to },
  );
}

function expectServed(watcher: Watcher, image: string, what: string): void {
  if (watcher.servedSince(image) === null) throw new Error(`The webserver does not serve ${what}.`);
  say(`The webserver serves ${what}: ${image.slice(image.indexOf("/") + 1)}`);
}

/** The full reference that the code server names, from a step's outputs. */
function imageOf({ infrastructure }: Workplace, { outputs }: StepResult): string {
  const images = JSON.parse(outputs["images"] ?? "{}") as Record<string, { repository: string; digest: string }>;
  const code = images["code"];
  return code === undefined ? "" : `${infrastructure.registry}/${code.repository}@${code.digest}`;
}

function edit({ folder }: Workplace, file: string, change: (text: string) => string): void {
  const path = join(folder, file);
  const before = readFileSync(path, "utf8");
  const after = change(before);
  if (after === before) throw new Error(`${file} is not as this demo knows it`);
  writeFileSync(path, after);
}

/** @returns when, in milliseconds since 1970 */
function commit(workplace: Workplace, message: string): number {
  workplace.git("commit", "--quiet", "--all", `--message=${message}`);
  return Date.now();
}

function say(text: string): void {
  console.log(text);
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
