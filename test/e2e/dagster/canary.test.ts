import { ecs } from "../../../src/aws/ecs.ts";
import { logs } from "../../../src/aws/logs.ts";
import { s3 } from "../../../src/aws/s3.ts";
import { dagster } from "../../../src/dagster/client.ts";
import type { Context } from "../../../src/domain/context.ts";
import { type CanaryExpectation, canaryGate } from "../../../src/gates/canary.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { logScanGate } from "../../../src/gates/log-scan.ts";
import { imageUri } from "../process-runtime/definitions.ts";
import { type Stack, startStack, until } from "../process-runtime/stack.ts";

/** Code, daemon and webserver of a real Dagster, whose runs are tasks, and whose compute logs are in S3. */
let stack: Stack;
let digest: string;
let ask: (wanted: Partial<CanaryExpectation>) => Promise<GateResult>;
let look: (service: "code" | "daemon") => Promise<GateResult>;

beforeAll(async () => {
  stack = await startStack();
  const { bed, infrastructure, webserver } = stack;
  digest = await stack.push({ release: "with canaries" });
  const home = "home-s3";
  await Promise.all((["code", "daemon", "webserver"] as const).map((key) => stack.deploy(key, digest, { home })));
  await until(() => stack.complete("code", "daemon", "webserver"), Boolean);
  await until(
    () => stack.location(),
    ({ kind }) => kind === "loaded",
  );
  process.env["AWS_ENDPOINT_URL"] = bed.url;
  const context: Context = {
    clock: {
      now: () => Date.now(),
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    },
    signal: new AbortController().signal,
    report: () => undefined,
  };
  const settings = { region: bed.region, credentials: { accessKeyId: "deployer", secretAccessKey: "secret" } };
  const clients = { ecs: ecs(context, settings), logs: logs(context, settings), s3: s3(context, settings) };
  const { cluster, "log-group": group = "" } = infrastructure.contract;
  ask = (wanted) =>
    canaryGate(dagster({ url: webserver, login: null }, context), clients, context, {
      location: "deal_flow",
      target: { kind: "asset", key: "raw/deals" },
      partition: { kind: "none" },
      config: null,
      logs: false,
      computeLogs: null,
      cluster,
      image: imageUri(infrastructure, digest),
      holders: [],
      tags: { "dagster-ecs/release": "first" },
      timeoutSeconds: 90,
      ...wanted,
    });
  look = (service) =>
    logScanGate(clients, context, {
      service,
      serviceName: `${cluster}-${service}`,
      cluster,
      place: { file: "dagster-stack.yml", line: 1, column: 1 },
      log: { group, prefix: `deal-flow-${service}`, container: service },
      level: "error",
      isDaemon: service === "daemon",
    });
});

afterAll(async () => {
  delete process.env["AWS_ENDPOINT_URL"];
  await stack.bed.close();
});

const launches = (): number => stack.bed.calls.filter(({ operation }) => operation === "RunTask").length;

test("an asset is materialised for its last partition, with config; what it wrote is where it belongs", async () => {
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const bucket = stack.infrastructure.contract.bucket.name;
  const result = await ask({
    partition: { kind: "latest" },
    config: { ops: { raw__deals: { config: { rows: 3 } } } },
    logs: true,
    computeLogs: { bucket, prefix: "compute/" },
  });
  expect(result).toMatchObject({ cause: null, evidence: [] });
  expect(result.seen).toMatch(
    new RegExp(
      `^run \\S+ of asset raw/deals, partition ${yesterday}: SUCCESS; [0-9]+ lines(?: or more)? in \\S+; compute logs in s3://${bucket}/compute/storage/\\S+/$`,
    ),
  );
  const lines = await stack.logs("deal-flow-run");
  expect(lines.filter((line) => line.includes(`3 rows of ${yesterday}`))).not.toEqual([]);
});

test("the run of an earlier attempt is found again; compute logs that are elsewhere than wanted are missing", async () => {
  const launched = launches();
  const result = await ask({ partition: { kind: "latest" }, computeLogs: { bucket: "another-bucket", prefix: "" } });
  expect(launches()).toBe(launched);
  expect(result.cause?.id).toBe("canary-no-compute-logs");
  expect(result.cause?.what).toMatch(
    /are not below s3:\/\/another-bucket\/: Dagster keeps them at s3:\/\/\S+compute_logs/,
  );
});

test("a run that fails is quoted with the error of its step, and the last lines of its task", async () => {
  const result = await ask({ target: { kind: "job", name: "failing" } });
  expect(result.cause).toMatchObject({ id: "canary-failed" });
  expect(result.cause?.what).toMatch(/^The canary, job failing, ended with FAILURE \(run \S+\)\.$/);
  const [step, log] = [result.evidence.find(({ kind }) => kind === "graphql"), result.evidence.at(-1)];
  expect(step?.subject).toMatch(/^step stumble of run /);
  expect(step?.text.untrusted).toContain('raise ValueError("no deals today")');
  expect(step?.text.untrusted).toMatch(/ValueError: no deals today$/);
  expect(log).toMatchObject({ kind: "log", subject: expect.stringMatching(/^container run of task /) as string });
  expect(log?.text.untrusted).toContain("no deals today");
});

test.each<[string, Partial<CanaryExpectation>, string, RegExp]>([
  ["a partitioned asset without one", {}, "canary-partition", /has partitions, and the stack file names none/],
  [
    "a partition that is not there",
    { partition: { kind: "named", name: "1999-01-01" } },
    "canary-partition",
    /has no partition 1999-01-01, which the stack file names/,
  ],
  [
    "config that does not fit",
    { partition: { kind: "latest" }, config: { ops: { raw__deals: { config: { rows: "many" } } } } },
    "canary-refused",
    /RunConfigValidationInvalid: Invalid scalar at path root:ops:raw__deals:config:rows/,
  ],
  [
    "an asset that nobody has",
    { target: { kind: "asset", key: "raw/nothing" } },
    "canary-missing-asset",
    /no asset raw\/nothing/,
  ],
])(
  "%s is refused, and nothing is launched",
  async (_, wanted, id, words) => {
    const launched = launches();
    const result = await ask({ tags: { "dagster-ecs/release": "second" }, ...wanted });
    expect(result.cause?.id).toBe(id);
    expect(result.cause?.what).toMatch(words);
    expect(launches()).toBe(launched);
  },
  60_000,
);

test.each(["code", "daemon"] as const)(
  "the start of %s holds no error",
  async (service) => {
    const result = await look(service);
    expect(result.cause).toBeNull();
    expect(result.seen).toMatch(/^no start-up error in [1-9][0-9]* lines of its task$/);
  },
  60_000,
);
