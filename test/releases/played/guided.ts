import type { AccountOptions } from "./account.ts";
import type { FoundService } from "./found.ts";
import { hostsStack } from "./stacks.ts";

// asset-manager's way: a guide had definitions registered from JSON, variables from SSM, no code server, and the ARN of the definition
// of runs pasted into dagster.yaml.

const parameter = (name: string): object => ({
  name,
  valueFrom: `arn:aws:ssm:eu-central-1:123456789012:parameter/asset_manager/prod/${name}`,
});

const service = (name: string, command: readonly string[]): FoundService => ({
  service: `small-${name}`,
  family: `asset-manager-${name}`,
  image: "small/code:v41",
  container: {
    name: `asset-manager-${name}`,
    command,
    environment: [{ name: "PGSSLMODE", value: "require" }],
    secrets: ["AUTH0_CLIENT_SECRET", "DAGSTER_PG_PASSWORD"].map(parameter),
    logConfiguration: {
      logDriver: "awslogs",
      options: {
        "awslogs-group": `/ecs/asset-manager/${name}`,
        "awslogs-region": "eu-central-1",
        "awslogs-stream-prefix": "dagster",
      },
    },
  },
});

/** As the guide has it committed. */
const runDefinition = {
  family: "asset-manager-run",
  networkMode: "awsvpc",
  requiresCompatibilities: ["FARGATE"],
  cpu: "512",
  memory: "2048",
  executionRoleArn: "arn:aws:iam::$account:role/execution",
  taskRoleArn: "arn:aws:iam::$account:role/task",
  containerDefinitions: [
    {
      name: "asset-manager-run",
      image: "$account.dkr.ecr.$region.amazonaws.com/small/code:v41",
      essential: true,
      environment: [{ name: "STAGE", value: "$env" }],
    },
  ],
};

/** What the guide made of two services. */
export const guided: { readonly services: readonly FoundService[]; readonly options: AccountOptions } = {
  services: [
    service("webserver", ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000"]),
    service("daemon", ["dagster-daemon", "run"]),
  ],
  options: {
    stack: hostsStack,
    loads: "small-webserver",
    files: {
      "asset_manager/Dockerfile": "FROM python:3.12\n",
      "asset_manager/ecs/run-task-definition.json": JSON.stringify(runDefinition),
      "dagster.yaml":
        "run_launcher:\n  module: dagster_aws.ecs\n  class: EcsRunLauncher\n  config:\n    task_definition: arn:aws:ecs:eu-central-1:123456789012:task-definition/asset-manager-run:7\n    container_name: asset-manager-run\n",
    },
  },
};
