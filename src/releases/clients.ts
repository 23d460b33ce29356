import { type EcrSend, ecr } from "../aws/ecr.ts";
import { type EcsSend, ecs } from "../aws/ecs.ts";
import { type LogsSend, logs } from "../aws/logs.ts";
import { type S3Send, s3 } from "../aws/s3.ts";
import type { ClientSettings } from "../aws/settings.ts";
import { type SsmSend, ssm } from "../aws/ssm.ts";
import type { Context } from "../domain/context.ts";

/** Every service of AWS that a release uses. */
export interface Clients {
  readonly ecs: EcsSend;
  readonly ecr: EcrSend;
  readonly s3: S3Send;
  readonly logs: LogsSend;
  readonly ssm: SsmSend;
}

export function clients(context: Pick<Context, "clock" | "signal">, settings: ClientSettings): Clients {
  return {
    ecs: ecs(context, settings),
    ecr: ecr(context, settings),
    s3: s3(context, settings),
    logs: logs(context, settings),
    ssm: ssm(context, settings),
  };
}
