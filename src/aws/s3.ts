import {
  S3Client,
  type S3ClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-s3";
import type { Context } from "../domain/context.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/** Makes calls of S3. */
export type S3Send = Send<ServiceInputTypes, ServiceOutputTypes, S3ClientResolvedConfig>;

/** Opens S3; region and credentials are looked up at the first call. */
export function s3(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): S3Send {
  const client = new S3Client(clientConfig(settings));
  return sender(client, { name: "S3", prefix: "s3" }, context, settings.observe);
}
