import type { Place } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import type { Stack } from "../stack/stack.ts";
import { instanceReaders } from "../stack/instance-files.ts";
import { hasReader, loadedDags } from "./dags-definitions.ts";
import { locationsServedBy } from "./hosts.ts";

/** What stands in the stack file and is not carried out by this version: it stops the release. */
export function limits(stack: Stack): readonly Finding[] {
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
    ...instanceLimits(stack),
  ];
}

/** Instance files of our making are a part of layers, and name only what the stack file tells of. */
function instanceLimits(stack: Stack): readonly Finding[] {
  const { instance, images } = stack;
  const readers = instanceReaders(stack);
  const whole: Place = { file: stack.file, line: 1, column: 1 };
  const intoDockerfile = (keys: ReadonlySet<string>, file: string, key: string): readonly Finding[] =>
    Object.values(images)
      .filter((image) => keys.has(image.key) && image.building.kind === "dockerfile")
      .map((image) =>
        cannot(
          image.place,
          `puts no ${file} into an image of a Dockerfile, and ${image.key} is read for one`,
          `Copy one in the Dockerfile and name it under \`instance: { ${key}: … }\`; or lay \`layers\` upon a target of the Dockerfile.`,
        ),
      );
  const hosts = Object.values(stack.services).filter(
    ({ kind, definition }) => kind !== "code-location" && definition.kind === "generated",
  );
  const loaded = hosts.flatMap(locationsServedBy).filter((location) => !hasReader(stack, location));
  const servers = Object.values(stack.services).some(({ kind }) => kind === "code-location");
  return [
    ...(instance.dagsterYaml.kind === "generated" ? intoDockerfile(readers.all, "dagster.yaml", "dagster-yaml") : []),
    ...(instance.workspace.kind === "generated" && servers
      ? intoDockerfile(readers.hosts, "workspace file", "workspace")
      : []),
    ...((instance.workspace.kind === "generated" && loaded.length > 0) ||
    (instance.workspace.kind === "s3" && !isAllFromS3(stack))
      ? [
          cannot(
            whole,
            `makes no workspace file for locations that webserver and daemon load from their image${loaded.length > 0 ? ` (${[...new Set(loaded)].join(", ")})` : ""}`,
            "Name your own under `instance: { workspace: … }`; or give them a code server, or bring them to S3 with `dags`.",
          ),
        ]
      : []),
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
