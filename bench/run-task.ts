import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { ECS, type Task } from "@aws-sdk/client-ecs";
import type { LocalAws } from "../test/local-aws/local-aws.ts";
import type { TaskBehaviour } from "../test/local-aws/runtimes/scripted.ts";
import { openProcessAccount } from "../test/releases/processes/account.ts";
import { type Peer, peers } from "./peers.ts";
import type { Row } from "./rows.ts";
import { prepareOurs } from "./run-task/ours.ts";

/** What those who run one task say of it, side by side: ours must be right in every row, what a peer says is written down. */
export async function measure(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), "run-task-"));
  const account = await openProcessAccount(speed);
  const { aws, runtime, url } = account;
  const ecs = new ECS({ endpoint: url, region: aws.region, credentials });
  const stage: Stage = { ecs, aws, url, folder };
  try {
    const lines = [
      ["what happens", "who", "exit code", "seconds after the end", "task", "what it says at last"],
      ["---", "---", "---:", "---:", "---", "---"],
    ];
    const wrong: string[] = [];
    for (const scenario of scenarios) {
      const all = await Promise.all(
        programs(peers()).map(async (program, number) => {
          const name = `${scenario.name.replaceAll(/[^a-z]+/g, "-")}-${number}`;
          const prepared = await program.prepare(stage, name, scenario);
          runtime.script(prepared.family, doneBy(prepared.container, scenario.does));
          const seen = await play(stage, name, scenario, prepared);
          await prepared.close();
          return { program, seen };
        }),
      );
      for (const { program, seen } of all) {
        const after = seen.after === null ? "" : seen.after.toFixed(1);
        lines.push([scenario.name, program.name, String(seen.exitCode), after, seen.task, inCell(seen.said)]);
      }
      const [ours] = all;
      if (ours === undefined || !scenario.isRight(ours.seen)) wrong.push(`${scenario.name}: ${JSON.stringify(ours)}`);
    }
    console.log(`## run-task\n`);
    for (const cells of lines) console.log(`| ${cells.join(" | ")} |`);
    if (wrong.length > 0) throw new Error(`ours is not right:\n${wrong.join("\n")}`);
    return [];
  } finally {
    await account.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const speed = 10;
/** That of the account. */
const cluster = "small";
const credentials = { accessKeyId: "bench", secretAccessKey: "secret" };

interface Scenario {
  readonly name: string;
  readonly does: TaskBehaviour;
  /** SIGINT so many seconds after its task runs, and SIGKILL ten seconds later, as a runner does. */
  readonly cancels?: true;
  /** ECS has no capacity for so many calls of RunTask. */
  readonly lacks?: number;
  readonly isRight: (ours: Seen) => boolean;
}

const quick = { startsAfterSeconds: 0.2 };
const scenarios: readonly Scenario[] = [
  {
    name: "the image is not found",
    does: { kind: "never-starts", reason: "CannotPullContainerError: ref app:1: not found", afterSeconds: 3 },
    isRight: ({ exitCode, said }) => exitCode === 1 && /never started/.test(said),
  },
  {
    name: "a sidecar fails, the program does not",
    does: {
      containers: {
        side: { kind: "exits", ...quick, afterSeconds: 8, code: 3 },
        app: { kind: "exits", ...quick, afterSeconds: 12, code: 0 },
      },
    },
    isRight: ({ exitCode }) => exitCode === 0,
  },
  {
    name: "the program fails, a sidecar does not",
    does: {
      containers: {
        side: { kind: "exits", ...quick, afterSeconds: 8, code: 0 },
        app: { kind: "exits", ...quick, afterSeconds: 12, code: 3 },
      },
    },
    isRight: ({ exitCode, said }) => exitCode === 1 && said.includes("exit code 3"),
  },
  {
    name: "a task of one second",
    does: {
      containers: { side: { kind: "healthy", ...quick }, app: { kind: "exits", ...quick, afterSeconds: 1, code: 0 } },
    },
    isRight: ({ exitCode }) => exitCode === 0,
  },
  {
    name: "no capacity for a moment",
    does: {
      containers: { side: { kind: "healthy", ...quick }, app: { kind: "exits", ...quick, afterSeconds: 10, code: 0 } },
    },
    lacks: 1,
    isRight: ({ exitCode }) => exitCode === 0,
  },
  {
    name: "the job is cancelled",
    does: { kind: "healthy", ...quick },
    cancels: true,
    isRight: ({ exitCode, task }) => exitCode === 130 && task === "STOPPED",
  },
];

/** What they all have: an AWS, and a folder for their files. */
interface Stage {
  readonly ecs: ECS;
  readonly aws: LocalAws;
  readonly url: string;
  readonly folder: string;
}

/** A program that is ready to run one task. */
export interface Prepared {
  readonly main: string;
  /** Of the task's definition. */
  readonly family: string;
  /** The one that decides. */
  readonly container: string;
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

function doneBy(container: string, does: TaskBehaviour): TaskBehaviour {
  if (!("containers" in does)) return does;
  const { app, ...others } = does.containers;
  return { containers: { ...others, ...(app === undefined ? {} : { [container]: app }) } };
}

interface Program {
  readonly name: string;
  readonly prepare: (stage: Stage, name: string, scenario: Scenario) => Promise<Prepared>;
}

function programs(there: readonly Peer[]): readonly Program[] {
  const inputsOf: Readonly<Record<string, (family: string, file: string) => Readonly<Record<string, string>>>> = {
    "aws-actions/amazon-ecs-deploy-task-definition": (_family, file) => ({
      "TASK-DEFINITION": file,
      CLUSTER: cluster,
      "RUN-TASK": "true",
      "RUN-TASK-SUBNETS": "subnet-1",
      "RUN-TASK-SECURITY-GROUPS": "sg-1",
      "WAIT-FOR-TASK-STOPPED": "true",
      "WAIT-FOR-MINUTES": "3",
    }),
    "geekcell/github-action-aws-ecs-run-task": (family) => ({
      "TASK-DEFINITION": family,
      CLUSTER: cluster,
      "SUBNET-IDS": "subnet-1",
      "SECURITY-GROUP-IDS": "sg-1",
      "ASSIGN-PUBLIC-IP": "DISABLED",
      "OVERRIDE-CONTAINER": "app",
      "OVERRIDE-CONTAINER-COMMAND": "migrate",
      "TAIL-LOGS": "false",
      "TASK-WAIT-UNTIL-STOPPED": "true",
      "TASK-START-MAX-WAIT-TIME": "120",
      "TASK-STOP-MAX-WAIT-TIME": "300",
      "TASK-CHECK-STATE-DELAY": "6",
    }),
  };
  const others = there.flatMap(({ name, version, main }): Program[] => {
    const inputs = inputsOf[name];
    if (inputs === undefined) return [];
    return [
      { name: `${name} ${version}`, prepare: (stage, family, scenario) => peer(stage, family, scenario, main, inputs) },
    ];
  });
  return [
    {
      name: "ours",
      prepare: ({ folder, url }, name, { does }) =>
        prepareOurs({ folder, url, name, hasSidecar: "containers" in does }),
    },
    ...others,
  ];
}

async function peer(
  { ecs, folder }: Stage,
  family: string,
  scenario: Scenario,
  main: string,
  inputs: (family: string, file: string) => Readonly<Record<string, string>>,
): Promise<Prepared> {
  const names = "containers" in scenario.does ? ["side", "app"] : ["app"];
  const definition = {
    family,
    networkMode: "awsvpc" as const,
    requiresCompatibilities: ["FARGATE" as const],
    cpu: "256",
    memory: "512",
    containerDefinitions: names.map((name) => ({ name, image: "app:1", essential: name === "app" })),
  };
  const file = join(folder, `${family}.json`);
  await writeFile(file, JSON.stringify(definition));
  await ecs.registerTaskDefinition(definition);
  return {
    main,
    family,
    container: "app",
    environment: { GITHUB_WORKSPACE: folder, ...inputVariables(inputs(family, file)) },
    close: () => Promise.resolve(),
  };
}

/** As GitHub names inputs to the process. */
function inputVariables(inputs: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]));
}

interface Seen {
  readonly exitCode: number | null;
  readonly said: string;
  /** Seconds from ECS's STOPPED to the end of the process; null: it ended before. */
  readonly after: number | null;
  /** Status of its task some seconds after the end. */
  readonly task: string;
}

async function play(
  { ecs, aws, url, folder }: Stage,
  name: string,
  scenario: Scenario,
  program: Prepared,
): Promise<Seen> {
  const { family } = program;
  // Access keys name who calls: the fault strikes this one alone.
  if (scenario.lacks !== undefined)
    aws.faults.inject({
      on: "ecs:RunTask",
      caller: name,
      what: {
        kind: "no-capacity",
        reason: "Capacity is unavailable at this time. Please try again later or in a different availability zone",
      },
      times: scenario.lacks,
    });
  const output = join(folder, `${name}.output`);
  await writeFile(output, "");
  const child = spawn(process.execPath, [program.main], {
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      AWS_ENDPOINT_URL: url,
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: name,
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_EC2_METADATA_DISABLED: "true",
      GITHUB_OUTPUT: output,
      ...program.environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  if (scenario.cancels === true) {
    while ((await taskOf(ecs, family))?.lastStatus !== "RUNNING") await sleep(200);
    child.kill("SIGINT");
    const tooLong = setTimeout(() => child.kill("SIGKILL"), 10_000);
    void ended.then(() => clearTimeout(tooLong));
  }
  const exitCode = await ended;
  const endedAt = Date.now();
  await sleep(5_000);
  const task = await taskOf(ecs, family);
  const after = task?.stoppedAt === undefined ? null : (endedAt - task.stoppedAt.getTime()) / 1000;
  return {
    exitCode,
    said: lastWords((await said).join("")),
    after: after === null || after < 0 ? null : after,
    task: task?.lastStatus ?? "never started",
  };
}

/** The last error, else the last line that people see. */
function lastWords(log: string): string {
  const lines = log.trim().split("\n");
  const seen = lines.filter((line) => line !== "" && !/^::(?!error)/.test(line));
  return seen.findLast((line) => line.startsWith("::error")) ?? seen.at(-1) ?? "";
}

async function taskOf(ecs: ECS, family: string): Promise<Task | null> {
  for (const desiredStatus of ["RUNNING", "STOPPED"] as const) {
    const { taskArns = [] } = await ecs.listTasks({ cluster, family, desiredStatus });
    if (taskArns.length === 0) continue;
    const { tasks = [] } = await ecs.describeTasks({ cluster, tasks: taskArns });
    return tasks[0] ?? null;
  }
  return null;
}

function inCell(line: string): string {
  return `\`${line.replaceAll("`", "'").replaceAll("|", "\\|").slice(0, 160)}\``;
}
