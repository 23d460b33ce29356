import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  DescribeTaskDefinitionCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { type Dagster, dagster } from "../../../src/dagster/client.ts";
import { isChanged, setSensorCursor, startSchedule } from "../../../src/dagster/instigators.ts";
import { readState } from "../../../src/gates/state/read.ts";
import { cacheFolder } from "../../cache-folder.ts";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { buildLayer } from "../../local-aws/infrastructure/layer.ts";
import { pythonTools } from "../../python-tools.ts";
import { type CommandResult, runCommand } from "../../runner/run-command.ts";
import { testContext } from "../../unit/context.ts";
import { runDefinition, type ServiceKey, serviceDefinition } from "../process-runtime/definitions.ts";
import { pushOnDagster } from "../process-runtime/images.ts";
import { type Stack, startStack, until } from "../process-runtime/stack.ts";

// A Dagster that somebody has brought to ECS by hand, with a schedule that is on and a sensor that has come a way: taken in, released,
// and gone back to, one after another.

const code = (
  version: string,
): string => `from dagster import Definitions, ScheduleDefinition, SensorDefinition, in_process_executor, job, op

version = "${version}"


@op
def say():
    pass


@job(executor_def=in_process_executor)
def canary():
    say()


definitions = Definitions(
    jobs=[canary],
    schedules=[ScheduleDefinition(name="yearly", job=canary, cron_schedule="0 0 1 1 *")],
    sensors=[SensorDefinition(name="mailbox", job=canary, evaluation_fn=lambda context: None)],
)
`;

const where = { repositoryLocationName: "deal_flow", repositoryName: "__repository__" };
const asPeopleLeftIt = { yearly: ["RUNNING", null], mailbox: ["STOPPED", "mail 42"] };
const keys: readonly ServiceKey[] = ["code", "daemon", "webserver"];

let stack: Stack;
let asked: Dagster;
let checkout: GitCheckout;
let digest: string;

beforeAll(async () => {
  stack = await startStack();
  const home = await fixture("home/dagster.yaml");
  const workspace = await fixture("workspace.yaml");
  digest = await runByTag({ "app/home/dagster.yaml": home, "app/workspace.yaml": workspace, "app/main.py": code("1") });
  asked = dagster({ url: stack.webserver, login: null }, testContext().context);
  for (const changed of [
    await asked.ask(startSchedule, { selector: { ...where, scheduleName: "yearly" } }),
    await asked.ask(setSensorCursor, { selector: { ...where, sensorName: "mailbox" }, cursor: "mail 42" }),
  ])
    expect(isChanged(changed)).toBe(true);
  checkout = await newCheckout({
    "app/__init__.py": "",
    "app/main.py": code("2"),
    "app/home/dagster.yaml": home,
    "app/workspace.yaml": workspace,
    Dockerfile: "FROM python:3.12-slim\nCOPY app/home/dagster.yaml /app/app/home/dagster.yaml\n",
  });
}, 300_000);

afterAll(async () => {
  await checkout.remove();
  await stack.bed.close();
});

test("is described as it is, and nothing would change", async () => {
  const bucket = stack.infrastructure.contract.bucket.name;
  const result = await run("adopt", "--cluster=deal-flow", `--url=${stack.webserver}`, `--bucket=${bucket}`);
  expect(result).toMatchObject({ exitCode: 0, output: expect.stringContaining("Nothing would change:") as unknown });
  const text = await stackText();
  expect(text).toContain("location: deal_flow\n");
  expect(text).toContain("address: code.deal-flow.local\n");
  expect(text).toContain('DAGSTER_PG_PASSWORD: "secret:deal-flow/database#password"');
  expect(await state()).toEqual(asPeopleLeftIt);
});

test("is recorded without a service that moves, with what people have made", async () => {
  checkout.commit("Adopt what runs");
  const before = await running();
  const result = await run("adopt", "record", "--json");
  expect([result.exitCode, result.errors]).toEqual([0, expect.any(String)]);
  expect(JSON.parse(result.output)).toMatchObject({ outcome: "committed", base: null });
  expect(await running()).toEqual(before);
});

test("releases new code on it, and goes back to what was found; what people have made is intact throughout", async () => {
  const layers = `layers: { base: deal-flow/code@${digest}, files: [{ from: app, to: /app/app }] }`;
  const text = await stackText();
  writeFileSync(join(checkout.folder, "dagster-stack.yml"), text.replace(/build: \{.*\}/, layers));
  checkout.commit("Make the image of layers");
  const released = await run("deploy");
  expect([released.exitCode, released.exitCode === 0 ? "" : released.errors]).toEqual([0, ""]);
  expect(released).toMatchObject({ exitCode: 0, output: expect.stringContaining("code: succeeded") as unknown });
  expect(await imageOfCode()).not.toContain(digest);
  expect(await state()).toEqual(asPeopleLeftIt);
  const back = await run("rollback", "previous");
  expect([back.exitCode, back.exitCode === 0 ? "" : back.errors]).toEqual([0, ""]);
  expect(back).toMatchObject({ exitCode: 0, output: expect.stringContaining("code: succeeded") as unknown });
  expect(await imageOfCode()).toContain(digest);
  expect(await state()).toEqual(asPeopleLeftIt);
}, 300_000);

test("is left by the commands that were written, run by AWS's own command line: on the same image, with state, and nothing of ours", async () => {
  const left = await run("leave");
  expect([left.exitCode, left.exitCode === 0 ? "" : left.errors]).toEqual([0, ""]);
  expect(left.output).toContain("Nothing was changed in AWS.");
  const { aws, environment } = await pythonTools();
  const { stdout } = await promisify(execFile)("sh", ["dagster-leave/leave.sh"], {
    cwd: checkout.folder,
    env: {
      ...stack.bed.environment("deploy"),
      ...environment,
      PATH: `${dirname(aws)}:${process.env["PATH"] ?? ""}`,
    },
  });
  expect(stdout.split("\n").filter((line) => line !== "" && !line.startsWith("delete: s3://"))).toEqual([]);
  await until(
    () => stack.location(),
    ({ kind }) => kind === "loaded",
  );
  expect(await imageOfCode()).toContain(digest);
  expect(await state()).toEqual(asPeopleLeftIt);
  for (const key of keys) {
    const { taskDefinition } = await stack.service(key);
    const command = new DescribeTaskDefinitionCommand({ taskDefinition, include: ["TAGS"] });
    const { tags = [], taskDefinition: now } = await stack.ecs.send(command);
    expect([key, tags, JSON.stringify(now).includes("dagster-ecs")]).toEqual([key, [], false]);
  }
  const status = await run("status");
  expect(status.output).toContain("nothing");
}, 300_000);

const run = (...words: readonly string[]): Promise<CommandResult> =>
  runCommand(
    {
      folder: checkout.folder,
      environment: { ...stack.bed.environment("deploy"), ...stack.bed.mark, PIP_CACHE_DIR: cacheFolder("pip") },
    },
    [...words, "--repository=owner/deal-flow"],
  );

const stackText = (): Promise<string> => readFile(join(checkout.folder, "dagster-stack.yml"), "utf8");

function fixture(path: string): Promise<string> {
  return readFile(join(import.meta.dirname, "../../fixtures/process-runtime/app", path), "utf8");
}

/** Services that name their image by a tag, on this code. @returns its digest */
async function runByTag(files: Readonly<Record<string, string>>): Promise<string> {
  const { bed, infrastructure, ecs } = stack;
  const all = { ...files, "app/__init__.py": "" };
  const key = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
  const layer = await buildLayer(cacheFolder("built-layers", `found-${key}.tar.gz`), () =>
    Object.entries(all).map(([path, content]) => ({
      kind: "file" as const,
      path: `app/${path}`,
      executable: false,
      content: Buffer.from(content),
    })),
  );
  const image = { registry: bed.url, repository: "deal-flow/code", base: infrastructure.base, python: bed.python };
  const pushed = await pushOnDagster(image, "latest", layer, ["DAGSTER_HOME=/app/app/home"]);
  const byTag = <T>(definition: T): T =>
    JSON.parse(JSON.stringify(definition).replaceAll(`@${pushed}`, ":latest")) as T;
  const register = async (definition: ConstructorParameters<typeof RegisterTaskDefinitionCommand>[0]) =>
    (await ecs.send(new RegisterTaskDefinitionCommand(byTag(definition)))).taskDefinition?.taskDefinitionArn ?? "";
  const runDefinitionArn = await register(runDefinition(infrastructure, pushed));
  const { cluster } = infrastructure.contract;
  for (const one of keys) {
    const request = { infrastructure, digest: pushed, runDefinitionArn };
    const taskDefinition = await register(serviceDefinition(one, request));
    const service = `${cluster}-${one}`;
    await ecs.send(new UpdateServiceCommand({ cluster, service, taskDefinition, desiredCount: 1 }));
  }
  await until(() => stack.complete(...keys), Boolean);
  await until(
    () => stack.location(),
    ({ kind }) => kind === "loaded",
  );
  return pushed;
}

async function running(): Promise<readonly unknown[]> {
  const services = await Promise.all(keys.map((key) => stack.service(key)));
  return services.map(({ taskDefinition, deployments }) => [taskDefinition, deployments?.map(({ id }) => id)]);
}

async function imageOfCode(): Promise<string> {
  const seen = await stack.location();
  return seen.kind === "loaded" ? seen.image : seen.message;
}

/** Schedules and sensors as Dagster has them now: status and cursor by name. */
async function state(): Promise<object> {
  const seen = await readState(asked);
  const answer = typeof seen === "string" ? undefined : seen.get("deal_flow");
  if (answer?.kind !== "loaded") throw new Error(JSON.stringify(answer ?? seen));
  return Object.fromEntries(
    answer.instigators.map(({ name, status, cursor }) => [name, [status, cursor?.text ?? null]]),
  );
}
