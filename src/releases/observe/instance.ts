import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Stack } from "../../stack/index.ts";
import { madeDagsterYaml } from "../../stack/instance-files.ts";
import { readYaml } from "../../stack/yaml.ts";
import type { Observation } from "../observation.ts";

/**
 * The dagster.yaml that processes read: the user's own, with files beside it that look like further ones, or the one that is made.
 * Whether the user's is there was checked before.
 * @returns null when it is in none of the stack's images
 */
export async function readInstanceFile(
  { instance, images }: Pick<Stack, "instance" | "images">,
  root: string,
): Promise<Observation["instanceFile"]> {
  const { dagsterYaml } = instance;
  if (dagsterYaml.kind !== "own") {
    const made = Object.values(images).flatMap(({ building }) =>
      building.kind === "layers" ? (building.made[madeDagsterYaml] ?? []) : [],
    );
    return made[0] === undefined ? null : { tree: readYaml(made[0], "dagster.yaml, as it is made").tree, others: [] };
  }
  const { path, place } = dagsterYaml;
  const [text, names] = await Promise.all([
    readFile(join(root, path), "utf8").catch(() => null),
    readdir(join(root, dirname(path))).catch(() => []),
  ]);
  if (text === null) return null;
  const { tree, problems } = readYaml(text, path);
  // The stack file is named like one of them, and so is what Dagster's cloud reads.
  const known = new Set([basename(path), basename(place.file), "dagster_cloud.yaml"]);
  const others = names.filter((name) => !known.has(name) && /^dagster([-_.]\w+)*\.ya?ml$/.test(name)).sort();
  // Dagster reads YAML 1.1: what only that allows is no mistake, and is not looked at.
  return { tree: problems.length > 0 ? null : tree, others };
}
