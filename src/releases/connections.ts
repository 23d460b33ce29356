import { assumedRole, type RoleRequest } from "../aws/assumed-role.ts";
import { type Ec2Send, ec2 } from "../aws/ec2.ts";
import { type EcrSend, ecr } from "../aws/ecr.ts";
import { type EcsSend, ecs } from "../aws/ecs.ts";
import { type ElbSend, elb } from "../aws/elb.ts";
import { type IamSend, iam } from "../aws/iam.ts";
import { type LogsSend, logs } from "../aws/logs.ts";
import { type Linker, linker, type S3Send, s3 } from "../aws/s3.ts";
import { type ObjectWriter, objectWriter } from "../aws/objects.ts";
import { type SecretsSend, secretsManager } from "../aws/secrets-manager.ts";
import { type SsmSend, ssm } from "../aws/ssm.ts";
import type { ClientSettings } from "../aws/settings.ts";
import { accountAndRegion, type Caller, sts } from "../aws/sts.ts";
import { type Dagster, type DagsterAddress, dagster, dagsterOver } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { checkout, defaultBranch, isAncestor, mentionedRevisions } from "../git/history.ts";
import { type ProbeRequest, probe } from "../gates/probe.ts";
import { type Folders, type ImageClients, openEcr, openImages, type Registry } from "../images/index.ts";

/** Every service of AWS that a release uses, in one region, with the same credentials. */
export interface Clients {
  readonly ecs: EcsSend;
  readonly ecr: EcrSend;
  readonly s3: S3Send;
  /** Opens S3 for many small writes. */
  readonly objects: () => ObjectWriter;
  /** Signs addresses of objects. */
  readonly link: Linker;
  readonly logs: LogsSend;
  readonly ssm: SsmSend;
  readonly elb: ElbSend;
  readonly ec2: Ec2Send;
  readonly iam: IamSend;
  readonly secretsManager: SecretsSend;
}

/** A webserver that a task asks. */
export interface ProbedWebserver {
  readonly dagster: Dagster;
  /** The same task asks another base URL. */
  at(url: string): Dagster;
  /** Ends the task. */
  close(): Promise<void>;
}

/** All ways out of this process that a release uses. They are passed in: whoever stands at the other end may be played. */
export interface Connections {
  caller(context: Context, region: string): Promise<Caller>;
  aws(context: Pick<Context, "clock" | "signal">, region: string): Clients;
  images(context: Context, clients: Pick<Clients, "ecr">, folders: Folders): Promise<ImageClients>;
  /** Another account's registry, in the client's region, to copy from. */
  registryOf(context: Context, clients: Pick<Clients, "ecr">, account: string): Promise<Registry>;
  webserver(context: Context, address: DagsterAddress): Dagster;
  /** The same, asked by a task, which goes when it is closed. */
  probe(context: Context, clients: Clients, request: ProbeRequest): ProbedWebserver;
  readonly history: {
    readonly checkout: typeof checkout;
    readonly defaultBranch: typeof defaultBranch;
    readonly isAncestor: typeof isAncestor;
    readonly mentionedRevisions: typeof mentionedRevisions;
  };
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
      objects: () => objectWriter(asking, settings(region)),
      link: linker(settings(region)),
      logs: logs(asking, settings(region)),
      ssm: ssm(asking, settings(region)),
      elb: elb(asking, settings(region)),
      ec2: ec2(asking, settings(region)),
      iam: iam(asking, settings(region)),
      secretsManager: secretsManager(asking, settings(region)),
    }),
    images: (asking, clients, folders) => openImages(asking, clients.ecr, folders),
    registryOf: (asking, clients, account) => openEcr(asking, clients.ecr, account),
    webserver: (asking, address) => dagster(address, asking),
    probe: (asking, clients, request) => {
      const way = probe(clients, asking, request);
      return { dagster: dagsterOver(way), at: (url) => dagsterOver(way.at(url)), close: () => way.close() };
    },
    history: { checkout, defaultBranch, isAncestor, mentionedRevisions },
  };
}

function settingsOf(context: Context, role: RoleRequest | null): (region: string) => ClientSettings {
  if (role === null) return (region) => ({ region });
  // How a release ended is written although the job was cancelled, and that may need a new session.
  const unstopped = { clock: context.clock, signal: new AbortController().signal };
  const credentials = assumedRole(context, (region) => sts(unstopped, { region }), role);
  return (region) => ({ region, credentials: () => credentials(region) });
}
