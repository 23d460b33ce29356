import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ECSClient } from "@aws-sdk/client-ecs";
import type { Context } from "../../../src/domain/context.ts";
import { contentHash } from "../../../src/domain/json.ts";
import type { Sha } from "../../../src/domain/identifiers.ts";
import { sender } from "../../../src/aws/send.ts";
import type { Clients, Connections } from "../../../src/releases/connections.ts";
import { createFakeClock, type FakeClock } from "../../local-aws/fake-clock.ts";
import { createLocalAws, type LocalAws } from "../../local-aws/local-aws.ts";
import type { Rules } from "../../local-aws/rules.ts";
import { createScriptedRuntime, type ScriptedRuntime } from "../../local-aws/runtimes/scripted.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import { type MemoryRegistry, memoryRegistry, registryEndpoint } from "./memory-registry.ts";
import { type MemoryS3, memoryS3 } from "./memory-s3.ts";
import { type PlayedDagster, playDagster } from "./played-dagster.ts";
import { refusal, reset } from "./refusal.ts";
import { type Answers, clientOver } from "./client.ts";
import type { Wire } from "./wire.ts";

/**
 * Everything outside the process that a release touches, in one process and on one clock: ECS is the simulator of test/local-aws
 * with scripted containers; S3, the registry, Dagster, parameters, identities and the history of commits are stand-ins in memory.
 * All state lies here: whoever deploys may be cut off at any call, and somebody else may look at what is left.
 */
export interface PlayedAccount {
  readonly clock: FakeClock;
  readonly aws: LocalAws;
  readonly runtime: ScriptedRuntime;
  readonly s3: MemoryS3;
  readonly registry: MemoryRegistry;
  readonly dagster: PlayedDagster;
  /** The checkout. */
  readonly root: string;
  /** What goes out of a process, over its own wire. */
  connections(wire: Wire): Connections;
  /** Checks out a new commit, in which these files are so; it follows the one that is checked out. */
  commit(files: Readonly<Record<string, string>>): Promise<Sha>;
  /** Checks an earlier commit out again. */
  checkOut(sha: Sha): Promise<void>;
  /** Code of this commit starts, and does not load in Dagster. */
  breakCode(sha: Sha): void;
  close(): Promise<void>;
}

export const stackName = "small";
export const environmentName = "production";
export const bucketName = "deploys";
/** Where the records of the stack are. */
export const recordsPrefix = `${bucketName}/${stackName}/${environmentName}/`;

export const stackFile = `name: small
region: eu-central-1
contract:
  version: 1
  cluster: small
  network: { subnets: [subnet-1], security-groups: [sg-1] }
  bucket: { name: deploys }
  roles: { execution: execution, run: run, webserver: web, daemon: daemon, code-location: code, task: migration }
  log-group: /dagster/small
  name-ttl-seconds: 1
  services:
    code: { service: small-code, address: code.small.local, port: 4000 }
    daemon: { service: small-daemon }
    webserver: { service: small-webserver, port: 3000, url: "http://dagster.example" }
  database: { host: db, name: dagster, user: dagster, password: "secret:small/database#password" }
instance: { dagster-yaml: dagster.yaml, workspace: workspace.yaml }
images:
  code:
    repository: small/code
    platform: linux/amd64
    layers: { base: small/base:python, files: [{ from: app, to: /app/app }] }
  host:
    repository: small/host
    platform: linux/amd64
    layers:
      base: small/base:python
      files:
        - { from: dagster.yaml, to: /opt/dagster/dagster.yaml }
        - { from: workspace.yaml, to: /opt/dagster/workspace.yaml }
services:
  code: { kind: code-location, image: code, location: small, module: app.main }
  daemon: { kind: daemon, image: host }
  webserver: { kind: webserver, image: host }
migrations:
  - { name: application, image: code, tool: alembic }
gates: { canary: { location: small, job: canary }, log-scan: "off" }
`;

export interface AccountOptions {
  readonly rules?: Partial<Rules>;
  /** Text of the stack file. */
  readonly stack?: string;
  /** Its code locations, each with a service of the same key; `small` is served by `code` unless told. */
  readonly locations?: readonly string[];
}

/** An account as infrastructure leaves it: services at count 0, repositories empty but for the base. */
export async function openAccount(options: AccountOptions = {}): Promise<PlayedAccount> {
  const { rules = {}, stack = stackFile } = options;
  const served = options.locations?.map((location) => [location, location] as const) ?? [["small", "code"] as const];
  const clock = createFakeClock();
  const runtime = createScriptedRuntime({ clock: clock.bed });
  // Every cut plays whole releases: what AWS takes its time for is made short. Rules, not times, are what is looked at.
  const aws = createLocalAws({ clock: clock.bed, runtime, rules, speed: 20 });
  const s3 = memoryS3(() => clock.product.now());
  const registry = memoryRegistry(["small/base", "small/code", "small/host"]);
  pushBase(registry);
  await makeInfrastructure(aws, [...served.map(([, key]) => key), "daemon", "webserver"]);

  const root = await mkdtemp(join(tmpdir(), "account-"));
  const commits: { readonly sha: Sha; readonly files: Readonly<Record<string, string>> }[] = [];
  const brokenCode = new Set<string>();
  let head: Sha | null = null;
  const broken = {
    has: (image: string) => {
      const digest = image.slice(image.indexOf("@") + 1);
      return registry.tagsOf("small/code", digest).some((tag) => brokenCode.has(tag));
    },
  };
  const dagster = playDagster(aws, () => clock.product.now(), {
    cluster: "small",
    locations: Object.fromEntries(served.map(([location, key]) => [location, `small-${key}`])),
    webserver: "small-webserver",
    daemon: "small-daemon",
    broken,
  });
  const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
  runtime.script(() => true, { kind: "healthy", ...quick });
  // One-off tasks and runs end by themselves.
  runtime.script((task) => /^small-(once|run)-/.test(task.definition.family ?? ""), {
    kind: "exits",
    ...quick,
    code: 0,
    afterSeconds: 1,
    log: [{ text: "done" }],
  });

  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  };
  const account: PlayedAccount = {
    clock,
    aws,
    runtime,
    s3,
    registry,
    dagster,
    root,
    connections: (wire) =>
      connect({ aws, s3, registry, dagster, runtime }, wire, {
        checkout: (folder) => {
          if (head === null) throw new Error("nothing is checked out");
          return Promise.resolve({ root: folder, head, changedFiles: [] });
        },
        isAncestor: (_folder, ancestor, descendant) => {
          const [a, b] = [ancestor, descendant].map((sha) => commits.findIndex((one) => one.sha === sha));
          return Promise.resolve(
            a === undefined || b === undefined || a < 0 || b < 0 ? "unknown" : a <= b ? "yes" : "no",
          );
        },
      }),
    commit: async (files) => {
      const all = { ...commits.at(-1)?.files, ...files };
      const sha = contentHash([commits.length, all]).slice(0, 40) as Sha;
      commits.push({ sha, files: all });
      await write(all);
      head = sha;
      return sha;
    },
    checkOut: async (sha) => {
      const known = commits.find((one) => one.sha === sha);
      if (known === undefined) throw new Error(`no commit ${sha}`);
      await write(known.files);
      head = sha;
    },
    breakCode: (sha) => void brokenCode.add(sha),
    close: async () => {
      await aws.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  await account.commit({
    "dagster-stack.yml": stack,
    "app/main.py": "VERSION = 1\n",
    "dagster.yaml": "telemetry: { enabled: false }\n",
    "workspace.yaml": "load_from: []\n",
  });
  return account;
}

type Outside = Pick<PlayedAccount, "aws" | "s3" | "registry" | "dagster" | "runtime">;

function connect(outside: Outside, wire: Wire, history: Connections["history"]): Connections {
  const { aws, registry, dagster } = outside;
  return {
    caller: async ({ signal }, region) => {
      signal.throwIfAborted();
      return wire({ to: "sts", operation: "GetCallerIdentity", about: "", writes: false }, () =>
        Promise.resolve({
          account: aws.account,
          partition: "aws",
          region,
          arn: "arn:aws:sts::1:assumed-role/deploy/x",
        }),
      );
    },
    aws: (context) => clientsOf(outside, wire, context),
    images: async (context, { ecr }, scratch) =>
      Promise.resolve({ ecr, registry: registry.open(context, wire), scratch }),
    webserver: ({ signal }) => dagster.open(signal, wire),
    history,
  };
}

/** The product's own senders, with their retries, over clients that reach into memory. */
function clientsOf({ aws, s3, runtime }: Outside, wire: Wire, context: Pick<Context, "clock" | "signal">): Clients {
  const sending = <T>(service: { readonly name: string; readonly prefix: string }, answer: Answers) =>
    sender(clientOver(service.prefix, answer, wire, context) as unknown as ECSClient, service, context) as unknown as T;
  return {
    ecs: sending({ name: "ECS", prefix: "ecs" }, async (operation, input) => {
      const answered = await aws.handle({ service: "ecs", operation, input, caller: "deploy" });
      switch (answered.kind) {
        case "output":
          return answered.output;
        case "error":
          throw refusal(answered.name, answered.status, answered.message);
        case "page":
          throw refusal("Unknown", answered.status, answered.body);
        case "reset":
          throw reset();
      }
    }),
    s3: sending({ name: "S3", prefix: "s3" }, (operation, input) => s3.answer(operation, input)),
    ecr: sending({ name: "ECR", prefix: "ecr" }, (operation) => {
      throw new Error(`the ECR in memory does not know ${operation}`);
    }),
    ssm: sending({ name: "SSM", prefix: "ssm" }, (operation) => {
      if (operation === "DescribeParameters") return { Parameters: [] };
      throw new Error(`the SSM in memory does not know ${operation}`);
    }),
    logs: sending({ name: "CloudWatch Logs", prefix: "logs" }, (operation, input) => {
      if (operation !== "GetLogEvents") throw new Error(`the Logs API in memory does not know ${operation}`);
      const { logStreamName, nextToken } = input as { readonly logStreamName: string; readonly nextToken?: string };
      const stream = runtime.lines.filter((line) => line.stream === logStreamName);
      if (stream.length === 0)
        throw refusal("ResourceNotFoundException", 400, "The specified log stream does not exist.");
      const from = Number(nextToken?.slice(2) ?? 0);
      const events = stream.slice(from).map(({ at, text }) => ({ timestamp: at, message: text }));
      return { events, nextForwardToken: `f/${stream.length}` };
    }),
  };
}

function pushBase(registry: MemoryRegistry): void {
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [] } }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: registry.putBlob(config),
      size: config.length,
    },
    layers: [],
  };
  registry.put("small/base", "python", mediaType, Buffer.from(JSON.stringify(manifest)));
}

/** Cluster and services of the played stack, which run nothing yet. */
export async function makeInfrastructure(aws: LocalAws, keys: readonly string[]): Promise<void> {
  await readPastClient(aws, "CreateCluster", { clusterName: "small" });
  for (const key of keys) {
    await readPastClient(aws, "RegisterTaskDefinition", {
      family: `small-${key}`,
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      executionRoleArn: "arn:aws:iam::123456789012:role/execution",
      containerDefinitions: [{ name: key, image: `${new URL(registryEndpoint).host}/small/base:python` }],
    });
    await readPastClient(aws, "CreateService", {
      cluster: "small",
      serviceName: `small-${key}`,
      taskDefinition: `small-${key}`,
      desiredCount: 0,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
      deploymentConfiguration: {
        deploymentCircuitBreaker: { enable: true, rollback: true },
        ...(key === "daemon" ? { minimumHealthyPercent: 0, maximumPercent: 100 } : {}),
      },
    });
  }
}
