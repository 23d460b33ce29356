import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
} from "@aws-sdk/client-ecs";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import * as z from "zod";
import { type Look, type Watcher, watchLocation } from "../../../scripts/demo/served.ts";
import { currentSchema, outcomeSchema } from "../../../src/domain/journal.ts";
import { documentedFor, neededBy } from "../../contract/actions/documented-permissions.ts";
import { query } from "../../local-aws/backing/postgresql-query.ts";
import type { GatewayCall } from "../../local-aws/gateway/call-record.ts";

// The demo as a person starts it. What it says of itself is not believed: AWS, Dagster, the database and the bucket are asked.

const reportSchema = z.object({
  webserver: z.string(),
  gateway: z.string(),
  region: z.string(),
  postgresql: z.object({ host: z.string(), port: z.number(), user: z.string() }),
  bucket: z.string(),
  folders: z.array(z.string()),
  stages: z.array(z.object({ stage: z.string(), outputs: z.record(z.string(), z.string()) })),
});
type Report = z.infer<typeof reportSchema>;

let folder: string;
let demo: ChildProcess;
let report: Report;
let looks: readonly Look[];
const lines: string[] = [];
const begun = new Map<string, number>();
const ended = new Map<string, number>();
/** Each step's column in docs/permissions.md, and when it began. */
const steps: { readonly column: string; readonly at: number }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "demo-test-"));
  const file = join(folder, "report.json");
  await chmod(folder, 0o755); // PostgreSQL may run as somebody else
  await mkdir(join(folder, "tmp"));
  const process_ = spawn(process.execPath, ["scripts/demo.mjs", "--report", file], {
    stdio: ["ignore", "pipe", "inherit"],
    // npm lets newer Node keep what it compiles below TMPDIR, and leaves it there.
    env: { ...process.env, TMPDIR: join(folder, "tmp"), NODE_DISABLE_COMPILE_CACHE: "1" },
    detached: true, // a group of its own, so that whatever is left of it can be ended
  });
  demo = process_;
  let watcher: Watcher | null = null;
  for await (const line of createInterface({ input: process_.stdout })) {
    lines.push(line);
    const [, url] = /^Dagster's webserver will be at (\S+)/.exec(line) ?? [];
    if (url !== undefined) watcher = watchLocation(url, "DealFlow", 150);
    const [, stage] = /^━━━ ([a-e])\. /.exec(line) ?? [];
    if (stage !== undefined) begun.set(stage, Date.now());
    const [, action, inputs = ""] = /^uses: (?:actions\/)?(.+?), with: (.*)$/.exec(line) ?? [];
    if (action !== undefined) {
      const command = /command: (\w+)/.exec(inputs)?.[1] ?? "deploy";
      steps.push({ column: action === "this action" ? command : action, at: Date.now() });
    }
    const [, over] = /^Stage ([a-e]) took/.exec(line) ?? [];
    if (over !== undefined) ended.set(over, Date.now());
    if (line === "It stays up until Ctrl-C.") break;
  }
  looks = watcher?.looks ?? [];
  await watcher?.stop();
  if (!existsSync(file)) throw new Error(`the demo did not get to its end:\n${lines.slice(-60).join("\n")}`);
  report = reportSchema.parse(JSON.parse(await readFile(file, "utf8")));
}, 900_000);

afterAll(async () => {
  if (demo.exitCode === null && demo.pid !== undefined) process.kill(-demo.pid, "SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

const settings = () => ({
  endpoint: report.gateway,
  region: report.region,
  credentials: { accessKeyId: "test", secretAccessKey: "secret" },
});
const outputs = (stage: string): Readonly<Record<string, string>> =>
  report.stages.find((one) => one.stage === stage)?.outputs ?? {};
const digestOf = (stage: string, image: string): string => {
  const images = JSON.parse(outputs(stage)["images"] ?? "{}") as Record<string, { digest: string }>;
  return images[image]?.digest ?? `no image ${image} in stage ${stage}`;
};
const during = (stage: string): readonly Look[] =>
  looks.filter(({ at }) => at >= (begun.get(stage) ?? Number.POSITIVE_INFINITY) && at <= (ended.get(stage) ?? 0));

test("the first release is served from the digest that was pushed, and its canary said the constant of its code", async () => {
  expect(during("a").at(-1)?.image).toContain(digestOf("a", "code"));
  expect(await canaryDigests("canary of deal-flow 1")).toContain(digestOf("a", "code"));
});

test("migrations were run on the real database", async () => {
  const connection = { ...report.postgresql, database: "deal_flow_application" };
  expect(await query(connection, "SELECT version_num FROM alembic_version")).toEqual([["0002"]]);
  expect(
    await query(connection, "SELECT column_name FROM information_schema.columns WHERE table_name = 'deals' ORDER BY 1"),
  ).toEqual([["id"], ["name"], ["score"]]);
});

test("a code change is served from a new digest, and a run executed it", async () => {
  expect(digestOf("b", "code")).not.toBe(digestOf("a", "code"));
  expect(during("b").at(-1)?.image).toContain(digestOf("b", "code"));
  const digests = await canaryDigests("canary of deal-flow 2");
  expect(digests.length).toBeGreaterThanOrEqual(1);
  expect(new Set(digests)).toEqual(new Set([digestOf("b", "code")]));
});

test("the code was served all the while: the old until the new", () => {
  const images = during("b").map(({ image }) => image);
  const expected = [digestOf("a", "code"), digestOf("b", "code")];
  const seen = images.map((image) => expected.findIndex((digest) => image?.includes(digest)));
  expect(seen).not.toContain(-1);
  expect(seen).toEqual([...seen].sort((x, y) => x - y));
});

test("webserver and daemon were rolled once, by the first release, and never touched again", async () => {
  const ecs = new ECSClient(settings());
  const deploymentsOf = async (service: string): Promise<number> => {
    const { serviceDeployments = [] } = await ecs.send(
      new ListServiceDeploymentsCommand({ cluster: "deal-flow", service }),
    );
    return serviceDeployments.length;
  };
  const { services = [] } = await ecs.send(
    new DescribeServicesCommand({ cluster: "deal-flow", services: ["deal-flow-webserver", "deal-flow-daemon"] }),
  );
  const created = services.map(({ serviceName = "", createdAt }) => [serviceName, createdAt] as const);
  expect(created).toHaveLength(2);
  // One for the service as infrastructure made it, one for the first release.
  expect(await deploymentsOf("deal-flow-webserver")).toBe(2);
  expect(await deploymentsOf("deal-flow-daemon")).toBe(2);
  expect(await deploymentsOf("deal-flow-code")).toBeGreaterThan(2);
});

test("the pull request's plan changed nothing, and shows the difference of the definition", async () => {
  const calls = await callsBetween(begun.get("c") ?? 0, ended.get("c") ?? 0);
  const writes = calls.filter(
    ({ caller, operation }) => caller === "deploy" && !/^(Describe|Get|List|Head|BatchGet|BatchCheck)/i.test(operation),
  );
  expect(writes).toEqual([]);
  const shown = lines.join("\n");
  expect(shown).toMatch(/^ *- cpu: 512$/m);
  expect(shown).toMatch(/^ *\+ cpu: 1024$/m);
});

test("every step called only what docs/permissions.md says that it needs", async () => {
  expect(steps.map(({ column }) => column)).toEqual([
    "build-push-image",
    "run-migrations",
    "register-task-def",
    "deploy-service",
    "deploy",
    "plan",
    "deploy",
    "rollback",
  ]);
  for (const [index, { column, at }] of steps.entries()) {
    const calls = await callsBetween(at, (steps[index + 1]?.at ?? Number.POSITIVE_INFINITY) - 1);
    const needed = neededBy(calls, "deploy");
    const documented = documentedFor(column);
    expect(needed).toContain("ssm:GetParameter");
    expect({ column, missing: needed.filter((permission) => !documented.includes(permission)) }).toEqual({
      column,
      missing: [],
    });
  }
});

test("the old code served throughout the bad commit, which was explained by the end of its traceback", () => {
  const images = new Set(during("d").map(({ image }) => image));
  expect([...images]).toHaveLength(1);
  expect([...images][0]).toContain(digestOf("b", "code"));
  expect(during("d").length).toBeGreaterThan(20);
  expect(lines.join("\n")).toContain("No module named 'pandsa'");
});

test("the rollback is served from the first release's digest", () => {
  expect(digestOf("e", "code")).toBe(digestOf("a", "code"));
  expect(during("e").at(-1)?.image).toContain(digestOf("a", "code"));
});

test("the journal holds how each release ended, and the rollback is current", async () => {
  const outcome = async (stage: string): Promise<string> =>
    (await record(`releases/${outputs(stage)["release-id"] ?? ""}/outcome.json`, outcomeSchema)).outcome;
  expect(await Promise.all(["a", "b", "d", "e"].map(outcome))).toEqual([
    "committed",
    "committed",
    "taken-back",
    "committed",
  ]);
  const current = await record("current.json", currentSchema);
  expect([current.release, current.previous]).toEqual([outputs("e")["release-id"], outputs("b")["release-id"]]);
});

test("no secret is in anything that was printed", () => {
  expect(lines.join("\n")).not.toContain("local-aws-password");
  expect(lines.join("\n")).not.toMatch(/postgresql\+psycopg2:\/\//);
});

test("Ctrl-C ends it, and nothing is left", async () => {
  const exited = once(demo, "exit");
  demo.kill("SIGTERM");
  await exited;
  await expect(fetch(`${report.webserver}/server_info`)).rejects.toThrow();
  await expect(fetch(`${report.gateway}/_bed/calls`)).rejects.toThrow();
  for (const path of report.folders) {
    expect(existsSync(path)).toBe(false);
    expect(processesBelow(path)).toEqual([]);
  }
  expect(readdirSync(join(folder, "tmp"))).toEqual([]);
});

async function callsBetween(from: number, to: number): Promise<readonly GatewayCall[]> {
  const response = await fetch(`${report.gateway}/_bed/calls`);
  const calls = (await response.json()) as readonly GatewayCall[];
  expect(calls.length).toBeGreaterThan(100);
  return calls.filter(({ at }) => at >= from && at <= to);
}

async function record<T>(key: string, schema: z.ZodType<T>): Promise<T> {
  const { Body } = await new S3Client(settings()).send(
    new GetObjectCommand({ Bucket: report.bucket, Key: `deal-flow/local/${key}` }),
  );
  return schema.parse(JSON.parse((await Body?.transformToString()) ?? ""));
}

/** Digests of the tasks in whose logs a text stands: the stream of a task ends with its id. */
async function canaryDigests(text: string): Promise<readonly string[]> {
  const { events = [] } = await new CloudWatchLogsClient(settings()).send(
    new FilterLogEventsCommand({ logGroupName: "/dagster/deal-flow" }),
  );
  const runs = events.filter(
    ({ logStreamName, message }) => logStreamName?.startsWith("run/") === true && message?.includes(text) === true,
  );
  const tasks = [...new Set(runs.map(({ logStreamName }) => logStreamName?.split("/").at(-1) ?? ""))];
  if (tasks.length === 0) return [];
  const { tasks: described = [] } = await new ECSClient(settings()).send(
    new DescribeTasksCommand({ cluster: "deal-flow", tasks }),
  );
  expect(described).toHaveLength(tasks.length);
  return described.flatMap(({ containers = [] }) => containers.flatMap(({ imageDigest }) => imageDigest ?? []));
}

/** Command lines of processes that were told of a folder. */
function processesBelow(path: string): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const [command = "", environment = ""] = ["cmdline", "environ"].map((file) =>
        readFileSync(`/proc/${pid}/${file}`, "utf8").replaceAll("\0", " "),
      );
      return `${command} ${environment}`.includes(path) ? [command] : [];
    } catch {
      return [];
    }
  });
}
