import { type Home, parseArn, parameterArn, partitionOf, roleArn, secretArn, showArn } from "../../aws/arn.ts";
import type { Finding } from "../../domain/finding.ts";
import type { Platform } from "../../domain/identifiers.ts";
import { isMap, type Json, type JsonMap } from "../../domain/json.ts";

/** Something that tasks of a definition, or a service, need of AWS before they start. */
export type Need =
  | { readonly kind: "parameter"; readonly arn: string }
  /** `key` is null for the whole secret. */
  | { readonly kind: "secret"; readonly arn: string; readonly key: string | null }
  | { readonly kind: "role"; readonly name: string }
  | ({ readonly kind: "right" } & Right)
  | { readonly kind: "log-group"; readonly name: string }
  | {
      readonly kind: "image";
      readonly repository: string;
      readonly reference: string;
      readonly platform: Platform;
    }
  | { readonly kind: "target-group"; readonly arn: string }
  /** Before the target group of a webserver that lets in whoever comes. */
  | { readonly kind: "login"; readonly arn: string }
  | { readonly kind: "subnet"; readonly id: string };

/** Needs of one kind. */
export type Kind<K extends Need["kind"]> = Extract<Need, { readonly kind: K }>;

/** What a role must be allowed. */
export interface Right {
  /** Name of the role. */
  readonly role: string;
  readonly action: string;
  readonly resource: string;
  /** What AWS knows of such a call, by condition keys. */
  readonly context: Readonly<Record<string, string>>;
}

/** A need, and who has it. */
export interface Needed {
  readonly need: Need;
  /** `service/daemon`, `run/shop` */
  readonly by: string;
  readonly where: Finding["where"];
}

/** A definition as it is to be, with what verifying it takes. */
export interface VerifiedDefinition {
  readonly definition: string;
  /** What is known later reads `(known after apply)`. */
  readonly content: JsonMap;
  /** The line that says a member. */
  readonly placeOf: (path: readonly (string | number)[]) => Finding["where"];
}

/** One name for what is the same need. */
export function keyOf(need: Need): string {
  switch (need.kind) {
    case "parameter":
      return `parameter ${need.arn}`;
    case "secret":
      return `secret ${need.arn} ${need.key ?? ""}`;
    case "role":
      return `role ${need.name}`;
    case "right":
      return `right ${need.role} ${need.action} ${need.resource}`;
    case "log-group":
      return `log-group ${need.name}`;
    case "image":
      return `image ${need.repository} ${need.reference} ${need.platform}`;
    case "target-group":
      return `target-group ${need.arn}`;
    case "login":
      return `login ${need.arn}`;
    case "subnet":
      return `subnet ${need.id}`;
  }
}

/**
 * What tasks of a definition need. What is in another account or region is not among it: the credentials of a release need not reach it.
 * @param made digests of images that the plan has looked at, or makes
 */
export function needsOfDefinition(
  { definition: by, content, placeOf }: VerifiedDefinition,
  home: Home,
  made: ReadonlySet<string>,
): readonly Needed[] {
  const needs: Needed[] = [];
  const add = (path: readonly (string | number)[], ...found: readonly Need[]): void => {
    const where = placeOf(path);
    for (const need of found) needs.push({ need, by, where });
  };
  const execution = roleIn(content["executionRoleArn"], home);
  const task = roleIn(content["taskRoleArn"], home);
  if (execution !== null) add(["executionRoleArn"], { kind: "role", name: execution });
  if (task !== null) add(["taskRoleArn"], { kind: "role", name: task });
  const allow = (path: readonly (string | number)[], resource: string, ...actions: readonly string[]): void => {
    if (execution === null) return;
    add(path, ...actions.map((action): Need => ({ kind: "right", role: execution, action, resource, context: {} })));
  };
  for (const [index, container] of mapsIn(content["containerDefinitions"]).entries()) {
    const at = ["containerDefinitions", index];
    const log = mapOf(container["logConfiguration"]);
    const secrets = [
      ...mapsIn(container["secrets"]).map((secret, n) => [[...at, "secrets", n], secret["valueFrom"]] as const),
      ...mapsIn(log["secretOptions"]).map((secret) => [[...at, "logConfiguration"], secret["valueFrom"]] as const),
      [
        [...at, "repositoryCredentials"],
        mapOf(container["repositoryCredentials"])["credentialsParameter"] ?? null,
      ] as const,
    ];
    for (const [path, from] of secrets) {
      const need = typeof from === "string" ? secretBehind(from, home) : null;
      if (need === null) continue;
      add(path, need);
      allow(path, need.arn, need.kind === "parameter" ? "ssm:GetParameters" : "secretsmanager:GetSecretValue");
    }
    const group = log["logDriver"] === "awslogs" ? logGroupIn(mapOf(log["options"]), home) : null;
    if (group !== null) {
      const path = [...at, "logConfiguration"];
      const streams = showArn({ ...home, service: "logs", resource: `log-group:${group.name}:log-stream:dagster` });
      if (!group.isMade) add(path, { kind: "log-group", name: group.name });
      allow(path, streams, "logs:CreateLogStream", "logs:PutLogEvents");
    }
    const image = typeof container["image"] === "string" ? imageIn(container["image"], home) : null;
    if (image === null) continue;
    const repository = showArn({ ...home, service: "ecr", resource: `repository/${image.repository}` });
    allow([...at, "image"], "*", "ecr:GetAuthorizationToken");
    allow([...at, "image"], repository, "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer");
    if (image.reference === null || made.has(image.reference)) continue;
    const { repository: name, reference } = image;
    add([...at, "image"], { kind: "image", repository: name, reference, platform: platformIn(content) });
  }
  return needs;
}

/**
 * What who starts runs must be allowed, with its task role: to start tasks of their definition, and to pass on the roles of these.
 * Source: docs.dagster.io, "Deploying to Amazon Web Services", and the IAM user guide, "Grant a user permissions to pass a role".
 */
export function needsOfLauncher(
  launcher: VerifiedDefinition,
  run: { readonly family: string; readonly content: JsonMap },
  home: Home,
  cluster: string,
): readonly Needed[] {
  const role = roleIn(launcher.content["taskRoleArn"], home);
  if (role === null) return [];
  const needed = (action: string, resource: string, context: Right["context"]): Needed => ({
    need: { kind: "right", role, action, resource, context },
    by: launcher.definition,
    where: launcher.placeOf(["taskRoleArn"]),
  });
  const passed = [run.content["executionRoleArn"], run.content["taskRoleArn"]].flatMap(
    (one) => roleIn(one, home) ?? [],
  );
  return [
    needed("ecs:RunTask", showArn({ ...home, service: "ecs", resource: `task-definition/${run.family}:1` }), {
      "ecs:cluster": showArn({ ...home, service: "ecs", resource: `cluster/${cluster}` }),
    }),
    ...passed.map((name) =>
      needed("iam:PassRole", roleArn(home, name), { "iam:PassedToService": "ecs-tasks.amazonaws.com" }),
    ),
  ];
}

/**
 * A Dagster webserver asks nobody who he is. One behind a load balancer needs somebody before it who does, unless a sidecar is what the
 * load balancer sends to, or the definition starts another program.
 * Source: https://docs.dagster.io/deployment/oss/oss-deployment-architecture
 * @param targets of its load balancers
 */
export function needsOfWebserver(
  { definition: by, content, placeOf }: VerifiedDefinition,
  targets: readonly { readonly container: string; readonly targetGroup: string | null }[],
): readonly Needed[] {
  const containers = mapsIn(content["containerDefinitions"]);
  return targets.flatMap(({ container, targetGroup: arn }) => {
    const index = containers.findIndex(({ name }) => name === container);
    const { entryPoint, command } = containers[index] ?? {};
    const words = [entryPoint, command].flatMap((one) => (Array.isArray(one) ? (one as readonly Json[]) : []));
    const started = words.filter((word) => typeof word === "string").join(" ");
    if (arn === null || index < 0 || !/\b(?:dagster-webserver|dagit|dagster dev)\b/.test(started)) return [];
    return [{ need: { kind: "login", arn } as const, by, where: placeOf(["containerDefinitions", index]) }];
  });
}

/**
 * Where a secret of a container is. A parameter may be written by its name.
 * Source: "Specifying sensitive data" in the ECS developer guide, Secrets Manager: `secret:name:json-key:version-stage:version-id`.
 * @returns null when it is in another account or region, or nothing that we know
 */
export function secretBehind(from: string, home: Home): Kind<"parameter" | "secret"> | null {
  if (!from.startsWith("arn:")) return { kind: "parameter", arn: parameterArn(home, from) };
  const arn = parseArn(from);
  if (arn === null || arn.account !== home.account || arn.region !== home.region) return null;
  if (arn.service === "ssm" && arn.resource.startsWith("parameter/")) return { kind: "parameter", arn: from };
  const [kind, name = "", key = ""] = arn.resource.split(":");
  if (arn.service !== "secretsmanager" || kind !== "secret" || name === "") return null;
  return { kind: "secret", arn: secretArn(home, name), key: key === "" ? null : key };
}

/** Its name, with its path. null: none, another account's, or not known yet */
function roleIn(arn: unknown, home: Home): string | null {
  const role = typeof arn === "string" ? parseArn(arn) : null;
  const isOurs = role?.service === "iam" && role.account === home.account && role.resource.startsWith("role/");
  return isOurs ? role.resource.slice("role/".length) : null;
}

/** null: in another region, or not named. One that the log driver makes by itself need not be there. */
function logGroupIn(options: JsonMap, home: Home): { readonly name: string; readonly isMade: boolean } | null {
  const { "awslogs-group": name, "awslogs-region": region, "awslogs-create-group": made } = options;
  return typeof name === "string" && region === home.region ? { name, isMade: made === "true" } : null;
}

/** An image in the registry of the account and region; its reference is null while it is made. */
function imageIn(
  image: string,
  { account, region }: Home,
): { readonly repository: string; readonly reference: string | null } | null {
  const domain = partitionOf(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  const host = `${account}.dkr.ecr.${region}.${domain}/`;
  if (!image.startsWith(host)) return null;
  const [name = "", digest] = image.slice(host.length).split("@");
  const [repository = "", tag = "latest"] = name.split(":");
  const reference = digest ?? tag;
  return { repository, reference: /^[\w.:-]+$/.test(reference) ? reference : null };
}

/** Without `runtimePlatform` x86 is meant. */
function platformIn(content: JsonMap): Platform {
  return mapOf(content["runtimePlatform"])["cpuArchitecture"] === "ARM64" ? "linux/arm64" : "linux/amd64";
}

function mapOf(value: JsonMap[string] | undefined): JsonMap {
  return value !== undefined && isMap(value) ? value : {};
}

function mapsIn(value: JsonMap[string] | undefined): readonly JsonMap[] {
  return Array.isArray(value) ? (value as readonly JsonMap[string][]).filter(isMap) : [];
}
