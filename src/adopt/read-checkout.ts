import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { isMap, type Json, type JsonMap } from "../domain/json.ts";
import { toValue } from "../stack/tree.ts";
import { StackFileError } from "../stack/problems.ts";
import { readYaml } from "../stack/yaml.ts";
import {
  containersOf,
  environmentFile,
  type EnvironmentFileContent,
  existingFile,
} from "../task-definitions/existing.ts";
import { type ComposeFile, composeFacts, isForEcs } from "./compose-file.ts";
import { mapsIn } from "./kind.ts";

/** A location as a workspace file names it. */
export interface WrittenLocation {
  /** null: Dagster makes it of what the file does not say literally. */
  readonly name: string | null;
  /** Of its code server, as far as it is said literally; null: whoever reads the file loads the code itself. */
  readonly server: { readonly host: string | null; readonly port: number | null } | null;
}

/** A task definition that somebody has committed. */
export interface DefinitionFile {
  readonly path: string;
  readonly family: string;
  readonly containers: readonly string[];
  /** Names behind `$` in it. */
  readonly placeholders: readonly string[];
  readonly content: JsonMap;
}

/** `environment` and `secrets` that a script puts into every definition. */
export interface SharedEnvironment extends Pick<EnvironmentFileContent, "environment" | "secrets"> {
  readonly path: string;
  readonly placeholders: readonly string[];
}

interface InstanceFile {
  readonly path: string;
  readonly others: readonly string[];
  readonly launcher: Launcher;
  /** Family of the definition that its launcher names; null: it names none. */
  readonly runDefinition: string | null;
}

/** What a checkout says of how Dagster is built and run. Nothing in it is executed. */
export interface CheckoutFiles {
  /** Task definitions in JSON. */
  readonly definitions: readonly DefinitionFile[];
  /** null: there is none, or several. */
  readonly sharedEnvironment: SharedEnvironment | null;
  /** The one that is for ECS, where one is; null: there is none. */
  readonly compose: ComposeFile | null;
  /** Lock files of Python packages. */
  readonly locks: readonly string[];
  /** Dockerfiles, by their paths, shortest first. */
  readonly dockerfiles: readonly string[];
  /** null: there is none. `others` are further candidates. */
  readonly dagsterYaml: InstanceFile | null;
  readonly workspace: {
    readonly path: string;
    readonly others: readonly string[];
    readonly locations: readonly WrittenLocation[];
  } | null;
}

/** `ecs`: each run is a task; `in-process`: none is named, so that Dagster's own default holds. */
export type Launcher = "ecs" | "in-process" | { readonly other: string };

/** Folders below which nobody keeps what is looked for. */
const skipped = new Set([".git", "node_modules", ".venv", "venv", "__pycache__", ".terraform", "dist"]);
const deepest = 6;

/** @param root the checkout */
export async function readCheckout(root: string): Promise<CheckoutFiles> {
  const paths = await filesBelow(root, "", 0);
  const named = (pattern: RegExp): readonly string[] =>
    paths
      .filter((path) => pattern.test(posix.basename(path)))
      .toSorted((a, b) => a.split("/").length - b.split("/").length || (a < b ? -1 : 1));
  const dockerfiles = named(/^(?!.*\.dockerignore$)(Dockerfile.*|.+\.Dockerfile)$/);
  const recipes = (await Promise.all(dockerfiles.map((path) => readFile(join(root, path), "utf8")))).join("\n");
  const instance = chosen(
    named(/^dagster([-_.]\w+)?\.ya?ml$/).filter((path) => !/stack|cloud/.test(path)),
    recipes,
  );
  const workspace = chosen(named(/^workspace([-_.]\w+)?\.ya?ml$/), recipes);
  const settings = instance === null ? {} : await readMap(root, instance.path);
  const written = await Promise.all(named(/\.json$/).map((path) => readDefinition(root, path)));
  const shared = written.flatMap(({ environment }) => environment ?? []);
  return {
    dockerfiles,
    definitions: written.flatMap(({ definition }) => definition ?? []),
    sharedEnvironment: shared.length === 1 ? (shared[0] ?? null) : null,
    compose: await readCompose(root, named(/^(docker-)?compose[\w.-]*\.ya?ml$/)),
    locks: named(/^(poetry\.lock|uv\.lock|pylock(\..+)?\.toml|requirements.*\.lock)$/),
    dagsterYaml:
      instance === null
        ? null
        : { ...instance, launcher: launcherIn(settings), runDefinition: runDefinitionIn(settings) },
    workspace:
      workspace === null ? null : { ...workspace, locations: locationsIn(await readMap(root, workspace.path)) },
  };
}

interface ReadJson {
  readonly definition: DefinitionFile | null;
  readonly environment: SharedEnvironment | null;
}

/** Neither when it is something else: a package's settings, data. */
async function readDefinition(root: string, path: string): Promise<ReadJson> {
  const text = await readFile(join(root, path), "utf8");
  const found = [...text.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = ""]) => name);
  const placeholders = [...new Set(found)].sort();
  const nothing = { definition: null, environment: null };
  try {
    if (text.includes('"containerDefinitions"')) {
      const { content } = existingFile(text, path, {});
      const { family } = content;
      if (typeof family !== "string") return nothing;
      return { ...nothing, definition: { path, family, containers: containersOf(content), placeholders, content } };
    }
    if (!/"(valueFrom|value)"/.test(text)) return nothing;
    const { environment, secrets } = environmentFile(text, path, {});
    return { ...nothing, environment: { path, placeholders, environment, secrets } };
  } catch (error) {
    if (error instanceof StackFileError) return nothing;
    throw error;
  }
}

async function readCompose(root: string, paths: readonly string[]): Promise<ComposeFile | null> {
  const read = await Promise.all(
    paths.map(async (path) => composeFacts(await readFile(join(root, path), "utf8"), path) ?? []),
  );
  const all = read.flat();
  return all.find(isForEcs) ?? all.find(({ path }) => /prod/.test(path)) ?? all[0] ?? null;
}

/** The one that a Dockerfile copies, when there are several: it is what runs. */
function chosen(
  paths: readonly string[],
  recipes: string,
): { readonly path: string; readonly others: readonly string[] } | null {
  const copied = paths.filter((path) => recipes.includes(posix.basename(path)));
  const path = copied.find((one) => /-?prod/.test(one)) ?? copied[0] ?? paths[0];
  return path === undefined ? null : { path, others: paths.filter((one) => one !== path) };
}

async function filesBelow(root: string, folder: string, depth: number): Promise<readonly string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry): Promise<readonly string[]> => {
      const path = posix.join(folder, entry.name);
      if (entry.isFile()) return [path];
      return entry.isDirectory() && !skipped.has(entry.name) && depth < deepest
        ? filesBelow(root, path, depth + 1)
        : [];
    }),
  );
  return found.flat();
}

/** Empty when it cannot be read: then it says nothing. */
async function readMap(root: string, path: string): Promise<JsonMap> {
  const { tree } = readYaml(await readFile(join(root, path), "utf8"), path);
  const value = tree === null ? null : (toValue(tree) as Json);
  return isMap(value ?? undefined) ? (value as JsonMap) : {};
}

function launcherIn(instance: JsonMap): Launcher {
  const launcher = instance["run_launcher"];
  const name = isMap(launcher) ? launcher["class"] : undefined;
  if (name === undefined || name === "DefaultRunLauncher") return "in-process";
  if (name === "EcsRunLauncher") return "ecs";
  return { other: typeof name === "string" ? name : "a launcher without a name" };
}

/** `task_definition` is an ARN or a family, with or without a revision. Source: dagster_aws/ecs/launcher.py */
function runDefinitionIn(instance: JsonMap): string | null {
  const launcher = instance["run_launcher"];
  const settings = isMap(launcher) ? launcher["config"] : undefined;
  const named = isMap(settings) ? settings["task_definition"] : undefined;
  return typeof named === "string" ? named.replace(/^.*\//, "").replace(/:\d+$/, "") : null;
}

/** `{ env: PORT }` is none. */
export function literalPort(said: unknown): number | null {
  const isLiteral = typeof said === "number" || (typeof said === "string" && /^\d+$/.test(said));
  const port = isLiteral ? Number(said) : 0;
  return Number.isInteger(port) && port > 0 ? port : null;
}

/**
 * Names as Dagster gives them where the file does not.
 * Source: dagster/_core/workspace/load.py and dagster/_core/remote_representation/origin.py
 */
function locationsIn(workspace: JsonMap): readonly WrittenLocation[] {
  return mapsIn(workspace["load_from"]).flatMap((entry): readonly WrittenLocation[] => {
    const [first] = Object.entries(entry);
    if (first === undefined) return [];
    const [kind, told] = first;
    const target: JsonMap = typeof told === "string" ? { it: told } : isMap(told) ? told : {};
    const text = (key: string): string | null => (typeof target[key] === "string" ? target[key] : null);
    const given = text("location_name");
    if (kind === "grpc_server") {
      const host = target["host"] === undefined ? "localhost" : text("host");
      const port = literalPort(target["port"]);
      const made = host === null || port === null ? null : `grpc:${host}:${port}`;
      return [{ name: target["location_name"] === undefined ? made : given, server: { host, port } }];
    }
    const of = text("module_name") ?? text("package_name") ?? text("it");
    const file = text("relative_path") ?? text("python_file") ?? (kind === "python_file" ? text("it") : null);
    const name = given ?? (kind === "python_file" && file !== null ? posix.basename(file) : of);
    return name === null ? [] : [{ name, server: null }];
  });
}
