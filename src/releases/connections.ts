import { assumedRole, type RoleRequest } from "../aws/assumed-role.ts";
import { type EcrSend, ecr } from "../aws/ecr.ts";
import { type EcsSend, ecs } from "../aws/ecs.ts";
import { type LogsSend, logs } from "../aws/logs.ts";
import { type S3Send, s3 } from "../aws/s3.ts";
import { type SsmSend, ssm } from "../aws/ssm.ts";
import type { ClientSettings } from "../aws/settings.ts";
import { accountAndRegion, type Caller, sts } from "../aws/sts.ts";
import { type Dagster, type DagsterAddress, dagster } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { checkout, isAncestor } from "../git/history.ts";
import { type ImageClients, openEcr, openImages, type Registry } from "../images/index.ts";

/** Every service of AWS that a release uses, in one region, with the same credentials. */
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

/**
 * AWS, the registry, Dagster and git themselves.
 * @param role in whose name AWS is called; null: with the credentials that the SDK finds by itself
 */
export function connect(context: Context, role: RoleRequest | null): Connections {
  const settings = settingsOf(context, role);
  return {
    caller: (asking, region) => accountAndRegion(asking, settings(region)),
    aws: (asking, region) => ({
      ecs: ecs(asking, settings(region)),
      ecr: ecr(asking, settings(region)),
      s3: s3(asking, settings(region)),
      logs: logs(asking, settings(region)),
      ssm: ssm(asking, settings(region)),
    }),
    images: (asking, clients, scratch) => openImages(asking, clients.ecr, scratch),
    registryOf: (asking, clients, account) => openEcr(asking, clients.ecr, account),
    webserver: (asking, address) => dagster(address, asking),
    history: { checkout, isAncestor },
  };
}

function settingsOf(context: Context, role: RoleRequest | null): (region: string) => ClientSettings {
  if (role === null) return (region) => ({ region });
  // How a release ended is written although the job was cancelled, and that may need a new session.
  const unstopped = { clock: context.clock, signal: new AbortController().signal };
  const credentials = assumedRole(context, (region) => sts(unstopped, { region }), role);
  return (region) => ({ region, credentials: () => credentials(region) });
}
