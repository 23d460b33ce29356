import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MachinePython } from "./machine-python.ts";
import type { Processes } from "./processes.ts";
import { installedPackages } from "./python-packages.ts";
import { type Server, startServer } from "./server.ts";

/** S3, ECR with its registry, SSM, Secrets Manager, STS and Logs, played by ministack. */
export interface Ministack extends Server {
  readonly host: string;
  readonly port: number;
}

export interface MinistackRequest {
  readonly processes: Processes;
  readonly python: MachinePython;
  readonly host: string;
  /** Its files go here; blobs and objects are held in memory. */
  readonly folder: string;
  readonly account: string;
  readonly region: string;
  /** An engine whose containers are tasks of its ECS, as DOCKER_HOST has it; none: it plays no ECS. */
  readonly engine?: string;
}

const lockFile = fileURLToPath(new URL("../../fixtures/python/ministack.txt", import.meta.url));
const port = 4566;

/**
 * Installs ministack when it is not in the cache yet, and starts it.
 * @throws Error with its last lines when it does not come up.
 */
export async function startMinistack(request: MinistackRequest): Promise<Ministack> {
  const { processes, python, host, folder, account, region, engine } = request;
  const packages = await installedPackages(python, lockFile, { compile: true });
  await mkdir(folder, { recursive: true });
  const server = await startServer(processes, {
    name: "ministack",
    program: python.executable,
    args: ["-s", "-m", "ministack"],
    folder,
    environment: {
      PATH: "/usr/bin:/bin",
      HOME: folder,
      TMPDIR: folder,
      S3_DATA_DIR: join(folder, "s3"),
      STATE_DIR: join(folder, "state"),
      PYTHONPATH: packages,
      PYTHONUNBUFFERED: "1",
      BIND_HOST: host,
      GATEWAY_PORT: String(port),
      MINISTACK_ACCOUNT_ID: account,
      MINISTACK_REGION: region,
      SERVICES: `s3,ecr,ssm,secretsmanager,sts,logs,iam${engine === undefined ? "" : ",ecs"}`,
      IOT_MTLS_ENABLED: "0",
      // It removes containers that it takes for its own: keep it away from a Docker that may be here.
      DOCKER_HOST: engine ?? `unix://${join(folder, "no-docker.sock")}`,
    },
    ready: async (signal) => (await fetch(`http://${host}:${port}/_ministack/health`, { signal })).ok,
    stopSignal: "SIGTERM",
  });
  return { host, port, ...server };
}
