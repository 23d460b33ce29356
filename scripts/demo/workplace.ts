import { execFileSync } from "node:child_process";
import { cpSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../../test/cache-folder.ts";
import { type Bed, type BedOptions, startBed } from "../../test/local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../test/local-aws/infrastructure/play.ts";
import { shareDependencies } from "../../test/releases/dagster/share-dependencies.ts";
import type { Job } from "../../test/runner/run-step.ts";

/** Everything that the walk of deal-flow needs: an AWS, what infrastructure makes in it, and a repository with the example. */
export interface Workplace {
  readonly bed: Bed;
  readonly infrastructure: Infrastructure;
  /** The checkout of the example. */
  readonly folder: string;
  readonly webserverUrl: string;
  git(...args: readonly string[]): string;
  /** What a step of a new workflow run is given. */
  job(event?: Job["event"], signal?: AbortSignal): Job;
  close(): Promise<void>;
}

interface WorkplaceOptions extends BedOptions {
  readonly shares?: boolean;
}

/** @param shares does it take the packages of its images from an earlier one, and leave them to a later one? */
export async function openWorkplace({ shares = false, ...options }: WorkplaceOptions): Promise<Workplace> {
  const bed = await startBed(options);
  // All of it in the bed's folder: that goes with the bed, also when this process is killed.
  const [folder, runner] = [join(bed.folder, "deal-flow"), join(bed.folder, "runner")];
  try {
    for (const path of [folder, runner]) await mkdir(path);
    const infrastructure = await dealFlowInfrastructure(bed);
    const keep = shares ? await shareDependencies(bed, infrastructure.base, repositories) : undefined;
    cpSync(join(import.meta.dirname, "../../examples/deal-flow"), folder, { recursive: true });
    const identity = [
      "-c",
      "user.name=demo",
      "-c",
      "user.email=demo@example.com",
      "-c",
      "commit.gpgSign=false",
      "-c",
      "core.hooksPath=/dev/null",
    ];
    const git = (...args: readonly string[]): string =>
      execFileSync("git", [...identity, ...args], { cwd: folder, encoding: "utf8" }).trim();
    git("init", "--quiet", "--initial-branch=main");
    git("add", ".");
    git("commit", "--quiet", "--message=Deal flow");
    let runId = 1000;
    return {
      bed,
      infrastructure,
      folder,
      webserverUrl: infrastructure.contract.services["webserver"]?.url ?? "",
      git,
      job: (event, signal) => {
        runId += 1;
        return {
          workspace: folder,
          repository: "example/deal-flow",
          runId,
          environment: localEnvironment(bed),
          folder: runner,
          ...(event === undefined ? {} : { event }),
          ...(signal === undefined ? {} : { signal }),
        };
      },
      close: async () => {
        await keep?.();
        await bed.close();
      },
    };
  } catch (error) {
    await bed.close();
    throw error;
  }
}

const repositories = ["dealflow/webserver", "dealflow/code"] as const;

async function dealFlowInfrastructure(bed: Bed): Promise<Infrastructure> {
  const { host, port, user } = bed.postgresql;
  await bed.postgresql.createDatabase("deal_flow_application");
  const applicationUrl = `postgresql+psycopg2://${user}@${host}:${port}/deal_flow_application`;
  return playInfrastructure(bed, {
    stack: "deal-flow",
    repositories,
    services: {
      code: { kind: "code-location", port: 4000 },
      daemon: { kind: "daemon" },
      webserver: { kind: "webserver", port: 3000 },
    },
    secrets: { "dealflow/local": JSON.stringify({ SYSTEM_DB_CONN_STRING: applicationUrl }) },
  });
}

/** What `env:` of a job would set, and credentials as configure-aws-credentials leaves them. */
function localEnvironment(bed: Bed): Job["environment"] {
  return {
    ...bed.environment("deploy"),
    ...bed.mark,
    LOCAL_PLATFORM: process.arch === "arm64" ? "linux/arm64" : "linux/amd64",
    PIP_CACHE_DIR: cacheFolder("pip"),
  };
}
