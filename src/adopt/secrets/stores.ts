import { randomUUID } from "node:crypto";
import { GetParameterCommand, PutParameterCommand } from "../../aws/ssm.ts";
import { isAwsError } from "../../aws/error.ts";
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
} from "../../aws/secrets-manager.ts";
import { UserError } from "../../domain/errors.ts";
import { isMap, type Json, type JsonMap } from "../../domain/json.ts";
import type { Clients } from "../../releases/connections.ts";
import type { FileVariable } from "./env-file.ts";
import type { ImportPlan, Store } from "./plan.ts";

type StoreClients = Pick<Clients, "ssm" | "secretsManager">;

/** What a store holds now. */
export interface StoreContent {
  /** By variable; null: something that is no text. */
  readonly values: ReadonlyMap<string, string | null>;
  /** The secret as it is; null: it is not there, or parameters are looked at. */
  readonly secret: { readonly content: JsonMap; readonly version: string | null } | null;
}

/** Of a parameter of the standard tier, in bytes. Source: AWS Systems Manager user guide, "Managing parameter tiers". */
const largestParameter = 4096;
/** Of a secret, in bytes. Source: AWS Secrets Manager user guide, "Quotas". */
const largestSecret = 65_536;

/**
 * Reads what a store holds, with values: nothing else tells whether one would be written over.
 * @throws UserError when it cannot take them; AwsError
 */
export async function readStore(
  { ssm, secretsManager }: StoreClients,
  store: Store,
  names: readonly string[],
): Promise<StoreContent> {
  if (store.kind === "parameters") {
    const values = new Map<string, string | null>();
    for (const name of names) {
      const Name = `${store.path}${name}`;
      const found = await ssm(new GetParameterCommand({ Name, WithDecryption: true }), {
        resource: `parameter ${Name}`,
      }).catch(notThere);
      if (found?.Parameter === undefined) continue;
      if (found.Parameter.Type !== "SecureString")
        throw new UserError({
          what: `Parameter ${Name} is there, and is no SecureString: SSM does not change the type of one.`,
          where: `SSM, ${Name}`,
          fix: "Give another path, or delete it, when nothing reads it, and import again.",
        });
      values.set(name, found.Parameter.Value ?? null);
    }
    return { values, secret: null };
  }
  const about = { resource: `secret ${store.name}` };
  const described = await secretsManager(new DescribeSecretCommand({ SecretId: store.name }), about).catch(notThere);
  if (described === null) return { values: new Map(), secret: null };
  if (described.DeletedDate !== undefined)
    throw new UserError({
      what: `Secret ${store.name} is scheduled for deletion.`,
      where: `Secrets Manager, ${store.name}`,
      fix: `Restore it (\`aws secretsmanager restore-secret --secret-id ${store.name}\`), or give another name.`,
    });
  // One that infrastructure has made may have no value yet.
  const read = await secretsManager(new GetSecretValueCommand({ SecretId: store.name }), about).catch(notThere);
  const content = read === null ? {} : contentOf(read.SecretString ?? "", store.name);
  const values = new Map(
    names.flatMap((name) => (Object.hasOwn(content, name) ? [[name, textOf(content[name])]] : [])),
  );
  return { values, secret: { content, version: read?.VersionId ?? null } };
}

/** @throws UserError when what would be written is larger than the store takes: nothing is written then */
export function checkSizes(
  { store, variables }: ImportPlan,
  values: readonly FileVariable[],
  seen: StoreContent,
  path: string,
): void {
  if (store.kind === "parameters") {
    const names = new Set(variables.map(({ name }) => name));
    const large = values.filter(({ name, value }) => names.has(name) && Buffer.byteLength(value) > largestParameter);
    const [first] = large;
    if (first === undefined) return;
    throw new UserError({
      what: `${large.map(({ name }) => name).join(", ")}: larger than the ${largestParameter} bytes of a parameter.`,
      where: `${path}:${first.line}`,
      fix: "Import it to Secrets Manager: `--into secret:<name>`, with `--variable` for each.",
    });
  }
  if (Buffer.byteLength(secretText(variables, values, seen)) <= largestSecret) return;
  throw new UserError({
    what: `All of them together are larger than the ${largestSecret} bytes of a secret.`,
    where: path,
    fix: "Import some of them to another secret: `--variable` names which.",
  });
}

/**
 * Writes what a plan says. One that was cut may be run again: what is there by then is the same.
 * @param seen what the plan was made of
 * @throws UserError when the secret has changed since; AwsError
 */
export async function writeStore(
  { ssm, secretsManager }: StoreClients,
  { store, variables }: ImportPlan,
  values: readonly FileVariable[],
  seen: StoreContent,
): Promise<void> {
  const changed = variables.filter(({ does }) => does === "create" || does === "overwrite");
  if (changed.length === 0) return;
  if (store.kind === "parameters") {
    for (const { name, does } of changed) {
      const Name = `${store.path}${name}`;
      const Value = values.find((one) => one.name === name)?.value ?? "";
      await ssm(new PutParameterCommand({ Name, Value, Type: "SecureString", Overwrite: does === "overwrite" }), {
        resource: `parameter ${Name}`,
      });
    }
    return;
  }
  const about = { resource: `secret ${store.name}`, idempotent: true };
  const SecretString = secretText(variables, values, seen);
  const ClientRequestToken = randomUUID();
  if (seen.secret === null) {
    await secretsManager(new CreateSecretCommand({ Name: store.name, SecretString, ClientRequestToken }), about);
    return;
  }
  const { secret: now } = await readStore({ ssm, secretsManager }, store, []);
  if (now?.version !== seen.secret.version)
    throw new UserError({
      what: `Secret ${store.name} was changed while it was looked at.`,
      where: `Secrets Manager, ${store.name}`,
      fix: "Run it again.",
    });
  await secretsManager(new PutSecretValueCommand({ SecretId: store.name, SecretString, ClientRequestToken }), about);
}

/** Keys that are there stay as they are. */
function secretText(
  variables: ImportPlan["variables"],
  values: readonly FileVariable[],
  { secret }: StoreContent,
): string {
  const names = new Set(variables.map(({ name }) => name));
  const added = values.flatMap(({ name, value }) => (names.has(name) ? [[name, value] as const] : []));
  return JSON.stringify({ ...secret?.content, ...Object.fromEntries(added) });
}

function contentOf(text: string, name: string): JsonMap {
  try {
    const content: unknown = JSON.parse(text, (_key, value: unknown) => {
      // Written again it would be another one.
      if (typeof value === "number" && !Number.isSafeInteger(value)) throw new RangeError();
      return value;
    });
    if (isMap(content as Json)) return content as JsonMap;
  } catch {
    // Its message quotes the text.
  }
  throw new UserError({
    what: `Secret ${name} holds something else than a JSON object of texts: keys cannot be added to it.`,
    where: `Secrets Manager, ${name}`,
    fix: "Give the name of another secret; it is made when it is not there.",
  });
}

function textOf(value: Json | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function notThere(error: unknown): null {
  if (isAwsError(error, "not-found")) return null;
  throw error;
}
