import {
  ECS,
  type Deployment,
  type DescribeServicesResponse,
  type Service,
  type ServiceDeployment,
} from "@aws-sdk/client-ecs";
import { createFakeClock, type FakeClock } from "../../local-aws/fake-clock.ts";
import { createLocalAws, inProcessHandler, type LocalAws } from "../../local-aws/local-aws.ts";
import type { Rules } from "../../local-aws/rules.ts";
import { createScriptedRuntime, type ScriptedRuntime } from "../../local-aws/runtimes/scripted.ts";

/** An account with a cluster, a real SDK client without a socket, and time that a test moves. */
export interface Stage extends Ground {
  readonly clock: FakeClock;
}

/** The same, whatever its clock. */
export interface Ground {
  readonly runtime: ScriptedRuntime;
  readonly aws: LocalAws;
  readonly ecs: ECS;
  /** Registers the next revision of family `app`: one container without checks, unless told. @returns `app:n` */
  register(container?: ContainerSettings): Promise<string>;
  /** Creates service `app`. */
  create(revision: string, settings?: ServiceSettings): Promise<Service>;
  update(settings: UpdateSettings): Promise<Service>;
  service(): Promise<Service>;
  primary(): Promise<Deployment>;
  /** The newest service deployment. */
  serviceDeployment(): Promise<ServiceDeployment>;
  /** Lets time pass until the service looks so, looking every second. @throws when it never does within the limit. */
  until(met: (service: Service) => boolean, limitSeconds?: number): Promise<Service>;
  /** The same for one that is done, one way or the other. */
  untilSettled(limitSeconds?: number): Promise<Service>;
  pass(seconds: number): Promise<void>;
  events(): Promise<readonly string[]>;
}

export interface ContainerSettings {
  readonly image?: string;
  readonly healthCheck?: boolean;
  readonly secrets?: readonly string[];
}

export type ServiceSettings = Omit<Parameters<ECS["createService"]>[0], "serviceName" | "cluster" | "taskDefinition">;
export type UpdateSettings = Omit<Parameters<ECS["updateService"]>[0], "service" | "cluster">;

export const breakerWithRollback = { deploymentCircuitBreaker: { enable: true, rollback: true } };
export const breakerAlone = { deploymentCircuitBreaker: { enable: true, rollback: false } };

export interface StageOptions {
  readonly rules?: Partial<Rules>;
  readonly speed?: number;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const clock = createFakeClock();
  return { clock, ...(await openGround(clock, options)) };
}

/** @param clock of the bed, and what lets so many milliseconds pass on it */
export async function openGround(clock: Pick<FakeClock, "bed" | "pass">, options: StageOptions = {}): Promise<Ground> {
  const runtime = createScriptedRuntime({ clock: clock.bed });
  const aws = createLocalAws({ clock: clock.bed, runtime, ...options });
  const ecs = clientOf(aws);
  await ecs.createCluster({ clusterName: "main" });

  const service = async () => {
    const { services = [] } = await ecs.describeServices({ cluster: "main", services: ["app"] });
    return existing(services[0]);
  };
  const until = async (met: (seen: Service) => boolean, limitSeconds = 3600) => {
    for (let second = 0; second < limitSeconds; second += 1) {
      const { services = [] }: DescribeServicesResponse = await readPastClient(aws, "DescribeServices", {
        cluster: "main",
        services: ["app"],
      });
      const seen = existing(services[0]);
      if (met(seen)) return seen;
      await clock.pass(1000);
    }
    throw new Error(`not within ${limitSeconds} s: ${JSON.stringify(await service(), null, 1)}`);
  };

  return {
    runtime,
    aws,
    ecs,
    service,
    until,
    register: async ({ image = "registry/app:1", healthCheck = false, secrets = [] } = {}) => {
      const { taskDefinition } = await ecs.registerTaskDefinition({
        family: "app",
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        cpu: "256",
        memory: "512",
        executionRoleArn: "arn:aws:iam::123456789012:role/execution",
        containerDefinitions: [
          {
            name: "app",
            image,
            portMappings: [{ containerPort: 3000 }],
            secrets: secrets.map((valueFrom) => ({ name: "TOKEN", valueFrom })),
            ...(healthCheck ? { healthCheck: { command: ["CMD", "true"], interval: 10, retries: 3 } } : {}),
            logConfiguration: {
              logDriver: "awslogs",
              options: { "awslogs-group": "/app", "awslogs-stream-prefix": "run" },
            },
          },
        ],
      });
      return `app:${taskDefinition?.revision ?? 0}`;
    },
    create: async (revision, settings = {}) => {
      const created = await ecs.createService({
        cluster: "main",
        serviceName: "app",
        taskDefinition: revision,
        desiredCount: 1,
        networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
        ...settings,
      });
      return existing(created.service);
    },
    update: async (settings) =>
      existing((await ecs.updateService({ cluster: "main", service: "app", ...settings })).service),
    primary: async () => existing((await service()).deployments?.[0]),
    serviceDeployment: async () => {
      const { serviceDeployments = [] } = await ecs.listServiceDeployments({ cluster: "main", service: "app" });
      const arn = existing(serviceDeployments[0]?.serviceDeploymentArn);
      const described = await ecs.describeServiceDeployments({ serviceDeploymentArns: [arn] });
      return existing(described.serviceDeployments?.[0]);
    },
    untilSettled: (limitSeconds) =>
      until(({ deployments = [] }) => {
        const [primary, ...others] = deployments;
        return primary?.rolloutState !== "IN_PROGRESS" && (primary?.rolloutState === "FAILED" || others.length === 0);
      }, limitSeconds),
    pass: (seconds) => clock.pass(seconds * 1000),
    events: async () => ((await service()).events ?? []).map(({ message = "" }) => message),
  };
}

/**
 * A real SDK client that reaches the bed without a socket.
 * @param attempts as many as the SDK makes by itself, unless told
 */
export function clientOf(aws: LocalAws, caller = "deployer", attempts = 3): ECS {
  return new ECS({
    region: aws.region,
    maxAttempts: attempts,
    credentials: { accessKeyId: caller, secretAccessKey: "unused" },
    requestHandler: inProcessHandler(aws),
  });
}

/** What ECS answers to an onlooker without a client: for those who look thousands of times. */
export async function readPastClient(aws: LocalAws, operation: string, input: object): Promise<object> {
  const answer = await aws.handle({ service: "ecs", operation, input, caller: "onlooker" });
  if (answer.kind !== "output") throw new Error(`${operation}: ${JSON.stringify(answer)}`);
  return answer.output;
}

export function existing<Value>(value: Value | null | undefined): Value {
  if (value === undefined || value === null) throw new Error("it is not there");
  return value;
}
