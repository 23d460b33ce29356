import { CloudWatchLogsClient, CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from "@aws-sdk/client-ecs";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { type Contract, contractSchema } from "../../../src/domain/contract.ts";
import type { Bed } from "../bed.ts";
import { createAgent } from "../runtimes/tasks/agent.ts";
import { type BaseImage, pushBaseImage } from "./base-image.ts";
import { addNetwork, type Network } from "./network.ts";

/** What one service of the stack is to infrastructure. */
export type ServiceSpec = (
  | { readonly kind: "code-location"; readonly port: number }
  | { readonly kind: "webserver"; readonly port: number }
  | { readonly kind: "daemon" }
) & {
  /** Name of its container; its key unless told. */
  readonly container?: string;
};

export interface InfrastructureSpec {
  /** Name of the stack: the first part of every other name. */
  readonly stack: string;
  /** ECR repositories, by their whole names. */
  readonly repositories: readonly string[];
  readonly services: Readonly<Record<string, ServiceSpec>>;
  /** Id of an EFS file system. */
  readonly fileSystem?: string;
  /** Secrets Manager secrets beside the database's: text or JSON by name. */
  readonly secrets?: Readonly<Record<string, string>>;
}

export interface Infrastructure {
  readonly contract: Contract;
  /** `s3://bucket/key` */
  readonly contractUri: string;
  /** SSM parameter that holds the contract's URI. */
  readonly contractParameter: string;
  /** Host of the registry, as task definitions name it. */
  readonly registry: string;
  /** In the repository `<stack>/base`. */
  readonly base: BaseImage;
  readonly roleArn: (name: string) => string;
}

/** Who plays the infrastructure: a role of its own, so that its calls are told from the product's. */
const role = "infrastructure";
const nameTtlSeconds = 1;

/**
 * Makes in a bed what infrastructure makes in an account: cluster, roles, log group, bucket, repositories, secrets,
 * database, names, target groups, services that run nothing yet, and the contract that tells of them.
 */
export async function playInfrastructure(bed: Bed, spec: InfrastructureSpec): Promise<Infrastructure> {
  const { stack } = spec;
  const settings = {
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: role, secretAccessKey: "secret" },
  };
  const registry = `${bed.account}.dkr.ecr.${bed.region}.amazonaws.com`;
  const roleArn = (name: string): string => `arn:aws:iam::${bed.account}:role/${name}`;
  const roles = Object.fromEntries(
    ["execution", "run", "webserver", "daemon", "code-location"].map((kind) => [kind, `${stack}-${kind}`]),
  );
  for (const name of Object.values(roles)) {
    bed.aws.neighbours.roles.set(name, { name, arn: roleArn(name), trustPolicy });
  }
  const logGroup = `/dagster/${stack}`;
  await new CloudWatchLogsClient(settings).send(new CreateLogGroupCommand({ logGroupName: logGroup }));
  await makeRepositories(new ECRClient(settings), [`${stack}/base`, ...spec.repositories]);
  const base = await pushBaseImage(bed.python, { registry: bed.url, repository: `${stack}/base`, tag: "python" });
  const password = "local-aws-password";
  const database = stack.replaceAll("-", "_");
  await bed.postgresql.createDatabase(database);
  await makeSecrets(bed, { [`${stack}/database`]: JSON.stringify({ password }), ...spec.secrets });

  const network = addNetwork(bed.aws.neighbours, bed.region, bed.account, stack);
  const services = await makeServices(bed, new ECSClient(settings), spec, network, {
    image: `${registry}/${stack}/base@${base.digest}`,
    executionRoleArn: roleArn(roles["execution"] ?? ""),
  });
  const bucket = `${stack}-deploys-${bed.account}`;
  const contract = contractSchema.parse({
    version: 1,
    account: bed.account,
    region: bed.region,
    cluster: stack,
    network: { subnets: network.subnetIds, "security-groups": network.securityGroupIds },
    bucket: { name: bucket },
    roles,
    "log-group": logGroup,
    services,
    ...(spec.fileSystem === undefined ? {} : { efs: spec.fileSystem }),
    database: {
      host: bed.postgresql.host,
      port: bed.postgresql.port,
      name: database,
      user: bed.postgresql.user,
      password: `secret:${stack}/database#password`,
    },
    "name-ttl-seconds": nameTtlSeconds,
  } satisfies Record<string, unknown>);
  const contractUri = `s3://${bucket}/contract.json`;
  const contractParameter = `/dagster/${stack}/contract`;
  const s3 = new S3Client(settings);
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "contract.json", Body: JSON.stringify(contract) }));
  const parameter = new PutParameterCommand({ Name: contractParameter, Value: contractUri, Type: "String" });
  await new SSMClient(settings).send(parameter);
  return { contract, contractUri, contractParameter, registry, base, roleArn };
}

const trustPolicy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

async function makeRepositories(ecr: ECRClient, names: readonly string[]): Promise<void> {
  for (const repositoryName of names) {
    const settings = { imageTagMutability: "IMMUTABLE", imageScanningConfiguration: { scanOnPush: true } } as const;
    await ecr.send(new CreateRepositoryCommand({ repositoryName, ...settings }));
  }
}

async function makeSecrets(bed: Bed, secrets: Readonly<Record<string, string>>): Promise<void> {
  const call = createAgent(bed.url, bed.region, role);
  for (const [Name, SecretString] of Object.entries(secrets)) {
    await call("secretsmanager", "CreateSecret", { Name, SecretString });
  }
}

/** What a service's definition holds before the first release: it never runs. */
interface Bootstrap {
  readonly image: string;
  readonly executionRoleArn: string;
}

/** @returns the services as the contract tells of them. */
async function makeServices(
  bed: Bed,
  ecs: ECSClient,
  { stack, services }: InfrastructureSpec,
  network: Network,
  { image, executionRoleArn }: Bootstrap,
): Promise<Contract["services"]> {
  await ecs.send(new CreateClusterCommand({ clusterName: stack }));
  const known: Contract["services"] = {};
  for (const [key, spec] of Object.entries(services)) {
    const name = `${stack}-${key}`;
    const containerName = spec.container ?? key;
    await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: name,
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        cpu: "256",
        memory: "512",
        executionRoleArn,
        containerDefinitions: [
          {
            name: containerName,
            image,
            command: ["sleep", "infinity"],
            ...("port" in spec ? { portMappings: [{ containerPort: spec.port }] } : {}),
          },
        ],
      }),
    );
    const targetGroup = spec.kind === "webserver" ? network.addTargetGroup(key, spec.port) : null;
    const registration = spec.kind === "daemon" ? null : network.addName(key);
    await ecs.send(
      new CreateServiceCommand({
        cluster: stack,
        serviceName: name,
        taskDefinition: name,
        desiredCount: 0,
        launchType: "FARGATE",
        networkConfiguration: {
          awsvpcConfiguration: {
            subnets: [...network.subnetIds],
            securityGroups: [...network.securityGroupIds],
            assignPublicIp: "DISABLED",
          },
        },
        deploymentConfiguration: {
          // Two daemons at once would run every schedule twice.
          ...(spec.kind === "daemon"
            ? { minimumHealthyPercent: 0, maximumPercent: 100 }
            : { minimumHealthyPercent: 100, maximumPercent: 200 }),
          deploymentCircuitBreaker: {
            enable: true,
            rollback: true,
            thresholdConfiguration: { type: "COUNT", value: 2 },
          },
        },
        ...(registration === null ? {} : { serviceRegistries: [{ registryArn: registration.arn }] }),
        ...(targetGroup === null || spec.kind !== "webserver"
          ? {}
          : {
              healthCheckGracePeriodSeconds: 60,
              loadBalancers: [{ targetGroupArn: targetGroup.arn, containerName, containerPort: spec.port }],
            }),
      }),
    );
    known[key] = {
      service: name,
      ...(registration === null ? {} : { address: registration.host }),
      ...("port" in spec ? { port: spec.port } : {}),
      ...(targetGroup === null ? {} : { url: (await bed.loadBalancer(targetGroup.arn)).url }),
    };
  }
  return known;
}
