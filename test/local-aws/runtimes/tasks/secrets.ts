import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import * as z from "zod";
import { messageOf } from "../../../../src/domain/errors.ts";
import { type AgentCall, jsonOrNull } from "./agent.ts";

/**
 * A `valueFrom`, split:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
 */
export type SecretSource =
  | {
      readonly kind: "secretsmanager";
      readonly id: string;
      readonly key: string | null;
      readonly stage: string | null;
      readonly version: string | null;
    }
  | { readonly kind: "ssm"; readonly name: string };

const secretArn = /^(arn:[^:]+:secretsmanager:[^:]*:\d+:secret:[^:]+)(?::([^:]*):([^:]*):([^:]*))?$/;
const parameterArn = /^arn:[^:]+:ssm:[^:]*:\d+:parameter(\/.+)$/;

/** An ARN of either service; anything else is the name of a parameter in the task's region. */
export function parseSecretSource(valueFrom: string): SecretSource {
  const [, id, key, stage, version] = secretArn.exec(valueFrom) ?? [];
  if (id !== undefined) {
    return { kind: "secretsmanager", id, key: key || null, stage: stage || null, version: version || null };
  }
  const path = parameterArn.exec(valueFrom)?.[1];
  if (path === undefined) return { kind: "ssm", name: valueFrom };
  // The ARN of a parameter without a path has no slash of its own: `parameter/name` is `name`.
  return { kind: "ssm", name: path.lastIndexOf("/") === 0 ? path.slice(1) : path };
}

/**
 * Values of a container's secrets by variable name.
 * @throws Error in the words that ECS has for it.
 */
export async function resolveSecrets(
  call: AgentCall,
  definition: ContainerDefinition,
): Promise<Record<string, string>> {
  const resolved = (definition.secrets ?? []).map(async ({ name = "", valueFrom = "" }) => {
    return [name, await resolveSecret(call, valueFrom)] as const;
  });
  return Object.fromEntries(await Promise.all(resolved));
}

async function resolveSecret(call: AgentCall, valueFrom: string): Promise<string> {
  const source = parseSecretSource(valueFrom);
  switch (source.kind) {
    case "secretsmanager":
      return resolveFromSecretsManager(call, valueFrom, source);
    case "ssm":
      return resolveFromParameterStore(call, source.name);
  }
}

type SecretsManagerSource = Extract<SecretSource, { kind: "secretsmanager" }>;

async function resolveFromSecretsManager(
  call: AgentCall,
  valueFrom: string,
  { id, key, stage, version }: SecretsManagerSource,
): Promise<string> {
  const input = {
    SecretId: id,
    ...(stage === null ? {} : { VersionStage: stage }),
    ...(version === null ? {} : { VersionId: version }),
  };
  const answer = await call("secretsmanager", "GetSecretValue", input).catch((error: unknown) => {
    throw notRetrieved("secret from asm", `failed to fetch secret ${id} from secrets manager: ${messageOf(error)}`);
  });
  const text = z.object({ SecretString: z.string() }).parse(answer).SecretString;
  if (key === null) return text;
  const value = z.record(z.string(), z.unknown()).safeParse(jsonOrNull(text)).data?.[key];
  if (value === undefined) {
    throw notRetrieved(
      "secret from asm",
      `retrieved secret from Secrets Manager did not contain json key ${key}: ${valueFrom}`,
    );
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function resolveFromParameterStore(call: AgentCall, name: string): Promise<string> {
  const answer = await call("ssm", "GetParameters", { Names: [name], WithDecryption: true }).catch((error: unknown) => {
    throw notRetrieved("secrets from ssm", messageOf(error));
  });
  const { Parameters } = z.object({ Parameters: z.array(z.object({ Value: z.string() })) }).parse(answer);
  const [parameter] = Parameters;
  if (parameter === undefined) throw notRetrieved("secrets from ssm", `invalid parameters: ${name}`);
  return parameter.Value;
}

function notRetrieved(what: string, why: string): Error {
  const words = [
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed",
    `unable to retrieve ${what}: service call has been retried 1 time(s)`,
    why,
  ];
  return new Error(words.join(": "));
}
