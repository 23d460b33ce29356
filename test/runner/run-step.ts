import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import * as z from "zod";

/** A step `uses: <action>`, as a workflow file says it. */
export interface Step {
  /** Folder with the action.yml, from the root of this repository: `.` or `actions/deploy-service`. */
  readonly action: string;
  readonly with?: Readonly<Record<string, string>>;
}

/** The job that the step belongs to. */
export interface Job {
  /** GITHUB_WORKSPACE: the checkout. */
  readonly workspace: string;
  /** `owner/name` */
  readonly repository: string;
  readonly runId: number;
  readonly attempt?: number;
  readonly name?: string;
  readonly event?: { readonly name: string; readonly payload: unknown };
  /** Cancels the job: SIGINT at once, SIGTERM 7.5 s and SIGKILL 10 s later, as GitHub does. */
  readonly signal?: AbortSignal;
  /** What `env:` of the job and the machine give: AWS's endpoint and credentials. Nothing else is inherited but PATH. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where steps have their folders, each gone with its step; the machine's own when left out. */
  readonly folder?: string;
  /** Gives the job's role the rights of a step before it begins. @returns what takes them back when it has ended */
  readonly grant?: (job: Job, step: Step) => Promise<() => void>;
  /** An open file that its standard output goes to, unread: whoever measures a step does not slow it down. */
  readonly output?: number;
}

export interface Annotation {
  readonly level: "error" | "warning" | "notice";
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

/** What a step left behind. */
export interface StepResult {
  /** null: a signal ended it. */
  readonly exitCode: number | null;
  readonly outputs: Readonly<Record<string, string>>;
  /** What GitHub would show on the run's page. */
  readonly summary: string;
  /** The log as people see it: commands taken out, masked values replaced. */
  readonly log: readonly string[];
  readonly annotations: readonly Annotation[];
  readonly seconds: number;
  /** What it keeps for its post step. */
  readonly state: Readonly<Record<string, string>>;
}

export interface Running {
  readonly pid: number;
  readonly result: Promise<StepResult>;
}

const actionSchema = z.object({
  inputs: z
    .record(
      z.string(),
      z.object({ description: z.string(), default: z.string().optional(), required: z.boolean().optional() }),
    )
    .default({}),
  outputs: z.record(z.string(), z.object({ description: z.string() })).default({}),
  runs: z.object({ using: z.literal("node24"), main: z.string(), post: z.string().optional() }),
});

const root = resolve(import.meta.dirname, "../..");

/** action.yml of a folder. */
export async function readAction(folder: string): Promise<z.infer<typeof actionSchema>> {
  return actionSchema.parse(parse(await readFile(join(root, folder, "action.yml"), "utf8")));
}

/** Runs a step to its end, as GitHub's runner does: the committed bundle, as a process, with `INPUT_*` and the runner's files. */
export async function runStep(job: Job, step: Step, onLine?: (line: string) => void): Promise<StepResult> {
  return (await startStep(job, step, onLine)).result;
}

/** Runs the post step of an action whose main step has ended, as the runner does when the job is over. Null: it has none. */
export async function runPost(
  job: Job,
  step: Step,
  { state }: Pick<StepResult, "state">,
  onLine?: (line: string) => void,
): Promise<StepResult | null> {
  const { runs } = await readAction(step.action);
  return runs.post === undefined ? null : (await startStep(job, step, onLine, { program: runs.post, state })).result;
}

/** The same, without waiting: for tests that cut it. */
export async function startStep(
  job: Job,
  step: Step,
  onLine: (line: string) => void = () => undefined,
  post: { readonly program: string; readonly state: StepResult["state"] } | null = null,
): Promise<Running> {
  const action = await readAction(step.action);
  const folder = await mkdtemp(join(job.folder ?? tmpdir(), "step-"));
  const files = Object.fromEntries(
    ["output", "summary", "state", "env", "path"].map((name) => [name, join(folder, name)]),
  );
  for (const file of Object.values(files)) await writeFile(file, "");
  // The runner gives a job one such folder, and all its steps find it.
  const { repository, runId, attempt = 1, name: jobName = "deploy" } = job;
  const mark = createHash("sha256")
    .update([job.workspace, repository, runId, attempt, jobName].join(" "))
    .digest("hex");
  const temporary = join(job.folder ?? tmpdir(), `job-${mark.slice(0, 16)}`);
  await mkdir(temporary, { recursive: true });
  const event = join(folder, "event.json");
  await writeFile(event, JSON.stringify(job.event?.payload ?? {}));

  const given = step.with ?? {};
  const unknown = Object.keys(given).filter((name) => !(name in action.inputs));
  if (unknown.length > 0)
    throw new Error(`${step.action} has no input ${unknown.join(", ")}: GitHub would warn, and ignore it`);
  const inputs = Object.entries(action.inputs).map(
    ([name, input]) => [name, given[name] ?? expanded(input.default ?? "", job)] as const,
  );
  const environment: Record<string, string> = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    CI: "true",
    GITHUB_ACTIONS: "true",
    GITHUB_REPOSITORY: job.repository,
    GITHUB_WORKSPACE: job.workspace,
    GITHUB_RUN_ID: String(job.runId),
    GITHUB_RUN_ATTEMPT: String(job.attempt ?? 1),
    GITHUB_JOB: job.name ?? "deploy",
    GITHUB_EVENT_NAME: job.event?.name ?? "push",
    GITHUB_EVENT_PATH: event,
    GITHUB_OUTPUT: files["output"] ?? "",
    GITHUB_STEP_SUMMARY: files["summary"] ?? "",
    GITHUB_STATE: files["state"] ?? "",
    GITHUB_ENV: files["env"] ?? "",
    GITHUB_PATH: files["path"] ?? "",
    RUNNER_TEMP: temporary,
    RUNNER_TOOL_CACHE: join(temporary, "tools"),
    TMPDIR: temporary, // a runner is thrown away with its /tmp, this machine is not
    ...pass([
      "SSL_CERT_FILE",
      "PIP_CERT",
      "PIP_INDEX_URL",
      "PIP_CONFIG_FILE",
      "PIP_FIND_LINKS",
      "PIP_DEFAULT_TIMEOUT",
      "PIP_CACHE_DIR",
      "XDG_CACHE_HOME",
    ]),
    ...job.environment,
    ...Object.fromEntries(inputs.map(([name, value]) => [`INPUT_${name.replaceAll(" ", "_").toUpperCase()}`, value])),
  };
  const revoke = await job.grant?.(job, step);
  const since = performance.now();
  for (const [name, value] of Object.entries(post?.state ?? {})) environment[`STATE_${name}`] = value;
  const main = join(root, dirname(join(step.action, "action.yml")), post?.program ?? action.runs.main);
  const child = spawn(process.execPath, [main], {
    cwd: job.workspace,
    env: environment,
    detached: true, // a terminal's Ctrl-C is not the runner's: its signal comes once, from below
    stdio: ["ignore", job.output ?? "pipe", "pipe"],
  });
  const log = logReader(onLine);
  const timers: NodeJS.Timeout[] = [];
  const cancel = (): void => {
    child.kill("SIGINT");
    timers.push(
      setTimeout(() => child.kill("SIGTERM"), 7500),
      setTimeout(() => child.kill("SIGKILL"), 10_000),
    );
  };
  if (job.signal?.aborted === true) cancel();
  else job.signal?.addEventListener("abort", cancel, { once: true });
  const finish = async (): Promise<StepResult> => {
    const lines = [child.stdout, child.stderr].map(async (stream) => {
      if (stream !== null) for await (const line of createInterface({ input: stream })) log.read(line);
    });
    const exitCode = await new Promise<number | null>((done) => child.once("close", (code) => done(code)));
    await Promise.all(lines);
    job.signal?.removeEventListener("abort", cancel);
    for (const timer of timers) clearTimeout(timer);
    const seconds = (performance.now() - since) / 1000;
    revoke?.();
    const [outputs, summary, state] = await Promise.all(
      ["output", "summary", "state"].map((name) => readFile(files[name] ?? "", "utf8")),
    );
    // What a step that was killed has started may still be at it.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    return {
      exitCode,
      outputs: readOutputs(outputs ?? ""),
      summary: summary ?? "",
      log: log.lines,
      annotations: log.annotations,
      seconds,
      state: readOutputs(state ?? ""),
    };
  };
  if (child.pid === undefined) throw new Error(`${main} could not be started`);
  return { pid: child.pid, result: finish() };
}

/** `${{ github.token }}` is the only expression that our defaults use. There is no token here unless the job has one. */
function expanded(value: string, job: Job): string {
  return value === "${{ github.token }}" ? (job.environment["GITHUB_TOKEN"] ?? "") : value;
}

function pass(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? ""]])),
  );
}

/** Reads what a step prints as the runner does: commands at the start of a line, masks from then on. */
function logReader(onLine: (line: string) => void): {
  readonly lines: readonly string[];
  readonly annotations: readonly Annotation[];
  read(line: string): void;
} {
  const lines: string[] = [];
  const annotations: Annotation[] = [];
  const masks: string[] = [];
  const print = (line: string): void => {
    const shown = masks.reduce((text, mask) => text.replaceAll(mask, "***"), line);
    lines.push(shown);
    onLine(shown);
  };
  return {
    lines,
    annotations,
    read: (line) => {
      const [, name = "", properties = "", data = ""] = /^\s*::([a-z-]+)(?: ([^:]*))?::(.*)$/.exec(line) ?? [];
      const message = unescapeData(data);
      if (name === "add-mask") masks.push(message);
      else if (name === "error" || name === "warning" || name === "notice") {
        annotations.push({ level: name, properties: readProperties(properties), message });
        for (const one of message.split("\n")) print(`${name}: ${one}`);
      } else if (name === "group") print(`▼ ${message}`);
      else if (name !== "endgroup" && name !== "debug") print(line);
    },
  };
}

function readProperties(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").flatMap((pair) => {
    const at = pair.indexOf("=");
    return at === -1
      ? []
      : [
          [
            pair.slice(0, at),
            unescapeData(pair.slice(at + 1))
              .replaceAll("%3A", ":")
              .replaceAll("%2C", ","),
          ],
        ];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

function unescapeData(text: string): string {
  return text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
}

/** `name<<delimiter`, lines, `delimiter`; or `name=value`. */
function readOutputs(text: string): Readonly<Record<string, string>> {
  const outputs: Record<string, string> = {};
  const lines = text.split("\n");
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, name, delimiter] = /^([^=]+?)<<(.+)$/.exec(line) ?? [];
    if (name === undefined) {
      const at = line.indexOf("=");
      if (at > 0) outputs[line.slice(0, at)] = line.slice(at + 1);
      continue;
    }
    const value: string[] = [];
    for (let next = lines.shift(); next !== undefined && next !== delimiter; next = lines.shift()) value.push(next);
    outputs[name] = value.join("\n");
  }
  return outputs;
}
