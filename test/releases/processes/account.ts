import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type FakeGithub, startFakeGithub } from "../../github/fake-github.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { startMinistack } from "../../local-aws/backing/ministack.ts";
import { openProcesses } from "../../local-aws/backing/processes.ts";
import type { GatewayCall } from "../../local-aws/gateway/call-record.ts";
import { startGateway } from "../../local-aws/gateway/gateway.ts";
import { pushImage } from "../../local-aws/infrastructure/push.ts";
import { createLocalAws, type LocalAws } from "../../local-aws/local-aws.ts";
import { createMovableClock, type MovableClock } from "../../local-aws/movable-clock.ts";
import type { RuntimeTask } from "../../local-aws/runtime.ts";
import { createScriptedRuntime, type LogSink, type ScriptedRuntime } from "../../local-aws/runtimes/scripted.ts";
import type { Job } from "../../runner/run-step.ts";
import { endsByItself } from "../played/situations.ts";
import { environmentName, makeInfrastructure, reportOf, stackFile, stackName } from "../played/account.ts";
import type { Rest } from "../played/ending.ts";
import { playDagster, type PlayedDagster } from "../played/played-dagster.ts";
import { scriptedLog } from "./scripted-log.ts";
import { serveDagster } from "./serve-dagster.ts";
import { startStrikingWire, type StrikingWire } from "./striking-wire.ts";

/**
 * The played account of test/releases/played for processes: the same stack, the same ECS with scripted containers and the same
 * webserver, on real time and behind ports; S3, ECR and STS are those of the bed. Green releases take seconds.
 */
export interface ProcessAccount {
  readonly aws: LocalAws;
  readonly runtime: ScriptedRuntime;
  /** In the place of AWS, past the wire. */
  readonly url: string;
  readonly clock: MovableClock;
  readonly wire: StrikingWire;
  readonly checkout: GitCheckout;
  readonly github: FakeGithub;
  readonly dagster: PlayedDagster;
  /** Of AWS's API, oldest first. */
  readonly calls: readonly GatewayCall[];
  /** What containers write goes through it. */
  readonly log: LogSink;
  /** Tasks of which this holds end before they are healthy. */
  breaks: (task: RuntimeTask) => boolean;
  /** A job of a workflow run that releases. */
  job(runId: number, attempt?: number): Job;
  /** What the stack is now, read past every process. */
  rest(): Promise<Rest>;
  close(): Promise<void>;
}

const repositories = ["small/base", "small/code", "small/host"];
const repository = "owner/small";
/** As the contract of the stack file names it. */
const bucketName = "deploys";

/** @param speed divides what AWS takes its time for; Dagster's gates keep their pace */
export async function openProcessAccount(speed = 100): Promise<ProcessAccount> {
  const folder = await mkdtemp(join(tmpdir(), "process-account-"));
  const processes = await openProcesses(folder);
  const closing: (() => Promise<unknown>)[] = [() => processes.close()];
  const close = async (): Promise<void> => {
    for (const end of closing.toReversed()) await end();
  };
  try {
    const { block } = processes;
    const ministack = await startMinistack({
      processes,
      python: await machinePython(),
      account: "123456789012",
      region: "eu-central-1",
      host: `${block}.255.2`,
      folder: join(folder, "ministack"),
    });
    const clock = createMovableClock();
    const log = scriptedLog();
    const runtime = createScriptedRuntime({ clock, log });
    const aws = createLocalAws({ clock, runtime, speed });
    closing.push(() => aws.close());
    const gateway = await startGateway({
      aws,
      ministack,
      clock,
      block,
      port: 0,
      inside: { host: `${block}.255.1`, port: 7700 },
      namePolicy: "random",
      overlapSeconds: 0,
      runtime: { tasks: new Map() },
      onStop: () => undefined,
    });
    closing.push(() => gateway.close());
    const dagster = playDagster(aws, () => clock.now(), {
      cluster: "small",
      locations: { small: "small-code" },
      webserver: "small-webserver",
      daemons: ["small-daemon"],
      broken: { has: () => false },
    });
    const webserver = await serveDagster(dagster);
    closing.push(() => webserver.close());
    const wire = await startStrikingWire(() => ({ aws: gateway.url, dagster: webserver.url }));
    closing.push(() => wire.close());
    const github = await startFakeGithub({ run: () => "completed" });
    closing.push(() => github.close());

    await makeInfrastructure(aws, { endpoint: gateway.url }, ["code", "daemon", "webserver"]);
    const settings = clientSettings(gateway.url, aws.region);
    log.open(settings);
    const s3 = new S3Client(settings);
    await s3.send(new CreateBucketCommand({ Bucket: bucketName }));
    const ecr = new ECRClient(settings);
    for (const repositoryName of repositories)
      await ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: "IMMUTABLE" }));
    const base = { registry: gateway.url, repository: "small/base", tag: "python", architecture: "amd64" };
    await pushImage({ ...base, settings: {}, layers: [] });

    const quick = { startsAfterSeconds: 0.1, healthyAfterSeconds: 0.1 };
    runtime.script(() => true, { kind: "healthy", ...quick });
    const ends = { kind: "exits", ...quick, afterSeconds: 0.2, code: 0 } as const;
    runtime.script(endsByItself, (task) => ({ ...ends, log: reportOf(task) }));

    const checkout = await newCheckout({
      "dagster-stack.yml": stackFile.replace("http://dagster.example", wire.url),
      "app/main.py": "VERSION = 1\n",
      "dagster.yaml": "telemetry: { enabled: false }\n",
      "workspace.yaml": "load_from: []\n",
    });
    closing.push(() => checkout.remove());
    const steps = join(folder, "steps");
    await mkdir(steps);
    const account: ProcessAccount = {
      aws,
      runtime,
      url: gateway.url,
      clock,
      wire,
      checkout,
      github,
      dagster,
      calls: gateway.calls,
      log,
      breaks: () => false,
      job: (runId, attempt = 1) => ({
        workspace: checkout.folder,
        repository,
        runId,
        attempt,
        folder: steps,
        environment: {
          AWS_ENDPOINT_URL: wire.url,
          AWS_REGION: aws.region,
          AWS_ACCESS_KEY_ID: "deploy",
          AWS_SECRET_ACCESS_KEY: "secret",
          AWS_EC2_METADATA_DISABLED: "true",
          GITHUB_API_URL: github.url,
          ...processes.mark,
        },
      }),
      rest: async () => ({
        aws,
        s3: { objects: await objectsOf(s3) },
        recordsPrefix: `${bucketName}/${stackName}/${environmentName}/`,
      }),
      close,
    };
    const breaks = { kind: "exits", startsAfterSeconds: 0.1, afterSeconds: 0.2, code: 1 } as const; // before it is healthy
    runtime.script((task) => account.breaks(task), breaks);
    return account;
  } catch (error) {
    await close();
    throw error;
  }
}

function clientSettings(endpoint: string, region: string) {
  return { endpoint, region, credentials: { accessKeyId: "infrastructure", secretAccessKey: "secret" } };
}

async function objectsOf(s3: S3Client): Promise<ReadonlyMap<string, { readonly text: string }>> {
  const objects = new Map<string, { readonly text: string }>();
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucketName, ContinuationToken }));
    for (const { Key = "" } of page.Contents ?? []) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucketName, Key }));
      objects.set(`${bucketName}/${Key}`, { text: (await Body?.transformToString()) ?? "" });
    }
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return objects;
}
