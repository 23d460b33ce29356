import {
  ElasticLoadBalancingV2Client,
  type ElasticLoadBalancingV2ClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import type { Context } from "../domain/context.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

export type ElbSend = Send<ServiceInputTypes, ServiceOutputTypes, ElasticLoadBalancingV2ClientResolvedConfig>;

export function elb(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): ElbSend {
  const client = new ElasticLoadBalancingV2Client(clientConfig(settings));
  return sender(client, { name: "Elastic Load Balancing", prefix: "elasticloadbalancing" }, context, settings.observe);
}
