import { isMap, type Json, type JsonMap } from "../../domain/json.ts";
import { type Revision, sameRevision, showRevision } from "../../domain/verdict.ts";
import { hostLabelPrefix } from "../../releases/host-labels.ts";
import { contextWithout } from "../../task-definitions/container-context.ts";
import { type Definition, registrable } from "../../task-definitions/definition.ts";
import { containerIn } from "../../task-definitions/existing.ts";
import { mapsIn } from "../kind.ts";

/** What is ours of a stack, read. */
export interface Ours {
  readonly cluster: string;
  readonly services: readonly OurService[];
  /** Active revisions that were registered for this stack and environment. */
  readonly revisions: readonly Revision[];
  /** Names of those that releases push to. */
  readonly repositories: readonly string[];
  readonly records: { readonly bucket: string; readonly prefix: string };
}

export interface OurService {
  /** Key in the stack file. */
  readonly key: string;
  /** ECS's name of it. */
  readonly name: string;
  readonly running: Definition;
  /** What it ran before anything was released; null: it was not there, or that is gone. */
  readonly former: Definition | null;
}

/** A call of AWS, as its own command line takes it. */
export interface Call {
  readonly service: "ecs" | "s3";
  /** As the API calls it: `RegisterTaskDefinition`; `RemoveAll` of S3 is the command line's `rm --recursive`. */
  readonly operation: string;
  readonly input: JsonMap;
  /** Why, as a sentence. */
  readonly why: string;
  /** Path of the file that holds the input; null: it stands in the command. */
  readonly file: string | null;
}

/** What is to be done, in this order. */
export interface Leaving {
  readonly calls: readonly Call[];
  /** What stays, and why. */
  readonly stays: readonly string[];
}

/** What gives back what was there before the first release, on the code that runs now. Pure. */
export function planLeaving({ cluster, services, revisions, repositories, records }: Ours, folder: string): Leaving {
  const ours = (revision: Revision): boolean => revisions.some((one) => sameRevision(one, revision));
  const moved = services.filter(({ running }) => ours(running.revision));
  return {
    calls: [
      ...moved.map(({ key, name, running, former }): Call => {
        const why = `service ${name} as it runs now (${showRevision(running.revision)}), without what releases have added`;
        const input = cleaned(running, former);
        return { service: "ecs", operation: "RegisterTaskDefinition", input, why, file: `${folder}/${key}.json` };
      }),
      ...moved.map(({ name, running }): Call => {
        const input = { cluster, service: name, taskDefinition: running.revision.family };
        return { service: "ecs", operation: "UpdateService", input, why: `rolls ${name} to it`, file: null };
      }),
      ...(moved.length === 0
        ? []
        : [
            {
              service: "ecs",
              operation: "wait services-stable",
              input: { cluster, services: moved.map(({ name }) => name) },
              why: "until all of them run it",
              file: null,
            } as const,
          ]),
      ...revisions.map((revision): Call => {
        const taskDefinition = showRevision(revision);
        const why = "nothing starts from it any more";
        return { service: "ecs", operation: "DeregisterTaskDefinition", input: { taskDefinition }, why, file: null };
      }),
      { service: "s3", operation: "RemoveAll", input: { ...records }, why: "lock and records of releases", file: null },
    ],
    stays: [
      ...repositories.map((repository) => wordsOfImages(repository, services)),
      ...services.flatMap(({ name, former }) =>
        former === null
          ? [`What ${name} ran before the first release is not known: its variables stay as they are`]
          : [],
      ),
    ],
  };
}

/** Whose the tags of a repository are cannot be told from their names: which of them nobody needs, people know. */
function wordsOfImages(repository: string, services: Ours["services"]): string {
  const named = `--repository-name ${quoted(repository)}`;
  const running = services.flatMap(({ name, running: one }) =>
    digestsIn(one, repository).map((digest) => `${name} runs ${digest}`),
  );
  const runs = running.length === 0 ? "" : ` (${running.join(", ")})`;
  return `All images and tags of ${repository} stay${runs}: other environments and others may need them. \`aws ecr list-images ${named}\` lists them; \`aws ecr batch-delete-image ${named} --image-ids imageTag=<tag>\` removes a tag that nothing needs, and with its last tag the image`;
}

/** A definition as it runs, without labels and variables that releases have added. Tags are not part of it. */
export function cleaned(running: Definition, former: Definition | null): JsonMap {
  const content = registrable(running);
  return {
    ...content,
    containerDefinitions: mapsIn(content["containerDefinitions"]).map((container) => {
      const { dockerLabels, environment, ...rest } = container;
      const name = typeof container["name"] === "string" ? container["name"] : "";
      const labels = Object.entries(isMap(dockerLabels) ? dockerLabels : {}).filter(
        ([label]) => !label.startsWith(hostLabelPrefix),
      );
      const before = former === null ? null : containerIn(former.content, name);
      return {
        ...rest,
        ...(labels.length === 0 ? {} : { dockerLabels: Object.fromEntries(labels) }),
        ...(environment === undefined ? {} : { environment: formerVariables(environment, before) }),
      };
    }),
  };
}

/** Told by releases: gone, or what it was. The image of runs is the one that runs now, where there was one. */
function formerVariables(environment: Json, before: JsonMap | null): Json {
  if (before === null) return environment;
  const then = mapsIn(before["environment"]);
  return mapsIn(environment).flatMap((one) => {
    const { name } = one;
    if (name !== "DAGSTER_CURRENT_IMAGE" && name !== "DAGSTER_CONTAINER_CONTEXT") return [one];
    const was = then.find((other) => other["name"] === name);
    if (name === "DAGSTER_CURRENT_IMAGE") return was === undefined ? [] : [one];
    const value = contextWithout(textOf(one["value"]), was === undefined ? null : textOf(was["value"]));
    return value === null ? [] : [{ ...one, value }];
  });
}

/** The commands, for a shell that ends at the first that fails. */
export function script({ calls, stays }: Leaving, title: string): string {
  return [
    "#!/bin/sh",
    `# ${inLine(title)}`,
    "# Look at each command; they are run from the root of the checkout. Let runs that wait come to their end before.",
    ...stays.map((line) => `# ${inLine(line)}.`),
    "set -eu",
    // The second version of the command line waits at a pager, and the first one knows no option against it.
    "export AWS_PAGER=",
    ...calls.flatMap((call) => [`# ${inLine(call.why)}`, commandOf(call)]),
    "",
  ].join("\n");
}

/** A comment ends with its line. */
function inLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ");
}

function commandOf({ service, operation, input, file }: Call): string {
  if (service === "s3")
    return `aws s3 rm --recursive ${quoted(`s3://${textOf(input["bucket"])}/${textOf(input["prefix"])}`)}`;
  if (operation.startsWith("wait ")) {
    const { cluster, services } = input;
    const all: readonly Json[] = Array.isArray(services) ? services : [];
    const names = all.map((name) => quoted(textOf(name))).join(" ");
    return `aws ecs ${operation} --cluster ${quoted(textOf(cluster))} --services ${names}`;
  }
  const name = operation.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
  const given = file === null ? quoted(JSON.stringify(input)) : quoted(`file://${file}`);
  // Answers repeat values of variables.
  return `aws ${service} ${name} --cli-input-json ${given} > /dev/null`;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** For sh: nothing in it means anything. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Digests by which a definition names images of a repository. */
function digestsIn({ content }: Definition, repository: string): readonly string[] {
  const all = mapsIn(content["containerDefinitions"]).flatMap(({ image }) => {
    const [, name = "", digest = ""] =
      typeof image === "string" ? (/^(.*)@(sha256:[0-9a-f]{64})$/.exec(image) ?? []) : [];
    return name.endsWith(`/${repository}`) ? [digest] : [];
  });
  return [...new Set(all)];
}
