import { type Contract, type ContractService, nameOfSecret } from "../domain/contract.ts";
import type { Place } from "../domain/errors.ts";
import { locationKey } from "../domain/identifiers.ts";
import type { JsonMap } from "../domain/json.ts";
import type { StackDocument } from "./document.ts";
import { bucketVariable } from "./instance-files.ts";
import type { Size } from "./size.ts";
import type {
  BasicAuth,
  Sidecar,
  Definition,
  Migration,
  Nginx,
  RunProcess,
  Runs,
  Service,
  Task,
  Variables,
} from "./stack.ts";
import { keyPlaceAt, type MapTree, type Path, placeAt } from "./tree.ts";
import { databaseVariables, over, variablesAt } from "./variables.ts";

/** What services, runs and migrations are made of: one environment of the file, and the infrastructure below it. */
export interface Source {
  readonly document: StackDocument;
  /** The same, with places. */
  readonly tree: MapTree;
  readonly contract: Contract;
}

/** Size of a task that the file gives none: half a vCPU and 1 GiB hold each of Dagster's processes. */
export const defaultSize: Size = { cpu: 512, memory: 1024 };

/** Whoever waits for a lock on a table keeps all that come later waiting too: a migration gives up before that is an outage. */
const defaultLockTimeoutSeconds = 60;

type WrittenService = StackDocument["services"][string];
type WrittenRuns = Extract<StackDocument["runs"], { readonly launcher?: "ecs" | undefined }>;

/**
 * A name as ECS takes it for services, families and containers: letters, digits, `-` and `_`. Two names may become one;
 * who makes names of them checks that.
 */
export function ecsName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_-]/g, "-");
}

/** What the contract calls the role of one location's runs. */
export function runRole(location: string): string {
  return `run-${locationKey(location)}`;
}

/** What every task of the stack finds in its environment. */
export function stackVariables(source: Source): Variables {
  const { document, tree, contract } = source;
  const place: Place = placeAt(tree, ["contract", "database"]);
  const database = databaseVariables(contract.database, document.instance.database, place);
  return over(over(database, computeLogs(source)), variablesAt(document, tree, []));
}

/** Where the dagster.yaml of our making brings what steps of runs print. */
function computeLogs({ document, tree, contract }: Source): Variables {
  const isOurs =
    document.instance["dagster-yaml"] === undefined &&
    document.runs.launcher !== "in-process" &&
    Object.values(document.services).some(
      ({ kind, "task-definition": own }) => kind !== "code-location" && own === undefined,
    );
  const place: Place = placeAt(tree, ["contract", "bucket"]);
  const environment = isOurs ? { [bucketVariable]: { value: contract.bucket.name, place } } : {};
  return { environment, secrets: {}, parameterPaths: [] };
}

export function servicesOf(source: Source): Readonly<Record<string, Service>> {
  return Object.fromEntries(
    Object.entries(source.document.services).map(([key, written]) => [key, serviceOf(source, key, written)]),
  );
}

/** One definition for each location that a process of the stack serves. */
export function runsOf(source: Source, services: Readonly<Record<string, Service>>): Runs {
  const { runs } = source.document;
  if (runs.launcher === "in-process") {
    const place = placeAt(source.tree, ["runs", "launcher"]);
    return { kind: "in-process", place, drainMinutes: runs["drain-minutes"] };
  }
  const locations = Object.values(services).flatMap((service) =>
    service.kind === "code-location" ? [service.location] : service.locations,
  );
  return {
    kind: "ecs",
    definitions: Object.fromEntries(
      locations.map((location) => [location, runOf(source, runs, location, serverOf(location, services).image)]),
    ),
  };
}

export function migrationsOf(
  { document, tree, contract }: Source,
  services: Readonly<Record<string, Service>>,
): readonly Migration[] {
  return document.migrations.map((written, index) => {
    const { name, tool, image, workdir, "like-service": likeService } = written;
    const like = likeService === undefined ? undefined : services[likeService];
    return {
      name,
      place: placeAt(tree, ["migrations", index]),
      tool,
      command: written.command ?? null,
      lockTimeoutSeconds: written["lock-timeout"] ?? defaultLockTimeoutSeconds,
      statementTimeoutSeconds: written["statement-timeout"] ?? null,
      policy: written.policy ?? "expand-only",
      preview: written.preview ?? "revisions",
      checkModels: written["check-models"] ?? false,
      image,
      workdir: workdir ?? null,
      likeService: likeService ?? null,
      variables: like?.variables ?? stackVariables({ document, tree, contract }),
      tags: document.tags,
      taskRole: like?.taskRole ?? contract.roles.task ?? null,
      executionRole: like?.executionRole ?? contract.roles.execution ?? null,
      logGroup: like?.logGroup ?? contract["log-group"] ?? null,
    };
  });
}

export function basicAuthAt(tree: MapTree, path: Path, auth: { readonly basic: string } | undefined): BasicAuth | null {
  if (auth === undefined) return null;
  return { kind: "basic", place: placeAt(tree, path), secret: nameOfSecret(auth.basic) };
}

function nginxAt(
  tree: MapTree,
  path: Path,
  auth: { readonly basic: string; readonly image: string } | undefined,
): Nginx | null {
  const login = basicAuthAt(tree, path, auth);
  return login === null || auth === undefined ? null : { ...login, image: auth.image };
}

function sidecarsAt(
  { document, tree }: Source,
  written: WrittenService["sidecars"],
  path: Path,
): Readonly<Record<string, Sidecar>> {
  return Object.fromEntries(
    Object.entries(written).map(([name, { image, settings }]): readonly [string, Sidecar] => [
      name,
      {
        place: keyPlaceAt(tree, [...path, "sidecars", name]),
        image: Object.hasOwn(document.images, image)
          ? { kind: "own", key: image }
          : { kind: "foreign", reference: image },
        settings: settings as JsonMap, // it was YAML
      },
    ]),
  );
}

function serviceOf(source: Source, key: string, written: WrittenService): Service {
  const { document, tree, contract } = source;
  const path = ["services", key];
  const known: ContractService = own(contract.services, key) ?? {};
  const roles = contract.roles;
  const common = {
    ...taskOf(source, written, path),
    key,
    definition: definitionOf(written, tree, path, {
      family: ecsName(`${document.name}-${key}`),
      container: ecsName(key),
    }),
    sidecars: sidecarsAt(source, written.sidecars, path),
    service: known.service ?? written.service ?? ecsName(`${document.name}-${key}`),
    replaces: written.replaces ?? null,
    rollout: written.rollout,
    count: written.count,
    movesWith: movesWith(document, written),
    taskRole: known["task-role"] ?? own(roles, key) ?? own(roles, written.kind) ?? own(roles, "task") ?? null,
    logGroup: known["log-group"] ?? contract["log-group"] ?? null,
  };
  switch (written.kind) {
    case "webserver":
      return {
        ...common,
        kind: written.kind,
        locations: written.locations,
        port: known.port ?? written.port ?? (written.auth === undefined ? 3000 : 8080),
        address: known.address ?? null,
        url: known.url ?? written.url ?? null,
        auth: nginxAt(tree, [...path, "auth"], written.auth),
        scaling:
          written.scaling === undefined
            ? null
            : { ...written.scaling, cpu: written.scaling.cpu ?? null, memory: written.scaling.memory ?? null },
      };
    case "daemon":
      return { ...common, kind: written.kind, locations: written.locations };
    case "code-location":
      return {
        ...common,
        kind: written.kind,
        location: written.location,
        module: written.module ?? own(document.dags, written.location)?.module ?? null,
        pythonPath: written["python-path"] ?? null,
        workdir: written.workdir ?? null,
        address: known.address ?? written.address ?? null,
        port: known.port ?? written.port ?? 4000,
      };
  }
}

/**
 * Runs find their code in the image that serves it. A process that loads the location itself stands behind one that
 * only serves it, and the daemon, which starts queued runs, before the webserver.
 */
function serverOf(location: string, services: Readonly<Record<string, Service>>): Service {
  const all = Object.values(services);
  const server =
    all.find((service) => service.kind === "code-location" && service.location === location) ??
    all.find((service) => service.kind === "daemon" && service.locations.includes(location)) ??
    all.find((service) => service.kind === "webserver" && service.locations.includes(location));
  if (server === undefined) throw new Error(`nothing serves the location ${location}`);
  return server;
}

function runOf(source: Source, runs: WrittenRuns, location: string, image: string): RunProcess {
  const { document, tree, contract } = source;
  const family = ecsName(`${document.name}-run-${location}`);
  const definition = definitionOf(runs, tree, ["runs"], { family, container: "run" });
  return {
    ...taskOf(source, { ...runs, image: runs.image ?? image }, ["runs"]),
    location,
    sidecars: sidecarsAt(source, runs.sidecars, ["runs"]),
    key: locationKey(location),
    definition: { ...definition, family },
    taskRole:
      own(contract.roles, runRole(location)) ?? own(contract.roles, "run") ?? own(contract.roles, "task") ?? null,
  };
}

function taskOf(
  source: Source,
  written: Pick<WrittenRuns, "environment" | "secrets" | "secrets-from" | "tags"> & { readonly image: string },
  path: Path,
): Omit<Task, "taskRole"> {
  const { document, tree, contract } = source;
  return {
    place: keyPlaceAt(tree, path),
    image: written.image,
    variables: over(stackVariables(source), variablesAt(written, tree, path)),
    tags: { ...document.tags, ...written.tags },
    executionRole: own(contract.roles, "execution") ?? null,
    logGroup: contract["log-group"] ?? null,
  };
}

function definitionOf(
  written: Pick<WrittenRuns, "task-definition" | "container" | "size" | "mounts"> & {
    readonly family?: string | undefined;
  },
  tree: MapTree,
  path: Path,
  names: { readonly family: string; readonly container: string },
): Definition {
  const { "task-definition": from, size, mounts } = written;
  const existing = {
    place: placeAt(tree, [...path, "task-definition"]),
    family: written.family ?? null,
    container: written.container ?? null,
    log: null,
  };
  if (from === "live") return { kind: "live", ...existing };
  if (from?.startsWith("family:") === true)
    return { kind: "registered", name: from.slice("family:".length), ...existing };
  if (from?.startsWith("arn:") === true) return { kind: "registered", name: from, ...existing };
  if (from !== undefined) return { kind: "file", path: from, ...existing };
  return {
    kind: "generated",
    family: written.family ?? names.family,
    container: written.container ?? names.container,
    size: size ?? defaultSize,
    mounts: Object.entries(mounts ?? {}).map(([volume, inContainer]) => ({
      place: keyPlaceAt(tree, [...path, "mounts", volume]),
      volume,
      path: inContainer,
    })),
  };
}

/** Hosts stay when only code changed, where code servers serve it; who loads code itself must move with it. */
function movesWith(document: StackDocument, service: WrittenService): "image" | "dagster" {
  if (service.kind === "code-location") return "image";
  const codeServers = Object.values(document.services).some(({ kind }) => kind === "code-location");
  return service["moves-with"] ?? (codeServers && service.locations.length === 0 ? "dagster" : "image");
}

/** A member by its name, and nothing that every object has. */
function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
