import { stringify } from "yaml";
import type { Building, CodeLocation, Image, Service, Stack, Variables } from "./stack.ts";

// The instance files of those who bring none. What differs between environments comes as variables, so that all have one image.

/** Where they are in an image. */
export const instanceFolder = "/opt/dagster";
export const madeDagsterYaml = `${instanceFolder}/dagster.yaml`;
export const madeWorkspace = `${instanceFolder}/workspace.yaml`;

/** Name of the bucket that compute logs go to. */
export const bucketVariable = "DAGSTER_S3_BUCKET";

type Parts = Pick<Stack, "services" | "runs" | "migrations" | "dags" | "instance" | "images">;

/** Is a workspace file made? Only code servers stand in it. */
export function makesWorkspace({ services, instance }: Pick<Stack, "services" | "instance">): boolean {
  return instance.workspace.kind === "generated" && codeServers(services).length > 0;
}

/**
 * Keys of the images from which somebody reads instance files: webserver, daemon, and migrations of Dagster's own. None where all hosts
 * have definitions of the user's own: those start Dagster with the files of their image, and migrations are like them.
 */
export function instanceReaders({ services, migrations }: Pick<Stack, "services" | "migrations">): {
  readonly hosts: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
} {
  const hosts = Object.values(services).flatMap(({ kind, definition, image }) =>
    kind !== "code-location" && definition.kind === "generated" ? [image] : [],
  );
  const migrating =
    hosts.length === 0 ? [] : migrations.flatMap(({ tool, image }) => (tool === "dagster" ? [image] : []));
  return { hosts: new Set(hosts), all: new Set([...hosts, ...migrating]) };
}

/** The images, those of layers with the instance files that are made for who reads them. */
export function withInstanceFiles(parts: Parts): Readonly<Record<string, Image>> {
  const { images, instance } = parts;
  const readers = instanceReaders(parts);
  const filesOf = (key: string): Readonly<Record<string, string>> => ({
    ...(instance.dagsterYaml.kind === "generated" && readers.all.has(key)
      ? { [madeDagsterYaml]: dagsterYaml(parts) }
      : {}),
    ...(makesWorkspace(parts) && readers.hosts.has(key) ? { [madeWorkspace]: workspaceYaml(parts.services) } : {}),
  });
  return Object.fromEntries(
    Object.entries(images).map(([key, image]) => {
      const building: Building =
        image.building.kind === "layers" ? { ...image.building, made: filesOf(key) } : image.building;
      return [key, { ...image, building }];
    }),
  );
}

/** The services, each host with the addresses that its workspace file asks for. */
export function withAddresses(
  services: Stack["services"],
  instance: Stack["instance"],
): Readonly<Record<string, Service>> {
  if (!makesWorkspace({ services, instance })) return services;
  const addresses = codeServers(services).flatMap(({ key, address, port, place }) => {
    const { host, port: portVariable } = addressVariables(services, key);
    return [[host, { value: address ?? "", place }] as const, [portVariable, { value: String(port), place }] as const];
  });
  const added = (variables: Variables): Variables => ({
    ...variables,
    environment: { ...Object.fromEntries(addresses), ...variables.environment },
  });
  return Object.fromEntries(
    Object.entries(services).map(([key, service]): readonly [string, Service] => [
      key,
      service.kind === "code-location" || service.definition.kind !== "generated"
        ? service
        : { ...service, variables: added(service.variables) },
    ]),
  );
}

/**
 * `dagster.yaml` as `docker/dagster.yaml` has it.
 * @see https://docs.dagster.io/deployment/oss/dagster-yaml
 */
function dagsterYaml({ instance, runs, dags }: Parts): string {
  const { database, concurrency } = instance;
  const from = (env: string): object => ({ env });
  return made({
    storage: {
      postgres: {
        postgres_db: {
          scheme: "postgresql+psycopg2", // with SQLAlchemy 2.1, plain postgresql:// means another driver
          hostname: from(database.host),
          port: from(database.port),
          db_name: from(database.name),
          username: from(database.user),
          password: from(database.password),
        },
      },
    },
    run_coordinator: {
      module: "dagster.core.run_coordinator",
      class: "QueuedRunCoordinator",
      ...(concurrency === null
        ? {}
        : { config: { tag_concurrency_limits: [{ key: concurrency.tag, limit: concurrency.limit }] } }),
    },
    // Plain files have no version that a run could keep.
    ...launcher(
      runs.kind,
      Object.values(dags).some(({ layout }) => layout !== "mirror"),
    ),
    // The image may be read-only: what little Dagster keeps beside its database goes where it may be written.
    local_artifact_storage: {
      module: "dagster.core.storage.root",
      class: "LocalArtifactStorage",
      config: { base_dir: "/tmp/dagster" },
    },
    telemetry: { enabled: false },
  });
}

/** Runs that are tasks are watched over, since theirs may go, and bring their compute logs to where the webserver finds them. */
function launcher(kind: Stack["runs"]["kind"], readsDags: boolean): object {
  if (kind === "in-process")
    return readsDags ? { run_launcher: { module: "dag_reader.launcher", class: "PlannedCodeRunLauncher" } } : {};
  return {
    run_launcher: {
      module: "dagster_aws.ecs",
      class: "EcsRunLauncher",
      config: { secrets_tag: null }, // else each launch lists every secret of the account
    },
    run_monitoring: { enabled: true },
    compute_logs: {
      module: "dagster_aws.s3",
      class: "S3ComputeLogManager",
      config: {
        bucket: { env: bucketVariable },
        prefix: "compute-logs", // as infra/ lets roles write, and forgets after a while
        local_dir: "/tmp/compute-logs",
      },
    },
  };
}

function workspaceYaml(services: Stack["services"]): string {
  return made({
    load_from: codeServers(services).map(({ key, location }) => {
      const { host, port } = addressVariables(services, key);
      return { grpc_server: { host: { env: host }, port: { env: port }, location_name: location } };
    }),
  });
}

function made(content: object): string {
  return `# Made from the stack file.\n${stringify(content)}`;
}

function codeServers(services: Stack["services"]): readonly CodeLocation[] {
  return Object.values(services)
    .filter((service) => service.kind === "code-location")
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** `DAGSTER_CODE_<KEY>_HOST`; of two keys that are one name there, the later has a number. */
function addressVariables(services: Stack["services"], key: string): { readonly host: string; readonly port: string } {
  const nameOf = (one: string): string => one.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
  const alike = codeServers(services).filter((other) => nameOf(other.key) === nameOf(key));
  const at = alike.findIndex((other) => other.key === key);
  const name = `DAGSTER_CODE_${nameOf(key)}${at > 0 ? `_${at + 1}` : ""}`;
  return { host: `${name}_HOST`, port: `${name}_PORT` };
}
