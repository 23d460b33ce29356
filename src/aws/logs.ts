import {
  CloudWatchLogsClient,
  type CloudWatchLogsClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-cloudwatch-logs";
import type { Context } from "../domain/context.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/** Makes calls of CloudWatch Logs. */
export type LogsSend = Send<ServiceInputTypes, ServiceOutputTypes, CloudWatchLogsClientResolvedConfig>;

/** Opens CloudWatch Logs; region and credentials are looked up at the first call. */
export function logs(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): LogsSend {
  const client = new CloudWatchLogsClient(clientConfig(settings));
  return sender(client, { name: "CloudWatch Logs", prefix: "logs" }, context, settings.observe);
}
