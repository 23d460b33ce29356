import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ECSClient } from "@aws-sdk/client-ecs";
import type { STSClient } from "@aws-sdk/client-sts";
import type { Context } from "../../../src/domain/context.ts";
import { contentHash } from "../../../src/domain/json.ts";
import type { Digest, Sha } from "../../../src/domain/identifiers.ts";
import { assumedRole, type RoleRequest } from "../../../src/aws/assumed-role.ts";
import { dependenciesKey } from "../../../src/images/content-key.ts";
import { sender } from "../../../src/aws/send.ts";
import type { StsSend } from "../../../src/aws/sts.ts";
import type { Clients, Connections } from "../../../src/releases/connections.ts";
import { createFakeClock, type FakeClock } from "../../local-aws/fake-clock.ts";
import { createLocalAws, type LocalAws } from "../../local-aws/local-aws.ts";
import { callerOf } from "../../local-aws/neighbours/sessions.ts";
import type { Dagster } from "../../../src/dagster/client.ts";
import type { Rules } from "../../local-aws/rules.ts";
import type { RuntimeTask } from "../../local-aws/runtime.ts";
import { createScriptedRuntime, type LogLine, type ScriptedRuntime } from "../../local-aws/runtimes/scripted.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import { type MemoryRegistry, memoryRegistry } from "./memory-registry.ts";
import { type MemoryS3, memoryS3 } from "./memory-s3.ts";
import { type PlayedDagster, playDagster } from "./played-dagster.ts";
import { type PlayedSecret, putParameter, secretsAnswer } from "./memory-secrets.ts";
import { refusal } from "./refusal.ts";
import { answerOf, type Answers, clientOver } from "./client.ts";
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
  /** Each time that tasks which ask Dagster were begun with. */
  readonly probes: readonly PlayedProbe[];
  /** Values of parameters, by their names. */
  readonly parameters: Map<string, string>;
  /** ECS service that loads each location; a test that changes the shape of a stack changes it. */
  readonly loaders: Record<string, string>;
  /** Secrets of Secrets Manager, by their names. */
  readonly secrets: Map<string, PlayedSecret>;
  /** The checkout. */
  readonly root: string;
  readonly environment: string;
  /** Bucket of its records. */
  readonly bucket: string;
  /** Where the records of the stack are. */
  readonly recordsPrefix: string;
  /** Tasks of each service that is to run more than one. */
  readonly counts: Readonly<Record<string, number>>;
  /**
   * What goes out of a process, over its own wire.
   * @param role in whose name; null: with credentials of the job that never end
   */
  connections(wire: Wire, context: Pick<Context, "clock" | "report">, role: RoleRequest | null): Connections;
  /** Checks out a new commit, in which these files are so; it follows the one that is checked out. */
  commit(files: Readonly<Record<string, string>>): Promise<Sha>;
  /** Checks an earlier commit out again. */
  checkOut(sha: Sha): Promise<void>;
  /** Images that were made of this commit have this version of Dagster, whatever its lock file says. */
  hasDagster(sha: Sha, version: string): void;
  /** Code of this commit starts, and does not load in Dagster. */
  breakCode(sha: Sha): void;
  /** What `origin/HEAD` of the checkout is; null: it is not known. */
  defaultBranch: { readonly name: string; readonly head: Sha } | null;
  close(): Promise<void>;
}

/** A task that asks Dagster: nothing of it is played but that it is there. */
export interface PlayedProbe {
  readonly url: string;
  /** Where user and password are from; null: none are sent. */
  readonly login: string | null;
  readonly isOpen: boolean;
  /** Where its answers come through: group, prefix and container. */
  readonly log: string;
}

export const stackName = "small";
export const environmentName = "production";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

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
gates: { canary: { location: small, job: canary }, log-scan: { level: off, reason: nobody reads them here } }
`;

/** The same stack with an environment before production, in an account of its own. */
export const stagedStackFile = `${stackFile}environments:
  staging:
${stackFile
  .slice(stackFile.indexOf("contract:"), stackFile.indexOf("instance:"))
  .replace("version: 1", 'version: 1\n  account: "210987654321"')
  .replace("name: deploys", "name: staging-deploys")
  .replaceAll(/^/gm, "    ")
  .trimEnd()}
`;

export interface AccountOptions {
  readonly rules?: Partial<Rules>;
  /** Text of the stack file. */
  readonly stack?: string;
  /** Further files of the first commit. */
  readonly files?: Readonly<Record<string, string>>;
  /** Whose account it is. */
  readonly environment?: "production" | "staging";
  /** The account of another environment, whose bucket and registry are open to the deployers of this one. */
  readonly neighbour?: PlayedAccount;
  /** A registry that it shares. */
  readonly registry?: MemoryRegistry;
  /** ECS service that loads the location `small`; `small-code` when nothing is said. */
  readonly loads?: string;
  /** A daemon that something else has deployed runs as {@link formerDaemon}. */
  readonly former?: boolean;
  /** Its code locations, each with a service of the same key; `small` is served by `code` unless told. */
  readonly locations?: readonly string[];
  /** Repositories of images beside those of code and host. */
  readonly repositories?: readonly string[];
  /** Tasks of each service that is to run more than one. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** ECS service of a daemon that is not of the stack, on the same database. */
export const formerDaemon = "former-daemon";

/** An account as infrastructure leaves it: services at count 0, repositories empty but for the base. */
export async function openAccount(options: AccountOptions = {}): Promise<PlayedAccount> {
  const { rules = {}, stack = stackFile, environment = environmentName, neighbour = null, files = {} } = options;
  const { locations, loads = "small-code", former = false, counts = {} } = options;
  const repositories = ["small/code", "small/host", ...(options.repositories ?? [])];
  const keys = [...(locations ?? ["code"]), "daemon", "webserver"];
  const served = locations?.map((location) => [location, `small-${location}`] as const) ?? [["small", loads] as const];
  const [account, bucket] =
    environment === environmentName ? ["123456789012", "deploys"] : ["210987654321", `${environment}-deploys`];
  const clock = createFakeClock();
  const runtime = createScriptedRuntime({ clock: clock.bed });
  // Every cut plays whole releases: what AWS takes its time for is made short. Rules, not times, are what is looked at.
  const aws = createLocalAws({ clock: clock.bed, runtime, rules, speed: 20, account });
  const s3 = memoryS3(() => clock.product.now());
  const registry = options.registry ?? memoryRegistry(account, ["small/base", ...repositories]);
  const base = pushBase(registry);
  await makeInfrastructure(aws, registry, keys);

  const root = await mkdtemp(join(tmpdir(), "account-"));
  const commits: { readonly sha: Sha; readonly files: Readonly<Record<string, string>> }[] = [];
  const brokenCode = new Set<string>();
  const toldDagster = new Map<string, string>();
  let head: Sha | null = null;
  const broken = {
    has: (image: string) => {
      const digest = image.slice(image.indexOf("@") + 1);
      return registry.tagsOf("small/code", digest).some((tag) => brokenCode.has(tag));
    },
  };
  const loaders = Object.fromEntries(served);
  type Listed = Readonly<Record<string, { readonly prefix: string }>>;
  /** Locations that hosts load by the list. */
  const listed = (): Listed | null => {
    const list = s3.objects.get(`${bucket}/dags/.stacks/small/${environment}.json`);
    return list === undefined ? null : (JSON.parse(list.text) as { readonly locations: Listed }).locations;
  };
  const dagster = playDagster(aws, () => clock.product.now(), {
    cluster: "small",
    get locations() {
      const named = listed();
      return named === null ? loaders : Object.fromEntries(Object.keys(named).map((location) => [location, loads]));
    },
    webserver: "small-webserver",
    daemons: ["small-daemon", ...(former ? [formerDaemon] : [])],
    broken,
    dagsterIn: (image) => {
      const [, repository = "", digest = ""] = /^[^/]+\/([^@]+)@(.+)$/.exec(image) ?? [];
      const registries = neighbour === null ? [registry] : [registry, neighbour.registry];
      const tags = registries.flatMap((one) => one.tagsOf(repository, digest));
      return tags.flatMap((tag) => toldDagster.get(tag) ?? dagsterOfCommits.get(tag) ?? [])[0] ?? null;
    },
    version: (location, dags) => {
      const known = dags.startsWith("{") ? (JSON.parse(dags) as Listed) : listed();
      const pointer = s3.objects.get(`${bucket}/${known?.[location]?.prefix ?? ""}current.json`);
      return pointer === undefined ? null : (JSON.parse(pointer.text) as { readonly version: string }).version;
    },
  });
  const probes: PlayedProbe[] = [];
  const parameters = new Map<string, string>();
  const secrets = new Map<string, PlayedSecret>();
  const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
  runtime.script(() => true, { kind: "healthy", ...quick });
  // One-off tasks and runs end by themselves.
  runtime.script(
    (task) => /^small-(once|run)-/.test(task.definition.family ?? ""),
    (task) => ({ kind: "exits", ...quick, code: 0, afterSeconds: 1, log: [{ text: "done" }, ...reportOf(task)] }),
  );
  if (former) {
    // Long enough to be seen beside another one: a daemon joins its threads.
    const isDaemon = (task: RuntimeTask): boolean =>
      ["small-daemon", formerDaemon].includes(task.definition.family ?? "");
    runtime.script(isDaemon, { kind: "healthy", ...quick, stopsAfterSeconds: 10 });
    await makeService(aws, registry, formerDaemon, { minimumHealthyPercent: 0, maximumPercent: 100 }, 1);
    await clock.pass(60_000);
  }

  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  };
  const played: PlayedAccount = {
    environment,
    bucket,
    recordsPrefix: `${bucket}/${stackName}/${environment}/`,
    counts,
    clock,
    aws,
    runtime,
    s3,
    registry,
    dagster,
    probes,
    parameters,
    secrets,
    loaders,
    root,
    connections: (wire, context, role) =>
      connect(
        { aws, s3, registry, dagster, runtime, neighbour, probes, parameters, secrets },
        wire,
        credentialsOf(aws, wire, context, role),
        {
          checkout: (folder) => {
            if (head === null) throw new Error("nothing is checked out");
            return Promise.resolve({ root: folder, head, changedFiles: [] });
          },
          defaultBranch: () => Promise.resolve(played.defaultBranch),
          mentionedRevisions: () => {
            const texts = Object.values(commits.at(-1)?.files ?? {}).join("\n");
            return Promise.resolve(texts.match(/[\w-]+:\d+/g) ?? []);
          },
          isAncestor: (_folder, ancestor, descendant) => {
            const [a, b] = [ancestor, descendant].map((sha) => commits.findIndex((one) => one.sha === sha));
            return Promise.resolve(
              a === undefined || b === undefined || a < 0 || b < 0 ? "unknown" : a <= b ? "yes" : "no",
            );
          },
        },
      ),
    commit: async (files) => {
      const all = { ...commits.at(-1)?.files, ...files };
      const sha = contentHash([commits.length, all]).slice(0, 40) as Sha;
      const lock = all["requirements.lock"];
      const [, version] = /^dagster==(\S+)/m.exec(lock ?? "") ?? [];
      if (version !== undefined) dagsterOfCommits.set(sha, version);
      if (lock !== undefined) pushDependencies(registry, repositories, base, lock);
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
    hasDagster: (sha, version) => void toldDagster.set(sha, version),
    breakCode: (sha) => void brokenCode.add(sha),
    defaultBranch: null,
    close: async () => {
      await aws.close();
      await rm(root, { recursive: true, force: true });
    },
  };
  await played.commit({
    "dagster-stack.yml": stack,
    "app/main.py": "VERSION = 1\n",
    "dagster.yaml": "telemetry: { enabled: false }\n",
    "workspace.yaml": "load_from: []\n",
    ...files,
  });
  return played;
}

/** What the lock file of each commit pins, of all accounts: images are promoted from one to the next. */
const dagsterOfCommits = new Map<string, string>();

/** Heads that every migration of the account comes to. */
export const migratedHeads: readonly string[] = ["0001"];

/** What the program of a migration says last, behind the mark that its command brings. */
export function reportOf({ overrides }: RuntimeTask, after = migratedHeads): readonly LogLine[] {
  const mark = overrides.containerOverrides?.[0]?.command?.[3];
  if (mark === undefined) return [];
  const facts = {
    lock: "held",
    database: "postgresql",
    heads: after,
    before: [],
    after,
    unknown: [],
  };
  return [{ text: `${mark} ${JSON.stringify({ end: "done", ...facts })}` }];
}

interface Outside
  extends Pick<PlayedAccount, "aws" | "s3" | "registry" | "dagster" | "runtime" | "parameters" | "secrets"> {
  readonly probes: PlayedProbe[];
  readonly neighbour: PlayedAccount | null;
}

/** Gives the access key that is good now. */
type AccessKey = () => Promise<string>;

function credentialsOf(
  aws: LocalAws,
  wire: Wire,
  context: Pick<Context, "clock" | "report">,
  role: RoleRequest | null,
): AccessKey {
  if (role === null) return () => Promise.resolve("deploy");
  const unstopped = { clock: context.clock, signal: new AbortController().signal };
  const answer: Answers = (operation, input) => answerOf(aws, { service: "sts", operation, input, caller: "" });
  const client = clientOver("sts", answer, wire, context) as unknown as STSClient;
  const sts: StsSend = sender(client, { name: "STS", prefix: "sts" }, unstopped);
  const credentials = assumedRole(context, () => sts, role);
  return async () => (await credentials(aws.region)).accessKeyId;
}

function connect(outside: Outside, wire: Wire, accessKey: AccessKey, history: Connections["history"]): Connections {
  const { aws, registry, dagster, neighbour, probes } = outside;
  return {
    caller: async ({ signal }, region) => {
      signal.throwIfAborted();
      await accessKey();
      return wire({ to: "sts", operation: "GetCallerIdentity", about: "", writes: false }, () =>
        Promise.resolve({
          account: aws.account,
          partition: "aws",
          region,
          arn: "arn:aws:sts::1:assumed-role/deploy/x",
        }),
      );
    },
    aws: (context) => clientsOf(outside, wire, accessKey, context),
    images: async (context, { ecr }, { scratch, kept }) => {
      const begun = { making: new Map(), bases: new Map(), prepared: new Map() };
      return Promise.resolve({ ecr, registry: registry.open(context, wire), scratch, kept, ...begun });
    },
    registryOf: async (context, _clients, account) =>
      Promise.resolve((account === neighbour?.aws.account ? neighbour.registry : registry).open(context, wire)),
    webserver: ({ signal }, { login }) =>
      before(dagster.open(signal, wire), async () => {
        await login?.headers();
      }),
    probe: ({ signal }, _clients, { url, login, task }) => {
      const played = { url, login: login?.from ?? null, isOpen: false, log: "" };
      const opened = before(dagster.open(signal, wire), async () => {
        if (played.isOpen) return;
        played.isOpen = true;
        probes.push(played);
        const like = await task();
        played.log = `${like.log.group} ${like.log.prefix}/${like.task.container}`;
      });
      return { dagster: opened, at: () => opened, close: () => Promise.resolve(void (played.isOpen = false)) };
    },
    history,
  };
}

/** Does something before each question. */
function before(asked: Dagster, act: () => Promise<void> | void): Dagster {
  return {
    ask: async (document, variables) => {
      await act();
      return asked.ask(document, variables);
    },
    serverInfo: async () => {
      await act();
      return asked.serverInfo();
    },
  };
}

/** The product's own senders, with their retries, over clients that reach into memory. */
function clientsOf(
  { aws, s3, registry, runtime, neighbour, parameters, secrets }: Outside,
  wire: Wire,
  accessKey: AccessKey,
  context: Pick<Context, "clock" | "signal">,
): Clients {
  const sending = <T>(service: { readonly name: string; readonly prefix: string }, answer: Answers) => {
    const signed: Answers = async (operation, input) => {
      const { state } = callerOf(aws.neighbours.sessions, await accessKey(), null, context.clock.now());
      if (state === "expired") throw refusal("ExpiredTokenException", 400, "The security token is expired");
      return answer(operation, input);
    };
    const client = clientOver(service.prefix, signed, wire, context) as unknown as ECSClient;
    return sender(client, service, context) as unknown as T;
  };
  return {
    ecs: sending({ name: "ECS", prefix: "ecs" }, async (operation, input) =>
      answerOf(aws, { service: "ecs", operation, input, caller: await accessKey() }),
    ),
    s3: sending({ name: "S3", prefix: "s3" }, (operation, input) =>
      ((input as { readonly Bucket: string }).Bucket === neighbour?.bucket ? neighbour.s3 : s3).answer(
        operation,
        input,
      ),
    ),
    ecr: sending({ name: "ECR", prefix: "ecr" }, (operation, input) => {
      if (operation === "ListImages")
        return { imageIds: registry.imagesIn((input as { readonly repositoryName: string }).repositoryName) };
      throw new Error(`the ECR in memory does not know ${operation}`);
    }),
    elb: sending({ name: "Elastic Load Balancing", prefix: "elasticloadbalancing" }, async (operation, input) =>
      answerOf(aws, { service: "elasticloadbalancing", operation, input, caller: await accessKey() }),
    ),
    ec2: sending({ name: "EC2", prefix: "ec2" }, async (operation, input) =>
      answerOf(aws, { service: "ec2", operation, input, caller: await accessKey() }),
    ),
    iam: sending({ name: "IAM", prefix: "iam" }, async (operation, input) =>
      answerOf(aws, { service: "iam", operation, input, caller: await accessKey() }),
    ),
    secretsManager: sending({ name: "Secrets Manager", prefix: "secretsmanager" }, (operation, input) =>
      secretsAnswer(secrets, operation, input),
    ),
    objects: () => {
      const call = (
        operation: string,
        input: { readonly Bucket: string; readonly Key: string; readonly Body?: string },
        look = () => {},
      ) =>
        wire({ to: "s3", operation, about: `${input.Bucket}/${input.Key}`, writes: true }, async () => {
          look();
          return Promise.resolve(s3.answer(operation, input));
        }).then(() => undefined);
      return {
        put: ({ bucket: Bucket, key: Key, bytes }, look) =>
          call("PutObject", { Bucket, Key, Body: Buffer.from(bytes).toString() }, look),
        remove: ({ bucket: Bucket, key: Key }, look) => call("DeleteObject", { Bucket, Key }, look),
        close: () => undefined,
      };
    },
    link: ({ bucket, key }) => Promise.resolve(`https://${bucket}.example/${key}?signature`),
    ssm: sending({ name: "SSM", prefix: "ssm" }, (operation, input) => {
      if (operation === "DescribeParameters") return { Parameters: [] };
      const { Name = "" } = input as { readonly Name?: string };
      if (operation === "PutParameter") return putParameter(parameters, input);
      if (operation === "GetParameter" && !parameters.has(Name)) throw refusal("ParameterNotFound", 400);
      if (operation === "GetParameter")
        return { Parameter: { Name, Value: parameters.get(Name), Type: "SecureString" } };
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

/** @returns its manifest */
function pushBase(registry: MemoryRegistry): Buffer {
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [] } }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: registry.putBlob(config),
      size: config.length,
    },
    layers: [],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  registry.put("small/base", "python", manifestType, bytes);
  return bytes;
}

/** Base and packages of a lock file, put together by an earlier release: no package is fetched here. */
function pushDependencies(registry: MemoryRegistry, repositories: readonly string[], base: Buffer, lock: string): void {
  const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");
  const tag = `deps-${dependenciesKey({
    scheme: 4,
    groups: [],
    localPackages: {},
    prepare: [],
    user: null,
    platform: "linux/amd64",
    base: `sha256:${sha256(base)}` as Digest,
    python: null,
    requirements: sha256(lock),
    workdir: "/app",
    environment: {},
    files: {},
  })}`;
  for (const repository of repositories) registry.put(repository, tag, manifestType, base);
}

/** Cluster and services of the played stack, which run nothing yet. */
export async function makeInfrastructure(
  aws: LocalAws,
  registry: Pick<MemoryRegistry, "endpoint">,
  keys: readonly string[],
): Promise<void> {
  await readPastClient(aws, "CreateCluster", { clusterName: "small" });
  for (const key of keys)
    await makeService(
      aws,
      registry,
      `small-${key}`,
      key === "daemon" ? { minimumHealthyPercent: 0, maximumPercent: 100 } : {},
      0,
    );
}

/** A service and a family of one name, on the base image. */
async function makeService(
  aws: LocalAws,
  { endpoint }: Pick<MemoryRegistry, "endpoint">,
  name: string,
  percentages: object,
  desiredCount: number,
): Promise<void> {
  await readPastClient(aws, "RegisterTaskDefinition", {
    family: name,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "256",
    memory: "512",
    executionRoleArn: `arn:aws:iam::${aws.account}:role/execution`,
    containerDefinitions: [{ name: name.replace("small-", ""), image: `${new URL(endpoint).host}/small/base:python` }],
  });
  await readPastClient(aws, "CreateService", {
    cluster: "small",
    serviceName: name,
    taskDefinition: name,
    desiredCount,
    launchType: "FARGATE",
    networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
    deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true }, ...percentages },
  });
}
