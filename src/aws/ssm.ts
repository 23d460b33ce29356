import {
  SSMClient,
  type SSMClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-ssm";
import type { Context } from "../domain/context.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/** Makes calls of SSM. */
export type SsmSend = Send<ServiceInputTypes, ServiceOutputTypes, SSMClientResolvedConfig>;

/** Opens SSM; region and credentials are looked up at the first call. */
export function ssm(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): SsmSend {
  const client = new SSMClient(clientConfig(settings));
  return sender(client, { name: "SSM", prefix: "ssm" }, context, settings.observe);
}
