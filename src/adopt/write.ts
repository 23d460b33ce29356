import type { ComposeScaling } from "./compose-file.ts";
import type { DefinitionFile } from "./read-checkout.ts";
import {
  type AdoptedImage,
  type AdoptedRuns,
  type AdoptedService,
  type AdoptedStack,
  type Inferred,
  unknownPort,
} from "./infer.ts";

/** Days for which secrets in plain text, and services without a circuit breaker, are borne: by then they are to be mended. */
export const daysForChecks = 60;

/**
 * The stack file, with a comment where something was guessed.
 * @param today a day, `2026-11-22`
 */
export function stackFileText(stack: AdoptedStack, today: string): string {
  const { name, region, images, services } = stack;
  return [
    "# yaml-language-server: $schema=https://raw.githubusercontent.com/OWNER/dagster-ecs-actions/v1/schemas/dagster-stack.schema.json",
    `# Written by \`dagster-ecs adopt\` on ${today}, of what ran then. What it had to guess says so.`,
    ...stack.notTaken.map((sentence) => `# Not taken over: ${sentence}.`),
    ...guessed(name, (value) => `name: ${scalar(value)}`),
    `region: ${region}`,
    "",
    ...contractLines(stack),
    "",
    "# Both are inside the images: they are checked, not replaced.",
    "instance:",
    ...indented(guessed(stack.dagsterYaml, (path) => `dagster-yaml: ${scalar(path)}`)),
    ...indented(guessed(stack.workspace, (path) => `workspace: ${scalar(path)}`)),
    "",
    ...(stack.locks.length === 0
      ? []
      : [
          `# With ${stack.locks.join(" or ")} an image can be made of \`layers\`, without Docker: docs/dependencies.md.`,
        ]),
    "images:",
    ...images.flatMap((image) => indented(imageLines(image))),
    "",
    "# `live`: each definition stays what it is now; only image, variables of this file and tags are set in it.",
    "services:",
    ...services.flatMap((service) => indented(serviceLines(service))),
    "",
    ...runLines(stack.runs),
    ...fileLines(stack),
    ...checkLines(stack, today),
    "",
  ].join("\n");
}

/** Callers of the workflows, by their paths. */
export function workflowTexts(): Readonly<Record<string, string>> {
  return {
    ".github/workflows/dagster-release.yml": caller({
      name: "Release",
      on: "on: { push: { branches: [main] } }",
      calls: "deploy",
      permissions: [seesRuns, "contents: read # checks out the code", signsIn],
      inputs: ["plan-role", "build-role", "deploy-role"],
    }),
    ".github/workflows/dagster-preview.yml": caller({
      name: "Preview",
      on: "on: pull_request",
      calls: "preview",
      permissions: [
        "contents: read # checks out the code",
        "id-token: write # signs in to AWS, with a role that may only read",
        "pull-requests: write # comments on the pull request",
      ],
      inputs: ["plan-role"],
    }),
    ".github/workflows/dagster-rollback.yml": caller({
      name: "Rollback",
      on: `on:
  workflow_dispatch:
    inputs:
      to: { description: "release id, SHA, previous, or a time in UTC", required: true }`,
      calls: "rollback",
      permissions: [seesRuns, "contents: read # checks out the stack file", signsIn],
      inputs: ["to", "plan-role", "deploy-role"],
    }),
  };
}

const seesRuns = "actions: read # sees whether a run that holds the lock is over";
const signsIn = "id-token: write # signs in to AWS";

/** What calls one of the workflows. Roles are variables of the repository. */
function caller({
  name,
  on,
  calls,
  permissions,
  inputs,
}: {
  readonly name: string;
  readonly on: string;
  readonly calls: string;
  readonly permissions: readonly string[];
  readonly inputs: readonly string[];
}): string {
  const given = inputs.map((input) => {
    const value = input === "to" ? "inputs.to" : `vars.${input.toUpperCase().replace("-", "_")}`;
    return `      ${input}: \${{ ${value} }}`;
  });
  return `# Replace OWNER by the owner of the repository whose workflows you call.
name: ${name}
${on}
permissions: {}
jobs:
  production:
    uses: OWNER/dagster-ecs-actions/.github/workflows/${calls}.yml@v1
    permissions:
${permissions.map((line) => `      ${line}`).join("\n")}
    with:
${given.join("\n")}
`;
}

function contractLines({ cluster, likeService, bucket, roles, logGroup }: AdoptedStack): readonly string[] {
  const { name, prefix } = bucket.value;
  const where = `{ name: ${scalar(name)}${prefix === "" ? "" : `, prefix: ${scalar(prefix)}`} }`;
  return [
    "contract:",
    ...indented([
      `cluster: ${scalar(cluster)}`,
      `network: { like-service: ${scalar(likeService)} }`,
      ...guessed(bucket, () => `bucket: ${where}`),
      ...(Object.keys(roles).length === 0 ? [] : [`roles: ${flow(roles)}`]),
      ...(logGroup === null ? [] : [`log-group: ${scalar(logGroup)}`]),
    ]),
  ];
}

function imageLines({ key, repository, platform, build }: AdoptedImage): readonly string[] {
  return [
    `${key}:`,
    ...indented([
      `repository: ${repository}`,
      `platform: ${platform}`,
      ...guessed(build, ({ context, dockerfile, target }) => {
        const stage = target === null ? "" : `, target: ${scalar(target)}`;
        return `build: { context: ${context === "." ? "." : scalar(context)}, dockerfile: ${scalar(dockerfile)}${stage} }`;
      }),
    ]),
  ];
}

function serviceLines(service: AdoptedService): readonly string[] {
  const { key, name, kind, image, container, locations, port, address, url, count, appliesRollout, scaling } = service;
  const isServer = kind.value === "code-location";
  const [location] = locations.value;
  return [
    `${key}:`,
    ...indented([
      ...guessed(kind, (value) => `kind: ${value}`),
      `image: ${image}`,
      "task-definition: live",
      `service: ${scalar(name)}`,
      `container: ${scalar(container)}`,
      ...(isServer
        ? location === undefined
          ? [`# ${locations.guess ?? ""}`, `location: ${key} # a guess: Dagster stores all state under the true one`]
          : guessed(locations, () => `location: ${scalar(location)}`)
        : locations.value.length === 0
          ? locations.guess === null
            ? []
            : [`# ${locations.guess}`, "# locations: [ ]"]
          : guessed(locations, (all) => `locations: [${all.map(scalar).join(", ")}]`)),
      ...(address === null ? [] : guessed(address, (value) => `address: ${scalar(value)}`)),
      ...(port === null || kind.value === "daemon" ? [] : [`port: ${port}`]),
      ...(port === null && isServer ? [`# A guess: ${unknownPort}.`] : []),
      ...(scaling === null ? [] : [`scaling: ${scalingText(scaling)}`]),
      ...(url === null ? [] : guessed(url, (value) => `url: ${scalar(value)}`)),
      ...(kind.value === "webserver" && count > 1 ? [`count: ${count}`] : []),
      ...(appliesRollout
        ? ["# Two daemons tick every schedule twice: the first release sets 0/100 and a breaker.", "rollout: apply"]
        : []),
    ]),
  ];
}

function runLines({ value: runs, guess }: Inferred<AdoptedRuns>): readonly string[] {
  const why = guess === null ? [] : [`# A guess: ${guess}.`];
  if (runs.launcher === "in-process")
    return [
      ...why,
      "# Runs live in the processes that load their code: a release waits for them.",
      "runs: { launcher: in-process }",
    ];
  if (runs.file !== null) return definitionLines(runs.file);
  const { environment, secrets, plainSecrets, withheld, unknown } = runs.variables;
  return [
    ...why,
    "runs:",
    ...indented([
      ...(runs.size === null ? [] : [`size: { cpu: ${runs.size.cpu}, memory: ${runs.size.memory} }`]),
      ...mapping("environment", environment),
      ...mapping("secrets", secrets),
      ...plainSecrets.map(
        (name) =>
          `# ${name}: plain text that looks secret, and not written here. Runs need it: store it, and name it under secrets.`,
      ),
      ...withheld.map(
        (name) =>
          `# ${name}: not written here, since it may be a secret. Runs need it: when it is none, write it under environment; else store it, and name it under secrets.`,
      ),
      ...unknown.map((name) => `# ${name}: a secret of another account or region, or of one version; runs need it.`),
    ]),
  ];
}

function definitionLines({ path, containers }: DefinitionFile): readonly string[] {
  const [container] = containers;
  return [
    "# The definition that dagster.yaml names. From now on its ARN reaches Dagster by the environment: take it out of there.",
    "runs:",
    `  task-definition: ${scalar(path)}`,
    ...(containers.length > 1 ? ["  # A guess: the first of its containers."] : []),
    ...(container === undefined ? [] : [`  container: ${scalar(container)}`]),
  ];
}

/** What `$name` stands for in files that the stack file names, and the file of variables for all of them. */
function fileLines({ runs: { value: runs }, placeholders, environmentFile }: AdoptedStack): readonly string[] {
  const takes = environmentFile !== null && environmentFile.differs.length === 0;
  const inDefinition = runs.launcher === "ecs" && runs.file !== null ? runs.file.placeholders : [];
  const names = [...new Set([...inDefinition, ...(takes ? environmentFile.placeholders : [])])].sort();
  const known = names.flatMap((name): readonly string[] => {
    if (name === "account" || name === "region") return [`${name}: "\${${name}}"`];
    const value = Object.hasOwn(placeholders, name) ? placeholders[name] : undefined;
    return value === undefined ? [] : [`${name}: ${scalar(value)}`];
  });
  const gaps = names.filter((name) => !known.some((one) => one.startsWith(`${name}: `)));
  return [
    ...(names.length === 0 ? [] : [`# ${names.map((name) => `$${name}`).join(", ")} in it:`]),
    ...(known.length === 0 ? [] : [`placeholders: { ${known.join(", ")} }`]),
    ...gaps.map(
      (name) => `# A gap: $${name} stands in it; say under placeholders what for. Until then it stays as it is.`,
    ),
    ...(environmentFile === null
      ? []
      : takes
        ? [
            "# What all services have, and runs shall have.",
            `environment-file: { path: ${scalar(environmentFile.path)}, mode: replace }`,
          ]
        : [
            `# Not taken over: ${environmentFile.path}, which is not what runs. They differ by ${environmentFile.differs.join(", ")}.`,
          ]),
  ];
}

function scalingText({ min, max, cpu, memory }: ComposeScaling): string {
  const targets = [...(cpu === null ? [] : [`cpu: ${cpu}`]), ...(memory === null ? [] : [`memory: ${memory}`])];
  return `{ ${[`min: ${min}`, `max: ${max}`, ...targets].join(", ")} }`;
}

function checkLines({ name, plainSecrets, services, envFiles }: AdoptedStack, today: string): readonly string[] {
  const until = new Date(Date.parse(`${today}T00:00:00Z`) + daysForChecks * 86_400_000).toISOString().slice(0, 10);
  const lower = (check: string, reason: string): string =>
    `  ${check}: { level: warning, until: ${until}, reason: ${reason} }`;
  const unbroken = services.filter(({ lacksBreaker }) => lacksBreaker).map(({ name }) => name);
  const lines = [
    ...(plainSecrets.length === 0
      ? []
      : [
          "  # Plain text that looks secret, as it was found:",
          ...plainSecrets.map(({ service, names }) => `  #   ${service}: ${names.join(", ")}`),
          ...envFiles.map(
            (file) =>
              `  # They are moved by: dagster-ecs secrets import ${file} --into secret:${name.value}/production --dry-run`,
          ),
          lower("secret-in-environment", "as it was adopted; to be moved to a store"),
        ]),
    ...(unbroken.length === 0
      ? []
      : [
          `  # Without a circuit breaker with rollback: ${unbroken.join(", ")}. Switch it on where they are made; or \`rollout: apply\` on each lets a release do so.`,
          lower("no-breaker", "as it was adopted; to be switched on"),
        ]),
  ];
  return lines.length === 0 ? [] : ["", "checks:", ...lines];
}

function guessed<T>({ value, guess }: Inferred<T>, line: (value: T) => string): readonly string[] {
  return guess === null ? [line(value)] : [`# A guess: ${guess}.`, line(value)];
}

function mapping(key: string, values: Readonly<Record<string, string>>): readonly string[] {
  const entries = Object.entries(values);
  if (entries.length === 0) return [];
  return [`${key}:`, ...indented(entries.map(([name, value]) => `${name}: ${scalar(value)}`))];
}

function flow(values: Readonly<Record<string, string>>): string {
  return `{ ${Object.entries(values)
    .map(([key, value]) => `${key}: ${scalar(value)}`)
    .join(", ")} }`;
}

/** Plain where YAML reads it as the same text, else in quotes; `${` would be a placeholder. */
export function scalar(text: string): string {
  const escaped = text.replaceAll("${", "$${");
  const isPlain =
    /^[A-Za-z_/.][\w./-]*$/.test(escaped) &&
    !/^(true|false|null|yes|no|on|off|~|\.inf|\.nan)$/i.test(text) &&
    !/^[.\d]+$/.test(text);
  return isPlain ? escaped : JSON.stringify(escaped);
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}
