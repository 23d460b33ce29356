import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Stack } from "../stack/stack.ts";
import { loadedDags } from "./dags-definitions.ts";
import { locationsServedBy } from "./hosts.ts";

/** What stands in the stack file and is not carried out by this version: it stops the release. */
export function limits(stack: Stack): readonly Finding[] {
  const { instance } = stack;
  const services = Object.values(stack.services);
  // A definition of the user's own starts Dagster with the files of its image.
  const needsInstance = services.length === 0 || services.some(({ definition }) => definition.kind === "generated");
  const whole: Place = { file: stack.file, line: 1, column: 1 };
  return [
    ...Object.values(stack.dags).flatMap(({ place, fallback, source }) =>
      fallback === "image" && source !== null
        ? [
            cannot(
              place,
              "serves no code of the image in the place of what another repository has not published yet",
              "Remove `fallback`, and publish a first version from there.",
            ),
          ]
        : [],
    ),
    ...(instance.dagsterYaml.kind === "generated" && needsInstance
      ? [cannot(whole, "makes no dagster.yaml", "Name your own under `instance: { dagster-yaml: … }`.")]
      : []),
    ...(instance.workspace.kind === "own" ||
    (instance.workspace.kind === "s3" && isAllFromS3(stack)) ||
    (instance.workspace.kind === "generated" && !needsInstance)
      ? []
      : [
          cannot(
            whole,
            "makes no workspace file",
            "Name your own under `instance: { workspace: … }`; `s3` is for stacks whose webserver and daemon load all code from S3.",
          ),
        ]),
  ];
}

/** The reader writes a workspace file of what it reads, and of nothing else. */
function isAllFromS3(stack: Stack): boolean {
  const all = new Set(Object.values(stack.services).flatMap(locationsServedBy));
  return all.size > 0 && loadedDags(stack).length === all.size;
}

function cannot(where: Place, what: string, fix: string): Finding {
  return { id: "not-in-this-version", level: "error", where, what: `This version ${what}.`, fix };
}
