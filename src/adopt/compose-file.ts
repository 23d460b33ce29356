import { posix } from "node:path";
import { isMap, type Json, type JsonMap } from "../domain/json.ts";
import { foreignYaml } from "../stack/yaml.ts";

/** What a compose file says of how Dagster is built and run. Pure facts: nothing in it is executed, and no value of a variable is kept. */
export interface ComposeFile {
  readonly path: string;
  /** `x-aws-cluster`, a name or an ARN; null: compose made one of its own. */
  readonly cluster: string | null;
  readonly services: readonly ComposeService[];
}

export interface ComposeService {
  /** As its container is called in ECS. */
  readonly name: string;
  /** Repository of its image, without registry and tag; null: none is said literally. */
  readonly repository: string | null;
  readonly build: ComposeBuild | null;
  readonly command: readonly string[];
  /** Environment files, from the root of the checkout. */
  readonly envFiles: readonly string[];
  /** `x-aws-autoscaling`; percents. */
  readonly scaling: ComposeScaling | null;
  /** In ECS's units: 1,024 for a processor, and MiB. As far as limits are said. */
  readonly size: { readonly cpu: number | null; readonly memory: number | null } | null;
  /** Names of the secrets that it mounts. */
  readonly secrets: readonly string[];
  /** `x-aws-…` of it that this does not read. */
  readonly unread: readonly string[];
}

export interface ComposeBuild {
  readonly context: string;
  /** From the root of the checkout. */
  readonly dockerfile: string;
  readonly target: string | null;
}

export interface ComposeScaling {
  readonly min: number;
  readonly max: number;
  readonly cpu: number | null;
  readonly memory: number | null;
}

/**
 * Reads a compose file with the extensions of Docker's ECS integration.
 * Source: https://docs.docker.com/compose/compose-file/, and docs/ecs-compose-features.md of docker-archive/compose-cli
 * @param path from the root of the checkout
 * @returns null when it is none
 */
export function composeFacts(text: string, path: string): ComposeFile | null {
  const file = foreignYaml(text);
  const services = isMap(file) ? file["services"] : null;
  if (!isMap(file) || !isMap(services)) return null;
  const folder = posix.dirname(path);
  const cluster = literal(file["x-aws-cluster"]);
  return {
    path,
    cluster: cluster === null ? null : cluster.replace(/^.*\//, ""),
    services: Object.entries(services).flatMap(([name, one]) => (isMap(one) ? [serviceFacts(name, one, folder)] : [])),
  };
}

/** Is there more in it than what a laptop needs? */
export function isForEcs({ cluster, services }: ComposeFile): boolean {
  return cluster !== null || services.some(({ scaling, unread }) => scaling !== null || unread.length > 0);
}

function serviceFacts(name: string, one: JsonMap, folder: string): ComposeService {
  const read = new Set(["x-aws-autoscaling", "x-aws-logs_retention", "x-aws-pull_credentials"]);
  return {
    name,
    repository: repositoryOf(literal(one["image"])),
    build: buildOf(one["build"], folder),
    command: [...wordsOf(one["entrypoint"]), ...wordsOf(one["command"])],
    envFiles: listOf(one["env_file"]).flatMap((said) => {
      const written = literal(isMap(said) ? said["path"] : said);
      return written === null ? [] : [posix.join(folder, written)];
    }),
    scaling: scalingOf(one["x-aws-autoscaling"]),
    size: sizeOf(one),
    secrets: listOf(one["secrets"]).flatMap((said) => literal(isMap(said) ? said["source"] : said) ?? []),
    unread: Object.keys(one).filter((key) => key.startsWith("x-aws-") && !read.has(key)),
  };
}

/** `123.dkr.ecr.….amazonaws.com/dealflow/code:latest`, `${REGISTRY}/dealflow/code`, `dealflow/code` */
function repositoryOf(image: string | null): string | null {
  const [, host = "", path = ""] = /^((?:\$\{[^}]*\}|[\w-]+[.:][\w.:-]+|localhost)\/)?(.*)$/.exec(image ?? "") ?? [];
  const repository = path.replace(/(?:@.*|:[^:/]*|:?\$\{.*)$/, "");
  return /^[a-z0-9][\w./-]*$/.test(repository) && (host !== "" || repository !== "") ? repository : null;
}

function buildOf(build: Json | undefined, folder: string): ComposeBuild | null {
  const said: JsonMap | null = typeof build === "string" ? { context: build } : isMap(build) ? build : null;
  if (said === null) return null;
  const context = literal(said["context"] ?? ".");
  const dockerfile = literal(said["dockerfile"] ?? "Dockerfile");
  // A context elsewhere, on the network or behind a variable, is nothing of this checkout.
  if (context === null || dockerfile === null || /:\/\/|^git@/.test(context)) return null;
  const from = posix.join(folder, context).replace(/\/$/, "");
  const path = posix.join(from, dockerfile);
  return path.startsWith("..") ? null : { context: from, dockerfile: path, target: literal(said["target"]) };
}

/** Compose gives `cpu` or `memory`, a target in percent. */
function scalingOf(said: Json | undefined): ComposeScaling | null {
  if (!isMap(said)) return null;
  const [min, max] = [wholeOf(said["min"]) ?? 1, wholeOf(said["max"])];
  if (max === null || min > max || min < 1) return null;
  return { min, max, cpu: wholeOf(said["cpu"]), memory: wholeOf(said["memory"]) };
}

function sizeOf(one: JsonMap): ComposeService["size"] {
  const deploy = one["deploy"];
  const resources = isMap(deploy) ? deploy["resources"] : undefined;
  const limits = isMap(resources) ? resources["limits"] : undefined;
  const said: JsonMap = isMap(limits) ? limits : {};
  const cpus = Number(said["cpus"] ?? one["cpus"] ?? 0);
  const memory = mebibytes(said["memory"] ?? one["mem_limit"]);
  if (!(cpus > 0) && memory === null) return null;
  return { cpu: cpus > 0 ? Math.round(cpus * 1024) : null, memory };
}

/** `2048M`, `2gb`, bytes. Source: compose-spec, "Specifying byte values". */
function mebibytes(said: Json | undefined): number | null {
  const [, count = "", unit = ""] =
    /^(\d+(?:\.\d+)?) *([bkmg]?)b?$/i.exec(typeof said === "number" ? `${said}` : (literal(said) ?? "")) ?? [];
  if (count === "") return null;
  const bytes = Number(count) * 1024 ** "bkmg".indexOf(unit === "" ? "b" : unit.toLowerCase());
  return Math.ceil(bytes / 1024 ** 2);
}

function wholeOf(said: Json | undefined): number | null {
  const number = Number(said ?? Number.NaN);
  return Number.isInteger(number) && number > 0 ? number : null;
}

/** A text as it is; null for what is none. A variable in it stays in it. */
function literal(said: Json | undefined): string | null {
  return typeof said === "string" && said !== "" ? said : null;
}

function listOf(said: Json | undefined): readonly Json[] {
  if (said === undefined || said === null) return [];
  return Array.isArray(said) ? (said as readonly Json[]) : [said];
}

function wordsOf(said: Json | undefined): readonly string[] {
  if (typeof said === "string") return said.split(/\s+/).filter((word) => word !== "");
  return Array.isArray(said) ? said.filter((word) => typeof word === "string") : [];
}
