import { refusal } from "./refusal.ts";

/** A secret in memory. */
export interface PlayedSecret {
  /** null: infrastructure has made it, and nobody has given it a value. */
  readonly text: string | null;
  readonly version: string;
  readonly isDeleted?: boolean;
}

/** Answers of Secrets Manager, as its API reference has them. */
export function secretsAnswer(secrets: Map<string, PlayedSecret>, operation: string, input: unknown): object {
  const given = input as { readonly SecretId?: string; readonly Name?: string; readonly SecretString?: string };
  const name = given.SecretId ?? given.Name ?? "";
  const known = secrets.get(name);
  const ARN = `arn:aws:secretsmanager:eu-central-1:123456789012:secret:${name}-AbC12d`;
  if (operation === "CreateSecret") {
    if (known !== undefined) throw refusal("ResourceExistsException", 400, `The secret ${name} already exists.`);
    secrets.set(name, { text: given.SecretString ?? null, version: "1" });
    return { ARN, VersionId: "1" };
  }
  if (known === undefined)
    throw refusal("ResourceNotFoundException", 400, "Secrets Manager can't find the specified secret.");
  if (operation === "DescribeSecret") return { ARN, ...(known.isDeleted === true ? { DeletedDate: 1 } : {}) };
  if (operation === "GetSecretValue") {
    if (known.text === null)
      throw refusal("ResourceNotFoundException", 400, "can't find the specified secret value for staging label");
    return { ARN, SecretString: known.text, VersionId: known.version };
  }
  if (operation !== "PutSecretValue") throw new Error(`the Secrets Manager in memory does not know ${operation}`);
  const version = `${Number(known.version) + 1}`;
  secrets.set(name, { text: given.SecretString ?? null, version });
  return { ARN, VersionId: version };
}

/** As SSM puts a parameter: one that is there is written over only when it is said. */
export function putParameter(parameters: Map<string, string>, input: unknown): object {
  const { Name, Value, Overwrite } = input as { Name: string; Value: string; Overwrite: boolean };
  if (parameters.has(Name) && !Overwrite) throw refusal("ParameterAlreadyExists", 400, "The parameter already exists.");
  if (Value === "") throw refusal("ValidationException", 400, "1 validation error detected");
  parameters.set(Name, Value);
  return { Version: 1, Tier: "Standard" };
}
