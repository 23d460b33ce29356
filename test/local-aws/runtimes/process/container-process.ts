import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { environmentOf, overrideOf, type RuntimeTask } from "../../runtime.ts";
import type { ImageConfig } from "./registry.ts";
import { type Substitution, substitute } from "./substitution.ts";

/** What is started for a container: all of it, nothing is inherited. */
export interface ContainerProcess {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
}

/** What the machine and the bed give to a task. */
export interface Surroundings extends Substitution {
  readonly taskId: string;
  readonly region: string;
  /** URL of the gateway as tasks reach it. */
  readonly gateway: string;
  /** Folder of the lent Python's programs. */
  readonly python: string;
  /** What stands for `/`. */
  readonly root: string;
  /** The container's own folder, writable and empty. */
  readonly home: string;
}

/** The machine's own programs: a shell, `env`, `sleep`. */
const machinePath = ["/usr/bin", "/bin"];

/**
 * Puts together what a container runs from its image, its definition, the task's overrides and what surrounds it.
 * @param secrets values by variable name. They are taken as they are.
 */
export function containerProcess(
  task: RuntimeTask,
  definition: ContainerDefinition,
  { config }: ImageConfig,
  secrets: Readonly<Record<string, string>>,
  surroundings: Surroundings,
): ContainerProcess {
  const { name = "", entryPoint, command, workingDirectory } = definition;
  const within = (text: string): string => substitute(text, surroundings);
  const imageEnvironment = Object.fromEntries((config.Env ?? []).map(splitVariable));
  const declared = { ...imageEnvironment, ...environmentOf(task, name) };
  const substituted = Object.fromEntries(Object.entries(declared).map(([key, value]) => [key, within(value)]));
  // As docker has it: an entry point of one's own also replaces the image's command.
  const imageCommand = entryPoint === undefined ? (config.Cmd ?? []) : [];
  const words = [
    ...(entryPoint ?? config.Entrypoint ?? []),
    ...(overrideOf(task, name)?.command ?? command ?? imageCommand),
  ];
  return {
    command: words.map(within),
    folder: folderOf(workingDirectory ?? (config.WorkingDir || "/"), surroundings),
    environment: {
      ...fargateEnvironment(surroundings),
      ...credentials(task),
      // A run's origin keeps the working directory of the code server that it was launched from. On AWS that is the
      // same path in every task; here it would be another task's folder, and the run would execute that task's code.
      DAGSTER_EMPTY_WORKING_DIRECTORY: "1",
      ...substituted,
      ...secrets,
      ...bedEnvironment(name, surroundings),
      PATH: searchPath(declared["PATH"] ?? "", surroundings),
    },
  };
}

/** What Fargate sets and a definition may replace. */
function fargateEnvironment({ region }: Surroundings): Record<string, string> {
  return { AWS_REGION: region, AWS_DEFAULT_REGION: region, AWS_EXECUTION_ENV: "AWS_ECS_FARGATE" };
}

/** Access key ids of this bed are names of roles. Without a task role there are no credentials, as on Fargate. */
function credentials({ definition, overrides }: RuntimeTask): Record<string, string> {
  const role = overrides.taskRoleArn ?? definition.taskRoleArn;
  const noOthers = { AWS_EC2_METADATA_DISABLED: "true" };
  return role === undefined
    ? noOthers
    : { ...noOthers, AWS_ACCESS_KEY_ID: roleName(role), AWS_SECRET_ACCESS_KEY: "secret" };
}

/** The last part of a role's ARN, or the name itself. */
export function roleName(role: string): string {
  return role.slice(role.lastIndexOf("/") + 1);
}

/** What makes a process of this machine live in the bed; nobody may replace it. */
function bedEnvironment(container: string, { taskId, gateway, home }: Surroundings): Record<string, string> {
  const { host, hostname } = new URL(gateway);
  const proxy = `http://${taskId}:x@${host}`;
  return {
    HOME: home,
    TMPDIR: `${home}/tmp`,
    AWS_ENDPOINT_URL: gateway,
    ECS_CONTAINER_METADATA_URI_V4: `${gateway}/v4/${taskId}/${encodeURIComponent(container)}`,
    // Names and localhost reach the gateway unresolved, which knows who asks. gRPC and HTTP clients both honour these.
    grpc_proxy: proxy,
    http_proxy: proxy,
    no_proxy: hostname,
    PYTHONUNBUFFERED: "1",
    PYTHONNOUSERSITE: "1",
  };
}

/** The image's folders, as far as the image has them; then the lent Python, then the machine's shell and its like. */
function searchPath(path: string, { locate, python }: Surroundings): string {
  const ofImage = path.split(":").flatMap((folder) => locate(folder) ?? []);
  return [...ofImage, python, ...machinePath].join(":");
}

function folderOf(path: string, { locate, root }: Surroundings): string {
  return locate(path) ?? `${root}${path}`;
}

function splitVariable(variable: string): readonly [string, string] {
  const at = variable.indexOf("=");
  return [variable.slice(0, at), variable.slice(at + 1)];
}
