import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Place } from "../domain/errors.ts";
import { pathInImage } from "./findings.ts";
import { nearest } from "./nearest.ts";
import { type Problem, quote, refusal } from "./problems.ts";
import type { Dockerfile, Stack } from "./stack.ts";

/**
 * Looks for every file and folder of the checkout that the stack names: lock files, what goes into images, the instance's
 * own files, and task definitions. Not a part of reading the stack file: a rollback needs none of them, and a step of the job may make some.
 * @param root the checkout
 * @throws StackFileError with all that are not there
 */
export async function checkCheckout(stack: Stack, root: string): Promise<void> {
  const problems = await Promise.all(named(stack).map((name) => missing(name, root)));
  const found = problems.filter((problem) => problem !== null);
  if (found.length > 0) throw refusal(found);
}

interface Named {
  /** From the root of the repository. */
  readonly path: string;
  readonly by: string;
  readonly place: Place;
}

function named({ images, instance, services, runs, environmentFile }: Stack): readonly Named[] {
  const ofImages = Object.values(images).flatMap(({ key, building }): readonly Named[] => {
    if (building.kind === "dockerfile") return ofDockerfile(building, `images.${key}.build`);
    const { places, requirements, files, base } = building;
    const layers = `images.${key}.layers`;
    return [
      ...(base.kind === "dockerfile" ? ofDockerfile(base, `${layers}.base`) : []),
      ...(requirements === null
        ? []
        : [{ path: requirements, by: `${layers}.requirements`, place: places.requirements }]),
      ...files.map(({ from, place }, index) => ({ path: from, by: `${layers}.files[${index}].from`, place })),
    ];
  });
  // Of a Dockerfile it is not known what it copies.
  const isCopied = (path: string): boolean =>
    Object.values(images).some(
      ({ building }) => building.kind === "dockerfile" || pathInImage(building, path) !== null,
    );
  const ofInstance = (["dagsterYaml", "workspace"] as const).flatMap((key): readonly Named[] => {
    const file = instance[key];
    const by = `instance.${key === "workspace" ? key : "dagster-yaml"}`;
    return file.kind === "own" && isCopied(file.path) ? [{ path: file.path, by, place: file.place }] : [];
  });
  const ofDefinitions = [
    ...Object.values(services).map(({ key, definition }) => ({ by: `services.${key}`, definition })),
    ...Object.values(runs.kind === "ecs" ? runs.definitions : {})
      .slice(0, 1)
      .map(({ definition }) => ({ by: "runs", definition })),
  ].flatMap(({ by, definition }): readonly Named[] =>
    definition.kind === "file" ? [{ path: definition.path, by: `${by}.task-definition`, place: definition.place }] : [],
  );
  const ofEnvironment =
    environmentFile === null
      ? []
      : [{ path: environmentFile.path, by: "environment-file.path", place: environmentFile.place }];
  return [...ofImages, ...ofInstance, ...ofDefinitions, ...ofEnvironment];
}

function ofDockerfile({ dockerfile, context, place }: Dockerfile, key: string): readonly Named[] {
  return [
    { path: dockerfile, by: `${key}.dockerfile`, place },
    { path: context, by: `${key}.context`, place },
  ];
}

async function missing({ path, by, place }: Named, root: string): Promise<Problem | null> {
  const isThere = await stat(join(root, path)).then(
    () => true,
    () => false,
  );
  if (isThere) return null;
  const folder = dirname(path);
  const near = nearest(basename(path), await readdir(join(root, folder)).catch(() => []));
  return {
    where: place,
    what: `${by} names ${quote(path)}, which the checkout does not have.`,
    fix:
      near === null
        ? "Check the path, which starts at the root of the checkout, and that the file is committed, or made by a step before this one."
        : `Did you mean \`${join(folder, near)}\`?`,
  };
}
