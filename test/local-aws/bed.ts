import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "../cache-folder.ts";
import type { Engine } from "../engine.ts";
import { type MachinePython, machinePython } from "./backing/machine-python.ts";
import { type Ministack, startMinistack } from "./backing/ministack.ts";
import { type Postgresql, startPostgresql } from "./backing/postgresql.ts";
import { openProcesses, type Processes } from "./backing/processes.ts";
import type { GatewayCall } from "./gateway/call-record.ts";
import { type Gateway, startGateway } from "./gateway/gateway.ts";
import { type LoadBalancer, openLoadBalancer } from "./gateway/load-balancer.ts";
import type { NamePolicy, Names } from "./gateway/names.ts";
import { createLocalAws, type LocalAws, type LocalAwsOptions } from "./local-aws.ts";
import { createMovableClock, type MovableClock } from "./movable-clock.ts";
import { createLayers } from "./runtimes/process/layers.ts";
import { lendPython } from "./runtimes/process/lent-python.ts";
import { createDockerMaker } from "./runtimes/docker/docker-maker.ts";
import { createProcessMaker } from "./runtimes/process/process-maker.ts";
import type { ContainerMaker } from "./runtimes/tasks/maker.ts";
import { createPlayedRuntime, type PlayedRuntime } from "./runtimes/tasks/played-runtime.ts";

/** Everything together: AWS on one port, a PostgreSQL behind it, and containers that are processes of this machine. */
export interface Bed {
  /** For AWS_ENDPOINT_URL. */
  readonly url: string;
  readonly account: string;
  readonly region: string;
  readonly aws: LocalAws;
  readonly clock: MovableClock;
  readonly python: MachinePython;
  /** Everything of the bed on disk, but for the cache. Gone when the bed is. */
  readonly folder: string;
  readonly postgresql: Postgresql;
  readonly names: Names;
  /** Every call so far, to whichever service. `aws.calls` has the inputs of those to ECS and its neighbours. */
  readonly calls: readonly GatewayCall[];
  /** Environment for a program that acts as this role. */
  environment(role: string): Readonly<Record<string, string>>;
  /** Added to the environment of a process that somebody else starts: it then ends with the bed at the latest. */
  readonly mark: Readonly<Record<string, string>>;
  /** The one address of a target group. */
  loadBalancer(targetGroupArn: string): Promise<LoadBalancer>;
  /** Resolves when the bed is closed, by whomever. */
  readonly closed: Promise<void>;
  /** Ends everything, and resolves when nothing is left. */
  close(): Promise<void>;
}

export interface BedOptions extends Pick<LocalAwsOptions, "account" | "region" | "rules" | "speed"> {
  /** Of the gateway on 127.0.0.1; a free one unless told. */
  readonly port?: number;
  /** `random` unless told. */
  readonly namePolicy?: NamePolicy;
  /**
   * For how long a task of a service still runs, and is still met under its name, after ECS has begun to stop it: what
   * resolvers that remember an address make of a rolling update. 0 unless told.
   */
  readonly overlapSeconds?: number;
  /** Where tasks run, as containers; closed by whoever lends it. As processes of this machine unless told. */
  readonly engine?: Engine;
}

/** What the bed itself has in its block of addresses; tasks are below. */
const insideGateway = { host: "255.1", port: 7700 };
const ministackHost = "255.2";
const postgresqlHost = "255.3";
const loadBalancerHosts = "254";
/** Listeners of ports that only root may have are found this much higher. */
const firstFreePort = 1024;
const portShift = 8000;

/**
 * Starts a bed. Needs glibc Linux with Python 3.10 or newer, no rights and no network beyond what fills the cache.
 * @throws Error that says which part did not come up; nothing is left then either.
 */
export async function startBed(options: BedOptions = {}): Promise<Bed> {
  const folder = await mkdtemp(join(tmpdir(), "local-aws-"));
  const processes = await openIn(folder);
  try {
    return await assemble(options, folder, processes);
  } catch (error) {
    await processes.close();
    throw error;
  }
}

async function openIn(folder: string): Promise<Processes> {
  try {
    // PostgreSQL may run as somebody else, who must get at what is below.
    await chmod(folder, 0o755);
    return await openProcesses(folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function assemble(options: BedOptions, folder: string, processes: Processes): Promise<Bed> {
  const { account = "123456789012", region = "eu-central-1", overlapSeconds = 0 } = options;
  const { block } = processes;
  const python = await machinePython();
  const clock = createMovableClock();
  const [ministack, postgresql] = await Promise.all([
    startMinistack({
      processes,
      python,
      account,
      region,
      host: `${block}.${ministackHost}`,
      folder: join(folder, "ministack"),
    }),
    startPostgresql({ processes, host: `${block}.${postgresqlHost}`, folder: join(folder, "postgresql") }),
  ]);
  const { engine = null } = options;
  const runtime = await newRuntime({ folder, processes, python, clock, region, overlapSeconds, engine });
  const aws = createLocalAws({ ...options, account, region, clock, runtime });
  const ended = Promise.withResolvers<void>();
  const gateway = await startGateway({
    aws,
    ministack,
    clock,
    block,
    port: options.port ?? 0,
    inside: { host: `${block}.${insideGateway.host}`, port: insideGateway.port },
    namePolicy: options.namePolicy ?? "random",
    overlapSeconds,
    runtime,
    onStop: () => void close(),
  });
  const balancers = new Map<string, Promise<LoadBalancer>>();

  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= end({ aws, gateway, balancers, ministack, postgresql, processes }).then(ended.resolve, ended.reject);
    return ended.promise;
  };
  return {
    url: gateway.url,
    account,
    region,
    aws,
    clock,
    python,
    folder,
    postgresql,
    names: gateway.names,
    calls: gateway.calls,
    environment: (role) => ({
      AWS_ENDPOINT_URL: gateway.url,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: role,
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_EC2_METADATA_DISABLED: "true",
    }),
    loadBalancer: (targetGroupArn) => {
      const group = aws.neighbours.targetGroups.get(targetGroupArn);
      if (group === undefined) throw new Error(`there is no target group ${targetGroupArn}`);
      const host = `${block}.${loadBalancerHosts}.${balancers.size + 1}`;
      const port = group.port < firstFreePort ? group.port + portShift : group.port;
      const balancer = balancers.get(targetGroupArn) ?? openLoadBalancer(aws, targetGroupArn, { host, port });
      balancers.set(targetGroupArn, balancer);
      return balancer;
    },
    mark: processes.mark,
    closed: ended.promise,
    close,
  };
}

interface RuntimeParts {
  readonly folder: string;
  readonly processes: Processes;
  readonly python: MachinePython;
  readonly clock: MovableClock;
  readonly region: string;
  readonly overlapSeconds: number;
  readonly engine: Engine | null;
}

async function newRuntime({
  folder,
  processes,
  clock,
  region,
  overlapSeconds,
  ...rest
}: RuntimeParts): Promise<PlayedRuntime> {
  const gateway = `http://${processes.block}.${insideGateway.host}:${insideGateway.port}`;
  const tasks = join(folder, "tasks");
  // What runs in tasks is theirs; secrets may be among it.
  await mkdir(tasks, { mode: 0o700 });
  const { block } = processes;
  const maker = await newMaker({ ...rest, folder, processes, region, gateway });
  return createPlayedRuntime({ maker, gateway, region, clock, block, overlapSeconds, folder: tasks });
}

interface MakerParts extends Pick<RuntimeParts, "folder" | "processes" | "python" | "region" | "engine"> {
  readonly gateway: string;
}

async function newMaker({ folder, python, engine, ...rest }: MakerParts): Promise<ContainerMaker> {
  const fileSystems = join(folder, "efs");
  if (engine !== null) return createDockerMaker({ ...rest, engine, folder: join(folder, "docker"), fileSystems });
  return createProcessMaker({
    ...rest,
    layers: createLayers({
      registry: rest.gateway,
      cacheFolder: cacheFolder("unpacked-layers"),
      folder: join(folder, "layers"),
    }),
    python: await lendPython(python, join(folder, "python")),
    fileSystems,
  });
}

interface Parts {
  readonly aws: LocalAws;
  readonly gateway: Gateway;
  readonly balancers: ReadonlyMap<string, Promise<LoadBalancer>>;
  readonly ministack: Ministack;
  readonly postgresql: Postgresql;
  readonly processes: Processes;
}

/** Tasks first, so that none meets a world half gone; the watchdog last, which sweeps up whatever is left. */
async function end({ aws, gateway, balancers, ministack, postgresql, processes }: Parts): Promise<void> {
  try {
    await aws.close();
    await Promise.all([...balancers.values()].map(async (balancer) => (await balancer).close()));
    await gateway.close();
    await Promise.all([ministack.stop(), postgresql.stop()]);
  } finally {
    await processes.close();
  }
}
