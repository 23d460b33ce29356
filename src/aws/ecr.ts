import {
  ECRClient,
  type ECRClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-ecr";
import type { Context } from "../domain/context.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/** Makes calls of ECR. */
export type EcrSend = Send<ServiceInputTypes, ServiceOutputTypes, ECRClientResolvedConfig>;

/** Opens ECR; region and credentials are looked up at the first call. */
export function ecr(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): EcrSend {
  const client = new ECRClient(clientConfig(settings));
  return sender(client, { name: "ECR", prefix: "ecr" }, context, settings.observe);
}
