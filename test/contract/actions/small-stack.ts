import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Bed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { runStep, type Step, type StepResult } from "../../runner/run-step.ts";

/** A stack as small as one can be, in a repository of its own: for what goes wrong before anything runs. */
export interface SmallStack {
  readonly bed: Bed;
  readonly infrastructure: Infrastructure;
}

/** A checkout of it, to be spoiled. */
export interface Checkout {
  readonly folder: string;
  git(...args: readonly string[]): string;
  write(path: string, text: string): Promise<void>;
  commit(message: string): string;
  run(step?: Partial<Step>, environment?: Readonly<Record<string, string>>): Promise<StepResult>;
  remove(): Promise<void>;
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
gates: { log-scan: "off" }
`);

export async function playSmallStack(bed: Bed): Promise<SmallStack> {
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

let runId = 0;

export async function checkOut({ bed }: SmallStack): Promise<Checkout> {
  const folder = await mkdtemp(join(tmpdir(), "small-"));
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgSign=false"];
  const git = (...args: readonly string[]): string =>
    execFileSync("git", [...identity, ...args], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  };
  const commit = (message: string): string => {
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", `--message=${message}`);
    return git("rev-parse", "HEAD");
  };
  await write("dagster-stack.yml", stackFile());
  await write("app/main.py", "definitions = None\n");
  await write("dagster.yaml", "telemetry: { enabled: false }\n");
  await write("workspace.yaml", "load_from: []\n");
  git("init", "--quiet", "--initial-branch=main");
  commit("Small");
  return {
    folder,
    git,
    write,
    commit,
    run: (step = {}, environment = {}) => {
      runId += 1;
      const job = {
        workspace: folder,
        repository: "owner/small",
        runId,
        environment: { ...bed.environment("deploy"), ...environment },
      };
      return runStep(job, { action: ".", ...step });
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Puts a record where the journal keeps it. */
export async function putRecord(
  { bed, infrastructure }: SmallStack,
  key: string,
  value: unknown,
  environment = "production",
): Promise<void> {
  const s3 = new S3Client({
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: "test", secretAccessKey: "secret" },
  });
  const Bucket = infrastructure.contract.bucket.name;
  await s3.send(
    new PutObjectCommand({
      Bucket,
      Key: `small/${environment}/${key}`,
      Body: typeof value === "string" ? value : JSON.stringify(value),
    }),
  );
}

/** Calls of the action that changed something, beside taking and giving back its lock. */
export function writesOf({ bed }: SmallStack, since: number): readonly string[] {
  return bed.calls
    .slice(since)
    .filter(({ caller, service, operation, resource, status }) => {
      if (caller !== "deploy" && service !== "registry") return false;
      if (status === null || status >= 400 || resource.endsWith("/lock.json")) return false;
      if (resource.includes("/blobs/")) return false; // bytes that no manifest names are nothing yet
      return !/^(Describe|Get|List|Head|BatchGet|BatchCheck|Assume|HEAD|GET)/.test(operation);
    })
    .map(({ service, operation, resource }) => `${service} ${operation} ${resource}`.trim());
}
