import { jest } from "@jest/globals";
import {
  DescribeTaskDefinitionCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { ecs } from "../../../src/aws/ecs.ts";
import { logs } from "../../../src/aws/logs.ts";
import { type Dagster, dagster } from "../../../src/dagster/client.ts";
import type { Context } from "../../../src/domain/context.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { locationGate } from "../../../src/gates/location.ts";
import { logScanGate } from "../../../src/gates/log-scan.ts";
import { webserverGate } from "../../../src/gates/webserver.ts";
import { imageUri } from "../process-runtime/definitions.ts";
import { awsSeconds, testMilliseconds } from "../process-runtime/speed.ts";
import { deployAll, type Stack, startStack, until } from "../process-runtime/stack.ts";

/** What gates say of a real Dagster that is not well, on a clock that nobody shortens. One after another, on one stack. */
jest.setTimeout(testMilliseconds);
let stack: Stack;
let context: Context;
let asked: Dagster;

beforeAll(async () => {
  stack = await startStack({ overlapSeconds: 6, namePolicy: "random" });
  await deployAll(stack, { release: "first" });
  context = {
    clock: {
      now: () => Date.now(),
      sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    },
    signal: new AbortController().signal,
    report: () => undefined,
  };
  asked = dagster({ url: stack.webserver, login: null }, context);
});

afterAll(() => stack.bed.close());

const location = (
  digest: string,
  seconds: { readonly nameTtl: number; readonly timeout: number },
): Promise<GateResult> =>
  locationGate(asked, context, {
    location: "deal_flow",
    image: imageUri(stack.infrastructure, digest),
    nameTtlSeconds: seconds.nameTtl,
    timeoutSeconds: seconds.timeout + awsSeconds,
  });

async function update(service: "code" | "daemon" | "webserver", change: object): Promise<void> {
  const { cluster } = stack.infrastructure.contract;
  await stack.ecs.send(new UpdateServiceCommand({ cluster, service: `${cluster}-${service}`, ...change }));
}

/** What the name of the code server gives, asked often. */
function addresses(): ReadonlySet<string> {
  const { cluster } = stack.infrastructure.contract;
  const answers = Array.from({ length: 64 }, () => stack.bed.names.resolve(`code.${cluster}.local`));
  return new Set(answers.flatMap((answer) => (answer.kind === "address" ? [answer.address] : [])));
}

test("a location is not passed while an older server stands behind its name, however often the new one answers", async () => {
  const digest = await stack.push({ release: "second" });
  const before = await wantedTasks();
  await stack.deploy("code", digest);
  // A release asks no sooner: ECS has told the older one to end, and resolvers remember it.
  await until(wantedTasks, (tasks) => tasks.length === 1 && tasks[0] !== before[0]);
  const { cause } = await location(digest, { nameTtl: 8, timeout: 90 });
  expect(cause).toBeNull();
  expect(addresses().size).toBe(1);
  await until(() => stack.complete("code"), Boolean);
});

/** Of the code server. */
async function wantedTasks(): Promise<readonly string[]> {
  const { cluster } = stack.infrastructure.contract;
  const { taskArns = [] } = await stack.ecs.send(
    new ListTasksCommand({ cluster, serviceName: `${cluster}-code`, desiredStatus: "RUNNING" }),
  );
  return taskArns;
}

/** A revision of the code server that ends after some seconds, and the one that runs now. */
async function dyingCode(seconds: number): Promise<{ readonly dies: string; readonly lives: string }> {
  const { taskDefinition: lives = "" } = await stack.service("code");
  const { taskDefinition } = await stack.ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: lives }));
  const [container] = taskDefinition?.containerDefinitions ?? [];
  const { family, networkMode, requiresCompatibilities, cpu, memory, executionRoleArn, taskRoleArn, runtimePlatform } =
    taskDefinition ?? {};
  const settings = {
    family,
    networkMode,
    requiresCompatibilities,
    cpu,
    memory,
    executionRoleArn,
    taskRoleArn,
    runtimePlatform,
  };
  const registered = await stack.ecs.send(
    new RegisterTaskDefinitionCommand({
      ...settings,
      containerDefinitions: [{ ...container, command: ["timeout", String(seconds), ...(container?.command ?? [])] }],
    } as RegisterTaskDefinitionCommandInput),
  );
  return { dies: registered.taskDefinition?.taskDefinitionArn ?? "", lives };
}

test.each([2, 1])(
  "a code server that serves, and dies soon after, is not passed; webservers that show it: %d",
  async (webservers) => {
    const digest = await stack.push({ release: "second" });
    await update("webserver", { desiredCount: webservers });
    await until(
      () => stack.service("webserver"),
      ({ runningCount, deployments = [] }) =>
        runningCount === webservers && deployments.length === 1 && deployments[0]?.rolloutState === "COMPLETED",
    );
    const { dies, lives } = await dyingCode(8);
    // The one before it has the same image: it must be gone, or it answers as well.
    await update("code", { desiredCount: 0 });
    await until(
      () => Promise.resolve(addresses().size),
      (found) => found === 0,
    );
    // With its breaker, ECS would take it back to the one before, which has the same image and lives.
    const deploymentConfiguration = { deploymentCircuitBreaker: { enable: false, rollback: false } };
    await update("code", { taskDefinition: dies, desiredCount: 1, deploymentConfiguration });
    const { cause, seen } = await location(digest, { nameTtl: 15, timeout: 40 });
    // Which of them is told depends on the second at which it dies: between two answers, or before the one that is read.
    expect(["location-broken", "location-not-served", "location-unreachable", "location-unsteady"]).toContain(
      cause?.id ?? seen,
    );
    await update("code", { taskDefinition: lives });
    expect(await location(digest, { nameTtl: 1, timeout: 90 })).toMatchObject({ cause: null });
  },
);

test("a webserver that is well says nothing of its locations: they are told as what they are", async () => {
  const digest = await stack.push({ release: "second" });
  await update("code", { desiredCount: 0 });
  await until(
    () => Promise.resolve(addresses().size),
    (found) => found === 0,
  );
  const web = await webserverGate(asked, context, {
    service: "webserver",
    each: null,
    version: null,
    timeoutSeconds: 20,
  });
  expect(web).toMatchObject({ cause: null, seen: expect.stringContaining("Dagster 1.") as unknown });
  const { cause, evidence } = await location(digest, { nameTtl: 1, timeout: 15 });
  expect(cause).toMatchObject({
    id: "location-unreachable",
    what: "The webserver does not reach the code server of location deal_flow.",
  });
  expect(evidence[0]?.text.untrusted).toContain("StatusCode.UNAVAILABLE");
  await update("code", { desiredCount: 1 });
});

test("two daemons at once are found in the log of either", async () => {
  // The log of one that has run through all of the above does not begin with what it says of another.
  await update("daemon", { desiredCount: 0 });
  await until(
    () => stack.service("daemon"),
    ({ runningCount }) => runningCount === 0,
  );
  await update("daemon", { desiredCount: 2 });
  await until(
    () => stack.service("daemon"),
    ({ runningCount }) => runningCount === 2,
  );
  const settings = { region: stack.bed.region, credentials: { accessKeyId: "deployer", secretAccessKey: "secret" } };
  process.env["AWS_ENDPOINT_URL"] = stack.bed.url;
  const clients = { ecs: ecs(context, settings), logs: logs(context, settings) };
  const { cluster, "log-group": group = "" } = stack.infrastructure.contract;
  const found = await until(
    () =>
      logScanGate(clients, context, {
        service: "daemon",
        serviceName: `${cluster}-daemon`,
        cluster,
        place: { file: "dagster-stack.yml", line: 1, column: 1 },
        log: { group, prefix: "deal-flow-daemon", container: "daemon" },
        level: "notice",
        isDaemon: true,
      }),
    ({ cause }) => cause !== null,
  );
  expect(found.evidence.map(({ text }) => text.untrusted).join("\n")).toMatch(/Another \w+ daemon is still sending/);
  delete process.env["AWS_ENDPOINT_URL"];
});
