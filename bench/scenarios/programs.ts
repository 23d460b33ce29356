import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import type { RollRequest } from "../../src/deployments/request.ts";
import { newCheckout } from "../../test/checkout.ts";
import { machinePython } from "../../test/local-aws/backing/machine-python.ts";
import { installedPackages } from "../../test/local-aws/backing/python-packages.ts";
import { runStep } from "../../test/runner/run-step.ts";
import type { ContainerSettings } from "../../test/unit/local-aws/stage.ts";
import { peers } from "../peers.ts";
import { ourCheckout } from "./our-stack.ts";

/** Whoever deploys, as a program of this machine. */
export interface Program {
  readonly name: string;
  readonly isOurs: boolean;
  /** Where its packages are, for one of Python. */
  readonly pythonPath: readonly string[];
  readonly start: (order: Order, surroundings: Surroundings) => Promise<Ended>;
}

/** What is to be deployed. */
export interface Order {
  readonly request: RollRequest;
  /** Services that roll side by side with it: ours does it in one process. */
  readonly beside: readonly string[];
  /** Dagster is asked whether it has the code, by whoever knows Dagster. */
  readonly isGated: boolean;
  /** The task definition, as JSON. */
  readonly definition: string;
  readonly container: ContainerDefinition;
}

export interface Surroundings {
  /** Its own, and empty. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** An empty bucket, for whoever keeps records. */
  readonly bucket: string;
  /** URL of Dagster's webserver, for whoever asks it. */
  readonly dagster: string;
  /** When it aborts, the program is cancelled. */
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

export interface Ended {
  /** null: a signal ended it. */
  readonly exitCode: number | null;
  /** Verdict of `app` as an output, for who has one. */
  readonly verdict: string | null;
}

/** Ours, and the peers that are there. */
export async function programs(): Promise<readonly Program[]> {
  const bundles = peers().filter(({ name }) => name.startsWith(action));
  return [
    { name: "ours", isOurs: true, pythonPath: [], start: startOurs },
    ...bundles.map(
      ({ version, main }): Program => ({
        name: `${action} ${version}`,
        isOurs: false,
        pythonPath: [],
        start: async ({ request, definition }, surroundings) => {
          const file = join(surroundings.folder, "definition.json");
          await writeFile(file, definition);
          for (const name of ["output", "summary"]) await writeFile(join(surroundings.folder, name), "");
          const inputs = {
            "INPUT_TASK-DEFINITION": file,
            INPUT_CLUSTER: request.cluster,
            INPUT_SERVICE: request.service,
            "INPUT_WAIT-FOR-SERVICE-STABILITY": "true",
            "INPUT_WAIT-FOR-MINUTES": minutesOf(request),
            ...(request.desiredCount === null ? {} : { "INPUT_DESIRED-COUNT": String(request.desiredCount) }),
          };
          return startProcess(process.execPath, [main], inputs, surroundings);
        },
      }),
    ),
    await ecsDeploy(),
  ];
}

/** The root action, with a stack of nothing but the service: image, definition, rollout, and the record of all that. */
async function startOurs(
  { request, ...order }: Order,
  { folder, environment, bucket, dagster, signal, onLine }: Surroundings,
): Promise<Ended> {
  const checkout = await newCheckout(ourCheckout({ ...order, bucket, dagster }));
  try {
    const job = { workspace: checkout.folder, repository: "owner/small", runId: 1, folder, environment, signal };
    const given = {
      timeout: minutesOf(request),
      "fail-early": String(request.failEarly === true),
      "on-timeout": "leave",
    };
    const { exitCode, outputs } = await runStep(job, { action: ".", with: given }, onLine);
    const verdicts = JSON.parse(outputs["verdicts"] ?? "{}") as Readonly<Record<string, string>>;
    return { exitCode, verdict: verdicts["app"] ?? null };
  } finally {
    await checkout.remove();
  }
}

function minutesOf({ timeoutSeconds }: RollRequest): string {
  return String(Math.ceil(timeoutSeconds / 60));
}

async function startProcess(
  command: string,
  argv: readonly string[],
  inputs: Readonly<Record<string, string>>,
  { folder, environment, signal, onLine }: Surroundings,
): Promise<Ended> {
  const child = spawn(command, argv, {
    cwd: folder,
    env: {
      ...environment,
      HOME: folder,
      GITHUB_WORKSPACE: folder,
      GITHUB_OUTPUT: join(folder, "output"),
      GITHUB_STEP_SUMMARY: join(folder, "summary"),
      ...inputs,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  signal.addEventListener("abort", () => void child.kill("SIGINT"), { once: true });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  const tooLong = setTimeout(() => child.kill("SIGKILL"), mostMilliseconds);
  const lines = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface({ input: stream })) onLine(line);
  });
  const [exitCode] = await Promise.all([ended, ...lines]);
  clearTimeout(tooLong);
  return { exitCode, verdict: null };
}

/** So much of the machine's time is a program given: it hangs. */
const mostMilliseconds = 2_400_000;

export const action = "aws-actions/amazon-ecs-deploy-task-definition";

/** It copies the task definition that runs, and changes what it is told. It keeps the former one only when told. */
async function ecsDeploy(): Promise<Program> {
  const python = await machinePython();
  const packages = await installedPackages(python, join(import.meta.dirname, "ecs-deploy.txt"), { compile: true });
  return {
    name: "ecs-deploy 1.17.0",
    isOurs: false,
    pythonPath: [packages],
    start: ({ request, container }, surroundings) => {
      const { image = "", secrets = [], healthCheck } = container;
      const named = secrets.flatMap(({ name = "", valueFrom = "" }) => ["--secret", "app", name, valueFrom]);
      const check =
        healthCheck === undefined ? [] : ["--health-check", "app", healthCheck.command?.[1] ?? "", "10", "5", "3", "0"];
      const options = ["--image", "app", image, ...named, ...check, "--no-deregister"];
      const timeout = ["--timeout", String(request.timeoutSeconds)];
      const argv = [join(packages, "bin", "ecs"), "deploy", request.cluster, request.service, ...options, ...timeout];
      return startProcess(python.executable, argv, {}, surroundings);
    },
  };
}

/** What a definition of a scenario is, as a file. */
export function definitionFile({ image = "registry/app:1", healthCheck = false, secrets = [] }: ContainerSettings): {
  readonly definition: string;
  readonly container: ContainerDefinition;
} {
  const container: ContainerDefinition = {
    name: "app",
    image,
    essential: true,
    portMappings: [{ containerPort: 3000 }],
    secrets: secrets.map((valueFrom) => ({ name: "TOKEN", valueFrom })),
    ...(healthCheck ? { healthCheck: { command: ["CMD", "true"], interval: 10, retries: 3 } } : {}),
    logConfiguration: {
      logDriver: "awslogs",
      options: { "awslogs-group": "/app", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "run" },
    },
  };
  const definition = {
    family: "app",
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "256",
    memory: "512",
    executionRoleArn: "arn:aws:iam::123456789012:role/execution",
    taskRoleArn: "arn:aws:iam::123456789012:role/web",
    containerDefinitions: [container],
  };
  return { definition: JSON.stringify(definition), container };
}
