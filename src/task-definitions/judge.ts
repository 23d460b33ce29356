import type { Level } from "../domain/finding.ts";
import type { Platform } from "../domain/identifiers.ts";
import { canonicalJson, isMap, type Json, type JsonMap } from "../domain/json.ts";
import { isPlainSecret } from "../domain/redaction.ts";
import { nearestSize, sizeProblem } from "../stack/size.ts";
import { changingValues } from "./changing.ts";
import { leastMemory } from "./memory.ts";
import { listOf, nameOf } from "./parts.ts";

/** What a definition is for, as far as checks need it. */
export interface Purpose {
  readonly kind: "webserver" | "daemon" | "code-location" | "run" | "once";
  /** Container that runs Dagster. */
  readonly container: string;
  /** On which others reach it; null: nobody does. */
  readonly port: number | null;
  /** Of the image of that container; null: nobody knows. */
  readonly platform: Platform | null;
  /** It starts tasks of runs. */
  readonly launches: boolean;
  /** How many locations it loads itself. */
  readonly locations: number;
  /** Runs live in it. */
  readonly carriesRuns: boolean;
  /** ECS runs it on Fargate, whether or not the definition asks for that: a member that people leave out. */
  readonly onFargate: boolean;
  /** The commit that is released. */
  readonly commit: string;
  /** What it replaces; null: nothing, or nobody knows. */
  readonly before: JsonMap | null;
  /** Variables of the Dagster container that are judged where they are written. */
  readonly judged: ReadonlySet<string>;
}

/** What is wrong with a definition. */
export interface Fault {
  /** Id of the check. */
  readonly id: string;
  readonly level: Level;
  /** Way to the member that is wrong, or that lacks something. */
  readonly path: readonly (string | number)[];
  readonly what: string;
  readonly fix: string;
  readonly source?: string;
}

const parameters = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html";
const awslogs = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html";
const secretsGuide = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html";
const executionRole = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html";
const dagsterEcs = "https://docs.dagster.io/deployment/oss/deployment-options/aws";

/** RegisterTaskDefinition takes no more. Source: service quotas of Amazon ECS, "Task definition size". */
const largestBytes = 64 * 1024;

/**
 * What is known to go wrong with a definition of this purpose.
 * @param content what RegisterTaskDefinition is to be given; what is known later reads `(known after apply)`
 */
export function faultsOf(content: JsonMap, purpose: Purpose): readonly Fault[] {
  const containers = listOf(content["containerDefinitions"]).filter(isMap);
  const index = containers.findIndex(({ name }) => name === purpose.container);
  const dagster = containers[index];
  const onFargate = purpose.onFargate || listOf(content["requiresCompatibilities"]).includes("FARGATE");
  return [
    ...tooLarge(content),
    ...(onFargate ? fargate(content, containers) : []),
    ...(dagster === undefined ? [] : memoryShort(content, containers, dagster, purpose)),
    ...(onFargate ? architecture(content, purpose) : []),
    ...roles(content, containers, { ...purpose, onFargate }),
    ...containers.flatMap((container, at) =>
      ofContainer(container, ["containerDefinitions", at], {
        ...purpose,
        image: dagster?.["image"],
        onFargate,
      }),
    ),
    ...leftPlaceholders(content),
    ...changingValues(content, purpose),
    ...(dagster === undefined
      ? []
      : ofDagster(dagster, ["containerDefinitions", index], {
          ...purpose,
          port: ownPort(containers, dagster, purpose),
        })),
  ];
}

function tooLarge(content: JsonMap): readonly Fault[] {
  const bytes = new TextEncoder().encode(JSON.stringify(content)).length;
  if (bytes <= largestBytes) return [];
  return [
    {
      id: "definition-too-large",
      level: "error",
      path: [],
      what: `The definition has ${bytes} bytes; ECS takes ${largestBytes}.`,
      fix: "Move values into parameters or files: secrets, `environmentFiles`.",
      source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html",
    },
  ];
}

function fargate(content: JsonMap, containers: readonly JsonMap[]): readonly Fault[] {
  const faults: Fault[] = [];
  const [cpu, memory] = [amountOf(content["cpu"]), amountOf(content["memory"])];
  if (cpu === null || memory === null)
    faults.push({
      id: "fargate-size",
      level: "error",
      path: cpu === null ? ["cpu"] : ["memory"],
      what: `On Fargate a task needs \`cpu\` and \`memory\`, and \`${cpu === null ? "cpu" : "memory"}\` is no amount.`,
      fix: "Write `cpu` in units (1024 are one vCPU) and `memory` in MiB: 512 and 1024 hold each of Dagster's processes.",
      source: parameters,
    });
  else {
    const problem = sizeProblem({ cpu, memory });
    const near = nearestSize({ cpu, memory });
    if (problem !== null)
      faults.push({
        id: "fargate-size",
        level: "error",
        path: ["cpu"],
        what: `The size of the task ${problem.what}.`,
        fix:
          near === null ? problem.fix : `The nearest that holds it: "cpu": "${near.cpu}", "memory": "${near.memory}".`,
        source: parameters,
      });
    const sum = (member: string): number =>
      containers.reduce((all, container) => all + (typeof container[member] === "number" ? container[member] : 0), 0);
    for (const [member, most] of [
      ["cpu", cpu],
      ["memory", memory],
    ] as const)
      if (sum(member) > most)
        faults.push({
          id: "container-size",
          level: "error",
          path: ["containerDefinitions"],
          what: `The containers ask for ${member} ${sum(member)} together, and the task has ${most}.`,
          fix: `Raise \`${member}\` of the task, or remove it from containers: they share what the task has.`,
          source: parameters,
        });
  }
  const refuse = (path: Fault["path"], what: string, fix: string): void =>
    void faults.push({ id: "fargate-refuses", level: "error", path, what, fix, source: parameters });
  if (content["networkMode"] !== "awsvpc")
    refuse(["networkMode"], "Fargate takes the network mode awsvpc only.", 'Write "networkMode": "awsvpc".');
  for (const [at, container] of containers.entries()) {
    const path = ["containerDefinitions", at];
    const name = nameOf(container);
    if (container["privileged"] === true)
      refuse([...path, "privileged"], `Container ${name} is privileged: Fargate refuses that.`, "Remove `privileged`.");
    if (listOf(container["links"]).length > 0)
      refuse(
        [...path, "links"],
        `Container ${name} has links: awsvpc refuses that.`,
        "Use localhost: containers of a task share it.",
      );
    const stop = container["stopTimeout"];
    if (typeof stop === "number" && stop > 120)
      refuse(
        [...path, "stopTimeout"],
        `Container ${name} has a stop timeout of ${stop} s; Fargate takes 120 at most.`,
        "Write 120.",
      );
    for (const [port, mapping] of listOf(container["portMappings"]).entries()) {
      if (!isMap(mapping) || [undefined, 0, mapping["containerPort"]].includes(mapping["hostPort"] as number)) continue;
      refuse(
        [...path, "portMappings", port],
        `Container ${name} maps port ${canonicalJson(mapping["containerPort"])} to ${canonicalJson(mapping["hostPort"])}: with awsvpc both are one.`,
        "Remove `hostPort`.",
      );
    }
  }
  return faults;
}

function memoryShort(
  content: JsonMap,
  containers: readonly JsonMap[],
  dagster: JsonMap,
  purpose: Purpose,
): readonly Fault[] {
  const task = amountOf(content["memory"]);
  const ofOthers = containers
    .filter((container) => container !== dagster)
    .reduce((sum, { memory }) => sum + (typeof memory === "number" ? memory : 0), 0);
  const own = dagster["memory"];
  const has = typeof own === "number" ? own : task === null ? null : task - ofOthers;
  const { mebibytes, parts } = leastMemory(purpose);
  if (has === null || has >= mebibytes) return [];
  const size = nearestSize({ cpu: amountOf(content["cpu"]) ?? 0, memory: mebibytes + ofOthers });
  return [
    {
      id: "memory-short",
      level: "warning",
      path: typeof own === "number" ? ["containerDefinitions", containers.indexOf(dagster), "memory"] : ["memory"],
      what: `Dagster itself takes ${mebibytes} MiB here (${parts}), and container ${nameOf(dagster)} has ${has}: ECS ends it when it takes more (OutOfMemory).`,
      fix:
        size === null || typeof own === "number"
          ? `Give it ${mebibytes} MiB or more.`
          : `The smallest size that fits: "cpu": "${size.cpu}", "memory": "${size.memory}". What your code imports comes on top.`,
    },
  ];
}

function architecture({ runtimePlatform }: JsonMap, { platform }: Purpose): readonly Fault[] {
  if (platform === null) return [];
  const given =
    runtimePlatform !== undefined && isMap(runtimePlatform) ? runtimePlatform["cpuArchitecture"] : undefined;
  const is = given ?? "X86_64";
  const wanted = platform === "linux/arm64" ? "ARM64" : "X86_64";
  if (is === wanted) return [];
  return [
    {
      id: "architecture-differs",
      level: "error",
      path: ["runtimePlatform"],
      what: `The task runs on ${typeof is === "string" ? is : "an unknown architecture"}${given === undefined ? ", which is meant when nothing is said" : ""}, and its image is made for ${platform}: it would end with "exec format error".`,
      fix: `Write "runtimePlatform": { "cpuArchitecture": "${wanted}", "operatingSystemFamily": "LINUX" }; or give the image the other \`platform\`.`,
      source: parameters,
    },
  ];
}

function roles(
  content: JsonMap,
  containers: readonly JsonMap[],
  { launches, kind, onFargate }: Purpose,
): readonly Fault[] {
  const hasSecrets = containers.some(({ secrets }) => listOf(secrets).length > 0);
  const needs = onFargate ? "pulls the image from ECR and writes the log" : hasSecrets ? "reads the secrets" : null;
  return [
    ...(needs !== null && !hasText(content["executionRoleArn"])
      ? [
          {
            id: "execution-role-missing",
            level: "error" as const,
            path: ["executionRoleArn"],
            what: `There is no execution role: it ${needs}${hasSecrets ? ", and puts secrets in" : ""}. No task would start.`,
            fix: "Name it as `executionRoleArn`; of a definition that we make, as `roles: { execution: … }` in the contract.",
            source: executionRole,
          },
        ]
      : []),
    ...(launches && !hasText(content["taskRoleArn"])
      ? [
          {
            id: "task-role-missing",
            level: kind === "daemon" ? ("error" as const) : ("warning" as const),
            path: ["taskRoleArn"],
            what:
              kind === "daemon"
                ? "There is no task role: the daemon starts runs as ECS tasks, and without ecs:RunTask and iam:PassRole each of them fails."
                : "There is no task role: without ecs:DescribeTasks and ecs:StopTask nobody can end a run in the webserver, and without a run queue none can be started there.",
            fix: "Name it as `taskRoleArn`; of a definition that we make, under `roles` in the contract.",
            source: dagsterEcs,
          },
        ]
      : []),
  ];
}

function ofContainer(
  container: JsonMap,
  path: Fault["path"],
  { container: dagster, judged, onFargate, image }: Purpose & { readonly image: Json | undefined },
): readonly Fault[] {
  const name = nameOf(container);
  // Beside Dagster on its own image, which a release pins: its digest may not be known yet.
  const isPinned = name === dagster || (image !== undefined && container["image"] === image);
  return [
    ...variables(container, name, path, name === dagster ? judged : new Set()),
    ...logs(container, name, path, onFargate),
    ...(!isPinned && floats(container["image"])
      ? [
          {
            id: "image-floats",
            level: "warning" as const,
            path: [...path, "image"],
            what: `Container ${name} has an image without tag, or with \`latest\`: each task may start another one, and a rollback does not bring it back.`,
            fix: "Name it by its digest: image@sha256:…",
          },
        ]
      : []),
    ...(name !== dagster && moves(container["image"])
      ? [
          {
            id: "image-by-tag",
            level: "notice" as const,
            path: [...path, "image"],
            what: `Container ${name} has an image by a tag that is no commit: whoever may push can put another one behind it, and a rollback does not bring this one back.`,
            fix: "Name it by its digest: image@sha256:…",
          },
        ]
      : []),
  ];
}

function variables(
  container: JsonMap,
  name: string,
  path: Fault["path"],
  judged: ReadonlySet<string>,
): readonly Fault[] {
  const environment = listOf(container["environment"]).filter(isMap);
  const secrets = listOf(container["secrets"]).filter(isMap);
  const plain = new Set(environment.map((entry) => entry["name"]));
  const twice = secrets.flatMap((entry, at): readonly Fault[] => {
    const variable = nameOf(entry);
    const isPlain = plain.has(entry["name"] ?? null);
    const isSecond = secrets.slice(0, at).some((other) => other["name"] === entry["name"]);
    if (!isPlain && !isSecond) return [];
    return [
      {
        id: "variable-twice",
        level: "error",
        path: [...path, "secrets", at],
        what: `Container ${name} has ${variable} ${isPlain ? "as plain text and as a secret" : "twice among its secrets"}: ECS refuses that ("The secret name must be unique").`,
        fix: "Keep one of the two.",
        source: "https://github.com/dagster-io/dagster/issues/11622",
      },
    ];
  });
  const open = environment.flatMap((entry, at): readonly Fault[] => {
    const [variable, value] = [nameOf(entry), entry["value"]];
    const text = typeof value === "string" ? value : "";
    if (judged.has(variable) || text.includes("(known after apply)") || !isPlainSecret(variable, text)) return [];
    return [
      {
        id: "secret-in-environment",
        level: "error",
        path: [...path, "environment", at],
        what: `${variable} looks like a secret in plain text: who may read a task definition reads it, in every revision there ever was.`,
        fix: "Put it into Secrets Manager or SSM, and name it under `secrets`.",
        source: secretsGuide,
      },
    ];
  });
  return [...twice, ...open];
}

function logs(container: JsonMap, name: string, path: Fault["path"], onFargate: boolean): readonly Fault[] {
  const configuration = container["logConfiguration"] ?? null;
  if (!isMap(configuration))
    return [
      {
        id: "log-missing",
        level: "warning",
        path,
        what: `Container ${name} has no \`logConfiguration\`: what it says ${onFargate ? "is lost" : "is left with the Docker of its instance"}, and when it fails nobody can tell why.`,
        fix: "Add awslogs with group, region and stream prefix.",
        source: awslogs,
      },
    ];
  if (configuration["logDriver"] !== "awslogs") return [];
  const options = configuration["options"] ?? {};
  const lacking = ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"].filter(
    (option) => !isMap(options) || !hasText(options[option]),
  );
  if (lacking.length === 0) return [];
  // Off Fargate a stream without prefix is called after its container's id, and a region that is not named is the instance's.
  const isTaken = !onFargate && !lacking.includes("awslogs-group");
  return [
    {
      id: "log-options",
      level: isTaken ? "warning" : "error",
      path: [...path, "logConfiguration"],
      what: `The log of container ${name} lacks ${lacking.join(", ")}: ${isTaken ? "ECS takes that, and no task tells where its lines are" : onFargate ? "on Fargate ECS refuses that" : "no task would start"}.`,
      fix: `Add ${lacking.join(", ")} to its \`options\`.`,
      source: awslogs,
    },
  ];
}

/** Where nothing but AWS reads a text, what looks like a placeholder is one that nobody has replaced. */
function leftPlaceholders(content: JsonMap): readonly Fault[] {
  const places: readonly (readonly [Fault["path"], Json | undefined])[] = [
    ...["family", "executionRoleArn", "taskRoleArn", "cpu", "memory"].map((key) => [[key], content[key]] as const),
    ...listOf(content["containerDefinitions"]).flatMap((container, at) => {
      if (!isMap(container)) return [];
      const path = ["containerDefinitions", at];
      const log = container["logConfiguration"];
      const options =
        log !== undefined && isMap(log) && isMap(log["options"] ?? null) ? (log["options"] as JsonMap) : {};
      return [
        [[...path, "image"], container["image"]] as const,
        ...listOf(container["secrets"]).map(
          (secret, index) => [[...path, "secrets", index], isMap(secret) ? secret["valueFrom"] : undefined] as const,
        ),
        ...Object.entries(options).flatMap(([key, value]) =>
          key.startsWith("awslogs-") ? [[[...path, "logConfiguration", "options", key], value] as const] : [],
        ),
      ];
    }),
  ];
  return places.flatMap(([path, value]): readonly Fault[] => {
    const [, left] =
      typeof value === "string"
        ? (/(\$\{?[A-Za-z_][\w.-]*\}?|\{\{.*?\}\}|(?<!\?)<[A-Za-z][\w-]{2,}>|__[A-Z]\w*?__)/.exec(value) ?? [])
        : [];
    if (left === undefined) return [];
    return [
      {
        id: "placeholder-left",
        level: "error",
        path,
        what: `${left} stands in ${path.filter((part) => typeof part === "string").join(".")}, which only AWS reads: nothing would replace it.`,
        fix: "Declare it under `placeholders:` in the stack file, or write the value.",
      },
    ];
  });
}

/** Programs of Dagster, by what they are for. */
const programs = {
  webserver: /(^|\/)dagster-webserver$|(^|\/)dagit$/,
  daemon: /(^|\/)dagster-daemon$/,
  "code-location": /(^|\/)dagster$/,
} as const;

/** Seconds that a process of Dagster needs to end, by its kind. Source: its signal handlers; Fargate allows 120 at most. */
const stopSeconds = { webserver: 30, daemon: 60, "code-location": 60, run: 60, once: 0 } as const;

function ofDagster(container: JsonMap, path: Fault["path"], purpose: Purpose): readonly Fault[] {
  const { kind } = purpose;
  const name = nameOf(container);
  const words = wordsOf(container);
  const stop = typeof container["stopTimeout"] === "number" ? container["stopTimeout"] : 30;
  return [
    ...(container["essential"] === false
      ? [
          {
            id: "dagster-not-essential",
            level: "error" as const,
            path: [...path, "essential"],
            what: `Container ${name}, which runs Dagster, is not essential: should it end, its task runs on, and nothing starts it again.`,
            fix: "Remove `essential: false`.",
            source: parameters,
          },
        ]
      : []),
    ...(stop < stopSeconds[kind]
      ? [
          {
            id: "stop-timeout",
            level: "warning" as const,
            path: [...path, "stopTimeout"],
            what: `Container ${name} is killed ${stop} s after it was told to end${container["stopTimeout"] === undefined ? " (ECS's default)" : ""}; ${whyStop[kind]}.`,
            fix: 'Write "stopTimeout": 120.',
            source: parameters,
          },
        ]
      : []),
    ...entryPoint(container, path, purpose),
    ...contextOption(container, path, purpose),
    ...(kind === "run" || kind === "once" ? [] : otherProgram(words, container, path, kind)),
    ...listening(container, words, path, purpose),
  ];
}

const whyStop = {
  webserver: "it lets requests come to their end",
  daemon: "it waits for its threads, 30 s each",
  "code-location": "it lets calls of the daemon come to their end, which may take 60 s",
  run: "it writes how it ended, and a step lets go of what it holds",
  once: "",
} as const;

/** Dagster's launcher gives the command of a run as an override: an entry point that is no `exec "$@"` makes something else of it. */
function entryPoint(container: JsonMap, path: Fault["path"], { kind }: Purpose): readonly Fault[] {
  const words = withoutInit(listOf(container["entryPoint"]).filter((word) => typeof word === "string"));
  if (kind !== "run" || words.every((word) => word === "")) return [];
  const isShell = /(^|\/)(ba|da|a|z)?sh$/.test(words[0] ?? "") && words.some((word) => /^-\w*c$/.test(word));
  if (isShell && passesOn(words)) return [];
  const isDagster =
    Object.values(programs).some((program) => program.test(words[0] ?? "")) ||
    /(^|\/)python[\d.]*$/.test(words[0] ?? "");
  // It becomes the command that follows it.
  if (!isShell && words.slice(-4).join(" ") === "-m dag_reader run --") return [];
  return [
    {
      id: "run-entry-point",
      level: isShell || isDagster ? "error" : "warning",
      path: [...path, "entryPoint"],
      what:
        isShell || isDagster
          ? `Runs are started with the command \`dagster api execute_run …\`, which the entry point \`${words[0] ?? ""}\` would swallow.`
          : `Runs are started with the command \`dagster api execute_run …\`: the entry point \`${words[0] ?? ""}\` must end in \`exec "$@"\`.`,
      fix: 'Remove `entryPoint` from the definition of runs; what must be done before goes into a script that ends in `exec "$@"`.',
      source: "https://github.com/dagster-io/dagster/issues/9562",
    },
  ];
}

/** What an init process (tini, dumb-init, catatonit) starts, after its options: it passes on whatever follows. */
function withoutInit(words: readonly string[]): readonly string[] {
  if (!/(^|\/)(tini(-static)?|dumb-init|catatonit)$/.test(words[0] ?? "")) return words;
  let at = 1;
  while (words[at]?.startsWith("-") === true) {
    if (words[at] === "--") return words.slice(at + 1);
    at += /^(-[per]|--rewrite)$/.test(words[at] ?? "") ? 2 : 1;
  }
  return words.slice(at);
}

/** `sh -c '… exec "$@"' --`: the word behind the text is `$0`; without it the first word of the command would be. */
function passesOn(words: readonly string[]): boolean {
  const [flag = "", text = "", ...zero] = words.slice(-3);
  return /^-\w*c$/.test(flag) && zero.length === 1 && /(^|[;&\n])\s*exec\s+"\$(@|\{@\})"\s*;?\s*$/.test(text);
}

/** An option wins over the variable of its name (`dagster/_cli/api.py`), by which a release names the task definition of runs. */
function contextOption(container: JsonMap, path: Fault["path"], { kind, carriesRuns }: Purpose): readonly Fault[] {
  if (kind !== "code-location" || carriesRuns) return [];
  const members = ["entryPoint", "command"].filter((member) =>
    listOf(container[member]).some(
      (word) => typeof word === "string" && /(^|\s)--container-context(=|\s|$)/.test(word),
    ),
  );
  return members.map((member) => ({
    id: "container-context-option",
    level: "error",
    path: [...path, member],
    what: `\`${member}\` of container ${nameOf(container)} has \`--container-context\`: it wins over DAGSTER_CONTAINER_CONTEXT, by which a release names the task definition of runs. They would start from another one.`,
    fix: "Remove the option, and write its value into the variable DAGSTER_CONTAINER_CONTEXT of the container: a release keeps its other members.",
    source: dagsterEcs,
  }));
}

function otherProgram(
  words: readonly string[],
  container: JsonMap,
  path: Fault["path"],
  kind: "webserver" | "daemon" | "code-location",
): readonly Fault[] {
  if (programs[kind].test(words[0] ?? "")) return [];
  const other = (["webserver", "daemon"] as const).find((one) => one !== kind && programs[one].test(words[0] ?? ""));
  if (other === undefined) return [];
  const member = container["command"] === undefined ? "entryPoint" : "command";
  return [
    {
      id: "command-differs",
      level: "error",
      path: [...path, member],
      what: `The service is of kind ${kind}, and its definition starts \`${words[0] ?? ""}\`, a ${other}.`,
      fix:
        other === "daemon"
          ? "Name the right definition: a second daemon ticks every schedule twice."
          : "Name the right definition.",
      source: "https://github.com/dagster-io/dagster/issues/33962",
    },
  ];
}

/** A container beside it that opens the port on which others come, a login for instance, leads them to Dagster: nobody else does. */
function ownPort(containers: readonly JsonMap[], dagster: JsonMap, { port }: Purpose): number | null {
  const isOpenedBeside = containers.some((one) => one !== dagster && portsOf(one).some((opened) => opened === port));
  return isOpenedBeside ? null : port;
}

function portsOf({ portMappings }: JsonMap): readonly number[] {
  return listOf(portMappings).flatMap((mapping) =>
    isMap(mapping) && typeof mapping["containerPort"] === "number" ? [mapping["containerPort"]] : [],
  );
}

/** Where Dagster listens, as its command says; of a shell's text, and of commands that we do not know, nothing is said. */
function listening(
  container: JsonMap,
  words: readonly string[],
  path: Fault["path"],
  { kind, port }: Purpose,
): readonly Fault[] {
  const isWebserver = kind === "webserver" && programs.webserver.test(words[0] ?? "");
  const isCode =
    kind === "code-location" &&
    programs["code-location"].test(words[0] ?? "") &&
    ((words[1] === "api" && words[2] === "grpc") || (words[1] === "code-server" && words[2] === "start"));
  if (!isWebserver && !isCode) return [];
  const environment = Object.fromEntries(
    listOf(container["environment"]).flatMap((entry) =>
      isMap(entry) ? [[nameOf(entry), entry["value"]] as const] : [],
    ),
  );
  const variables = isWebserver
    ? ["DAGSTER_WEBSERVER"]
    : words[1] === "api"
      ? ["DAGSTER_GRPC", "DAGSTER_CLI_API_GRPC"]
      : ["DAGSTER_CODE_SERVER"];
  const said = (option: "host" | "port", short: string): string | null => {
    const own = optionOf(words, [`--${option}`, short]);
    const variable = variables.map((prefix) => environment[`${prefix}_${option.toUpperCase()}`]).find(hasText);
    return own ?? variable ?? null;
  };
  const command = container["command"] === undefined ? "entryPoint" : "command";
  const host = said("host", "-h");
  const listens = Number(said("port", "-p") ?? (isWebserver ? 3000 : Number.NaN));
  const mapped = portsOf(container);
  return [
    ...(port !== null && (host === null || host === "localhost" || host.startsWith("127."))
      ? [
          {
            id: "listens-locally",
            level: "error" as const,
            path: [...path, command],
            what: `\`${words[0] ?? ""}\` listens on ${host ?? "localhost, its default"}: no other task, and no load balancer, reaches it.`,
            fix: "Add `-h 0.0.0.0` to its command.",
            source: dagsterEcs,
          },
        ]
      : []),
    ...(Number.isInteger(listens) && port !== null && listens !== port
      ? [
          {
            id: "port-unheard",
            level: "error" as const,
            path: [...path, command],
            what: `\`${words[0] ?? ""}\` listens on port ${listens}; others are told ${port}, where nobody answers.`,
            fix: `Write \`port: ${listens}\` in the stack file or the contract, and in the workspace file; or \`-p ${port}\` in the command.`,
          },
        ]
      : []),
    ...(Number.isInteger(listens) && mapped.length > 0 && !mapped.includes(listens)
      ? [
          {
            id: "port-unheard",
            level: "error" as const,
            path: [...path, "portMappings"],
            what: `\`${words[0] ?? ""}\` listens on port ${listens}, and the definition opens ${mapped.join(", ")}: a load balancer finds nobody there.`,
            fix: `Write "containerPort": ${listens}.`,
            source: parameters,
          },
        ]
      : []),
  ];
}

function optionOf(words: readonly string[], names: readonly string[]): string | null {
  for (const [index, word] of words.entries()) {
    if (names.includes(word)) return words[index + 1] ?? null;
    const [, joined] =
      names
        .map((name) => {
          // `--port=3000`, and `-p3000`.
          const joint = name.startsWith("--") ? `${name}=` : name;
          return word.startsWith(joint) ? ["", word.slice(joint.length)] : [];
        })
        .find(({ length }) => length > 0) ?? [];
    if (joined !== undefined) return joined;
  }
  return null;
}

/** What is started, word by word; of a shell's text, only when it is one simple command. */
function wordsOf(container: JsonMap): readonly string[] {
  const texts = [...listOf(container["entryPoint"]), ...listOf(container["command"])].filter(
    (word): word is string => typeof word === "string" && word !== "",
  );
  const [shell = "", flag = "", text = ""] = texts;
  if (!/(^|\/)(ba|da|a|z)?sh$/.test(shell) || !/^-\w*c$/.test(flag)) return texts;
  return /[;&|<>$`"'\\\n]/.test(text)
    ? []
    : text
        .trim()
        .replace(/^exec\s+/, "")
        .split(/\s+/);
}

function floats(image: Json | undefined): boolean {
  if (typeof image !== "string" || image.includes("@sha256:")) return false;
  const [, tag] = /:([^/:]+)$/.exec(image) ?? [];
  return tag === undefined || tag === "latest";
}

/** By a tag that nobody would keep from moving: neither of a commit nor of what is in it. */
function moves(image: Json | undefined): boolean {
  if (typeof image !== "string" || image.includes("@sha256:") || floats(image)) return false;
  const [, tag = ""] = /:([^/:]+)$/.exec(image) ?? [];
  return !/^(?:src-)?[0-9a-f]{40}(?:$|[.-])/.test(tag) && !/[${<]/.test(image);
}

/** CPU units or MiB, plain or as `1 vCPU` and `2 GB`; null: no amount. */
function amountOf(value: Json | undefined): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return null;
  const [, amount, unit] = /^(\d*\.?\d+)\s*(vcpu|gb)?$/i.exec(value.trim()) ?? [];
  return amount === undefined ? null : Number(amount) * (unit === undefined ? 1 : 1024);
}

function hasText(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "";
}
