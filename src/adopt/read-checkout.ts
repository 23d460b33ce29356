import { readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { isMap, type Json, type JsonMap } from "../domain/json.ts";
import { toValue } from "../stack/tree.ts";
import { readYaml } from "../stack/yaml.ts";
import { mapsIn } from "./kind.ts";

/** A location as a workspace file names it. */
export interface WrittenLocation {
  readonly name: string;
  /** Of its code server; null: whoever reads the file loads the code itself. */
  readonly server: { readonly host: string; readonly port: number } | null;
}

/** What a checkout says of how Dagster is built and run. Nothing in it is executed. */
export interface CheckoutFiles {
  /** Dockerfiles, by their paths, shortest first. */
  readonly dockerfiles: readonly string[];
  /** null: there is none. `others` are further candidates. */
  readonly dagsterYaml: {
    readonly path: string;
    readonly others: readonly string[];
    readonly launcher: Launcher;
  } | null;
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
  const dockerfiles = named(/^Dockerfile|\.Dockerfile$/);
  const recipes = (await Promise.all(dockerfiles.map((path) => readFile(join(root, path), "utf8")))).join("\n");
  const instance = chosen(
    named(/^dagster([-_.]\w+)?\.ya?ml$/).filter((path) => !/stack|cloud/.test(path)),
    recipes,
  );
  const workspace = chosen(named(/^workspace([-_.]\w+)?\.ya?ml$/), recipes);
  return {
    dockerfiles,
    dagsterYaml: instance === null ? null : { ...instance, launcher: launcherIn(await readMap(root, instance.path)) },
    workspace:
      workspace === null ? null : { ...workspace, locations: locationsIn(await readMap(root, workspace.path)) },
  };
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
  return name === "EcsRunLauncher" ? "ecs" : { other: String(name) };
}

/**
 * Names as Dagster gives them where the file does not.
 * Source: dagster/_core/workspace/load.py and dagster/_core/remote_representation/origin.py
 */
function locationsIn(workspace: JsonMap): readonly WrittenLocation[] {
  return mapsIn(workspace["load_from"]).flatMap((entry): readonly WrittenLocation[] => {
    const [[kind = "", told = null] = []] = Object.entries(entry);
    const target: JsonMap = typeof told === "string" ? { it: told } : isMap(told) ? told : {};
    const text = (key: string): string | null => (typeof target[key] === "string" ? target[key] : null);
    const given = text("location_name");
    if (kind === "grpc_server") {
      const [host, port] = [text("host") ?? "localhost", Number(target["port"])];
      return [{ name: given ?? `grpc:${host}:${port}`, server: { host, port } }];
    }
    const of = text("module_name") ?? text("package_name") ?? text("it");
    const file = text("relative_path") ?? text("python_file") ?? (kind === "python_file" ? text("it") : null);
    const name = given ?? (kind === "python_file" && file !== null ? posix.basename(file) : of);
    return name === null ? [] : [{ name, server: null }];
  });
}
