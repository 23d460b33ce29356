import { type Problem, quote, suggest } from "./problems.ts";
import type { RunProcess, Service, Stack } from "./stack.ts";

/** Containers that are in a task that we make, beside the one that runs Dagster. */
const ours = ["nginx", "dags-init", "dags-follow"];

/** Sidecars that could not be, or whose settings would have no effect. */
export function sidecarProblems({
  services,
  runs,
  images,
}: Pick<Stack, "services" | "runs" | "images">): readonly Problem[] {
  const all: readonly (Service | RunProcess)[] = [
    ...Object.values(services),
    // All runs have what stands once in the file.
    ...(runs.kind === "ecs" ? Object.values(runs.definitions).slice(0, 1) : []),
  ];
  return all.flatMap(({ definition, sidecars }) =>
    Object.entries(sidecars).flatMap(([name, { place, image, settings }]): readonly Problem[] => [
      ...(image.kind === "foreign" && !/[/:]/.test(image.reference)
        ? [
            {
              where: place,
              what: `Sidecar ${quote(name)} is to run ${quote(image.reference)}, which is no key of \`images\`, and no image of a registry.`,
              fix: suggest(image.reference, Object.keys(images), "Write the whole name: host/repository:tag."),
            },
          ]
        : []),
      ...(name === definition.container || (definition.kind === "generated" && ours.includes(name))
        ? [
            {
              where: place,
              what: `The task has a container ${quote(name)} already.`,
              fix: "Give the sidecar another name.",
            },
          ]
        : []),
      ...(definition.kind !== "generated" && Object.keys(settings).length > 0
        ? [
            {
              where: place,
              what: `Sidecar ${quote(name)} has \`settings\`, and stands in a definition of your own: they would have no effect.`,
              fix: "Write them into the definition, and leave `image` here.",
            },
          ]
        : []),
    ]),
  );
}
