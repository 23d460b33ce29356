import type { CanaryRun } from "../domain/canary.ts";
import type { Contract } from "../domain/contract.ts";
import type { Place } from "../domain/errors.ts";
import type { Level } from "../domain/finding.ts";
import type { Platform } from "../domain/identifiers.ts";
import type { JsonMap } from "../domain/json.ts";
import type { ExpectedState, FirstTick, GateName } from "../domain/plan.ts";
import type { Size } from "./size.ts";

/**
 * One environment of a stack as its file describes it: nothing left to look up, no placeholder, no default to know.
 * What a kind means (command, health check, stop timeout, percentages, gates) is not in here; only that it is of that
 * kind.
 */
export interface Stack {
  /** The stack file, as errors call it. */
  readonly file: string;
  readonly name: string;
  readonly environment: string;
  readonly account: string;
  readonly region: string;
  /** What the infrastructure offers. Names that services have from it are in the services already. */
  readonly contract: Contract;
  /** Where the file names an environment that has the contract of the top, and so its services; null: the contract is its own. */
  readonly sharesContract: Place | null;
  /**
   * What every task finds in its environment, also one that is no service, run or migration. Theirs hold it already.
   */
  readonly variables: Variables;
  /** ECS tags of everything. Those of services, runs and migrations are in theirs already. */
  readonly tags: Readonly<Record<string, string>>;
  /** By key. */
  readonly images: Readonly<Record<string, Image>>;
  /** By key. */
  readonly services: Readonly<Record<string, Service>>;
  readonly runs: Runs;
  /** In the order in which they are run. */
  readonly migrations: readonly Migration[];
  /** By location. */
  readonly dags: Readonly<Record<string, Dags>>;
  readonly instance: Instance;
  /** By key. */
  readonly volumes: Readonly<Record<string, Volume>>;
  readonly gates: Gates;
  /** By the check's id. */
  readonly checks: Readonly<Record<string, Check>>;
  /** Variables in plain text whose values people may see in plans. */
  readonly shownVariables: readonly string[];
  /** What `$name` and `${name}` stand for in existing definition files. */
  readonly placeholders: Readonly<Record<string, string>>;
  readonly environmentFile: EnvironmentFile | null;
}

export interface Image {
  readonly key: string;
  readonly place: Place;
  /** ECR repository name, without the registry. */
  readonly repository: string;
  /** How the repository is made when it is not there; null: it is not. */
  readonly create: { readonly scanOnPush: boolean; readonly kmsKey: string | null } | null;
  readonly platform: Platform;
  readonly building: Building;
  /** What is done about the vulnerabilities that ECR finds in it. */
  readonly scan: "off" | "report" | "gate";
  /** Family of the one-off task definitions of this image. */
  readonly onceFamily: string;
}

/** How an image comes to be. Paths are in the repository, from its root. */
export type Building = ({ readonly kind: "dockerfile" } & Dockerfile) | ({ readonly kind: "layers" } & Layers);

export interface Dockerfile {
  readonly context: string;
  readonly dockerfile: string;
  /** Null for the last stage. */
  readonly target: string | null;
  /** Build arguments. */
  readonly arguments: Readonly<Record<string, string>>;
  /** By the ids that `RUN --mount=type=secret` names. */
  readonly secrets: Readonly<
    Record<
      string,
      { readonly kind: "variable"; readonly name: string } | { readonly kind: "file"; readonly path: string }
    >
  >;
  /** Where layers of former builds are kept. */
  readonly cache: "off" | "registry";
  readonly provenance: "off" | "min" | "max";
  /** Lock file that it says it installs; null: it does not say. */
  readonly lock: string | null;
  /** Where the stack file names the Dockerfile. */
  readonly place: Place;
}

export interface Layers {
  /** Where the stack file names base, lock file and commands. */
  readonly places: { readonly base: Place; readonly requirements: Place; readonly prepare: Place };
  readonly base:
    | { readonly kind: "image"; readonly reference: string }
    | ({ readonly kind: "dockerfile" } & Dockerfile);
  /** Lock file of the Python packages. */
  readonly requirements: string | null;
  /** Dependency groups to install beside what the project needs. */
  readonly groups: readonly string[];
  /** Null: the base says it. */
  readonly python: string | null;
  /** Commands to run before the files are taken, in order. */
  readonly prepare: readonly string[];
  /** `place` is that of `from`. */
  readonly files: readonly { readonly from: string; readonly to: string; readonly place: Place }[];
  /** Instance files of our making: path in the image, and what they hold. */
  readonly made: Readonly<Record<string, string>>;
  /** Null for the base's. */
  readonly workdir: string | null;
  readonly environment: Readonly<Record<string, string>>;
  /** Numeric; null for the base's. */
  readonly user: string | null;
}

/** Where a secret is; never its value. */
export type Secret =
  | { readonly kind: "parameter"; readonly name: string }
  /** `key` is null for the whole secret. */
  | { readonly kind: "secret"; readonly name: string; readonly key: string | null };

/** What a process finds in its environment, from the widest to the narrowest: database, top of the file, its own. */
export interface Variables {
  /** Plain text, by the variable's name. No name is also in `secrets`. */
  readonly environment: Readonly<Record<string, { readonly value: string; readonly place: Place }>>;
  /** By the variable's name. */
  readonly secrets: Readonly<Record<string, { readonly secret: Secret; readonly place: Place }>>;
  /**
   * Paths of SSM parameters, each ending in a slash. A parameter below one becomes the secret variable of the last part
   * of its name, unless that variable is in `environment` or `secrets`; of two paths the later wins.
   */
  readonly parameterPaths: readonly { readonly path: string; readonly place: Place }[];
}

/** Where a task definition comes from. */
export type Definition =
  | {
      readonly kind: "generated";
      readonly family: string;
      readonly container: string;
      readonly size: Size;
      /** In the order of the file. */
      readonly mounts: readonly Mount[];
    }
  /** A JSON file in the repository, one that ECS has, or what the service runs now. Only image, variables and tags are set in it. */
  | ({ readonly kind: "file"; readonly path: string } & Existing)
  /** `name` is as ECS takes it: a family for its newest revision, `family:revision`, or an ARN. */
  | ({ readonly kind: "registered"; readonly name: string } & Existing)
  | ({ readonly kind: "live" } & Existing);

export interface Existing {
  /** Where the stack file names it. */
  readonly place: Place;
  /** Null for the family that the definition names. */
  readonly family: string | null;
  /** Null for the definition's only container. */
  readonly container: string | null;
  /** CloudWatch group and prefix of that container's lines, once the definition was read; null when they are not known. */
  readonly log: { readonly group: string; readonly prefix: string } | null;
}

export interface Mount {
  readonly place: Place;
  /** Key of a volume. */
  readonly volume: string;
  /** Path in the container. */
  readonly path: string;
}

/** What every task of the stack has. */
export interface Task {
  readonly place: Place;
  /** Key of an image. */
  readonly image: string;
  readonly variables: Variables;
  readonly tags: Readonly<Record<string, string>>;
  /** Names of IAM roles and of the log group; null when the contract names none. */
  readonly taskRole: string | null;
  readonly executionRole: string | null;
  readonly logGroup: string | null;
}

/** A further container of a task. */
export interface Sidecar {
  readonly place: Place;
  readonly image:
    | { readonly kind: "own"; readonly key: string }
    | { readonly kind: "foreign"; readonly reference: string };
  /** Members of a container definition, as ECS takes them. */
  readonly settings: JsonMap;
}

interface ServiceProcess extends Task {
  readonly key: string;
  readonly definition: Definition;
  /** By their names. */
  readonly sidecars: Readonly<Record<string, Sidecar>>;
  /** Name of the ECS service. */
  readonly service: string;
  /** Name of an ECS service outside of the stack that is stopped before this one starts; null for none. */
  readonly replaces: string | null;
  /** `keep`: percentages and circuit breaker are the infrastructure's. */
  readonly rollout: "keep" | "apply";
  /** Tasks to start when none runs and nothing scales it. */
  readonly count: number;
  /** What makes it roll: its image, or only what belongs to Dagster and itself. */
  readonly movesWith: "image" | "dagster";
}

export interface Webserver extends ServiceProcess {
  readonly kind: "webserver";
  /** Locations that it loads itself. */
  readonly locations: readonly string[];
  readonly port: number;
  /** DNS name under which other tasks reach it, as the contract has it; null: it names none. */
  readonly address: string | null;
  /** Where people reach it; null when only the VPC does. */
  readonly url: string | null;
  /** Login that nginx asks for in front of it: `port` is nginx's then. */
  readonly auth: Nginx | null;
  /** What the infrastructure does; never applied by us. */
  readonly scaling: Scaling | null;
}

export interface Daemon extends ServiceProcess {
  readonly kind: "daemon";
  /** Locations that it loads itself. */
  readonly locations: readonly string[];
}

export interface CodeLocation extends ServiceProcess {
  readonly kind: "code-location";
  /** Dagster's name for it. */
  readonly location: string;
  /** Null when an existing definition, which has its own command, decides. */
  readonly module: string | null;
  readonly pythonPath: string | null;
  /** Null for the image's. */
  readonly workdir: string | null;
  /** DNS name; null only when the workspace is the user's own file. */
  readonly address: string | null;
  readonly port: number;
}

export type Service = Webserver | Daemon | CodeLocation;

export interface BasicAuth {
  readonly kind: "basic";
  readonly place: Place;
  /** Name of a secret with the keys `username`, `password` and `htpasswd`. */
  readonly secret: string;
}

/** nginx in front of a webserver. */
export interface Nginx extends BasicAuth {
  /** Key of its image; the file may have none of that name. */
  readonly image: string;
}

/** How the gates log in: by user and password, or by headers that the login wants of a machine. */
export type GateLogin =
  | BasicAuth
  | { readonly kind: "headers"; readonly place: Place; readonly headers: Readonly<Record<string, Secret>> };

export interface Scaling {
  readonly min: number;
  readonly max: number;
  /** Percent. */
  readonly cpu: number | null;
  /** Percent. */
  readonly memory: number | null;
}

export type Runs =
  /** Each run is a task of its own; one definition for each location. */
  | { readonly kind: "ecs"; readonly definitions: Readonly<Record<string, RunProcess>> }
  /** Runs live in the process that loads their code, so a deploy waits for them. */
  | { readonly kind: "in-process"; readonly place: Place; readonly drainMinutes: number };

export interface RunProcess extends Task {
  readonly location: string;
  readonly definition: Definition;
  /** By their names. */
  readonly sidecars: Readonly<Record<string, Sidecar>>;
  /**
   * The location's name as a release writes it, in `run/<key>`: other characters than letters, digits, `_`, `.` and `-`
   * become `-`.
   */
  readonly key: string;
}

export interface Migration extends Task {
  readonly name: string;
  readonly tool: "dagster" | "alembic" | "command";
  /** What is run with the tool `command`; null with the others. */
  readonly command: readonly string[] | null;
  /** Longest wait for another migration, and for each lock in the database, in seconds. */
  readonly lockTimeoutSeconds: number;
  /** Longest time of one statement, in seconds; null: as the database has it. */
  readonly statementTimeoutSeconds: number | null;
  /** `expand-only`: a revision that the code before cannot live with stops the release, unless it is marked. */
  readonly policy: "expand-only" | "allow-destructive";
  /** What a plan tells of revisions that would be applied: `sql` runs their files to render it. */
  readonly preview: "revisions" | "sql";
  /** Once the schema is at head, it is compared with the models that `env.py` gives. */
  readonly checkModels: boolean;
  /** Null for the image's. */
  readonly workdir: string | null;
  /** Key of the service whose network it has; roles, log group and variables are that service's already. */
  readonly likeService: string | null;
}

export interface Dags {
  readonly location: string;
  readonly place: Place;
  /** Folder with the code, in `source`. */
  readonly directory: string;
  readonly module: string;
  readonly bucket: string;
  /** Key prefix in the bucket; ends in a slash. */
  readonly prefix: string;
  /** `mirror`, `both`: plain files are kept; `versioned`, `both`: readers of this suite have the version of the pointer. */
  readonly layout: "versioned" | "mirror" | "both";
  /** Key prefix of the plain files; ends in a slash. */
  readonly mirrorPrefix: string;
  readonly pollSeconds: number;
  readonly fallback: "none" | "image";
  /** Null when it is this repository. */
  readonly source: { readonly repository: string; readonly ref: string } | null;
}

/** A file of the user's, in the image and at this path in the repository, is checked and not replaced. */
export type InstanceFile = { readonly kind: "own"; readonly path: string; readonly place: Place };

export interface Instance {
  readonly dagsterYaml: { readonly kind: "generated" } | InstanceFile;
  readonly workspace: { readonly kind: "generated" } | { readonly kind: "s3" } | InstanceFile;
  /** Names of the variables that hold the contract's database. */
  readonly database: DatabaseNames;
  readonly concurrency: { readonly tag: string; readonly limit: number } | null;
}

export interface DatabaseNames {
  readonly host: string;
  readonly port: string;
  readonly name: string;
  readonly user: string;
  readonly password: string;
}

export interface Volume {
  readonly key: string;
  readonly place: Place;
  /** Id of the EFS file system. */
  readonly fileSystem: string;
}

export interface Gates {
  /** Who asks the webserver. */
  readonly reach: "runner" | "task";
  /** Where the file says so; where it does not, the webserver whose `url`, or want of one, decides it, or the first service. */
  readonly reachPlace: Place;
  readonly canary: Canary | null;
  readonly schedules: Expected;
  readonly sensors: Expected;
  /** Keys of assets that each location must show, parts joined by `/`; by the location's name. */
  readonly assets: Readonly<Record<string, readonly string[]>>;
  /** What is not as before gets its status and cursor again. */
  readonly restore: boolean;
  /** Gates that the file says something of. */
  readonly levels: Partial<Readonly<Record<GateName, GateLevel>>>;
  readonly firstTick: "off" | FirstTick;
  /** `where-there-are` target groups that ECS rolls: what may not be read is told, and stops nothing. */
  readonly targetHealth: "where-there-are" | "required" | "off";
  /** Where the file wants security groups looked at; null: it does not. */
  readonly securityGroups: Place | null;
  /** Level of start-up errors in the logs; `off`, for a reason: nobody looks. */
  readonly logScan: { readonly level: Level | "off"; readonly reason: string | null };
  /** Ask each webserver task by itself. */
  readonly everyWebserver: "required" | "where-reached" | "off";
  /** How the gates log in. */
  readonly auth: GateLogin | null;
}

/** `warn`: what fails is said, and takes nothing back; `off`: nobody asks. */
export interface GateLevel {
  readonly level: "on" | "warn" | "off";
  readonly reason: string | null;
}

export interface Canary extends CanaryRun {
  readonly place: Place;
  readonly location: string;
}

/**
 * What schedules or sensors must be: as before the release; or each that is named as it says, and the rest as before.
 */
export type Expected =
  | { readonly kind: "as-before" }
  | { readonly kind: "named"; readonly states: Readonly<Record<string, InstigatorState>> };

export interface InstigatorState extends ExpectedState {
  readonly place: Place;
}

export interface Check {
  readonly place: Place;
  /** `off`: what it finds is not told. */
  readonly level: Level | "off";
  /** Last day on which it holds, `2026-12-31` in UTC; null for ever. */
  readonly until: string | null;
  readonly reason: string | null;
}

export interface EnvironmentFile {
  readonly place: Place;
  /** Path in the repository. */
  readonly path: string;
  readonly mode: "merge" | "replace";
}
