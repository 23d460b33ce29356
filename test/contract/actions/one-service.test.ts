import {
  DeregisterTaskDefinitionCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { setTimeout } from "node:timers/promises";
import { runStep, type StepResult } from "../../runner/run-step.ts";
import { type Checkout, checkOut, type SmallStack, startSmallStack, writesOf } from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
let client: ECSClient;

beforeAll(async () => {
  small = await startSmallStack({ speed: 50 });
  // A service that no stack file names is rolled by a role of the user's own.
  checkout = await checkOut(small, "all");
  const { url, region } = small.bed;
  client = new ECSClient({ endpoint: url, region, credentials: { accessKeyId: "test", secretAccessKey: "secret" } });
});
afterAll(async () => {
  client.destroy();
  await checkout.remove();
  await small.bed.close();
});

const step = (inputs: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<StepResult> =>
  runStep(
    { ...checkout.job({ AWS_REGION: small.bed.region }), ...(signal === undefined ? {} : { signal }) },
    { action: "actions/deploy-service", with: { service: "small-daemon", cluster: "small", ...inputs } },
  );

/** A revision of the service's definition whose container runs this. */
async function revisionThat(...command: readonly string[]): Promise<string> {
  const found = await client.send(new DescribeTaskDefinitionCommand({ taskDefinition: "small-daemon:1" }));
  const { family, networkMode, requiresCompatibilities, cpu, memory, executionRoleArn, containerDefinitions } =
    found.taskDefinition ?? {};
  const options = {
    "awslogs-group": small.infrastructure.contract["log-group"] ?? "",
    "awslogs-region": small.bed.region,
    "awslogs-stream-prefix": "daemon",
  };
  const containers = containerDefinitions?.map((container) => ({
    ...container,
    command: [...command],
    logConfiguration: { logDriver: "awslogs" as const, options },
  }));
  const { taskDefinition } = await client.send(
    new RegisterTaskDefinitionCommand({
      family,
      networkMode,
      requiresCompatibilities,
      cpu,
      memory,
      executionRoleArn,
      containerDefinitions: containers,
    } as RegisterTaskDefinitionCommandInput),
  );
  return taskDefinition?.taskDefinitionArn ?? "";
}

async function running(): Promise<string | undefined> {
  const found = await client.send(new DescribeServicesCommand({ cluster: "small", services: ["small-daemon"] }));
  return found.services?.[0]?.taskDefinition;
}

test("one service is brought to one revision, once; and what fails goes back, with the last words of its container", async () => {
  const first = await step({ "task-definition": "small-daemon:1", "desired-count": "1" });
  expect([first.exitCode, first.outputs["verdict"], first.log.join("\n")]).toEqual([
    0,
    "succeeded",
    expect.stringContaining("small-daemon: succeeded in"),
  ]);
  const since = small.bed.calls.length;
  const again = await step({ "task-definition": "small-daemon:1" });
  expect(again.outputs).toMatchObject({ verdict: "unchanged", changed: "false" });
  expect(writesOf(small, since)).toEqual([]);

  const sleeps = await revisionThat("sleep", "1000");
  const good = await step({ "task-definition": sleeps });
  expect(good.outputs).toMatchObject({
    verdict: "succeeded",
    changed: "true",
    "deployment-id": expect.stringMatching(/^ecs-svc\//) as unknown,
    "task-definition-arn": sleeps,
    "previous-task-definition-arn": sleeps.replace(/:\d+$/, ":1"),
  });

  const crashes = await revisionThat("sh", "-c", "echo the database is away; exit 3");
  const bad = await step({ "task-definition": crashes });
  expect([bad.exitCode, bad.outputs["verdict"]]).toEqual([1, "rolled-back"]);
  expect(bad.log.join("\n")).toContain("the database is away");
  expect(bad.summary).toContain("the database is away");
  const seen = bad.log.slice(bad.log.findIndex((line) => line.includes("What was seen of service small-daemon")));
  expect(seen.join("\n")).toMatch(/the database is away[^]*https:\/\/[^\s]*console\.aws/);
  expect(await running()).toBe(sleeps);

  await breakerOff();
  const unbroken = await step({ "task-definition": crashes });
  expect([unbroken.exitCode, unbroken.outputs["verdict"]]).toEqual([1, "failed"]);
  expect(unbroken.log.join("\n")).toMatch(/Taken back to small-daemon:\d+\./);
  expect(await running()).toBe(sleeps);
});

/** ECS takes nothing back by itself any more. */
async function breakerOff(): Promise<void> {
  const deploymentConfiguration = { deploymentCircuitBreaker: { enable: false, rollback: false } };
  await client.send(new UpdateServiceCommand({ cluster: "small", service: "small-daemon", deploymentConfiguration }));
}

/** Waits until a step has told ECS to roll. */
async function begun(since: number): Promise<void> {
  while (!writesOf(small, since).some((call) => call.includes("UpdateService"))) await setTimeout(20);
}

describe("before it begins", () => {
  async function refused(change: Partial<RegisterTaskDefinitionCommandInput>, isInactive = false): Promise<StepResult> {
    const { taskDefinition = {} } = await client.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: await revisionThat("sleep", "infinity") }),
    );
    const { family, networkMode, requiresCompatibilities, cpu, memory, executionRoleArn, containerDefinitions } =
      taskDefinition;
    const kept = { family, networkMode, requiresCompatibilities, cpu, memory, executionRoleArn, containerDefinitions };
    const input = { ...kept, ...change } as RegisterTaskDefinitionCommandInput;
    const registered = await client.send(new RegisterTaskDefinitionCommand(input));
    const arn = registered.taskDefinition?.taskDefinitionArn ?? "";
    if (isInactive) await client.send(new DeregisterTaskDefinitionCommand({ taskDefinition: arn }));
    const since = small.bed.calls.length;
    const result = await step({ "task-definition": arn });
    expect(writesOf(small, since)).toEqual([]);
    expect(result.exitCode).toBe(1);
    return result;
  }
  const said = ({ annotations }: StepResult): string => annotations.map(({ message }) => message).join("\n");

  test("an image that the registry lacks is told", async () => {
    const { account, region } = small.bed;
    const image = `${account}.dkr.ecr.${region}.amazonaws.com/small/code@sha256:${"0".repeat(64)}`;
    const result = await refused({ containerDefinitions: [{ name: "daemon", image }] });
    expect(said(result)).toMatch(/The registry has no image small\/code@sha256:0+: no task starts without it/);
  });

  test("and a revision that was deregistered", async () => {
    expect(said(await refused({}, true))).toContain("is INACTIVE: it was deregistered");
  });
});

test("a taking back that AWS refuses is said after what failed, and never in its place", async () => {
  await breakerOff();
  const before = await running();
  const crashes = await revisionThat("sh", "-c", "echo the queue is full; exit 4");
  const since = small.bed.calls.length;
  const rolled = step({ "task-definition": crashes });
  await begun(since);
  const mend = ["ecs:UpdateService", "ecs:StopServiceDeployment"].map((on) =>
    small.bed.aws.faults.inject({ on, caller: "deploy", what: { kind: "access-denied" } }),
  );
  const { exitCode, log, outputs, summary } = await rolled;
  for (const end of mend) end();
  expect([exitCode, outputs["verdict"]]).toEqual([1, "failed"]);
  for (const text of [log.join("\n"), summary]) {
    expect(text).toContain("the queue is full");
    expect(text).toContain("NOT taken back: ");
  }
  expect(await running()).toBe(crashes);
  expect((await step({ "task-definition": before ?? "" })).outputs["verdict"]).toBe("succeeded");
});

describe("a deployment of somebody else under way", () => {
  /** Its tasks end at once, and nobody takes it back: it goes on until it is replaced. */
  beforeEach(async () => {
    await breakerOff();
    const theirs = await revisionThat("sh", "-c", "exit 1");
    const request = { cluster: "small", service: "small-daemon", taskDefinition: theirs };
    await client.send(new UpdateServiceCommand(request));
  });

  test("is replaced unless told, and that is said", async () => {
    const ours = await revisionThat("sleep", "1001");
    const { log, outputs } = await step({ "task-definition": ours });
    expect(log.join("\n")).toMatch(/deployment small-daemon:\d+ .*is under way: it is replaced/);
    expect([outputs["verdict"], await running()]).toEqual(["succeeded", ours]);
  });

  test("is refused with `in-flight: fail`, and waited for with `wait`", async () => {
    const ours = await revisionThat("sleep", "1002");
    const since = small.bed.calls.length;
    const refused = await step({ "task-definition": ours, "in-flight": "fail" });
    expect([refused.exitCode, refused.log.join("\n")]).toEqual([
      1,
      expect.stringContaining("Nobody is waited for, and no service was changed."),
    ]);
    expect(writesOf(small, since)).toEqual([]);
    const waiting = step({ "task-definition": ours, "in-flight": "wait" });
    await setTimeout(2_000);
    expect(writesOf(small, since)).toEqual([]);
    const good = await revisionThat("sleep", "1003");
    const request = { cluster: "small", service: "small-daemon", taskDefinition: good };
    await client.send(new UpdateServiceCommand(request));
    const { log, outputs } = await waiting;
    expect(log.join("\n")).toContain("small-daemon  the other deployment is over");
    expect([outputs["verdict"], outputs["previous-task-definition-arn"], await running()]).toEqual([
      "succeeded",
      good,
      ours,
    ]);
  });
});

test("what is taken over and fails goes back to what had come to run, and not to what it was taken over from", async () => {
  await breakerOff();
  const good = await revisionThat("sleep", "1005");
  expect((await step({ "task-definition": good })).outputs["verdict"]).toBe("succeeded");
  const theirs = await revisionThat("sh", "-c", "sleep 1; exit 1");
  await client.send(new UpdateServiceCommand({ cluster: "small", service: "small-daemon", taskDefinition: theirs }));
  const ours = await revisionThat("sh", "-c", "echo the disk is full; exit 2");
  const { log, outputs } = await step({ "task-definition": ours });
  expect(outputs["verdict"]).toBe("failed");
  expect(log.join("\n")).toMatch(/Taken back to small-daemon:\d+\./);
  expect(await running()).toBe(good);
});

test("a count that was given goes back with the revision, also where ECS has gone back by itself", async () => {
  const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: true } };
  await client.send(new UpdateServiceCommand({ cluster: "small", service: "small-daemon", deploymentConfiguration }));
  const before = await revisionThat("sleep", "1006");
  expect((await step({ "task-definition": before })).outputs["verdict"]).toBe("succeeded");
  const crashes = await revisionThat("sh", "-c", "exit 5");
  const { outputs, log } = await step({ "task-definition": crashes, "desired-count": "2" });
  expect([outputs["verdict"], log.join("\n")]).toEqual(["rolled-back", expect.stringMatching(/Taken back to/)]);
  const found = await client.send(new DescribeServicesCommand({ cluster: "small", services: ["small-daemon"] }));
  expect([found.services?.[0]?.taskDefinition, found.services?.[0]?.desiredCount]).toEqual([before, 1]);
});

test.each([
  ["leave", "left to ECS", false],
  ["rollback", "taken back", true],
] as const)("a step that is cancelled with `on-cancel: %s` has its service %s", async (choice, _, isBack) => {
  await breakerOff();
  const good = await revisionThat("sleep", "1004");
  expect((await step({ "task-definition": good })).outputs["verdict"]).toBe("succeeded");
  const slow = await revisionThat("sh", "-c", "sleep 1; exit 1");
  const cancel = new AbortController();
  const since = small.bed.calls.length;
  const cut = step({ "task-definition": slow, "on-cancel": choice }, cancel.signal);
  await begun(since);
  cancel.abort();
  const { log, exitCode } = await cut;
  expect(exitCode).not.toBe(0);
  expect(log.join("\n").includes("Taken back to small-daemon:")).toBe(isBack);
  expect(await running()).toBe(isBack ? good : slow);
});

test.each<[string, Readonly<Record<string, string>>, string]>([
  ["a part of it alone", { "task-definition": "" }, "`service` is given, and `task-definition` is not."],
  ["no revision", { "task-definition": "small-daemon" }, "names one revision: family:7, or its whole ARN"],
  ["what is about a stack", { "task-definition": "small-daemon:1", only: "code" }, "`only` is for a stack file"],
  ["no service", { service: "", "task-definition": "small-daemon:1" }, "is for one service without a stack file"],
  ["no task", { "task-definition": "small-daemon:1", "desired-count": "0" }, "is a whole number, 1 to 9999"],
  ["one that is not there", { service: "other", "task-definition": "small-daemon:1" }, "There is no service other."],
])("%s is refused before anything is written", async (_, inputs, words) => {
  const since = small.bed.calls.length;
  const { exitCode, log } = await step(inputs);
  expect(exitCode).toBe(1);
  expect(log.join("\n")).toContain(words);
  expect(writesOf(small, since)).toEqual([]);
});
