import {
  GetCallerIdentityCommand,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  STSClient,
  type STSClientResolvedConfig,
} from "@aws-sdk/client-sts";
import type { Context } from "../domain/context.ts";
import { type Home, parseArn } from "./arn.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/** Makes calls of STS. */
export type StsSend = Send<ServiceInputTypes, ServiceOutputTypes, STSClientResolvedConfig>;

/** Where the credentials of this job work, and in whose name. */
export interface Caller extends Home {
  /** `arn:aws:sts::123456789012:assumed-role/deploy/session` */
  readonly arn: string;
}

/** Opens STS; the credentials are looked up at the first call that needs some. */
export function sts(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): StsSend {
  return senderOver(new STSClient(clientConfig(settings)), context, settings);
}

/** @throws AwsError; UserError when region or credentials are missing. */
export async function accountAndRegion(
  context: Pick<Context, "clock" | "signal">,
  settings: ClientSettings = {},
): Promise<Caller> {
  const client = new STSClient(clientConfig(settings));
  const send = senderOver(client, context, settings);
  const { Account: account, Arn: arn } = await send(new GetCallerIdentityCommand({}));
  const partition = arn === undefined ? undefined : parseArn(arn)?.partition;
  if (arn === undefined || account === undefined || partition === undefined) {
    throw new Error("STS GetCallerIdentity answered without an account or an ARN of a known partition");
  }
  return { account, partition, arn, region: await client.config.region() };
}

function senderOver(
  client: STSClient,
  context: Pick<Context, "clock" | "signal">,
  { observe }: Pick<ClientSettings, "observe">,
): StsSend {
  return sender(client, { name: "STS", prefix: "sts" }, context, observe);
}
