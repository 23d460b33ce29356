import { goesBackByItself, mustGoBackByItself } from "../deployments/strategies.ts";
import { parseArn } from "../aws/arn.ts";
import type { Digest, Platform } from "../domain/identifiers.ts";
import { isMap, type JsonMap } from "../domain/json.ts";
import { isPlainSecret, isPublicVariable } from "../domain/redaction.ts";
import type { Service } from "../stack/stack.ts";
import { logIn } from "../task-definitions/existing.ts";
import { type AdoptedEnvironmentFile, environmentFileOf, ownVariables, placeholdersOf } from "./committed.ts";
import type { ComposeBuild, ComposeFile, ComposeScaling, ComposeService } from "./compose-file.ts";
import { kindOf, mapsIn, portOf, portsOf, type ToldKind } from "./kind.ts";
import type { RunningDagster, RunningService } from "./observe.ts";
import type { CheckoutFiles, DefinitionFile, WrittenLocation } from "./read-checkout.ts";

/** What somebody who adopts says, where nothing else tells. */
export interface Given {
  readonly name: string | null;
  readonly bucket: { readonly name: string; readonly prefix: string } | null;
  readonly url: string | null;
  /** Names of locations, by ECS's name of the service that loads them. */
  readonly locations: readonly { readonly service: string; readonly location: string }[];
}

/** Where it runs. */
export interface Home {
  readonly account: string;
  readonly region: string;
}

/** A value that was inferred. `guess`: why it may be wrong, as a sentence; null: something says so. */
export interface Inferred<T> {
  readonly value: T;
  readonly guess: string | null;
}

export interface AdoptedService {
  readonly key: string;
  /** Of the ECS service. */
  readonly name: string;
  readonly kind: Inferred<Service["kind"]>;
  readonly image: string;
  readonly container: string;
  /** Locations that it serves or loads. A code server has one. */
  readonly locations: Inferred<readonly string[]>;
  readonly port: number | null;
  readonly address: Inferred<string> | null;
  readonly url: Inferred<string> | null;
  readonly count: number;
  /** Two of it may run while it is replaced, and nobody else owns its percentages. */
  readonly appliesRollout: boolean;
  /** ECS would not take a failed deployment of it back. */
  readonly lacksBreaker: boolean;
  /** As compose was told to have it scaled; null: nothing says so. */
  readonly scaling: ComposeScaling | null;
}

export interface AdoptedImage {
  readonly key: string;
  readonly repository: string;
  readonly platform: Platform;
  readonly build: Inferred<ComposeBuild>;
}

/** Variables of the process that Dagster copies its run tasks from. */
export interface AdoptedVariables {
  readonly environment: Readonly<Record<string, string>>;
  /** As the stack file names them. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Names of those whose plain values look secret: they are not written. */
  readonly plainSecrets: readonly string[];
  /** Names of those whose plain values may be secret, by their names or forms: they are not written either. */
  readonly withheld: readonly string[];
  /** Names of secrets whose reference a stack file cannot say. */
  readonly unknown: readonly string[];
}

export type AdoptedRuns =
  | { readonly launcher: "in-process" }
  | {
      readonly launcher: "ecs";
      /** The definition that dagster.yaml names, as it stands in the checkout. */
      readonly file: DefinitionFile;
    }
  | {
      readonly launcher: "ecs";
      readonly file: null;
      readonly size: { readonly cpu: number; readonly memory: number } | null;
      readonly variables: AdoptedVariables;
    };

/** All that a stack file is written from. */
export interface AdoptedStack {
  readonly name: Inferred<string>;
  readonly region: string;
  readonly cluster: string;
  readonly likeService: string;
  readonly bucket: Inferred<{ readonly name: string; readonly prefix: string }>;
  readonly roles: Readonly<Record<string, string>>;
  readonly logGroup: string | null;
  readonly dagsterYaml: Inferred<string>;
  readonly workspace: Inferred<string>;
  readonly images: readonly AdoptedImage[];
  readonly services: readonly AdoptedService[];
  /** What stands behind `$` in committed files, told from what runs. */
  readonly placeholders: Readonly<Record<string, string>>;
  /** `environment` and `secrets` that a script puts into every definition; null: no file has them. */
  readonly environmentFile: AdoptedEnvironmentFile | null;
  /** Environment files that compose gave to what runs, from the root of the checkout. */
  readonly envFiles: readonly string[];
  /** Members of files that are not taken over, as sentences. */
  readonly notTaken: readonly string[];
  /** Lock files of Python packages in the checkout. */
  readonly locks: readonly string[];
  readonly runs: Inferred<AdoptedRuns>;
  /** Services with plain text that looks secret. */
  readonly plainSecrets: readonly { readonly service: string; readonly names: readonly string[] }[];
}

/** What is left out of the stack, and why. */
export interface Omitted {
  readonly service: string;
  readonly why: string;
}

/**
 * What a stack file says of a Dagster that runs. Pure; what nothing tells is guessed, and said to be.
 * @param asked locations as Dagster itself tells them; null: it was not asked, or did not answer
 */
export function inferStack(
  running: RunningDagster,
  files: CheckoutFiles,
  asked: readonly WrittenLocation[] | null,
  given: Given,
  home: Home,
): { readonly stack: AdoptedStack; readonly omitted: readonly Omitted[] } {
  const placed = running.services.map((one) => ({ one, ...imageOf(one, home) }));
  const omitted = placed.flatMap(({ one, repository }) =>
    repository === null
      ? [
          {
            service: one.service.name,
            why: `its image ${JSON.stringify(one.container["image"])} is not in the registry of this account and region`,
          },
        ]
      : [],
  );
  const taken = placed.flatMap(({ one, repository }) => (repository === null ? [] : [{ one, repository }]));
  const imageKeys = keysOf([...new Set(taken.map(({ repository }) => repository))], (text) =>
    text.replace(/^.*\//, ""),
  );
  const name = stackName(running, given);
  const keys = serviceKeys(taken.map(({ one }) => one));
  const known = asked ?? files.workspace?.locations ?? null;
  const servers = taken.filter(({ one }) => one.told.kind === "code-location").map(({ one }) => one);
  const served = servedLocations(servers, known, asked !== null, given);
  const loaded = (known ?? []).flatMap(({ name: one, server }) => (server === null && one !== null ? [one] : []));
  const services = taken.map(({ one, repository }): AdoptedService => {
    const { service, container } = one;
    const composed = composedBy(files.compose, container.name);
    const told = byCommand(one, composed);
    const isServer = told.kind === "code-location";
    const ofServer = served.get(service.name);
    const appliesRollout =
      told.kind === "daemon" &&
      service.cloudFormationStack === null &&
      (service.rollout.minimumHealthyPercent > 0 || service.rollout.maximumPercent > 100);
    return {
      key: keys.get(service.name) ?? service.name,
      name: service.name,
      kind: {
        value: told.kind,
        guess: told.by === "command" ? null : `told by its ${told.by} only: its definition names no command`,
      },
      image: imageKeys.get(repository) ?? repository,
      container: container.name,
      locations: isServer ? (ofServer?.locations ?? noLocation) : hostLocations(servers, loaded, known, one, given),
      port: ofServer?.port ?? portOf(container, told.kind),
      address: isServer ? addressOf(ofServer?.host ?? null, container.name) : null,
      url: told.kind === "webserver" && given.url !== null ? { value: given.url, guess: null } : null,
      count: service.desiredCount,
      appliesRollout,
      lacksBreaker: !appliesRollout && mustGoBackByItself(service.rollout) && !goesBackByItself(service.rollout),
      scaling: told.kind === "webserver" ? (composed?.scaling ?? null) : null,
    };
  });
  const images = [...imageKeys].map(([repository, key]): AdoptedImage => {
    const first = taken.find((other) => other.repository === repository);
    return {
      key,
      repository,
      platform: platformOf(first?.one.definition.content ?? {}),
      build: buildOf(repository, key, files, containersOf(taken, repository)),
    };
  });
  const placeholders = placeholdersOf(
    taken.map(({ one }) => one),
    files,
    home,
  );
  const composed = taken.flatMap(({ one }) => composedBy(files.compose, one.container.name) ?? []);
  const [source] = [...servers, ...taken.map(({ one }) => one)];
  const [like] = taken.map(({ one }) => one.service);
  const roles = source === undefined ? {} : rolesOf(source);
  return {
    omitted,
    stack: {
      name,
      region: home.region,
      cluster: running.cluster,
      likeService: like?.name ?? "",
      bucket:
        given.bucket === null
          ? {
              value: { name: `${name.value}-releases-${home.account}`, prefix: "" },
              guess: "nothing names one: make a bucket for lock and records, or give `--bucket`",
            }
          : { value: given.bucket, guess: null },
      roles,
      logGroup: source === undefined ? null : (logIn(source.container)?.group ?? null),
      dagsterYaml: fileOf(files.dagsterYaml, "dagster.yaml"),
      workspace: fileOf(files.workspace, "workspace.yaml"),
      images,
      services,
      placeholders,
      environmentFile: environmentFileOf(
        taken.map(({ one }) => one),
        files,
        { ...placeholders, ...home },
      ),
      envFiles: [...new Set(composed.flatMap(({ envFiles }) => envFiles))],
      notTaken: composed.flatMap(({ name, unread }) =>
        unread.length === 0 ? [] : [`${unread.join(", ")} of ${name} in ${files.compose?.path}: what runs has them`],
      ),
      locks: files.locks,
      runs: runsOf(source, files, home),
      plainSecrets: taken.flatMap(({ one }) => {
        const names = variablesOf(one.container, home).plainSecrets;
        return names.length === 0 ? [] : [{ service: one.service.name, names }];
      }),
    },
  };
}

/** Why a code server without a port may be described wrongly. */
export const unknownPort = "nothing tells its port literally; without `port` it is 4000";

const noLocation: Inferred<readonly string[]> = {
  value: [],
  guess: "nothing tells its location: give `--location <service>=<name>`",
};

function stackName({ cluster, services }: RunningDagster, { name }: Given): Inferred<string> {
  if (name !== null) return { value: name, guess: null };
  const [owner] = services.flatMap(({ service }) => service.cloudFormationStack ?? []);
  return {
    value: owner ?? cluster,
    guess: `called as ${owner === undefined ? "the cluster" : "the CloudFormation stack"}: \`--name\` gives another`,
  };
}

/** Short keys: the kind where one service has it, else what the containers are called. */
function serviceKeys(services: readonly RunningService[]): ReadonlyMap<string, string> {
  const usual = { webserver: "webserver", daemon: "daemon", "code-location": "code" } as const;
  const keys = new Map<string, string>();
  for (const { service, told, container } of services) {
    const alone = services.filter((other) => other.told.kind === told.kind).length === 1;
    keys.set(service.name, free(alone ? usual[told.kind] : asKey(container.name), keys, asKey(service.name)));
  }
  return keys;
}

function keysOf(names: readonly string[], short: (name: string) => string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const name of names) keys.set(name, free(asKey(short(name)), keys, asKey(name)));
  return keys;
}

function free(key: string, taken: ReadonlyMap<string, string>, otherwise: string): string {
  return [...taken.values()].includes(key) ? otherwise : key;
}

function asKey(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
}

interface ServedLocation {
  readonly locations: Inferred<readonly string[]>;
  readonly host: string | null;
  readonly port: number | null;
}

/** Which location each code server serves, by ECS's name of it. */
function servedLocations(
  servers: readonly RunningService[],
  known: readonly WrittenLocation[] | null,
  isFromDagster: boolean,
  { locations: given }: Given,
): ReadonlyMap<string, ServedLocation> {
  const remote = (known ?? []).filter(({ server }) => server !== null);
  const source = isFromDagster ? null : "as the workspace file of the checkout has it; Dagster was not asked (`--url`)";
  const found = new Map<string, ServedLocation>();
  for (const { service, container } of servers) {
    const said = given.filter((one) => one.service === service.name).map(({ location }) => location);
    const byName = remote.filter(({ server }) => sameName(server?.host ?? "", container.name));
    const byPort = remote.filter(({ server }) => server?.port != null && portsOf(container).includes(server.port));
    const only = servers.length === 1 && remote.length === 1 ? remote : [];
    const [match] = [only, byName, byPort].find((ones) => ones.length === 1) ?? [];
    const server = match?.server ?? remote.find((one) => one.name !== null && said.includes(one.name))?.server ?? null;
    found.set(service.name, {
      host: server?.host ?? null,
      port: server?.port ?? null,
      locations:
        said.length > 0
          ? { value: said.slice(0, 1), guess: null }
          : match === undefined || match.name === null
            ? noLocation
            : { value: [match.name], guess: source },
    });
  }
  return found;
}

/** `deal_flow_code` and `deal_flow_code.dealflow.local` are one. */
function sameName(host: string, container: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const [first = ""] = host.split(".");
  return plain(first) === plain(container);
}

function hostLocations(
  servers: readonly RunningService[],
  loaded: readonly string[],
  known: readonly WrittenLocation[] | null,
  { service }: RunningService,
  { locations: given }: Given,
): Inferred<readonly string[]> {
  const said = given.filter((one) => one.service === service.name).map(({ location }) => location);
  if (said.length > 0) return { value: said, guess: null };
  if (servers.length > 0 || known !== null) return { value: loaded, guess: null };
  return {
    value: [],
    guess:
      "there is no code server, so it loads its locations itself, and nothing names them: give `--location <service>=<name>`",
  };
}

function addressOf(host: string | null, container: string): Inferred<string> {
  return host === null
    ? { value: container, guess: "the container's name: nothing tells under which name webserver and daemon reach it" }
    : { value: host, guess: null };
}

/** Repository of the container's image, when it is of the registry of the account and region. */
function imageOf({ container }: RunningService, { account, region }: Home): { readonly repository: string | null } {
  const image = typeof container["image"] === "string" ? container["image"] : "";
  const match = new RegExp(`^${account}\\.dkr\\.ecr\\.${region}\\.amazonaws\\.com(?:\\.cn)?/([^:@]+)`).exec(image);
  return { repository: match?.[1] ?? null };
}

/** The digest that a service's container runs; null: it is not known, or tasks differ. */
export function digestOf({ digests, container }: Pick<RunningService, "digests" | "container">): Digest | null {
  const [only, ...others] = digests[container.name] ?? [];
  if (only !== undefined) return others.length === 0 ? only : null;
  const image = typeof container["image"] === "string" ? container["image"] : "";
  const [, digest = null] = /@(sha256:[0-9a-f]{64})$/.exec(image) ?? [];
  return digest as Digest | null;
}

function platformOf(content: JsonMap): Platform {
  const platform = content["runtimePlatform"];
  return isMap(platform) && platform["cpuArchitecture"] === "ARM64" ? "linux/arm64" : "linux/amd64";
}

/** The one that compose builds; else the only one; else a guess. @param containers that run the repository's image */
function buildOf(
  repository: string,
  key: string,
  { dockerfiles, compose }: Pick<CheckoutFiles, "dockerfiles" | "compose">,
  containers: readonly string[],
): Inferred<ComposeBuild> {
  const usual = (dockerfile: string): ComposeBuild => ({ context: ".", dockerfile, target: null });
  const built = (compose?.services ?? []).filter(({ build }) => build !== null);
  const own = built.find((one) => one.repository === repository);
  const run = own ?? built.find(({ name }) => containers.some((container) => sameName(name, container)));
  if (run?.build != null && dockerfiles.includes(run.build.dockerfile)) return { value: run.build, guess: null };
  const [only, ...others] = dockerfiles;
  if (only === undefined)
    return {
      value: usual("Dockerfile"),
      guess: "the checkout has no Dockerfile: name it, or describe the image as `layers`",
    };
  if (others.length === 0) return { value: usual(only), guess: null };
  const named = dockerfiles.find((path) => path.toLowerCase().includes(key.toLowerCase()));
  const list = dockerfiles.join(", ");
  return { value: usual(named ?? only), guess: `one of ${list}; which of them makes ${repository} is not known` };
}

function containersOf(
  taken: readonly { readonly one: RunningService; readonly repository: string }[],
  repository: string,
): readonly string[] {
  return taken.flatMap(({ one, repository: of }) => (of === repository ? [one.container.name] : []));
}

/** Compose called a container as its service. */
function composedBy(compose: ComposeFile | null, container: string): ComposeService | null {
  return compose?.services.find(({ name }) => sameName(name, container)) ?? null;
}

/** What its definition does not tell, compose may. */
function byCommand({ told, definition }: RunningService, composed: ComposeService | null): ToldKind {
  if (told.by === "command" || composed === null) return told;
  const other = kindOf({ command: composed.command }, definition.revision.family);
  return other?.by === "command" ? other : told;
}

function rolesOf({ definition: { content } }: RunningService): Readonly<Record<string, string>> {
  const named = (member: string): string | null => {
    const arn = content[member];
    const resource = typeof arn === "string" ? parseArn(arn)?.resource : undefined;
    return resource === undefined ? null : resource.replace(/^role\//, "");
  };
  const [execution, task] = [named("executionRoleArn"), named("taskRoleArn")];
  return { ...(execution === null ? {} : { execution }), ...(task === null ? {} : { task, run: task }) };
}

function fileOf(
  found: { readonly path: string; readonly others: readonly string[] } | null,
  usual: string,
): Inferred<string> {
  if (found === null)
    return { value: usual, guess: `the checkout has no ${usual}: name the file that the image holds` };
  const { path, others } = found;
  return { value: path, guess: others.length === 0 ? null : `there is ${others.join(", ")}, too` };
}

function runsOf(
  source: RunningService | undefined,
  { dagsterYaml, definitions }: CheckoutFiles,
  home: Home,
): Inferred<AdoptedRuns> {
  const launcher = dagsterYaml?.launcher ?? null;
  if (source === undefined || launcher === "in-process") return { value: { launcher: "in-process" }, guess: null };
  const named = dagsterYaml?.runDefinition ?? null;
  const file = named === null ? undefined : definitions.find(({ family }) => family === named);
  if (file !== undefined) return { value: { launcher: "ecs", file }, guess: null };
  const variables = variablesOf(source.container, home);
  const value: AdoptedRuns = { launcher: "ecs", file: null, size: sizeOf(source.definition.content), variables };
  const like = `sized and set like ${source.service.name}, which Dagster copies unless dagster.yaml or tags say otherwise`;
  if (named !== null)
    return { value, guess: `dagster.yaml names ${named}, of which the checkout has no file; here they are ${like}` };
  if (launcher === "ecs") return { value, guess: like };
  const why =
    launcher === null
      ? "no dagster.yaml says how runs are started; without a `run_launcher` it is `launcher: in-process`"
      : `dagster.yaml names ${launcher.other}, which this does not know`;
  return { value, guess: `${why}. As tasks they are ${like}` };
}

function sizeOf({ cpu, memory }: JsonMap): { readonly cpu: number; readonly memory: number } | null {
  const size = { cpu: Number(cpu), memory: Number(memory) };
  return Number.isInteger(size.cpu) && Number.isInteger(size.memory) && size.cpu > 0 ? size : null;
}

function variablesOf(container: JsonMap, home: Home): AdoptedVariables {
  const plain = mapsIn(container["environment"]).flatMap(({ name, value }) =>
    typeof name === "string" && typeof value === "string" && !ownVariables.has(name) ? [[name, value] as const] : [],
  );
  const secrets = mapsIn(container["secrets"]).flatMap(({ name, valueFrom }) =>
    typeof name === "string" && typeof valueFrom === "string" ? [[name, referenceOf(valueFrom, home)] as const] : [],
  );
  return {
    environment: Object.fromEntries(plain.filter(([name, value]) => isPublicVariable(name, value))),
    plainSecrets: plain.flatMap(([name, value]) => (isPlainSecret(name, value) ? [name] : [])),
    withheld: plain.flatMap(([name, value]) =>
      isPublicVariable(name, value) || isPlainSecret(name, value) ? [] : [name],
    ),
    secrets: Object.fromEntries(secrets.flatMap(([name, said]) => (said === null ? [] : [[name, said] as const]))),
    unknown: secrets.flatMap(([name, said]) => (said === null ? [name] : [])),
  };
}

/**
 * As the stack file names what `valueFrom` does; null when that is in another account or region, or a version of its own.
 * A secret's ARN ends in six characters that AWS has appended.
 */
export function referenceOf(valueFrom: string, { account, region }: Home): string | null {
  const arn = parseArn(valueFrom);
  if (arn === null) return /^\/[\w./-]+$/.test(valueFrom) ? `ssm:${valueFrom}` : null;
  if (arn.account !== account || arn.region !== region) return null;
  if (arn.service === "ssm") {
    const name = arn.resource.replace(/^parameter\//, "");
    return `ssm:/${name}`;
  }
  const [kind, name = "", key = "", stage = "", version = ""] = arn.resource.split(":");
  if (arn.service !== "secretsmanager" || kind !== "secret" || stage !== "" || version !== "") return null;
  // Words of a name are small letters; what AWS appends hardly ever is.
  const plain = name.replace(/-(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6}$/, "");
  return `secret:${plain}${key === "" ? "" : `#${key}`}`;
}
