import type { Platform } from "../domain/identifiers.ts";
import type { Json, JsonMap } from "../domain/json.ts";
import type { Later, LaterJson } from "../domain/later.ts";
import { type ContainerContext, contextVariable, contextWith, secretContext } from "./container-context.ts";
import { dagsFolder, dagsVolume, dagsWorkspace, type ReadDags, readerCommand, readerVariables } from "./dags.ts";
import { edited } from "./edit.ts";
import { containerIn } from "./existing.ts";
import { namedIn, type VariableLayer, withVariables } from "./variables.ts";

/** What a container of a stack is for; it brings the knowledge of how Dagster runs. */
export type Role =
  | {
      readonly kind: "webserver";
      readonly port: number;
      readonly workspace: string | null;
      /** null: it loads no code itself. */
      readonly code: LoadedCode | null;
    }
  | { readonly kind: "daemon"; readonly workspace: string | null; readonly code: LoadedCode | null }
  | ({
      readonly kind: "code-location";
      readonly port: number;
      readonly module: string;
      /** Folder that is added to Python's path; null for none. */
      readonly pythonPath: string | null;
      /** null: the image's. */
      readonly workdir: string | null;
    } & LoadedCode)
  /** Its command comes from Dagster's launcher, as an override. */
  | { readonly kind: "run" }
  /** Its command comes with RunTask: migrations, probes. */
  | { readonly kind: "once" };

/** What a process tells Dagster of the code that it loads: of all of it, since it has one environment. */
export interface LoadedCode {
  /** null: its runs are no tasks. */
  readonly context: ContainerContext | null;
}

/** A task definition of one Dagster process, as plain data. */
export type DefinitionRequest = GeneratedRequest | ExistingRequest;

/** One that somebody else has written, and what is set in it. */
export interface ExistingRequest {
  readonly kind: "existing";
  readonly family: string;
  /** Container that runs Dagster. */
  readonly container: string;
  readonly content: JsonMap;
  /** Full reference, by digest. */
  readonly image: Later;
  /** Of further containers, by their names; none unless told. */
  readonly sidecarImages?: Readonly<Record<string, Later>> | undefined;
  readonly variables: readonly VariableLayer[];
  /** What it tells of the code that it loads; null: it loads none. */
  readonly code: LoadedCode | null;
  /** Docker labels: what a container says of itself to who reads its definition. */
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** One that is made of what a kind knows. */
export interface GeneratedRequest {
  readonly kind: "generated";
  readonly family: string;
  readonly container: string;
  readonly role: Role;
  /** Full reference, by digest. */
  readonly image: Later;
  /** Code that it has from S3; null: its image holds all of it. */
  readonly dags: ReadDags | null;
  /** Password that nginx asks for in front of a webserver; none unless told. */
  readonly login?:
    | {
        /** Full reference, by digest. Made of docker/nginx. */
        readonly image: Later;
        /** `valueFrom` of what `htpasswd -nB` prints. */
        readonly htpasswd: string;
        /** Where nginx listens. */
        readonly port: number;
      }
    | null
    | undefined;
  /** Further containers, by their names; none unless told. */
  readonly sidecars?: Readonly<Record<string, { readonly image: Later; readonly settings: JsonMap }>> | undefined;
  /** Replaces the command of the role. */
  readonly command: readonly string[] | null;
  readonly environment: Readonly<Record<string, string>>;
  /** ARN of a parameter or a secret (with its JSON key), by variable. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Files of variables in S3, as the definition that it is like names them. */
  readonly environmentFiles?: readonly Json[];
  /** Fargate's CPU units (1024 are one vCPU) and MiB. */
  readonly size: { readonly cpu: number; readonly memory: number };
  /** Folders that outlast a task, and that tasks share. */
  readonly volumes: readonly FileSystemVolume[];
  readonly platform: Platform;
  readonly executionRoleArn: string | null;
  readonly taskRoleArn: string | null;
  readonly log: { readonly group: string; readonly region: string; readonly prefix: string } | null;
  readonly region: string;
  /** Docker labels: what a container says of itself to who reads its definition. */
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** An EFS file system in a container. */
export interface FileSystemVolume {
  readonly name: string;
  /** `fs-…` */
  readonly fileSystem: string;
  /** Path in the container. */
  readonly path: string;
}

/** What RegisterTaskDefinition is given. Lists that we make are sorted by name, so that the same request always renders the same text. */
export function render(request: DefinitionRequest): LaterJson {
  switch (request.kind) {
    case "existing":
      return renderExisting(request);
    case "generated":
      return renderGenerated(request);
  }
}

function renderExisting({
  family,
  container,
  content,
  image,
  sidecarImages = {},
  variables,
  code,
  labels,
  tags,
}: ExistingRequest): LaterJson {
  const own = withVariables(containerIn(content, container) ?? {}, variables);
  const told = {
    mode: "merge",
    environment:
      code === null ? null : codeVariables(code, image, namedIn(own, "environment"), namedIn(own, "secrets")),
    secrets: null,
  } as const;
  return edited(content, {
    family,
    images: { ...sidecarImages, [container]: image },
    variables: { [container]: [...variables, told] },
    labels: { [container]: labels },
    tags,
  });
}

function renderGenerated(request: GeneratedRequest): LaterJson {
  const { role, log } = request;
  const followed = followedDags(request);
  const container: LaterJson = {
    name: request.container,
    image: request.image,
    essential: true,
    ...given("entryPoint", role.kind === "run" && request.dags !== null ? readerCommand("run", "--") : null),
    ...given("command", request.command ?? commandOf(request)),
    ...given("workingDirectory", "workdir" in role ? role.workdir : null),
    environment: variablesOf(environmentOf(request)),
    secrets: byName(request.secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
    ...given("environmentFiles", request.environmentFiles ?? null),
    portMappings:
      "port" in role && !isBehindLogin(request)
        ? [{ containerPort: role.port, hostPort: role.port, protocol: "tcp" }]
        : [],
    ...given("mountPoints", mountPoints(request)),
    ...given("healthCheck", healthCheck(role)),
    ...given("dependsOn", followed === null ? null : afterInit),
    stopTimeout: stopTimeout(role),
    ...given("linuxParameters", needsInit(role) ? { initProcessEnabled: true } : null),
    ...given("logConfiguration", log === null ? null : logConfiguration(log)),
    ...given("dockerLabels", Object.keys(request.labels).length === 0 ? null : request.labels),
  };
  return {
    family: request.family,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: String(request.size.cpu),
    memory: String(request.size.memory),
    runtimePlatform: {
      cpuArchitecture: request.platform === "linux/arm64" ? "ARM64" : "X86_64",
      operatingSystemFamily: "LINUX",
    },
    ...given("executionRoleArn", request.executionRoleArn),
    ...given("taskRoleArn", request.taskRoleArn),
    containerDefinitions: [
      container,
      ...nginx(request),
      ...(followed === null ? [] : readers(request, followed)),
      ...sidecars(request),
    ],
    ...given("volumes", volumesOf(request)),
    ...given(
      "tags",
      Object.keys(request.tags).length === 0 ? null : byName(request.tags).map(([key, value]) => ({ key, value })),
    ),
  };
}

function isBehindLogin({ login = null }: GeneratedRequest): boolean {
  return login !== null;
}

const nginxVolume = "dagster-ecs-nginx"; // as nobody calls a volume of his own

/** In front of a webserver, on a root that nobody writes. Source: docker/nginx */
function nginx({ role, login = null, log }: GeneratedRequest): readonly LaterJson[] {
  if (role.kind !== "webserver" || login === null) return [];
  return [
    {
      name: "nginx", // as infra/stacks/platform leads to it
      image: login.image,
      essential: true,
      readonlyRootFilesystem: true,
      environment: variablesOf({ LISTEN: String(login.port), WEBSERVER: `127.0.0.1:${role.port}` }),
      secrets: [{ name: "HTPASSWD", valueFrom: login.htpasswd }],
      portMappings: [{ containerPort: login.port, hostPort: login.port, protocol: "tcp" }],
      mountPoints: [{ sourceVolume: nginxVolume, containerPath: "/tmp", readOnly: false }],
      ...given("logConfiguration", log === null ? null : logConfiguration(log)),
    },
  ];
}

/** Containers of the user's own: they go with the task, and do not end it. */
function sidecars({ sidecars: all = {}, log }: GeneratedRequest): readonly LaterJson[] {
  return byName(all).map(([name, { image, settings }]) => ({
    essential: false,
    ...given("logConfiguration", log === null ? null : logConfiguration(log)),
    ...settings,
    name,
    image,
  }));
}

/** What is read beside a process that loads the code itself; null: the process has none, or is the reader itself. */
function followedDags({ role, dags }: GeneratedRequest): ReadDags | null {
  return role.kind === "webserver" || role.kind === "daemon" ? dags : null;
}

const afterInit: LaterJson = [{ containerName: "dags-init", condition: "SUCCESS" }];

/**
 * One container that ends when every location is there, and one that goes on following: on the image of the process, beside it, with a
 * volume that they share. What follows is not essential: should it end, what is served stays.
 */
function readers(request: GeneratedRequest, dags: ReadDags): readonly LaterJson[] {
  const { role, region, environment, image, log } = request;
  const webserver = role.kind === "webserver" ? { DAGS_WEBSERVER: `http://localhost:${role.port}` } : {};
  const known = {
    AWS_DEFAULT_REGION: region,
    ...environment,
    ...readerVariables(dags),
    DAGS_WORKSPACE: dagsWorkspace,
  };
  const reader = (
    name: string,
    variables: Readonly<Record<string, string>>,
  ): { readonly [key: string]: LaterJson } => ({
    name: `dags-${name}`,
    image,
    essential: false,
    command: readerCommand(name),
    environment: variablesOf(variables),
    portMappings: [],
    mountPoints: [dagsMount],
    ...given("logConfiguration", log === null ? null : logConfiguration(log)),
  });
  return [
    reader("init", known),
    { ...reader("follow", { ...known, ...webserver }), dependsOn: afterInit, restartPolicy: { enabled: true } },
  ];
}

const dagsMount: LaterJson = { sourceVolume: dagsVolume, containerPath: dagsFolder, readOnly: false };

function variablesOf(variables: Readonly<Record<string, Later>>): LaterJson {
  return byName(variables).map(([name, value]) => ({ name, value }));
}

/** A member that is left out when there is nothing to say. */
function given(name: string, value: LaterJson): { readonly [name: string]: LaterJson } {
  return value === null ? {} : { [name]: value };
}

function mountPoints(request: GeneratedRequest): LaterJson {
  const mounted = request.volumes.map(({ name, path }) => {
    return { sourceVolume: name, containerPath: path, readOnly: false };
  });
  const all: readonly LaterJson[] = [...mounted, ...(followedDags(request) === null ? [] : [dagsMount])];
  return all.length === 0 ? null : all;
}

/**
 * By TLS, and as the role of the task, which a policy of the file system may name.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html
 */
function volumesOf(request: GeneratedRequest): LaterJson {
  const { volumes, taskRoleArn } = request;
  const shared = volumes.map(({ name, fileSystem }) => ({
    name,
    efsVolumeConfiguration: {
      fileSystemId: fileSystem,
      transitEncryption: "ENABLED",
      ...given("authorizationConfig", taskRoleArn === null ? null : { iam: "ENABLED" }),
    },
  }));
  const all: readonly LaterJson[] = [
    ...shared,
    ...(followedDags(request) === null ? [] : [{ name: dagsVolume }]),
    ...(isBehindLogin(request) ? [{ name: nginxVolume }] : []),
  ];
  return all.length === 0 ? null : all;
}

function logConfiguration({ group, region, prefix }: NonNullable<GeneratedRequest["log"]>): LaterJson {
  return {
    logDriver: "awslogs",
    options: { "awslogs-group": group, "awslogs-region": region, "awslogs-stream-prefix": prefix },
  };
}

/** `dagster api grpc`, the webserver and the daemon as their command lines document them (dagster 1.13 `--help`). */
function commandOf(request: GeneratedRequest): readonly string[] | null {
  const { role, dags } = request;
  switch (role.kind) {
    case "webserver":
      return [
        "dagster-webserver",
        "-h",
        isBehindLogin(request) ? "127.0.0.1" : "0.0.0.0",
        "-p",
        String(role.port),
        ...workspaces(role, dags),
      ];
    case "daemon":
      return ["dagster-daemon", "run", ...workspaces(role, dags)];
    case "code-location":
      if (dags !== null) return readerCommand("serve", String(role.port));
      // Its default host is localhost: without -h no other task reaches it.
      return [
        "dagster",
        "api",
        "grpc",
        "-h",
        "0.0.0.0",
        "-p",
        String(role.port),
        "-m",
        role.module,
        ...option("-d", role.pythonPath),
      ];
    case "run":
    case "once":
      return null;
  }
}

/** Files are merged. */
function workspaces({ workspace }: { readonly workspace: string | null }, dags: ReadDags | null): readonly string[] {
  return [...option("-w", workspace), ...option("-w", dags === null ? null : dagsWorkspace)];
}

function option(name: string, value: string | null): readonly string[] {
  return value === null ? [] : [name, value];
}

/**
 * boto3 reads AWS_DEFAULT_REGION only; without it the first run launch fails, the daemon having started well.
 * Whoever loads code tells its image and the task definition of its runs: Dagster keeps both with each run it creates, and they win
 * over `task_definition` in dagster.yaml (dagster_aws/ecs/container_context.py). Webserver and daemon hand both to the code servers
 * that they start themselves, in their environment.
 */
function environmentOf({
  role,
  image,
  region,
  environment,
  secrets,
  dags,
}: GeneratedRequest): Readonly<Record<string, Later>> {
  const known = { AWS_DEFAULT_REGION: region, ...environment, ...(dags === null ? {} : readerVariables(dags)) };
  const code = loadedCode(role);
  return code === null ? known : { ...known, ...codeVariables(code, image, known, secrets) };
}

function codeVariables(
  { context }: LoadedCode,
  image: Later,
  known: Readonly<Record<string, Later>>,
  secrets: Readonly<Record<string, Later>>,
): Readonly<Record<string, Later>> {
  if (context !== null && Object.hasOwn(secrets, contextVariable)) throw secretContext();
  return {
    DAGSTER_CURRENT_IMAGE: image,
    ...(context === null ? {} : { [contextVariable]: contextWith(known[contextVariable], context) }),
  };
}

function loadedCode(role: Role): LoadedCode | null {
  switch (role.kind) {
    case "webserver":
    case "daemon":
      return role.code;
    case "code-location":
      return role;
    case "run":
    case "once":
      return null;
  }
}

function healthCheck(role: Role): LaterJson {
  switch (role.kind) {
    case "webserver":
      // Unknown paths answer 200 with a page as well, so the answer is parsed.
      return {
        command: [
          "CMD-SHELL",
          `python -c "import json, urllib.request as u; json.load(u.urlopen('http://localhost:${role.port}/server_info', timeout=4))"`,
        ],
        interval: 15,
        timeout: 10,
        retries: 3,
        startPeriod: 60,
      };
    case "daemon":
      // Tolerance: heartbeats come every 30 s, and Dagster's own default forgives half an hour of silence.
      return {
        command: ["CMD-SHELL", "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE=300 dagster-daemon liveness-check"],
        interval: 60,
        timeout: 30,
        retries: 3,
        startPeriod: 120,
      };
    case "code-location":
      return {
        command: ["CMD", "dagster", "api", "grpc-health-check", "-p", String(role.port)],
        interval: 30,
        timeout: 20,
        retries: 3,
        startPeriod: 120,
      };
    case "run":
    case "once":
      return null;
  }
}

/**
 * Seconds between SIGTERM and SIGKILL; Fargate allows at most 120. A code server waits for its calls, a daemon joins its threads
 * one after another, a run writes its last event.
 */
function stopTimeout(role: Role): number {
  switch (role.kind) {
    case "webserver":
      return 60;
    case "daemon":
    case "code-location":
    case "run":
    case "once":
      return 120;
  }
}

/**
 * A code server starts processes for its code, the executor one for each step: whose parent is gone is taken over by the first process of
 * the container, and stays behind as a zombie unless that reaps it. An init process does, and passes signals on.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinuxParameters.html
 */
function needsInit(role: Role): boolean {
  return role.kind !== "once";
}

function byName<T>(values: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}
