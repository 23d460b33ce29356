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
export type SecretsSend = LentSend<SecretInput, DescribeSecretOutput | GetSecretValueOutput>;

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
  { SecretString: text },
) {}

/** Opens Secrets Manager; region and credentials are looked up at the first call. */
export function secretsManager(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): SecretsSend {
  return lentClient(service, context, settings);
}
