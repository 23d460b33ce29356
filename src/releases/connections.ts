import { type EcrSend, ecr } from "../aws/ecr.ts";
import { type EcsSend, ecs } from "../aws/ecs.ts";
import { type LogsSend, logs } from "../aws/logs.ts";
import { type S3Send, s3 } from "../aws/s3.ts";
import { type SsmSend, ssm } from "../aws/ssm.ts";
import { accountAndRegion, type Caller } from "../aws/sts.ts";
import { type Dagster, type DagsterAddress, dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { checkout, isAncestor } from "../git/history.ts";
import { type ImageClients, openEcr, openImages, type Registry } from "../images/index.ts";

/** Every service of AWS that a release uses, in one region, with this job's credentials. */
export interface Clients {
  readonly ecs: EcsSend;
  readonly ecr: EcrSend;
  readonly s3: S3Send;
  readonly logs: LogsSend;
  readonly ssm: SsmSend;
}

/** All ways out of this process that a release uses. They are passed in: whoever stands at the other end may be played. */
export interface Connections {
  caller(context: Context, region: string): Promise<Caller>;
  aws(context: Pick<Context, "clock" | "signal">, region: string): Clients;
  images(context: Context, clients: Pick<Clients, "ecr">, scratch: string): Promise<ImageClients>;
  /** Another account's registry, in the client's region, to copy from. */
  registryOf(context: Context, clients: Pick<Clients, "ecr">, account: string): Promise<Registry>;
  webserver(context: Context, address: DagsterAddress): Dagster;
  readonly history: { readonly checkout: typeof checkout; readonly isAncestor: typeof isAncestor };
}

/** AWS, the registry, Dagster and git themselves. */
export const connections: Connections = {
  caller: (context, region) => accountAndRegion(context, { region }),
  aws: (context, region) => {
    const settings = { region };
    return {
      ecs: ecs(context, settings),
      ecr: ecr(context, settings),
      s3: s3(context, settings),
      logs: logs(context, settings),
      ssm: ssm(context, settings),
    };
  },
  images: (context, clients, scratch) => openImages(context, clients.ecr, scratch),
  registryOf: (context, clients, account) => openEcr(context, clients.ecr, account),
  webserver: (context, address) => dagster(address, context),
  history: { checkout, isAncestor },
};
