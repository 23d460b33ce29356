import { posix } from "node:path";
import { showPlace } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { isPlainSecret } from "../domain/redaction.ts";
import type { Layers, Stack, Task } from "./stack.ts";

/**
 * What can be said of a stack before anything is asked.
 * @param today the day in UTC, `2026-11-21`
 */
export function findings(stack: Stack, today: string): readonly Finding[] {
  const found = [
    ...contractOfAnother(stack),
    ...secretsInEnvironment(stack),
    ...runsWithoutTheirCode(stack),
    ...nobodyToAsk(stack),
    ...instanceFilesElsewhere(stack),
    ...sidecarsThatMoveHosts(stack),
  ];
  return withLevels(found, stack.checks, today);
}

/**
 * Findings with the levels that `checks:` gives them. An exception that has ended counts no more, and says so.
 * @param today the day in UTC, `2026-11-21`; an exception holds through its last day
 */
export function withLevels(found: readonly Finding[], checks: Stack["checks"], today: string): readonly Finding[] {
  return found.flatMap((finding): readonly Finding[] => {
    const check = Object.hasOwn(checks, finding.id) ? checks[finding.id] : undefined;
    if (check === undefined) return [finding];
    if (check.until === null || today <= check.until)
      return check.level === "off" ? [] : [{ ...finding, level: check.level }];
    return [{ ...finding, what: `${finding.what} The exception for ${finding.id} ended on ${check.until}.` }];
  });
}

/** Lock and records are an environment's own; with the services of another one they would keep nobody out. */
function contractOfAnother({ environment, sharesContract }: Stack): readonly Finding[] {
  if (sharesContract === null) return [];
  return [
    {
      id: "contract-shared",
      level: "error",
      where: sharesContract,
      what: `Environment ${environment} has no contract of its own: it would release to the very services that the top of the file describes, under a lock and records of its own.`,
      fix: "Give it the `contract` of its own infrastructure.",
    },
  ];
}

/** Anybody who may read a task definition reads its environment, in every revision there ever was. */
function secretsInEnvironment(stack: Stack): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const { variables } of tasksOf(stack)) {
    for (const [name, { value, place }] of Object.entries(variables.environment)) {
      if (!isPlainSecret(name, value)) continue;
      found.set(`${name} ${showPlace(place)}`, {
        id: "secret-in-environment",
        level: "error",
        where: place,
        what: `${name} looks like a secret in plain text.`,
        fix: "Put it into Secrets Manager or SSM, and name it under `secrets` or `secrets-from`.",
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html",
      });
    }
  }
  return [...found.values()];
}

/** A run loads its job again, in its own container: the code must be in there, in the version that was served. */
function runsWithoutTheirCode(stack: Stack): readonly Finding[] {
  if (stack.runs.kind === "in-process") return [];
  return Object.values(stack.runs.definitions).flatMap(({ location, image, place }) => {
    const servers = Object.values(stack.services).filter((service) =>
      service.kind === "code-location" ? service.location === location : service.locations.includes(location),
    );
    if (servers.some((server) => server.image === image)) return [];
    const served = servers.map((server) => server.image).join(" and ");
    return [
      {
        id: "run-image",
        level: "warning" as const,
        where: place,
        what: `Runs of ${JSON.stringify(location)} start from the image ${image}; its code is served from ${served}.`,
        fix: "Remove `runs.image`: each location's runs then start from the image that serves it.",
      },
    ];
  });
}

/** Gates ask Dagster through a webserver: without one they would be left out without a word. */
function nobodyToAsk({ services, gates }: Stack): readonly Finding[] {
  const all = Object.values(services);
  const [first] = all;
  if (first === undefined || all.some(({ kind }) => kind === "webserver")) return [];
  const asks = gates.canary === null ? "Gates ask Dagster" : "The canary is started";
  return [
    {
      id: "no-webserver",
      level: "error",
      where: gates.canary?.place ?? gates.reachPlace,
      what: `${asks} through a webserver, and the stack has none.`,
      fix: "Add a service of `kind: webserver`.",
    },
  ];
}

/**
 * A dagster.yaml is read from `$DAGSTER_HOME`, and only under that name; a workspace file is named to webserver and daemon. What
 * the stack file calls the user's own must be copied into the images that read it. What a Dockerfile copies is not known.
 */
function instanceFilesElsewhere({ images, services, migrations, instance }: Stack): readonly Finding[] {
  const hosts = Object.values(services).filter(({ kind, definition }) => {
    return kind !== "code-location" && definition.kind === "generated";
  });
  const readers = {
    workspace: hosts,
    dagsterYaml: [...hosts, ...migrations.filter(({ tool }) => tool === "dagster")],
  };
  return (["dagsterYaml", "workspace"] as const).flatMap((key) => {
    const file = instance[key];
    if (file.kind !== "own") return [];
    return [...new Set(readers[key].map(({ image }) => image))].flatMap((image): readonly Finding[] => {
      const building = images[image]?.building;
      if (building?.kind !== "layers") return [];
      const inImage = pathInImage(building, file.path);
      const finding = (what: string, fix: string): readonly Finding[] => [
        { id: "instance-file", level: "error", where: file.place, what, fix },
      ];
      if (inImage === null) {
        const to = `/opt/dagster/${key === "workspace" ? posix.basename(file.path) : "dagster.yaml"}`;
        const entry = `{ from: ${file.path}, to: ${to} }`;
        return finding(
          `Image ${image} does not get ${file.path}: none of its \`files\` copies it.`,
          `Add \`${entry}\` to images.${image}.layers.files.`,
        );
      }
      if (key === "workspace" || posix.basename(inImage) === "dagster.yaml") return [];
      return finding(
        `Image ${image} gets ${file.path} as ${inImage}: Dagster reads its settings from a file called dagster.yaml only.`,
        `Write \`to: ${posix.join(posix.dirname(inImage), "dagster.yaml")}\` in images.${image}.layers.files.`,
      );
    });
  });
}

/** Where a file of the checkout stands in an image of layers, by the last mapping that holds it; null when none does. */
export function pathInImage({ files }: Layers, path: string): string | null {
  const wanted = posix.normalize(path);
  for (const { from, to } of files.toReversed()) {
    const inside = posix.relative(posix.normalize(from), wanted);
    if (inside === "") return to.endsWith("/") ? posix.join(to, posix.basename(wanted)) : to;
    if (!inside.startsWith("..")) return posix.join(to, inside);
  }
  return null;
}

/** Where in the checkout a path of an image of layers comes from, by the last mapping that holds it; null when none does. */
export function pathInCheckout({ files }: Layers, path: string): string | null {
  const wanted = posix.normalize(path);
  for (const { from, to } of files.toReversed()) {
    const target = to.endsWith("/") ? posix.join(to, posix.basename(from)) : to;
    const inside = posix.relative(posix.normalize(target), wanted);
    if (!inside.startsWith("..")) return posix.join(from, inside);
  }
  return null;
}

function tasksOf({ services, runs, migrations }: Stack): readonly Task[] {
  return [...Object.values(services), ...(runs.kind === "ecs" ? Object.values(runs.definitions) : []), ...migrations];
}

/** A host stays where only code changed, unless it holds that code's image a second time. */
function sidecarsThatMoveHosts({ services }: Stack): readonly Finding[] {
  const all = Object.values(services);
  const codeImages = new Set(all.filter(({ kind }) => kind === "code-location").map(({ image }) => image));
  return all
    .filter(({ movesWith }) => movesWith === "dagster")
    .flatMap(({ key, sidecars }) =>
      Object.entries(sidecars).flatMap(([name, { place, image }]): readonly Finding[] => {
        if (image.kind !== "own" || !codeImages.has(image.key)) return [];
        return [
          {
            id: "sidecar-moves-host",
            level: "warning",
            where: place,
            what: `Sidecar ${name} runs image ${image.key}, which serves code: each change of code restarts services.${key}, which would stay otherwise.`,
            fix: `Give the sidecar an image of its own; or say that it is meant: \`moves-with: image\` in services.${key}.`,
          },
        ];
      }),
    );
}
