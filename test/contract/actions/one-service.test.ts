import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import type { StepResult } from "../../runner/run-step.ts";
import { type Checkout, checkOut, type SmallStack, startSmallStack, writesOf } from "./small-stack.ts";

let small: SmallStack;
let checkout: Checkout;
let client: ECSClient;

beforeAll(async () => {
  small = await startSmallStack({ speed: 50 });
  checkout = await checkOut(small);
  const { url, region } = small.bed;
  client = new ECSClient({ endpoint: url, region, credentials: { accessKeyId: "test", secretAccessKey: "secret" } });
});
afterAll(async () => {
  client.destroy();
  await checkout.remove();
  await small.bed.close();
});

const step = (inputs: Readonly<Record<string, string>>): Promise<StepResult> =>
  checkout.run(
    { action: "actions/deploy-service", with: { service: "small-daemon", cluster: "small", ...inputs } },
    { AWS_REGION: small.bed.region },
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
  expect(await running()).toBe(sleeps);

  const deploymentConfiguration = { deploymentCircuitBreaker: { enable: false, rollback: false } };
  const request = { cluster: "small", service: "small-daemon", deploymentConfiguration };
  await client.send(new UpdateServiceCommand(request));
  const unbroken = await step({ "task-definition": crashes });
  expect([unbroken.exitCode, unbroken.outputs["verdict"]]).toEqual([1, "failed"]);
  expect(unbroken.log.join("\n")).toMatch(/Taken back to small-daemon:\d+\./);
  expect(await running()).toBe(sleeps);
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
