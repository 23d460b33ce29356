import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  NoSuchKey,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { type Bed, type BedOptions, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Job, runStep, type Step, type StepResult } from "../../runner/run-step.ts";
import { grantPolicy } from "../../releases/role-policy.ts";
import { type Lock, lockSchema } from "../../../src/domain/journal.ts";

/** A stack as small as one can be, in a repository of its own: for what goes wrong before anything runs. */
export interface SmallStack {
  readonly bed: Bed;
  readonly infrastructure: Infrastructure;
}

/** A checkout of it, to be spoiled. */
export interface Checkout extends GitCheckout {
  /** A job of a new workflow run on it. */
  job(environment?: Readonly<Record<string, string>>): Job;
  /** One step as such a job; the root action unless told. */
  run(step?: Partial<Step>, environment?: Readonly<Record<string, string>>): Promise<StepResult>;
}

export const stackFile = (change: (text: string) => string = (text) => text): string =>
  change(`name: small
region: eu-central-1
contract: ssm:/dagster/small/contract
instance: { dagster-yaml: dagster.yaml, workspace: workspace.yaml }
images:
  app:
    repository: small
    platform: linux/amd64
    layers:
      base: small/base:python
      files: [{ from: app, to: /app/app }, { from: dagster.yaml, to: /opt/dagster/dagster.yaml }, { from: workspace.yaml, to: /opt/dagster/workspace.yaml }]
services:
  code: { kind: code-location, image: app, location: small, module: app.main }
  daemon: { kind: daemon, image: app }
  webserver: { kind: webserver, image: app }
gates: { log-scan: { level: off, reason: nobody reads them here } }
`);

/** On an AWS of its own, which whoever starts it closes. */
export async function startSmallStack(options: BedOptions = {}): Promise<SmallStack> {
  const bed = await startBed(options);
  const infrastructure = await playInfrastructure(bed, {
    stack: "small",
    repositories: ["small", "small/staging"],
    services: {
      code: { kind: "code-location", port: 4000 },
      daemon: { kind: "daemon" },
      webserver: { kind: "webserver", port: 3000 },
    },
  });
  return { bed, infrastructure };
}

let runId = 100;

/** @param rights of its jobs: what the printed policy allows, or anything */
export async function checkOut(
  { bed }: SmallStack,
  rights: "of its policy" | "all" = "of its policy",
): Promise<Checkout> {
  const checkout = await newCheckout({
    "dagster-stack.yml": stackFile(),
    "app/main.py": "definitions = None\n",
    "dagster.yaml": "telemetry: { enabled: false }\n",
    "workspace.yaml": "load_from: []\n",
  });
  const job: Checkout["job"] = (environment = {}) => {
    runId += 1;
    return {
      workspace: checkout.folder,
      repository: "owner/small",
      runId,
      environment: { ...bed.environment("deploy"), ...environment },
      ...(rights === "all" ? {} : { grant: (asked: Job, step: Step) => grantPolicy(bed, asked, step) }),
    };
  };
  return {
    ...checkout,
    job,
    run: (step = {}, environment = {}) => runStep(job(environment), { action: ".", ...step }),
  };
}

/** What the journal keeps under a key, as text; null: nothing. */
export async function readRecord(small: SmallStack, key: string): Promise<string | null> {
  try {
    const { Body }: GetObjectCommandOutput = await s3(small).send(new GetObjectCommand(objectOf(small, key)));
    return (await Body?.transformToString()) ?? "";
  } catch (error) {
    if (error instanceof NoSuchKey) return null;
    throw error;
  }
}

/** The lock as it is; null before anybody has taken it. */
export async function readLock(small: SmallStack): Promise<Lock | null> {
  const text = await readRecord(small, "lock.json");
  return text === null ? null : lockSchema.parse(JSON.parse(text));
}

/** Puts a record where the journal keeps it. */
export async function putRecord(
  small: SmallStack,
  key: string,
  value: unknown,
  environment = "production",
): Promise<void> {
  const Body = typeof value === "string" ? value : JSON.stringify(value);
  await s3(small).send(new PutObjectCommand({ ...objectOf(small, key, environment), Body }));
}

export async function removeRecord(small: SmallStack, key: string): Promise<void> {
  await s3(small).send(new DeleteObjectCommand(objectOf(small, key)));
}

/** The lock as another run holds it. */
export const heldLock = {
  schema: 1,
  holder: {
    name: "owner/small/run/77/job/deploy",
    attempt: 1,
    job: null,
    url: "https://github.com/owner/small/actions/runs/77",
    run: { repository: "owner/small", id: 77 },
  },
  since: "2026-11-21T10:00:00.000Z",
  leaseSeconds: 900,
  open: [],
  taken: null,
} as const;

function s3({ bed }: SmallStack): S3Client {
  const credentials = { accessKeyId: "test", secretAccessKey: "secret" };
  return new S3Client({ endpoint: bed.url, region: bed.region, credentials });
}

function objectOf(
  { infrastructure }: SmallStack,
  key: string,
  environment = "production",
): { readonly Bucket: string; readonly Key: string } {
  return { Bucket: infrastructure.contract.bucket.name, Key: `small/${environment}/${key}` };
}

/** Calls of the action that changed something, beside taking and giving back its lock. */
export function writesOf({ bed }: SmallStack, since: number): readonly string[] {
  return bed.calls
    .slice(since)
    .filter(({ caller, service, operation, resource, status }) => {
      if (caller !== "deploy" && service !== "registry") return false;
      if (status === null || status >= 400 || resource.endsWith("/lock.json")) return false;
      if (resource.includes("/blobs/")) return false; // bytes that no manifest names are nothing yet
      return !/^(Describe|Get|List|Head|BatchGet|BatchCheck|Assume|Simulate|HEAD|GET)/.test(operation);
    })
    .map(({ service, operation, resource }) => `${service} ${operation} ${resource}`.trim());
}
