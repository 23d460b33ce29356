import { copyFileSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../../cache-folder.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { fileOfQuickStart } from "../../quick-start.ts";
import { servicesByKey } from "../../releases/played/services.ts";
import { runStep, type StepResult } from "../../runner/run-step.ts";

// docs/quick-start.md by copy and paste, but for the machine: its region, its Python as the base, and a lock file that is there. All
// that Dagster reads beside the code is made from the stack file.

const root = join(import.meta.dirname, "../../..");
let bed: Bed;
let infrastructure: Infrastructure;
let checkout: GitCheckout;
let runId = 0;

beforeAll(async () => {
  bed = await startBed({ speed: 50 });
  infrastructure = await playInfrastructure(bed, {
    stack: "shop",
    repositories: ["shop/code"],
    services: {
      code: { kind: "code-location", port: 4000 },
      daemon: { kind: "daemon" },
      webserver: { kind: "webserver", port: 3000 },
    },
  });
  checkout = await newCheckout({
    "dagster-stack.yml": fileOfQuickStart("dagster-stack.yml")
      .replace("region: us-east-1", `region: ${bed.region}`)
      .replace("linux/amd64", process.arch === "arm64" ? "linux/arm64" : "linux/amd64")
      .replace("public.ecr.aws/docker/library/python:3.12-slim", "shop/base:python"),
    "shop/__init__.py": "",
    "shop/definitions.py": fileOfQuickStart("shop/definitions.py"),
  });
  copyFileSync(join(root, "docker/requirements.lock"), join(checkout.folder, "requirements.lock"));
  checkout.commit("Describe the stack");
  await mkdir(join(bed.folder, "runner"));
}, 300_000);
afterAll(async () => {
  await bed.close();
  await checkout.remove();
});

function step(inputs: Readonly<Record<string, string>>): Promise<StepResult> {
  runId += 1;
  const environment = { ...bed.environment("deploy"), ...bed.mark, PIP_CACHE_DIR: cacheFolder("pip") };
  const folder = join(bed.folder, "runner");
  const job = { workspace: checkout.folder, repository: "owner/shop", runId, environment, folder };
  return runStep(job, { action: ".", with: inputs });
}

const revisions = async (): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries(
    (await servicesByKey(bed.aws, "shop")).map(([key, { taskDefinition = "" }]) => [key, taskDefinition]),
  );

const ended = ({ exitCode, log }: StepResult): object => ({ exitCode, log: exitCode === 0 ? [] : log.slice(-80) });

test("a plan says what the first push would do, and the push does it", async () => {
  const planned = await step({ command: "plan" });
  expect(ended(planned)).toEqual({ exitCode: 0, log: [] });
  expect(planned.summary).toContain("DAGSTER_CODE_CODE_HOST");
  const released = await step({});
  expect(ended(released)).toEqual({ exitCode: 0, log: [] });
  expect(released.log.join("\n")).toMatch(/gate\/location\/shop: \d+ answers of server/);
}, 600_000);

test("a change of code with a canary moves the code alone; its run is a task, and its logs are in the bucket", async () => {
  const before = await revisions();
  const { name } = infrastructure.contract.bucket;
  const stack = readFileSync(join(checkout.folder, "dagster-stack.yml"), "utf8");
  const canary = `{ location: shop, job: count_sales, compute-logs: "s3://${name}/" }`;
  const proven = stack.replace("gates: { reach: task }", `gates: { reach: task, canary: ${canary} }`);
  expect(proven).not.toBe(stack);
  await checkout.write("dagster-stack.yml", proven);
  await checkout.write("shop/definitions.py", fileOfQuickStart("shop/definitions.py").replace("return 3", "return 4"));
  checkout.commit("Count what was sold");
  const released = await step({});
  expect(ended(released)).toEqual({ exitCode: 0, log: [] });
  expect(released.log.join("\n")).toMatch(/gate\/canary\/shop: run \S+ of job count_sales: SUCCESS/);
  const after = await revisions();
  expect(after["code"]).not.toBe(before["code"]);
  expect([after["daemon"], after["webserver"]]).toEqual([before["daemon"], before["webserver"]]);
}, 600_000);
