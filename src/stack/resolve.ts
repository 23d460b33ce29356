import type { Contract } from "../domain/contract.ts";
import { dagsPrefix } from "../domain/dags.ts";
import type { Place } from "../domain/errors.ts";
import { consistencyProblems } from "./consistency.ts";
import { type StackRequest, writtenContract } from "./contract.ts";
import { documentSchema, type StackDocument } from "./document.ts";
import { withAddresses, withInstanceFiles } from "./instance-files.ts";
import { type Substituted, substitute } from "./placeholders.ts";
import { type Problem, quote, refusal } from "./problems.ts";
import { schemaProblems } from "./schema-problems.ts";
import { sidecarProblems } from "./sidecars.ts";
import type {
  GateLogin,
  Building,
  Canary,
  Check,
  Dags,
  Dockerfile,
  Expected,
  Gates,
  Image,
  Instance,
  Service,
  Stack,
} from "./stack.ts";
import { documentOf, type StackFile, topEnvironment } from "./stack-file.ts";
import { basicAuthAt, ecsName, migrationsOf, runsOf, type Source, servicesOf, stackVariables } from "./tasks.ts";
import { parseSecret } from "./variables.ts";
import { at, keyPlaceAt, type MapTree, type Path, placeAt, toValue } from "./tree.ts";

/**
 * One environment of the stack, with nothing left to look up.
 * @param request `contract` is what {@link contractReference} led to; null when the stack file holds it
 * @throws StackFileError with every mistake, each at its place
 */
export function resolveStack(
  stackFile: StackFile,
  request: StackRequest & { readonly contract: Contract | null },
): Stack {
  const { tree: contractTree, written } = writtenContract(stackFile, request);
  const contract = request.contract ?? written;
  if (typeof contract === "string")
    throw new Error(`the contract at ${contract} was not read before the stack is resolved`);
  const { tree, problems: unknown } = substituted(stackFile, request, contract, contractTree);
  const placeholders = unknown.length === 0 ? "replaced" : "kept";
  const misshapen = [...unknown, ...schemaProblems(documentSchema, tree, placeholders), ...consistencyProblems(tree)];
  if (misshapen.length > 0) throw refusal(misshapen);

  const source: Source = { document: documentSchema.parse(toValue(tree)), tree, contract };
  const stack = { ...build(source, stackFile.file, request), sharesContract: sharedContract(stackFile, request) };
  const problems = [
    ...signInProblems(source, request),
    ...nameProblems(stack),
    ...replacedProblems(stack, source),
    ...reachProblems(stack, source),
    ...sidecarProblems(stack),
  ];
  if (problems.length > 0) throw refusal(problems);
  return stack;
}

/** The whole document with its placeholders replaced; the contract in it has been read already. */
function substituted(
  stackFile: StackFile,
  request: StackRequest,
  contract: Contract,
  contractTree: MapTree,
): Substituted {
  const document = documentOf(stackFile, request.environment);
  const rest = { ...document, entries: new Map([...document.entries].filter(([key]) => key !== "contract")) };
  const { tree, problems } = substitute(rest, { ...request, stackName: stackFile.name, contract });
  return { tree: { ...tree, entries: new Map([...tree.entries, ...contractTree.entries]) }, problems };
}

/**
 * An environment without a contract of its own has that of the top, unless its words lead elsewhere: they name the environment, the
 * account or the region, or a parameter, which every account and every region has of its own. For these it is seen by what runs.
 */
function sharedContract({ tree }: StackFile, { environment }: StackRequest): Place | null {
  const own = ["contract", "region"].map((key) => at(tree, ["environments", environment, key]));
  if (environment === topEnvironment || own.some((value) => value !== null)) return null;
  const top = at(tree, ["contract"]);
  const text = top === null ? "" : JSON.stringify(toValue(top));
  if (text.startsWith('"ssm:') || /\$\{(environment|account|region|env\.)/.test(text)) return null;
  return keyPlaceAt(tree, ["environments", environment]);
}

function build(
  source: Source,
  file: string,
  { environment, account, region }: StackRequest,
): Omit<Stack, "sharesContract"> {
  const { document, tree, contract } = source;
  const instance = instanceOf(source);
  const services = withAddresses(servicesOf(source), instance);
  const runs = runsOf(source, services);
  const migrations = migrationsOf(source, services);
  const dags = dagsOf(source);
  return {
    file,
    name: document.name,
    environment,
    account,
    region,
    contract,
    variables: stackVariables(source),
    tags: document.tags,
    images: withInstanceFiles({ images: imagesOf(source), services, runs, migrations, dags, instance }),
    services,
    runs,
    migrations,
    dags,
    instance,
    volumes: byKey(document.volumes, (key, { efs }) => ({
      key,
      place: keyPlaceAt(tree, ["volumes", key]),
      fileSystem: efs,
    })),
    gates: gatesOf(source, Object.values(services)),
    checks: byKey(document.checks, (id, { level, until, reason }): Check => {
      return { place: keyPlaceAt(tree, ["checks", id]), level, until: until ?? null, reason: reason ?? null };
    }),
    shownVariables: document["show-variables"],
    placeholders: document.placeholders,
    environmentFile:
      document["environment-file"] === undefined
        ? null
        : { place: placeAt(tree, ["environment-file", "path"]), ...document["environment-file"] },
  };
}

function imagesOf({ document, tree }: Source): Readonly<Record<string, Image>> {
  return byKey(document.images, (key, written) => ({
    key,
    place: keyPlaceAt(tree, ["images", key]),
    repository: written.repository,
    create: repositoryOf(written.create),
    platform: written.platform,
    building: buildingOf(written, tree, ["images", key]),
    scan: written.scan,
    onceFamily: ecsName(`${document.name}-once-${key}`),
  }));
}

function repositoryOf(create: StackDocument["images"][string]["create"]): Image["create"] {
  if (create === undefined) return null;
  if (create === true) return { scanOnPush: true, kmsKey: null };
  return { scanOnPush: create["scan-on-push"], kmsKey: create["kms-key"] ?? null };
}

/** @param path of the image */
function buildingOf({ build, layers }: StackDocument["images"][string], tree: MapTree, image: Path): Building {
  if (build !== undefined)
    return { kind: "dockerfile", ...dockerfile(build, placeAt(tree, [...image, "build", "dockerfile"])) };
  if (layers === undefined) throw new Error("an image has no way of building: the schema lets none pass");
  const { base, requirements, groups, python, prepare, files, workdir, environment, user } = layers;
  const path = [...image, "layers"];
  return {
    kind: "layers",
    places: {
      base: placeAt(tree, [...path, "base"]),
      requirements: placeAt(tree, [...path, "requirements"]),
      prepare: placeAt(tree, [...path, "prepare"]),
    },
    base:
      typeof base === "string"
        ? { kind: "image", reference: base }
        : { kind: "dockerfile", ...dockerfile(base, placeAt(tree, [...path, "base", "dockerfile"])) },
    requirements: requirements ?? null,
    groups,
    python: python ?? null,
    prepare,
    made: {},
    files: files.map((file, index) => ({ ...file, place: placeAt(tree, [...path, "files", index, "from"]) })),
    workdir: workdir?.replace(/(?<=.)\/+$/, "") ?? null, // one folder has one name
    environment,
    user: user ?? null,
  };
}

function dockerfile(
  { context, dockerfile: file, target, arguments: given, secrets, cache, provenance, lock }: WrittenDockerfile,
  place: Place,
): Dockerfile {
  const sources = Object.entries(secrets).map(([id, from]): [string, Dockerfile["secrets"][string]] => {
    const rest = from.slice(from.indexOf(":") + 1);
    return [id, from.startsWith("env:") ? { kind: "variable", name: rest } : { kind: "file", path: rest }];
  });
  return {
    context,
    dockerfile: file,
    target: target ?? null,
    arguments: given,
    secrets: Object.fromEntries(sources),
    cache,
    provenance,
    lock: lock ?? null,
    place,
  };
}

type WrittenDockerfile = Omit<NonNullable<StackDocument["images"][string]["build"]>, "lock"> & {
  readonly lock?: string | undefined;
};

function dagsOf({ document, tree, contract }: Source): Readonly<Record<string, Dags>> {
  return byKey(document.dags, (location, written) => ({
    location,
    place: keyPlaceAt(tree, ["dags", location]),
    directory: written.directory,
    module: written.module,
    bucket: contract.bucket.name,
    prefix: written.prefix ?? dagsPrefix(location),
    layout: written.layout,
    mirrorPrefix: written["mirror-prefix"] ?? written.prefix ?? dagsPrefix(location),
    pollSeconds: written["poll-seconds"],
    fallback: written.fallback,
    source: written.source ?? null,
  }));
}

function instanceOf({ document, tree }: Source): Instance {
  const { "dagster-yaml": dagsterYaml, workspace, database, concurrency } = document.instance;
  const own = (key: string, path: string) => ({ kind: "own" as const, path, place: placeAt(tree, ["instance", key]) });
  return {
    dagsterYaml: dagsterYaml === undefined ? { kind: "generated" } : own("dagster-yaml", dagsterYaml),
    workspace:
      workspace === undefined
        ? { kind: "generated" }
        : workspace === "s3"
          ? { kind: "s3" }
          : own("workspace", workspace),
    database,
    concurrency: concurrency ?? null,
  };
}

function gatesOf({ document, tree }: Source, services: readonly Service[]): Gates {
  const { reach, canary, expect, auth, levels, ...gates } = document.gates;
  const webservers = services.filter((service) => service.kind === "webserver");
  const named = (kind: "schedules" | "sensors"): Expected => {
    const written = expect[kind];
    if (typeof written === "string") return { kind: "as-before" };
    const states = byKey(written, (name, state) => ({
      place: keyPlaceAt(tree, ["gates", "expect", kind, name]),
      status: typeof state === "string" ? state : state.status,
      tick: typeof state === "string" ? ("any" as const) : (state.tick ?? "any"),
      ...(typeof state === "string" || state["within-minutes"] === undefined
        ? {}
        : { withinSeconds: state["within-minutes"] * 60 }),
    }));
    return { kind: "named", states };
  };
  // Without a webserver nobody is asked, and a finding says so; that the task's way is not there would be the lesser half of it.
  const asker = reach ?? (webservers.length === 0 || webservers.some(({ url }) => url !== null) ? "runner" : "task");
  return {
    reach: asker,
    reachPlace:
      reach === undefined ? ((webservers[0] ?? services[0])?.place ?? tree.place) : placeAt(tree, ["gates", "reach"]),
    canary: canary === undefined ? null : canaryOf(canary, tree),
    schedules: named("schedules"),
    sensors: named("sensors"),
    assets: expect.assets,
    restore: expect.restore,
    levels: Object.fromEntries(
      Object.entries(levels).flatMap(([gate, said]) =>
        said === undefined ? [] : [[gate, { level: said.level, reason: said.reason ?? null }]],
      ),
    ),
    firstTick: expect["first-tick"],
    targetHealth: targetHealthOf(expect["target-health"]),
    securityGroups: expect["security-groups"] ? keyPlaceAt(tree, ["gates", "expect", "security-groups"]) : null,
    logScan: typeof gates["log-scan"] === "string" ? { level: gates["log-scan"], reason: null } : gates["log-scan"],
    everyWebserver: everyWebserverOf(gates["every-webserver"], asker),
    auth: gateLogin(tree, auth) ?? webservers.find((one) => one.auth !== null)?.auth ?? null,
  };
}

function everyWebserverOf(written: boolean | undefined, asker: Gates["reach"]): Gates["everyWebserver"] {
  if (written === undefined) return asker === "task" ? "where-reached" : "off";
  return written ? "required" : "off";
}

function targetHealthOf(written: boolean | undefined): Gates["targetHealth"] {
  if (written === undefined) return "where-there-are";
  return written ? "required" : "off";
}

function gateLogin(tree: MapTree, written: StackDocument["gates"]["auth"]): GateLogin | null {
  if (written === undefined) return null;
  const { basic, headers = {} } = written;
  const path = ["gates", "auth"];
  if (basic !== undefined) return basicAuthAt(tree, path, { basic });
  return { kind: "headers", place: placeAt(tree, path), headers: byKey(headers, (_, secret) => parseSecret(secret)) };
}

function canaryOf(written: NonNullable<StackDocument["gates"]["canary"]>, tree: MapTree): Canary {
  const { location, job, asset, partition, config, logs, "compute-logs": computeLogs } = written;
  const [, bucket, prefix = ""] = /^s3:\/\/([^/]+)\/(.*)$/.exec(computeLogs ?? "") ?? [];
  return {
    place: keyPlaceAt(tree, ["gates", "canary"]),
    location,
    target: job === undefined ? { kind: "asset", key: asset ?? "" } : { kind: "job", name: job },
    partition:
      partition === undefined
        ? { kind: "none" }
        : partition === "latest"
          ? { kind: "latest" }
          : { kind: "named", name: partition },
    config: config ?? null,
    logs,
    computeLogs: bucket === undefined ? null : { bucket, prefix },
  };
}

/** A deploy to the wrong account or region would find nothing there, and make everything anew. */
function signInProblems({ document, tree, contract }: Source, request: StackRequest): readonly Problem[] {
  const fix = "Use the role and region of this environment, or name the right environment.";
  const differs = (path: Path, wanted: string | undefined, actual: string, what: string): readonly Problem[] =>
    wanted === undefined || wanted === actual
      ? []
      : [
          {
            where: placeAt(tree, path),
            what: `This is for the ${what} ${wanted}, and you are signed in to ${actual}.`,
            fix,
          },
        ];
  return [
    ...differs(["region"], document.region, request.region, "region"),
    ...differs(["contract", "region"], contract.region, request.region, "region"),
    ...differs(["contract", "account"], contract.account, request.account, "account"),
  ];
}

/** Two things of one name would overwrite each other. */
function nameProblems({ services, runs, images }: Stack): readonly Problem[] {
  const named = [
    ...Object.values(services).map(({ place, service }) => ({ place, kind: "ECS service", name: service })),
    ...Object.values(services).map(({ place, definition }) => ({ place, kind: "family", name: definition.family })),
    ...Object.values(runs.kind === "ecs" ? runs.definitions : {}).map(({ place, definition }) => {
      return { place, kind: "family", name: definition.family };
    }),
    ...Object.values(images).map(({ place, onceFamily }) => ({ place, kind: "family", name: onceFamily })),
  ];
  return named.flatMap(({ place, kind, name }, index) => {
    if (name === null) return [];
    if (named.findIndex((other) => other.kind === kind && other.name === name) === index) return [];
    const fix = "Rename one: names differ only in characters that ECS does not allow, or one is written twice.";
    return [{ where: place, what: `A second ${kind} would be called ${quote(name)}.`, fix }];
  });
}

/** What a service takes the place of is not of this stack, and has one successor. */
function replacedProblems({ services }: Stack, { tree }: Source): readonly Problem[] {
  const all = Object.values(services);
  return all.flatMap(({ key, replaces }, index): readonly Problem[] => {
    if (replaces === null) return [];
    const where = placeAt(tree, ["services", key, "replaces"]);
    const itself = all.find(({ service }) => service === replaces);
    if (itself !== undefined) {
      const what = `services.${key} replaces ${quote(replaces)}, which is the ECS service of services.${itself.key}.`;
      return [{ where, what, fix: "Name a service outside of this stack; or remove `replaces`." }];
    }
    const other = all.slice(0, index).find((one) => one.replaces === replaces);
    if (other === undefined) return [];
    const what = `services.${key} and services.${other.key} replace the same ECS service, ${quote(replaces)}.`;
    return [{ where, what, fix: "Let the one replace it that takes over its work." }];
  });
}

/** What has to be reached, and cannot be. */
function reachProblems({ services, instance, gates }: Stack, { tree }: Source): readonly Problem[] {
  const all = Object.values(services);
  const hasHosts = all.some(({ kind }) => kind !== "code-location");
  const withoutAddress = all.flatMap((service): Problem[] => {
    if (service.kind !== "code-location" || service.address !== null || !hasHosts) return [];
    if (instance.workspace.kind === "own") return [];
    const what = `services.${service.key} has no \`address\`, here or in the contract, so no workspace can name it.`;
    return [
      { where: service.place, what, fix: "Add its DNS name as `address`, here or in the contract's `services`." },
    ];
  });
  const webservers = all.filter((service) => service.kind === "webserver");
  const unreachable = gates.reach === "runner" && webservers.length > 0 && webservers.every(({ url }) => url === null);
  if (!unreachable) return withoutAddress;
  const what = "The runner shall ask the webserver (`reach: runner`), and no webserver has a `url`.";
  const fix = "Add the webserver's `url`, or ask from inside the VPC with `reach: task`.";
  return [...withoutAddress, { where: placeAt(tree, ["gates", "reach"]), what, fix }];
}

function byKey<T, U>(
  record: Readonly<Record<string, T>>,
  change: (key: string, value: T) => U,
): Readonly<Record<string, U>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(key, value)]));
}
