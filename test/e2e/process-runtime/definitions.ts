import type { ContainerDefinition, RegisterTaskDefinitionCommandInput } from "@aws-sdk/client-ecs";
import type { Infrastructure } from "../../local-aws/infrastructure/play.ts";

/** Task definitions of the fixture's stack, written by hand. */
export type ServiceKey = "code" | "daemon" | "webserver";

export const repository = "deal-flow/code";

export interface DefinitionRequest {
  readonly infrastructure: Infrastructure;
  readonly digest: string;
  /** ARN of the definition that runs of the code location get. */
  readonly runDefinitionArn: string;
  /** `workspace.yaml` unless told. */
  readonly workspace?: string;
  /** Folder of its dagster.yaml; `home` unless told. `home-s3` keeps compute logs in the bucket of the infrastructure. */
  readonly home?: string;
}

export function serviceDefinition(key: ServiceKey, request: DefinitionRequest): RegisterTaskDefinitionCommandInput {
  const { infrastructure, digest, runDefinitionArn, workspace = "workspace.yaml", home } = request;
  const context = { ecs: { task_definition_arn: runDefinitionArn, container_name: "run" } };
  const environment = {
    DAGSTER_CURRENT_IMAGE: imageUri(infrastructure, digest),
    DAGSTER_CONTAINER_CONTEXT: JSON.stringify(context),
    ...homeOf(infrastructure, home),
  };
  switch (key) {
    case "code":
      return definition(infrastructure, "deal-flow-code", "code-location", digest, environment, {
        name: "code",
        command: ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "app.main"],
        healthCheck: {
          command: ["CMD", "dagster", "api", "grpc-health-check", "-p", "4000"],
          interval: 30,
          timeout: 30,
        },
      });
    case "daemon":
      return definition(infrastructure, "deal-flow-daemon", "daemon", digest, environment, {
        name: "daemon",
        command: ["dagster-daemon", "run", "-w", `/app/app/${workspace}`],
      });
    case "webserver":
      return definition(infrastructure, "deal-flow-webserver", "webserver", digest, environment, {
        name: "webserver",
        command: ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-w", `/app/app/${workspace}`],
        portMappings: [{ containerPort: 3000 }],
        healthCheck: {
          command: [
            "CMD-SHELL",
            `python3 -c "from urllib.request import urlopen; urlopen('http://localhost:3000/server_info')"`,
          ],
          interval: 30,
        },
      });
  }
}

export function runDefinition(
  infrastructure: Infrastructure,
  digest: string,
  home?: string,
): RegisterTaskDefinitionCommandInput {
  const environment = {
    DAGSTER_CURRENT_IMAGE: imageUri(infrastructure, digest),
    ...homeOf(infrastructure, home),
  };
  return definition(infrastructure, "deal-flow-run", "run", digest, environment, { name: "run", command: ["true"] });
}

function homeOf({ contract }: Infrastructure, home: string | undefined): Readonly<Record<string, string>> {
  return home === undefined ? {} : { DAGSTER_HOME: `/app/app/${home}`, COMPUTE_LOG_BUCKET: contract.bucket.name };
}

export function imageUri({ registry }: Infrastructure, digest: string): string {
  return `${registry}/${repository}@${digest}`;
}

function definition(
  infrastructure: Infrastructure,
  family: string,
  role: string,
  digest: string,
  environment: Readonly<Record<string, string>>,
  container: ContainerDefinition,
): RegisterTaskDefinitionCommandInput {
  const { contract, roleArn } = infrastructure;
  const { account, region, database } = contract;
  const variables = {
    DAGSTER_PG_HOST: database?.host,
    DAGSTER_PG_PORT: String(database?.port),
    DAGSTER_PG_DB: database?.name,
    DAGSTER_PG_USER: "postgres",
    ...environment,
  };
  return {
    family,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "512",
    memory: "2048",
    executionRoleArn: roleArn(contract.roles["execution"] ?? ""),
    taskRoleArn: roleArn(contract.roles[role] ?? ""),
    runtimePlatform: { cpuArchitecture: process.arch === "arm64" ? "ARM64" : "X86_64", operatingSystemFamily: "LINUX" },
    containerDefinitions: [
      {
        ...container,
        image: imageUri(infrastructure, digest),
        environment: Object.entries(variables).map(([name, value]) => ({ name, value })),
        secrets: [
          {
            name: "DAGSTER_PG_PASSWORD",
            valueFrom: `arn:aws:secretsmanager:${region}:${account}:secret:${contract.cluster}/database:password::`,
          },
        ],
        logConfiguration: {
          logDriver: "awslogs",
          options: {
            "awslogs-group": contract["log-group"] ?? "",
            "awslogs-region": region ?? "",
            "awslogs-stream-prefix": family,
          },
        },
      },
    ],
  };
}
