import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Stack } from "../stack/stack.ts";

/** What stands in the stack file and is not carried out by this version: it stops the release. */
export function limits(stack: Stack): readonly Finding[] {
  const { instance } = stack;
  const services = Object.values(stack.services);
  // A definition of the user's own starts Dagster with the files of its image.
  const needsInstance = services.length === 0 || services.some(({ definition }) => definition.kind === "generated");
  const whole: Place = { file: stack.file, line: 1, column: 1 };
  return [
    ...services.flatMap((service) => {
      if (service.kind === "code-location") return [];
      return service.kind === "webserver" && service.auth !== null
        ? [cannot(service.place, "puts no nginx in front of the webserver", "Remove `auth:`.")]
        : [];
    }),
    ...Object.values(stack.dags).map(({ place }) =>
      cannot(place, "publishes no DAGs to S3", "Put the code into an image."),
    ),
    ...(instance.dagsterYaml.kind === "generated" && needsInstance
      ? [cannot(whole, "makes no dagster.yaml", "Name your own under `instance: { dagster-yaml: … }`.")]
      : []),
    ...(instance.workspace.kind === "own" || (instance.workspace.kind === "generated" && !needsInstance)
      ? []
      : [cannot(whole, "makes no workspace file", "Name your own under `instance: { workspace: … }`.")]),
  ];
}

function cannot(where: Place, what: string, fix: string): Finding {
  return { id: "not-in-this-version", level: "error", where, what: `This version ${what}.`, fix };
}
