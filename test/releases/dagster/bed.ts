import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder } from "../../cache-folder.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type FakeGithub, startFakeGithub } from "../../github/fake-github.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { runStep } from "../../runner/run-step.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import type { LocalAws } from "../../local-aws/local-aws.ts";
import type { Rest } from "../played/ending.ts";
import { servicesByKey } from "../played/services.ts";
import type { ProcessAccount } from "../processes/account.ts";
import { startStrikingWire } from "../processes/striking-wire.ts";
import { keepImages, putBack } from "./keep-images.ts";
import { filesOf, lockFile } from "./stack-file.ts";

/** Real Dagsters on one bed: its stacks have a cluster and a database each, and share the registry, so that an image is made once. */
export interface DagsterBed {
  readonly bed: Bed;
  /** A stack to which nothing was released yet, on the older Dagster. */
  open(name: string): Promise<DagsterStack>;
  close(): Promise<void>;
}

export interface DagsterStack extends Pick<ProcessAccount, "wire" | "clock" | "job" | "rest"> {
  readonly name: string;
  readonly checkout: GitCheckout;
  /** Past everybody who may be struck. */
  readonly webserver: string;
  /** Commits the newer Dagster, and these files. @returns the SHA */
  upgrade(files?: Readonly<Record<string, string>>): Promise<string>;
  /** Rows of its database, past Dagster. */
  rows(sql: string): Promise<readonly (readonly (string | null)[])[]>;
  /** A session that stays, with what it locks. @returns ends it */
  hold(sql: string): Promise<() => void>;
  /** Ends what it runs, and removes its checkout; the bed does that at the latest. */
  close(): Promise<void>;
}

const credentials = { accessKeyId: "onlooker", secretAccessKey: "secret" };

const fixture = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, "../../fixtures/python", name), "utf8");

/** @param speed divides what AWS takes its time for; Dagster keeps its pace */
export async function openDagsterBed(speed = 100): Promise<DagsterBed> {
  const bed = await startBed({ speed });
  try {
    const github = await startFakeGithub({ run: () => "completed" });
    const [older, newer] = await Promise.all([fixture("dagster-1.9.txt"), fixture("dagster.txt")]);
    // The first one has the repositories of all.
    const first = await playStack(bed, "small", ["small/code"]);
    await makeImages(bed, first, [older, newer]);
    const left: (() => Promise<void>)[] = [];
    return {
      bed,
      open: async (name) => {
        const infrastructure = name === "small" ? first : await playStack(bed, name, []);
        const { stack, leave } = await openStack(bed, github, name, infrastructure, { older, newer });
        left.push(leave);
        return stack;
      },
      close: async () => {
        for (const leave of left) await leave();
        await github.close();
        await bed.close();
      },
    };
  } catch (error) {
    await bed.close();
    throw error;
  }
}

/** Made by the product, and kept between runs: whatever its stacks want otherwise, by what goes in, is made anew. */
async function makeImages(bed: Bed, infrastructure: Infrastructure, locks: readonly string[]): Promise<void> {
  const repository = { registry: bed.url, repository: "small/code" };
  const key = createHash("sha256")
    .update(JSON.stringify([locks, bed.python.version, process.arch]))
    .digest("hex");
  const folder = cacheFolder("built-layers", `upgraded-${key.slice(0, 16)}`);
  await putBack(repository, folder);
  await Promise.all(locks.map((lock, at) => makeImage(bed, infrastructure, lock, at)));
  // A commit's tag is no image of its own.
  await keepImages(repository, (tag) => /^(?:deps|src)-/.test(tag), folder);
}

async function makeImage(bed: Bed, { contract }: Infrastructure, lock: string, number: number): Promise<void> {
  const checkout = await newCheckout(filesOf(contract, lock));
  try {
    const environment = { ...bed.environment("deploy"), ...bed.mark, PIP_CACHE_DIR: cacheFolder("pip") };
    const job = { workspace: checkout.folder, repository: "owner/small", runId: 1_000_000 + number, environment };
    const { exitCode, log } = await runStep(job, { action: "actions/build-push-image" });
    if (exitCode !== 0) throw new Error(`there is no image: ${log.join("\n")}`);
  } finally {
    await checkout.remove();
  }
}

function playStack(bed: Bed, stack: string, repositories: readonly string[]): Promise<Infrastructure> {
  return playInfrastructure(bed, {
    stack,
    repositories,
    services: {
      code: { kind: "code-location", port: 4000 },
      daemon: { kind: "daemon" },
      webserver: { kind: "webserver", port: 3000 },
    },
  });
}

async function openStack(
  bed: Bed,
  github: FakeGithub,
  name: string,
  { contract }: Infrastructure,
  locks: { readonly older: string; readonly newer: string },
): Promise<{ readonly stack: DagsterStack; readonly leave: () => Promise<void> }> {
  const { webserver: known, ...services } = contract.services;
  const webserver = known?.url ?? "";
  const wire = await startStrikingWire(() => ({ aws: bed.url, dagster: webserver }));
  const struckOn = {
    ...contract,
    services: { ...services, webserver: { ...known, url: wire.url } },
  } as typeof contract;
  const checkout = await newCheckout(filesOf(struckOn, locks.older));
  const steps = join(bed.folder, `steps-${name}`);
  await mkdir(steps);
  const settings = {
    endpoint: bed.url,
    region: bed.region,
    credentials,
  };
  const s3 = new S3Client(settings);
  const { name: bucket } = contract.bucket;
  const database = contract.database?.name ?? "";
  const rest = async (): Promise<Rest> => ({
    aws: bed.aws,
    stack: name,
    s3: { objects: await objectsOf(s3, bucket) },
    recordsPrefix: `${bucket}/${name}/production/`,
  });
  let leaving: Promise<void> | null = null;
  const leave = (): Promise<void> => {
    leaving ??= wire.close().then(() => checkout.remove());
    return leaving;
  };
  const stack: DagsterStack = {
    name,
    wire,
    clock: bed.clock,
    checkout,
    webserver,
    rest,
    job: (runId, attempt = 1) => ({
      workspace: checkout.folder,
      repository: "owner/small",
      runId,
      attempt,
      folder: steps,
      environment: {
        ...bed.environment("deploy"),
        ...bed.mark,
        AWS_ENDPOINT_URL: wire.url,
        GITHUB_API_URL: github.url,
        PIP_CACHE_DIR: cacheFolder("pip"),
      },
    }),
    upgrade: async (files = {}) => {
      await checkout.write(lockFile, locks.newer);
      for (const [path, text] of Object.entries(files)) await checkout.write(path, text);
      return checkout.commit("A newer Dagster");
    },
    rows: (sql) => bed.postgresql.query(database, sql),
    hold: (sql) => bed.postgresql.hold(database, sql),
    close: async () => {
      await stopServices(bed.aws, name);
      await leave();
    },
  };
  return { stack, leave };
}

async function stopServices(aws: LocalAws, stack: string): Promise<void> {
  const services = (await servicesByKey(aws, stack)).map(([, { serviceName = "" }]) => serviceName);
  for (const service of services)
    await readPastClient(aws, "UpdateService", { cluster: stack, service, desiredCount: 0 });
  const isGone = async (): Promise<boolean> =>
    (await servicesByKey(aws, stack)).every(([, { runningCount }]) => runningCount === 0);
  for (let tries = 0; tries < 60 && !(await isGone()); tries += 1) await sleep(500);
}

async function objectsOf(s3: S3Client, bucket: string): Promise<ReadonlyMap<string, { readonly text: string }>> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  const objects = Contents.map(async ({ Key = "" }) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    return [`${bucket}/${Key}`, { text: (await Body?.transformToString()) ?? "" }] as const;
  });
  return new Map(await Promise.all(objects));
}
