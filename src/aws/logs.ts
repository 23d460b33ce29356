import {
  CloudWatchLogsClient,
  type CloudWatchLogsClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-cloudwatch-logs";
import type { Context } from "../domain/context.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

export type LogsSend = Send<ServiceInputTypes, ServiceOutputTypes, CloudWatchLogsClientResolvedConfig>;

export function logs(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): LogsSend {
  const client = new CloudWatchLogsClient(clientConfig(settings));
  return sender(client, { name: "CloudWatch Logs", prefix: "logs" }, context, settings.observe);
}
