import { posix } from "node:path";
import { type Home, parameterArn, partitionOf, roleArn, secretArn } from "../aws/arn.ts";
import type { Json } from "../domain/json.ts";
import { type Later, laterText } from "../domain/later.ts";
import { pathInImage } from "../stack/findings.ts";
import { instanceFolder, madeDagsterYaml, madeWorkspace } from "../stack/instance-files.ts";
import type {
  CodeLocation,
  Definition,
  Migration,
  RunProcess,
  Secret,
  Service,
  Stack,
  Task,
  Variables,
} from "../stack/stack.ts";
import { containerIn } from "../task-definitions/existing.ts";
import type { DefinitionRequest, GeneratedRequest, LoadedCode, Role } from "../task-definitions/render.ts";
import { namedIn, type VariableLayer, withVariables } from "../task-definitions/variables.ts";
import { dagsOfRun, dagsOfService, loadedDags } from "./dags-definitions.ts";
import { locationsServedBy, runOf, usedRuns } from "./hosts.ts";
import type { Observation } from "./observation.ts";

/** Full references of the images, by what names them: see `imagesOf` of a release. */
export type ImageReferences = Readonly<Record<string, Later>>;

/** Names of the parameters below the paths that `secrets-from` names, by path. */
export type ParameterNames = Readonly<Record<string, readonly string[]>>;

/** What definitions are made of beside the stack: what was read for them. */
export type DefinitionSources = Pick<Observation, "parameters" | "existing" | "environmentFile">;

/** A task definition of the stack that is registered for it. */
export interface WantedDefinition {
  /** `service/<key>`, `run/<key>`, `once/<image>` */
  readonly definition: string;
  readonly request: DefinitionRequest;
}

/** The family of each definition that is registered for a stack, as far as it is known. */
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
      definition.family === null ? [] : [{ definition: `run/${key}`, family: definition.family }],
    ),
    ...Object.values(services).flatMap(({ key, definition }) =>
      definition.family === null ? [] : [{ definition: `service/${key}`, family: definition.family }],
    ),
  ];
}

/** Full reference of an image by its digest. */
export function imageReference(
  { account, region }: Pick<Stack, "account" | "region">,
  repository: string,
  digest: Later,
): Later {
  return laterText`${registryOf({ account, region })}/${repository}@${digest}`;
}

/** Host of the stack's registry, as images are named. */
export function registryOf({ account, region }: Pick<Stack, "account" | "region">): string {
  return `${account}.dkr.ecr.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}

/** Definitions that are registered before migrations run: one for each image that a migration uses. */
export function onceDefinitions(
  stack: Stack,
  images: ImageReferences,
  sources: DefinitionSources,
): readonly WantedDefinition[] {
  const migrations = new Map(stack.migrations.toReversed().map((migration) => [migration.image, migration]));
  return [...migrations].map(([image, migration]) => ({
    definition: `once/${image}`,
    request: {
      ...common(stack, migration, images, sources),
      ...likeExisting(stack, migration, sources),
      kind: "generated",
      family: stack.images[image]?.onceFamily ?? `${stack.name}-once-${image}`,
      container: onceContainer,
      role: { kind: "once" },
      size: { cpu: 512, memory: 1024 },
      volumes: [],
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
  sources: DefinitionSources,
): readonly WantedDefinition[] {
  return usedRuns(stack).flatMap((run): readonly WantedDefinition[] => {
    const definition = `run/${run.key}`;
    if (run.definition.kind !== "generated") return existing(stack, run, definition, null, images, sources);
    return [
      {
        definition,
        request: {
          ...common(stack, run, images, sources),
          dags: dagsOfRun(stack, run),
          kind: "generated",
          sidecars: sidecarsOf(run, images),
          ...generated(stack, run.definition),
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
  sources: DefinitionSources,
  runArn: (location: string) => Later | null,
): readonly (WantedDefinition & { readonly service: Service })[] {
  return Object.values(stack.services).flatMap(
    (service): readonly (WantedDefinition & { readonly service: Service })[] => {
      const definition = `service/${service.key}`;
      if (service.definition.kind !== "generated") {
        const [location] = locationsServedBy(service);
        const code = location === undefined ? null : loadedCode(stack, location, runArn);
        if (service.kind === "code-location" && code === null) return [];
        return existing(stack, service, definition, code, images, sources).map((wanted) => ({ ...wanted, service }));
      }
      const role = roleOf(stack, service, runArn);
      if (role === null) return [];
      return [
        {
          service,
          definition,
          request: {
            ...common(stack, service, images, sources),
            dags: dagsOfService(stack, service),
            kind: "generated",
            sidecars: sidecarsOf(service, images),
            ...generated(stack, service.definition),
            role,
            login: loginInFront(stack, service, images),
            log: logOf(stack, service, service.key),
          },
        },
      ];
    },
  );
}

/** What nginx in front of a service is made of; null: there is to be none, or its image is not known, which is a finding. */
function loginInFront(stack: Stack, service: Service, images: ImageReferences): GeneratedRequest["login"] {
  const auth = service.kind === "webserver" ? service.auth : null;
  const image = auth === null ? undefined : images[auth.image];
  if (service.kind !== "webserver" || auth === null || image === undefined) return null;
  const htpasswd = valueFromOf({ kind: "secret", name: auth.secret, key: "htpasswd" }, homeOf(stack));
  return { image, htpasswd, port: service.port };
}

/** Further containers of a task. One whose image is not known has none yet: that was checked when the file was read. */
function sidecarsOf(
  { sidecars }: Pick<Service | RunProcess, "sidecars">,
  images: ImageReferences,
): NonNullable<GeneratedRequest["sidecars"]> {
  return Object.fromEntries(
    Object.entries(sidecars).flatMap(([name, { image, settings }]) => {
      const reference = image.kind === "own" ? images[image.key] : image.reference;
      return reference === undefined ? [] : [[name, { image: reference, settings }] as const];
    }),
  );
}

/** One that somebody else has written, with what the stack file says of images, variables and tags. */
function existing(
  stack: Stack,
  task: Service | RunProcess,
  definition: string,
  code: LoadedCode | null,
  images: ImageReferences,
  sources: DefinitionSources,
): readonly WantedDefinition[] {
  const [found, image, { family, container }] = [sources.existing[definition], images[task.image], task.definition];
  if (found === undefined || image === undefined || family === null || container === null) return [];
  const variables = layersOf(stack, task.variables, sources);
  const { content } = found;
  const request = {
    kind: "existing",
    family,
    container,
    content,
    image,
    sidecarImages: Object.fromEntries(Object.entries(sidecarsOf(task, images)).map(([name, one]) => [name, one.image])),
    variables,
    code,
    labels: {},
    tags: task.tags,
  } as const;
  return [{ definition, request }];
}

/** Roles and variables of a service whose definition somebody else has written, for migrations that are like it. */
function likeExisting(stack: Stack, migration: Migration, sources: DefinitionSources): Partial<GeneratedRequest> {
  const { likeService } = migration;
  const found = likeService === null ? undefined : sources.existing[`service/${likeService}`];
  const name = likeService === null ? null : (stack.services[likeService]?.definition.container ?? null);
  const container = found === undefined || name === null ? null : containerIn(found.content, name);
  if (found === undefined || container === null) return {};
  const all = withVariables(container, layersOf(stack, migration.variables, sources));
  const { executionRoleArn, taskRoleArn } = found.content;
  const { environmentFiles } = container;
  return {
    environment: textsOf(namedIn(all, "environment")),
    secrets: textsOf(namedIn(all, "secrets")),
    ...(Array.isArray(environmentFiles) ? { environmentFiles: environmentFiles as readonly Json[] } : {}),
    ...(typeof executionRoleArn === "string" ? { executionRoleArn } : {}),
    ...(typeof taskRoleArn === "string" ? { taskRoleArn } : {}),
  };
}

function textsOf(values: Readonly<Record<string, Later>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (typeof value === "string" ? [[name, value] as const] : [])),
  );
}

/** What is laid over the variables of a definition: the environment file, then the stack file. */
function layersOf(stack: Stack, variables: Variables, sources: DefinitionSources): readonly VariableLayer[] {
  const { environmentFile: file } = sources;
  const plain = Object.entries(variables.environment).map(([name, { value }]) => [name, value] as const);
  const secrets = secretsOf(variables, homeOf(stack), sources.parameters);
  const own: VariableLayer = { mode: "merge", environment: Object.fromEntries(plain), secrets };
  if (file === null) return [own];
  const { environment, secrets: filed } = file;
  return [{ mode: stack.environmentFile?.mode ?? "merge", environment, secrets: filed }, own];
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
        : { kind: "webserver", port: portBehind(service), workspace, code };
    }
    case "code-location":
      return codeLocationRole(stack, service, runArn);
  }
}

/** Where Dagster listens itself: nginx has the port that others are told. */
function portBehind({ auth, port }: Extract<Service, { kind: "webserver" }>): number {
  return auth === null ? port : port === 3000 ? 3001 : 3000;
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

/** Where the workspace file stands in an image of layers; null when only its Dockerfile knows: Dagster looks in the working folder. */
function workspacePath({ images, instance, services, dags }: Stack, image: string): string | null {
  const building = images[image]?.building;
  if (building?.kind === "layers" && madeWorkspace in building.made) return madeWorkspace;
  if (instance.workspace.kind !== "own") return null;
  // Named beside another one, what Dagster looks for in the working folder has to be named, too.
  if (building?.kind !== "layers")
    return loadedDags({ services, dags }).length > 0 ? posix.basename(instance.workspace.path) : null;
  return pathInImage(building, instance.workspace.path);
}

/** The folder of dagster.yaml in an image of layers. */
function dagsterHome({ images, instance }: Stack, image: string): string | null {
  const building = images[image]?.building;
  if (building?.kind !== "layers") return null;
  if (madeDagsterYaml in building.made) return instanceFolder;
  if (instance.dagsterYaml.kind !== "own") return null;
  return pathInImage(building, instance.dagsterYaml.path)?.replace(/\/[^/]*$/, "") ?? null;
}

function common(
  stack: Stack,
  task: Task,
  images: ImageReferences,
  sources: DefinitionSources,
): Pick<
  GeneratedRequest,
  | "image"
  | "dags"
  | "command"
  | "environment"
  | "secrets"
  | "platform"
  | "executionRoleArn"
  | "taskRoleArn"
  | "region"
  | "labels"
  | "tags"
> {
  const [image, reference] = [stack.images[task.image], images[task.image]];
  // That every image is there was checked when the file was read.
  if (image === undefined || reference === undefined) throw new Error(`image ${task.image} is not in the stack`);
  const home = homeOf(stack);
  const dagsterFolder = dagsterHome(stack, task.image);
  const variables = withVariables({}, layersOf(stack, task.variables, sources));
  return {
    image: reference,
    dags: null,
    command: null,
    environment: {
      ...(dagsterFolder === null ? {} : { DAGSTER_HOME: dagsterFolder }),
      ...textsOf(namedIn(variables, "environment")),
    },
    secrets: textsOf(namedIn(variables, "secrets")),
    platform: image.platform,
    executionRoleArn: task.executionRole === null ? null : roleArn(home, task.executionRole),
    taskRoleArn: task.taskRole === null ? null : roleArn(home, task.taskRole),
    region: stack.region,
    labels: {},
    tags: task.tags,
  };
}

/** Variables that hold secrets in the task of a migration, by their names. */
export function secretNames(stack: Stack, migration: Migration, sources: DefinitionSources): readonly string[] {
  const { secrets } = likeExisting(stack, migration, sources);
  const own = withVariables({}, layersOf(stack, migration.variables, sources));
  return Object.keys(secrets ?? namedIn(own, "secrets")).sort();
}

/** Where all of a stack is. */
export function homeOf({ account, region }: Pick<Stack, "account" | "region">): Home {
  return { partition: partitionOf(region), account, region };
}

function secretsOf(
  { environment, secrets, parameterPaths }: Variables,
  home: Home,
  parameters: ParameterNames,
): Readonly<Record<string, string>> {
  const below = parameterPaths.flatMap(({ path }) =>
    (parameters[path] ?? []).map((name) => [name.slice(name.lastIndexOf("/") + 1), parameterArn(home, name)] as const),
  );
  const named = Object.entries(secrets).map(([name, { secret }]) => [name, valueFromOf(secret, home)] as const);
  return Object.fromEntries([...below.filter(([name]) => !(name in environment)), ...named]);
}

/** As `valueFrom` wants it: `<secret>:<json key>:<version stage>:<version id>`, the last two left to their defaults. */
export function valueFromOf(secret: Secret, home: Home): string {
  if (secret.kind === "parameter") return parameterArn(home, secret.name);
  const arn = secretArn(home, secret.name);
  return secret.key === null ? arn : `${arn}:${secret.key}::`;
}

function generated(
  { volumes }: Stack,
  { family, container, size, mounts }: Extract<Definition, { kind: "generated" }>,
): Pick<GeneratedRequest, "family" | "container" | "size" | "volumes"> {
  const mounted = mounts.flatMap(({ volume, path }) => {
    const found = volumes[volume]; // that each is there was checked when the file was read
    return found === undefined ? [] : [{ name: volume, fileSystem: found.fileSystem, path }];
  });
  return { family, container, size, volumes: mounted };
}

function logOf({ region }: Stack, { logGroup }: Task, prefix: string): GeneratedRequest["log"] {
  return logGroup === null ? null : { group: logGroup, region, prefix };
}
