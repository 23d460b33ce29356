import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { machinePython } from "../../test/local-aws/backing/machine-python.ts";
import { startMinistack } from "../../test/local-aws/backing/ministack.ts";
import { openProcesses } from "../../test/local-aws/backing/processes.ts";
import { type Gateway, startGateway } from "../../test/local-aws/gateway/gateway.ts";
import { pushImage } from "../../test/local-aws/infrastructure/push.ts";
import type { JumpingClock } from "../../test/local-aws/jumping/jumping-clock.ts";
import type { LocalAws } from "../../test/local-aws/local-aws.ts";

/** S3, ECR and STS: one server for all worlds of a measurement, each with a bucket of its own. */
export interface Backing {
  /** Of steps and their jobs, and in the environment of each. */
  readonly folder: string;
  readonly mark: Readonly<Record<string, string>>;
  /** AWS as one world has it. @returns null for `bucket` when nobody wants one */
  open(aws: LocalAws, clock: JumpingClock): Promise<Gateway>;
  /** An empty bucket. @returns its name */
  bucket(url: string, region: string): Promise<string>;
  close(): Promise<void>;
}

/** Repository of the image that ours deploys, and of its base. */
export const repositories = { image: "app", base: "app/base" };

export async function openBacking(): Promise<Backing> {
  const folder = await mkdtemp(join(tmpdir(), "scenarios-"));
  const processes = await openProcesses(folder);
  const { block } = processes;
  const ministack = await startMinistack({
    processes,
    python: await machinePython(),
    account: "123456789012",
    region: "eu-central-1",
    host: `${block}.255.2`,
    folder: join(folder, "ministack"),
  });
  let worlds = 0;
  let images: Promise<void> | null = null;
  return {
    folder,
    mark: processes.mark,
    open: async (aws, clock) => {
      const gateway = await startGateway({
        aws,
        ministack,
        clock: {
          ...clock,
          at: (machine) => machine + clock.ahead(),
          move: (milliseconds) => void clock.jumpTo(clock.now() + milliseconds),
        },
        block,
        port: 0,
        inside: { host: `${block}.255.1`, port: 0 },
        namePolicy: "random",
        overlapSeconds: 0,
        runtime: { tasks: new Map() },
        onStop: () => undefined,
      });
      images ??= pushBase(gateway.url, aws.region);
      await images;
      return gateway;
    },
    bucket: async (url, region) => {
      worlds += 1;
      const Bucket = `deploys-${worlds}`;
      await new S3Client(settings(url, region)).send(new CreateBucketCommand({ Bucket }));
      return Bucket;
    },
    close: () => processes.close(),
  };
}

async function pushBase(registry: string, region: string): Promise<void> {
  const ecr = new ECRClient(settings(registry, region));
  for (const repositoryName of Object.values(repositories))
    await ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: "IMMUTABLE" }));
  const base = { registry, repository: repositories.base, tag: "python", architecture: "amd64" };
  await pushImage({ ...base, settings: {}, layers: [] });
}

function settings(endpoint: string, region: string) {
  return { endpoint, region, credentials: { accessKeyId: "infrastructure", secretAccessKey: "secret" } };
}
