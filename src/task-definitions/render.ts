import type { Platform } from "../domain/identifiers.ts";
import type { Later, LaterJson } from "../domain/later.ts";

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

/** The task definition that Dagster's EcsRunLauncher uses for the runs of a location. */
export interface ContainerContext {
  readonly taskDefinitionArn: Later;
  readonly containerName: string;
}

/** A task definition of one Dagster process, as plain data. */
export interface DefinitionRequest {
  readonly family: string;
  readonly container: string;
  readonly role: Role;
  /** Full reference, by digest. */
  readonly image: Later;
  /** Replaces the command of the role. */
  readonly command: readonly string[] | null;
  readonly environment: Readonly<Record<string, string>>;
  /** ARN of a parameter or a secret (with its JSON key), by variable. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Fargate's CPU units (1024 are one vCPU) and MiB. */
  readonly size: { readonly cpu: number; readonly memory: number };
  readonly platform: Platform;
  readonly executionRoleArn: string | null;
  readonly taskRoleArn: string | null;
  readonly log: { readonly group: string; readonly region: string; readonly prefix: string } | null;
  readonly region: string;
  /** Docker labels: what a container says of itself to who reads its definition. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * What RegisterTaskDefinition is given. Lists are sorted by name, so that the same request always renders the same text.
 * Tags are not part of it: they say who made it, not what it is.
 */
export function render(request: DefinitionRequest): LaterJson {
  const { role, log } = request;
  const container: LaterJson = {
    name: request.container,
    image: request.image,
    essential: true,
    ...given("command", request.command ?? commandOf(role)),
    ...given("workingDirectory", "workdir" in role ? role.workdir : null),
    environment: byName(environmentOf(request)).map(([name, value]) => ({ name, value })),
    secrets: byName(request.secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
    portMappings: "port" in role ? [{ containerPort: role.port, hostPort: role.port, protocol: "tcp" }] : [],
    ...given("healthCheck", healthCheck(role)),
    stopTimeout: stopTimeout(role),
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
    containerDefinitions: [container],
  };
}

/** A member that is left out when there is nothing to say. */
function given(name: string, value: LaterJson): { readonly [name: string]: LaterJson } {
  return value === null ? {} : { [name]: value };
}

function logConfiguration({ group, region, prefix }: NonNullable<DefinitionRequest["log"]>): LaterJson {
  return {
    logDriver: "awslogs",
    options: { "awslogs-group": group, "awslogs-region": region, "awslogs-stream-prefix": prefix },
  };
}

/** `dagster api grpc`, the webserver and the daemon as their command lines document them (dagster 1.13 `--help`). */
function commandOf(role: Role): readonly string[] | null {
  switch (role.kind) {
    case "webserver":
      return ["dagster-webserver", "-h", "0.0.0.0", "-p", String(role.port), ...option("-w", role.workspace)];
    case "daemon":
      return ["dagster-daemon", "run", ...option("-w", role.workspace)];
    case "code-location":
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

function option(name: string, value: string | null): readonly string[] {
  return value === null ? [] : [name, value];
}

/**
 * boto3 reads AWS_DEFAULT_REGION only; without it the first run launch fails, the daemon having started well.
 * Whoever loads code tells its image and the task definition of its runs: Dagster keeps both with each run it creates, and they win
 * over `task_definition` in dagster.yaml (dagster_aws/ecs/container_context.py). Webserver and daemon hand both to the code servers
 * that they start themselves, in their environment.
 */
function environmentOf({ role, image, region, environment }: DefinitionRequest): Readonly<Record<string, Later>> {
  const known = { AWS_DEFAULT_REGION: region, ...environment };
  const code = loadedCode(role);
  if (code === null) return known;
  const context = code.context === null ? {} : { DAGSTER_CONTAINER_CONTEXT: containerContext(code.context) };
  return { ...known, DAGSTER_CURRENT_IMAGE: image, ...context };
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

function containerContext({ taskDefinitionArn, containerName }: ContainerContext): Later {
  const text = (arn: string): string =>
    JSON.stringify({ ecs: { task_definition_arn: arn, container_name: containerName } });
  if (typeof taskDefinitionArn === "string") return text(taskDefinitionArn);
  const [before = "", after = ""] = text("\u0000").split(JSON.stringify("\u0000").slice(1, -1));
  return { pending: [before, ...taskDefinitionArn.pending, after] };
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

function byName<T>(values: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}
