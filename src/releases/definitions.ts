import { type Home, parameterArn, partitionOf, roleArn, secretArn } from "../aws/arn.ts";
import { type Later, laterText } from "../domain/later.ts";
import { pathInImage } from "../stack/findings.ts";
import type { CodeLocation, Definition, Secret, Service, Stack, Task, Variables } from "../stack/stack.ts";
import type { DefinitionRequest, LoadedCode, Role } from "../task-definitions/render.ts";
import { runOf, usedRuns } from "./hosts.ts";

/** Full references of the images, by what names them: see `imagesOf` of a release. */
export type ImageReferences = Readonly<Record<string, Later>>;

/** Names of the parameters below the paths that `secrets-from` names, by path. */
export type ParameterNames = Readonly<Record<string, readonly string[]>>;

/** A task definition of the stack that we make. */
export interface WantedDefinition {
  /** `service/<key>`, `run/<key>`, `once/<image>` */
  readonly definition: string;
  readonly request: DefinitionRequest;
}

/** The family of each definition that we make for a stack. */
export function familiesOf({
  name,
  images,
  services,
  runs,
  migrations,
}: Stack): readonly { readonly definition: string; readonly family: string }[] {
  const once = [...new Set(migrations.map(({ image }) => image))];
  return [
    ...once.map((image) => ({
      definition: `once/${image}`,
      family: images[image]?.onceFamily ?? `${name}-once-${image}`,
    })),
    ...usedRuns({ services, runs }).flatMap(({ key, definition }) =>
      definition.kind === "generated" ? [{ definition: `run/${key}`, family: definition.family }] : [],
    ),
    ...Object.values(services).flatMap(({ key, definition }) =>
      definition.kind === "generated" ? [{ definition: `service/${key}`, family: definition.family }] : [],
    ),
  ];
}

/** Full reference of an image by its digest. */
export function imageReference(
  { account, region }: Pick<Stack, "account" | "region">,
  repository: string,
  digest: Later,
): Later {
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return laterText`${account}.dkr.ecr.${region}.${suffix}/${repository}@${digest}`;
}

/** Definitions that are registered before migrations run: one for each image that a migration uses. */
export function onceDefinitions(
  stack: Stack,
  images: ImageReferences,
  parameters: ParameterNames,
): readonly WantedDefinition[] {
  const migrations = new Map(stack.migrations.toReversed().map((migration) => [migration.image, migration]));
  return [...migrations].map(([image, migration]) => ({
    definition: `once/${image}`,
    request: {
      ...common(stack, migration, images, parameters),
      family: stack.images[image]?.onceFamily ?? `${stack.name}-once-${image}`,
      container: onceContainer,
      role: { kind: "once" },
      size: { cpu: 512, memory: 1024 },
      log: logOf(stack, migration, "once"),
    },
  }));
}

/** The container of one-off tasks. */
export const onceContainer = "once";

/** Definitions of runs that are tasks of their own: one for each code server, and one for all that the hosts load. */
export function runDefinitions(
  stack: Stack,
  images: ImageReferences,
  parameters: ParameterNames,
): readonly WantedDefinition[] {
  return usedRuns(stack).flatMap((run) => {
    if (run.definition.kind !== "generated") return [];
    return [
      {
        definition: `run/${run.key}`,
        request: {
          ...common(stack, run, images, parameters),
          ...generated(run.definition),
          role: { kind: "run" as const },
          log: logOf(stack, run, "run"),
        },
      },
    ];
  });
}

/** Definitions of services. @param runArn the revision that the runs of a location use, by the location's name */
export function serviceDefinitions(
  stack: Stack,
  images: ImageReferences,
  parameters: ParameterNames,
  runArn: (location: string) => Later | null,
): readonly (WantedDefinition & { readonly service: Service })[] {
  return Object.values(stack.services).flatMap((service) => {
    if (service.definition.kind !== "generated") return [];
    const role = roleOf(stack, service, runArn);
    if (role === null) return [];
    return [
      {
        service,
        definition: `service/${service.key}`,
        request: {
          ...common(stack, service, images, parameters),
          ...generated(service.definition),
          role,
          log: logOf(stack, service, service.key),
        },
      },
    ];
  });
}

function roleOf(stack: Stack, service: Service, runArn: (location: string) => Later | null): Role | null {
  switch (service.kind) {
    case "webserver":
    case "daemon": {
      const [location] = service.locations;
      const code = location === undefined ? null : loadedCode(stack, location, runArn);
      const workspace = workspacePath(stack, service.image);
      return service.kind === "daemon"
        ? { kind: "daemon", workspace, code }
        : { kind: "webserver", port: service.port, workspace, code };
    }
    case "code-location":
      return codeLocationRole(stack, service, runArn);
  }
}

/** What a process tells of a location that it loads; null when the definition of its runs is not known. */
function loadedCode(stack: Stack, location: string, runArn: (location: string) => Later | null): LoadedCode | null {
  if (stack.runs.kind === "in-process") return { context: null };
  const taskDefinitionArn = runArn(location);
  if (taskDefinitionArn === null) return null;
  const containerName = runOf(stack, location)?.definition.container ?? "run";
  return { context: { taskDefinitionArn, containerName } };
}

function codeLocationRole(
  stack: Stack,
  { location, module, port, pythonPath, workdir }: CodeLocation,
  runArn: (location: string) => Later | null,
): Role | null {
  const code = loadedCode(stack, location, runArn);
  return module === null || code === null
    ? null
    : { kind: "code-location", port, module, pythonPath, workdir, ...code };
}

/** Where the user's own workspace file stands in an image of layers; null when only its Dockerfile knows: Dagster looks in the working folder. */
function workspacePath({ images, instance }: Stack, image: string): string | null {
  const building = images[image]?.building;
  if (instance.workspace.kind !== "own" || building?.kind !== "layers") return null;
  return pathInImage(building, instance.workspace.path);
}

/** The folder of the user's own dagster.yaml in an image of layers. */
function dagsterHome({ images, instance }: Stack, image: string): string | null {
  const building = images[image]?.building;
  if (instance.dagsterYaml.kind !== "own" || building?.kind !== "layers") return null;
  return pathInImage(building, instance.dagsterYaml.path)?.replace(/\/[^/]*$/, "") ?? null;
}

function common(
  stack: Stack,
  task: Task,
  images: ImageReferences,
  parameters: ParameterNames,
): Pick<
  DefinitionRequest,
  | "image"
  | "command"
  | "environment"
  | "secrets"
  | "platform"
  | "executionRoleArn"
  | "taskRoleArn"
  | "region"
  | "labels"
> {
  const [image, reference] = [stack.images[task.image], images[task.image]];
  // That every image is there was checked when the file was read.
  if (image === undefined || reference === undefined) throw new Error(`image ${task.image} is not in the stack`);
  const home: Home = { partition: partitionOf(stack.region), account: stack.account, region: stack.region };
  const dagsterFolder = dagsterHome(stack, task.image);
  const plain = Object.entries(task.variables.environment).map(([name, { value }]) => [name, value] as const);
  return {
    image: reference,
    command: null,
    environment: { ...(dagsterFolder === null ? {} : { DAGSTER_HOME: dagsterFolder }), ...Object.fromEntries(plain) },
    secrets: secretsOf(task.variables, home, parameters),
    platform: image.platform,
    executionRoleArn: task.executionRole === null ? null : roleArn(home, task.executionRole),
    taskRoleArn: task.taskRole === null ? null : roleArn(home, task.taskRole),
    region: stack.region,
    labels: {},
  };
}

/** Variables that hold secrets in a task with these, by their names. */
export function secretNames(
  { account, region }: Stack,
  variables: Variables,
  parameters: ParameterNames,
): readonly string[] {
  const home: Home = { partition: partitionOf(region), account, region };
  return Object.keys(secretsOf(variables, home, parameters)).sort();
}

function secretsOf(
  { environment, secrets, parameterPaths }: Variables,
  home: Home,
  parameters: ParameterNames,
): Readonly<Record<string, string>> {
  const below = parameterPaths.flatMap(({ path }) =>
    (parameters[path] ?? []).map((name) => [name.slice(name.lastIndexOf("/") + 1), parameterArn(home, name)] as const),
  );
  const named = Object.entries(secrets).map(([name, { secret }]) => [name, arnOf(secret, home)] as const);
  return Object.fromEntries([...below.filter(([name]) => !(name in environment)), ...named]);
}

/** As `valueFrom` wants it: `<secret>:<json key>:<version stage>:<version id>`, the last two left to their defaults. */
function arnOf(secret: Secret, home: Home): string {
  if (secret.kind === "parameter") return parameterArn(home, secret.name);
  const arn = secretArn(home, secret.name);
  return secret.key === null ? arn : `${arn}:${secret.key}::`;
}

function generated({
  family,
  container,
  size,
}: Extract<Definition, { kind: "generated" }>): Pick<DefinitionRequest, "family" | "container" | "size"> {
  return { family, container, size };
}

function logOf({ region }: Stack, { logGroup }: Task, prefix: string): DefinitionRequest["log"] {
  return logGroup === null ? null : { group: logGroup, region, prefix };
}
