import { readFileSync } from "node:fs";
import { type Job, runStep, type Step, type StepResult } from "../../runner/run-step.ts";
import { allowedBy, idleStatements, parsePolicy } from "../../infra/policy.ts";
import { grantPolicy, policyOfStep } from "../../releases/role-policy.ts";
import { documentedFor, documentedWith, neededBy } from "./documented-permissions.ts";
import { type Checkout, checkOut, type SmallStack, startSmallStack, stackFile } from "./small-stack.ts";

// What a green release calls is compared by the test of the demo, which runs one. Here everything is called until the containers of
// the small stack, which hold no Dagster, do not start: from there on, evidence is read, and services are taken back.

let small: SmallStack;
let checkout: Checkout;
let runId = 900;
/** Statements without which something was denied, and those without which nothing was, in some step. */
const used = new Set<string>();
const spared = new Set<string>();

beforeAll(async () => {
  small = await startSmallStack({ speed: 20 });
  checkout = await checkOut(small);
  await checkout.write(
    "dagster-stack.yml",
    stackFile(
      (text) =>
        `${text}migrations: [{ name: application, tool: alembic, image: app, workdir: /app }]\nsecrets-from: ["ssm:/small/"]\n`,
    ),
  );
  checkout.commit("Migrate");
});

afterAll(async () => {
  await checkout.remove();
  await small.bed.close();
});

/**
 * Runs an action by a role with the policy that is printed for it, which must allow all it calls, and compares that with what its
 * column says.
 * @param more what the page says beside the table
 */
async function expectDocumented(
  column: string,
  action: string,
  inputs: Readonly<Record<string, string>> = {},
  more: readonly string[] = [],
): Promise<{ readonly result: StepResult; readonly needed: readonly string[] }> {
  const since = small.bed.calls.length;
  const job = {
    workspace: checkout.folder,
    repository: "owner/small",
    runId,
    environment: small.bed.environment("deploy"),
    grant: (asked: Job, one: Step) => grantPolicy(small.bed, asked, one),
  };
  const judged = small.bed.aws.neighbours.judged.length;
  const step = { action, with: inputs };
  const policy = parsePolicy(JSON.stringify(await policyOfStep(small.bed, job, step)));
  const result = await runStep(job, step);
  const requests = small.bed.aws.neighbours.judged.slice(judged);
  expect(requests.filter((request) => allowedBy(policy, request) === null)).toEqual([]);
  const needed = neededBy(small.bed.calls.slice(since), "deploy");
  const documented = [...documentedFor(column), ...more];
  expect(needed.filter((permission) => !documented.includes(permission))).toEqual([]);
  const idle = idleStatements(policy, requests);
  for (const { Sid } of policy.Statement) (idle.includes(Sid) ? spared : used).add(Sid);
  return { result, needed };
}

test("build-push-image needs what is written", async () => {
  const { result, needed } = await expectDocumented("build-push-image", "actions/build-push-image");
  expect(result.exitCode).toBe(0);
  expect(needed).toEqual(expect.arrayContaining(["ecr:PutImage", "ssm:DescribeParameters", "ssm:GetParameter"]));
});

test("run-migrations needs what is written, for one that fails", async () => {
  const { result, needed } = await expectDocumented("run-migrations", "actions/run-migrations");
  expect(result.exitCode).toBe(1);
  expect(result.outputs["verdicts"]).toBe("{}");
  expect(needed).toEqual(expect.arrayContaining(["ecs:RunTask", "logs:GetLogEvents", "s3:PutObject"]));
});

test("plan and status need what is written, and read only", async () => {
  for (const command of ["plan", "status"]) {
    const { result, needed } = await expectDocumented(command, ".", { command });
    expect(result.exitCode).toBe(0);
    expect(needed.filter((permission) => !/:(Get|Describe|List|BatchGet)/.test(permission))).toEqual([]);
  }
});

test("plan with verify needs what is written of that, and reads only", async () => {
  const verifying = documentedWith("With `verify: true`");
  // Of one that faces the internet, listeners and security groups are looked at, too.
  const { loadBalancers } = small.bed.aws.neighbours;
  for (const [arn, balancer] of loadBalancers) loadBalancers.set(arn, { ...balancer, scheme: "internet-facing" });
  const { result, needed } = await expectDocumented("plan", ".", { command: "plan", verify: "true" }, verifying);
  expect(result.exitCode).toBe(0);
  expect(needed).toEqual(expect.arrayContaining(verifying.filter((action) => !action.startsWith("ecr:"))));
  expect(needed.filter((permission) => !/:(Get|Describe|List|BatchGet|Simulate)/.test(permission))).toEqual([]);
});

test("register-task-def and deploy-service need what is written, for services that do not start", async () => {
  await checkout.write("dagster-stack.yml", stackFile());
  checkout.commit("Migrate no more");
  runId += 1;
  await expectDocumented("build-push-image", "actions/build-push-image");
  const registered = await expectDocumented("register-task-def", "actions/register-task-def");
  expect(registered.result.exitCode).toBe(0);
  expect(registered.needed).toContain("ecs:RegisterTaskDefinition");
  const deployed = await expectDocumented("deploy-service", "actions/deploy-service");
  expect(deployed.result.outputs["outcome"]).toBe("taken-back");
  expect(deployed.needed).toEqual(expect.arrayContaining(["ecs:UpdateService", "ecs:DescribeTasks"]));
});

test("without any statement, something that was called here is denied", () => {
  expect(used.size).toBeGreaterThan(10);
  // Revisions of services are read where one runs an image by a tag: test/unit/releases/whole/running-by-tag.test.ts.
  expect([...spared.difference(used)]).toEqual(["ServiceRevisions"]);
});

test("deploy needs what its four parts need", () => {
  const parts = ["build-push-image", "run-migrations", "register-task-def", "deploy-service"];
  expect([...documentedFor("deploy")].sort()).toEqual([...new Set(parts.flatMap(documentedFor))].sort());
});

test.each(["build-push-image", "run-migrations", "register-task-def", "deploy-service"])(
  "the page of %s leads to its rights",
  (name) => {
    expect(readFileSync(`actions/${name}/README.md`, "utf8")).toContain(
      `[Permissions](../../docs/permissions.md), column \`${name}\``,
    );
  },
);
