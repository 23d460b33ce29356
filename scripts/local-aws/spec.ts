import * as z from "zod";
import { parseStackFile, regionOf } from "../../src/stack/index.ts";
import { documentOf, topEnvironment } from "../../src/stack/stack-file.ts";
import { toValue } from "../../src/stack/tree.ts";
import type { InfrastructureSpec, ServiceSpec } from "../../test/local-aws/infrastructure/play.ts";

export interface StackSpec extends InfrastructureSpec {
  readonly region: string;
  readonly environment: string;
}

const holderSchema = z.object({
  secrets: z.record(z.string(), z.string()).default({}),
  "secrets-from": z
    .array(z.union([z.string(), z.object({ secret: z.string(), keys: z.array(z.string()) })]))
    .default([]),
});
const fileSchema = holderSchema.extend({
  contract: z.unknown(),
  images: z.record(z.string(), z.object({ repository: z.string() })).default({}),
  services: z
    .record(
      z.string(),
      holderSchema.extend({ kind: z.enum(["webserver", "daemon", "code-location"]), port: z.int().optional() }),
    )
    .default({}),
  runs: holderSchema.prefault({}),
});

/**
 * What an infrastructure has to have for the stack of a file: repositories, services, and secrets with a value that stands in for
 * theirs.
 * @param asked the environment; null: `local` where the file has it, else the top of the file
 * @param given values of secrets, by name
 * @throws StackFileError, or Error when this environment does not take its contract from where it will be
 */
export function specOf(
  text: string,
  file: string,
  asked: string | null,
  given: Readonly<Record<string, string>>,
): StackSpec {
  const stackFile = parseStackFile(text, file);
  const environment = asked ?? (stackFile.environments.includes("local") ? "local" : topEnvironment);
  const document = fileSchema.parse(toValue(documentOf(stackFile, environment)));
  const contract = `ssm:/dagster/${stackFile.name}/contract`;
  if (document.contract !== contract) {
    throw new Error(
      `The environment ${environment} must take its contract from here: write \`contract: ${contract}\` in it.`,
    );
  }
  const services = Object.entries(document.services).map(([key, { kind, port }]): [string, ServiceSpec] => [
    key,
    kind === "daemon" ? { kind } : { kind, port: port ?? (kind === "webserver" ? 3000 : 4000) },
  ]);
  return {
    stack: stackFile.name,
    region: regionOf(stackFile, environment),
    environment,
    repositories: [...new Set(Object.values(document.images).map(({ repository }) => repository))],
    services: Object.fromEntries(services),
    secrets: { ...standIns([document, ...Object.values(document.services), document.runs]), ...given },
  };
}

/** Stands in for the address of a database, which has one only when it runs. */
const anyDatabase = "postgresql://";

/** Names of variables under which programs look for the address of a database. */
const namesDatabase = /(?:CONN(?:ECTION)?_STR(?:ING)?|DATABASE_UR[IL]|DB_UR[IL]|_DSN)$/;

/** Secrets with the address of a database in them, where one is named. @param url of a database that runs */
export function withDatabase(secrets: StackSpec["secrets"], url: string): NonNullable<StackSpec["secrets"]> {
  return Object.fromEntries(
    Object.entries(secrets ?? {}).map(([name, value]) => [
      name,
      value.replaceAll(`"${anyDatabase}"`, JSON.stringify(url)),
    ]),
  );
}

/**
 * Reads values of secrets: texts, or values by key.
 * @throws Error that says what is wrong
 */
export function readSecrets(text: string): Readonly<Record<string, string>> {
  const result = z
    .record(z.string(), z.union([z.string(), z.record(z.string(), z.string())]))
    .safeParse(JSON.parse(text));
  if (!result.success) {
    throw new Error(
      'Values of secrets are JSON: {"name of a secret": {"KEY": "value"}}, or {"name of a secret": "the whole text"}.',
    );
  }
  return Object.fromEntries(
    Object.entries(result.data).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** Each key of a secret is its own value; one that names a database gets the address of one. */
function standIns(holders: readonly z.infer<typeof holderSchema>[]): Readonly<Record<string, string>> {
  const keys = new Map<string, readonly string[]>();
  const add = (name: string, more: readonly string[]): void =>
    void keys.set(name, [...(keys.get(name) ?? []), ...more]);
  for (const { secrets, "secrets-from": from } of holders) {
    for (const reference of Object.values(secrets)) {
      const [, name, key] = /^secret:([^#]+)(?:#(.+))?$/.exec(reference) ?? [];
      if (name !== undefined) add(name, key === undefined ? [] : [key]);
    }
    for (const one of from) if (typeof one !== "string") add(one.secret, one.keys);
  }
  return Object.fromEntries(
    [...keys].map(([name, named]) => [
      name,
      JSON.stringify(Object.fromEntries(named.map((key) => [key, namesDatabase.test(key) ? anyDatabase : key]))),
    ]),
  );
}
