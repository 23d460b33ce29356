import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Stack } from "../stack/stack.ts";

/**
 * What stands in the stack file and is not carried out by this version. What changes what is deployed stops the release; a check
 * that is left out is said.
 */
export function limits(stack: Stack): readonly Finding[] {
  return [...uncarried(stack), ...unasked(stack, { file: stack.file, line: 1, column: 1 })];
}

/** Those of {@link limits} that stop a release: nothing can be planned for them. */
export function uncarried(stack: Stack): readonly Finding[] {
  const { gates, instance, runs } = stack;
  const services = Object.values(stack.services);
  const processes = [...services, ...(runs.kind === "ecs" ? Object.values(runs.definitions) : [])];
  const whole: Place = { file: stack.file, line: 1, column: 1 };
  return [
    ...Object.values(stack.images).flatMap(({ building, place }) => {
      if (building.kind === "dockerfile")
        return [
          cannot(place, "builds images of layers only, not with a Dockerfile", "Describe the image as `layers:`."),
        ];
      const base =
        building.base.kind === "dockerfile"
          ? [
              cannot(
                building.places.base,
                "takes a base by its reference only, not from a Dockerfile",
                "Push the base by itself, and name it.",
              ),
            ]
          : [];
      const prepare =
        building.prepare.length > 0
          ? [
              cannot(
                building.places.prepare,
                "runs no `prepare` commands",
                "Run them in a step before, and list their output under `files:`.",
              ),
            ]
          : [];
      return [...base, ...prepare];
    }),
    ...processes.flatMap(({ definition }) => {
      if (definition.kind !== "generated")
        return [
          cannot(
            definition.place,
            "makes task definitions itself, and reads none from a file or a service",
            "Remove `task-definition:`.",
          ),
        ];
      return definition.mounts.map(({ place }) => cannot(place, "mounts no volumes", "Remove `mounts:`."));
    }),
    ...services.flatMap((service) => {
      if (service.kind === "code-location") return [];
      return service.kind === "webserver" && service.auth !== null
        ? [cannot(service.place, "puts no nginx in front of the webserver", "Remove `auth:`.")]
        : [];
    }),
    ...Object.values(stack.dags).map(({ place }) =>
      cannot(place, "publishes no DAGs to S3", "Put the code into an image."),
    ),
    ...(instance.dagsterYaml.kind === "generated"
      ? [cannot(whole, "makes no dagster.yaml", "Name your own under `instance: { dagster-yaml: … }`.")]
      : []),
    ...(instance.workspace.kind === "own"
      ? []
      : [cannot(whole, "makes no workspace file", "Name your own under `instance: { workspace: … }`.")]),
    ...(gates.reach === "task"
      ? [
          cannot(
            gates.reachPlace,
            "asks the webserver from the runner only, not from inside the VPC",
            "Set `gates: { reach: runner }`, with a runner that reaches the webserver's `url`.",
          ),
        ]
      : []),
    ...(stack.environmentFile === null
      ? []
      : [
          cannot(
            stack.environmentFile.place,
            "reads no environment file",
            "Write its values under `environment:` and `secrets:`.",
          ),
        ]),
  ];
}

function unasked({ gates }: Stack, where: Place): readonly Finding[] {
  const left = [
    gates.targetHealth ? "the health of targets" : null,
    gates.securityGroups ? "security groups" : null,
    gates.everyWebserver ? "every webserver by itself" : null,
  ].filter((check) => check !== null);
  if (left.length === 0) return [];
  return [
    {
      id: "not-checked",
      level: "notice",
      where,
      what: `After the deploy this version does not look at: ${left.join(", ")}.`,
      fix: "Look at it yourself, or wait for a version that does.",
    },
  ];
}

function cannot(where: Place, what: string, fix: string): Finding {
  return { id: "not-in-this-version", level: "error", where, what: `This version ${what}.`, fix };
}
