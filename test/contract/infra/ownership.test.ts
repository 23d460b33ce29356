import { readFile, writeFile } from "node:fs/promises";
import { copyInfrastructure } from "../../infra/tofu.ts";

// Infrastructure owns the shell of a service, a release what runs in it. So after any release the plan is empty.

const part = "examples/new-account";
const infrastructure = await copyInfrastructure();

beforeAll(async () => {
  expect(await infrastructure.tofu(part, "apply", "-auto-approve", "-no-color")).toMatchObject({ exitCode: 0 });
});

afterAll(() => infrastructure.remove());

/** 0: nothing to do; 2: changes; 1: refused. */
async function plan(...options: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const { exitCode, stdout, stderr } = await infrastructure.tofu(
    part,
    "plan",
    "-detailed-exitcode",
    "-no-color",
    ...options,
  );
  return { code: exitCode, text: stdout + stderr };
}

/** What a refresh puts into the state after somebody else changed a service. */
async function refreshed(change: Readonly<Record<string, unknown>>): Promise<void> {
  const path = `${infrastructure.folder}/${part}/terraform.tfstate`;
  const state = JSON.parse(await readFile(path, "utf8")) as {
    serial: number;
    resources: { type: string; instances: { attributes: Record<string, unknown> }[] }[];
  };
  const services = state.resources
    .filter(({ type }) => type === "aws_ecs_service")
    .flatMap(({ instances }) => instances);
  expect(services).toHaveLength(3);
  for (const { attributes } of services) Object.assign(attributes, change);
  state.serial += 1;
  await writeFile(path, JSON.stringify(state));
}

test("what was applied needs no change", async () => {
  expect(await plan()).toMatchObject({ code: 0 });
});

test("after a release the plan is empty", async () => {
  await refreshed({
    task_definition: "arn:aws:ecs:us-east-1:111122223333:task-definition/shop-code:42",
    desired_count: 3,
  });
  expect(await plan()).toMatchObject({ code: 0 });
});

test("it would undo the release, were the two not ignored", async () => {
  const undo = await infrastructure.replace(
    "modules/service/main.tf",
    "ignore_changes = [task_definition, desired_count]",
    "ignore_changes = []",
  );
  const { code, text } = await plan();
  await undo();
  expect(code).toBe(2);
  expect(text).toContain("shop-code:42");
  expect(text).toMatch(/desired_count\s+= 3 -> 0/);
});

test("what somebody else changed of the shell is seen", async () => {
  await refreshed({ deployment_maximum_percent: 175 });
  const { code, text } = await plan();
  expect(code).toBe(2);
  expect(text).toContain("deployment_maximum_percent");
  await infrastructure.tofu(part, "apply", "-auto-approve", "-no-color");
  expect(await plan()).toMatchObject({ code: 0 });
});

test("a service is changed in its place, and what runs in it stays", async () => {
  const undo = await infrastructure.replace(
    "modules/service/main.tf",
    'memory                   = "512"',
    'memory                   = "1024"',
  );
  const { text } = await plan();
  await undo();
  expect(text).toMatch(/aws_ecs_task_definition\.bootstrap\["code"\] must be replaced/);
  expect(text).not.toMatch(/aws_ecs_service\.this\[.*\] (must be replaced|will be updated)/);
});

test.each([
  ["the database", "modules/database/main.tf", "storage_encrypted     = true", "storage_encrypted     = false"],
  ["the bucket", "modules/storage/main.tf", "bucket        = var.bucket\n", 'bucket        = "${var.bucket}-2"\n'],
])("%s is never replaced", async (_what, path, from, to) => {
  const undo = await infrastructure.replace(path, from, to);
  const { code, text } = await plan();
  await undo();
  expect(code).toBe(1);
  expect(text).toContain("prevent_destroy");
});

test("a stack that is protected is not destroyed", async () => {
  const { code, text } = await plan("-destroy");
  expect(code).toBe(1);
  expect(text).toContain("prevent_destroy");
});

test("no password stands in the state", async () => {
  expect(await infrastructure.read(`${part}/terraform.tfstate`)).not.toContain("made-up-Passw0rd");
});
