import type { MetadataBearer } from "@smithy/types";
import type { Context } from "../domain/context.ts";
import { lentClient, lentCommand, type LentSend, type LentTo, member } from "./lent-client.ts";
import type { ClientSettings } from "./settings.ts";

const service: LentTo = {
  name: "Secrets Manager",
  prefix: "secretsmanager",
  serviceId: "Secrets Manager",
  endpoint: "secretsmanager",
  isGlobal: false,
  namespace: "com.amazonaws.secretsmanager",
  protocol: "json",
  version: "2017-10-17",
  xmlNamespace: "",
  target: "secretsmanager",
};

/** Makes calls of Secrets Manager. */
export type SecretsSend = LentSend<
  SecretInput | CreateSecretInput | PutSecretValueInput,
  DescribeSecretOutput | GetSecretValueOutput | WrittenSecretOutput
>;

export interface SecretInput {
  /** Name or ARN. */
  readonly SecretId: string;
}

/** Source: API_DescribeSecret in the Secrets Manager API reference, as far as it is read. */
export interface DescribeSecretOutput extends MetadataBearer {
  readonly ARN?: string;
  /** Epoch seconds: it is scheduled for deletion. */
  readonly DeletedDate?: number;
}

/** Source: API_GetSecretValue in the Secrets Manager API reference, as far as it is read. */
export interface GetSecretValueOutput extends MetadataBearer {
  readonly SecretString?: string;
  readonly VersionId?: string;
}

/** Source: API_CreateSecret in the Secrets Manager API reference, as far as it is used. */
export interface CreateSecretInput {
  readonly Name: string;
  readonly SecretString: string;
  /** The same twice is one call. */
  readonly ClientRequestToken: string;
}

/** Source: API_PutSecretValue in the Secrets Manager API reference, as far as it is used. */
export interface PutSecretValueInput extends SecretInput, Omit<CreateSecretInput, "Name"> {}

export interface WrittenSecretOutput extends MetadataBearer {
  readonly VersionId?: string;
}

const { text, number } = member;

/** A secret without its value. */
export class DescribeSecretCommand extends lentCommand<SecretInput, DescribeSecretOutput>(
  service,
  "DescribeSecret",
  { SecretId: text },
  { ARN: text, DeletedDate: number },
) {}

/** The value of a secret. */
export class GetSecretValueCommand extends lentCommand<SecretInput, GetSecretValueOutput>(
  service,
  "GetSecretValue",
  { SecretId: text },
  { SecretString: text, VersionId: text },
) {}

/** A secret that is not there yet. */
export class CreateSecretCommand extends lentCommand<CreateSecretInput, WrittenSecretOutput>(
  service,
  "CreateSecret",
  { Name: text, SecretString: text, ClientRequestToken: text },
  { VersionId: text },
) {}

/** Another value of a secret. */
export class PutSecretValueCommand extends lentCommand<PutSecretValueInput, WrittenSecretOutput>(
  service,
  "PutSecretValue",
  { SecretId: text, SecretString: text, ClientRequestToken: text },
  { VersionId: text },
) {}

/** Opens Secrets Manager; region and credentials are looked up at the first call. */
export function secretsManager(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): SecretsSend {
  return lentClient(service, context, settings);
}
