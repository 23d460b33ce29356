import { join } from "node:path";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import type { RollRequest } from "../../src/deployments/request.ts";
import { machinePython } from "../../test/local-aws/backing/machine-python.ts";
import { installedPackages } from "../../test/local-aws/backing/python-packages.ts";
import type { ContainerSettings } from "../../test/unit/local-aws/stage.ts";
import { peers } from "../peers.ts";

/** Whoever deploys, as a program of this machine. */
export interface Program {
  readonly name: string;
  readonly isOurs: boolean;
  readonly command: string;
  /** Where its packages are, for one of Python. */
  readonly pythonPath: readonly string[];
  readonly run: (order: Order) => {
    readonly arguments: readonly string[];
    readonly inputs: Readonly<Record<string, string>>;
  };
}

/** What is to be deployed. */
export interface Order {
  readonly request: RollRequest;
  /** Services that roll side by side with it: ours does it in one process. */
  readonly beside: readonly string[];
  /** The task definition, as a file. */
  readonly file: string;
  readonly container: ContainerDefinition;
}

/** Ours, and the peers that are there. */
export async function programs(): Promise<readonly Program[]> {
  const bundles = peers().filter(({ name }) => name.startsWith(action));
  return [
    {
      name: "ours",
      isOurs: true,
      command: process.execPath,
      pythonPath: [],
      run: ({ request, beside }) => ({
        arguments: [
          join(import.meta.dirname, "ours.ts"),
          JSON.stringify([request, ...beside.map((service) => ({ ...request, service }))]),
        ],
        inputs: {},
      }),
    },
    ...bundles.map(
      ({ version, main }): Program => ({
        name: `${action} ${version}`,
        isOurs: false,
        command: process.execPath,
        pythonPath: [],
        run: ({ request, file }) => ({
          arguments: [main],
          inputs: {
            "INPUT_TASK-DEFINITION": file,
            INPUT_CLUSTER: request.cluster,
            INPUT_SERVICE: request.service,
            "INPUT_WAIT-FOR-SERVICE-STABILITY": "true",
            "INPUT_WAIT-FOR-MINUTES": String(Math.ceil(request.timeoutSeconds / 60)),
            ...(request.desiredCount === null ? {} : { "INPUT_DESIRED-COUNT": String(request.desiredCount) }),
          },
        }),
      }),
    ),
    await ecsDeploy(),
  ];
}

export const action = "aws-actions/amazon-ecs-deploy-task-definition";

/** It copies the task definition that runs, and changes what it is told. It keeps the former one only when told. */
async function ecsDeploy(): Promise<Program> {
  const python = await machinePython();
  const packages = await installedPackages(python, join(import.meta.dirname, "ecs-deploy.txt"), { compile: true });
  return {
    name: "ecs-deploy 1.17.0",
    isOurs: false,
    command: python.executable,
    pythonPath: [packages],
    run: ({ request, container }) => {
      const { image = "", secrets = [], healthCheck } = container;
      const named = secrets.flatMap(({ name = "", valueFrom = "" }) => ["--secret", "app", name, valueFrom]);
      const check =
        healthCheck === undefined ? [] : ["--health-check", "app", healthCheck.command?.[1] ?? "", "10", "5", "3", "0"];
      const options = ["--image", "app", image, ...named, ...check, "--no-deregister"];
      const timeout = ["--timeout", String(request.timeoutSeconds)];
      return {
        arguments: [join(packages, "bin", "ecs"), "deploy", request.cluster, request.service, ...options, ...timeout],
        inputs: {},
      };
    },
  };
}

/** What a definition of a scenario is, as a file. */
export function definitionFile({ image = "registry/app:1", healthCheck = false, secrets = [] }: ContainerSettings): {
  readonly text: string;
  readonly container: ContainerDefinition;
} {
  const container: ContainerDefinition = {
    name: "app",
    image,
    essential: true,
    portMappings: [{ containerPort: 3000 }],
    secrets: secrets.map((valueFrom) => ({ name: "TOKEN", valueFrom })),
    ...(healthCheck ? { healthCheck: { command: ["CMD", "true"], interval: 10, retries: 3 } } : {}),
    logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": "/app", "awslogs-stream-prefix": "run" } },
  };
  const definition = {
    family: "app",
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "256",
    memory: "512",
    executionRoleArn: "arn:aws:iam::123456789012:role/execution",
    containerDefinitions: [container],
  };
  return { text: JSON.stringify(definition), container };
}
