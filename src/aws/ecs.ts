import {
  ECSClient,
  type ECSClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-ecs";
import type { Context } from "../domain/context.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/** Makes calls of ECS. */
export type EcsSend = Send<ServiceInputTypes, ServiceOutputTypes, ECSClientResolvedConfig>;

/** Opens ECS; region and credentials are looked up at the first call. */
export function ecs(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): EcsSend {
  const client = new ECSClient(clientConfig(settings));
  return sender(client, { name: "ECS", prefix: "ecs" }, context, settings.observe);
}
