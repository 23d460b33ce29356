import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { openProcessAccount, type ProcessAccount } from "../../releases/processes/account.ts";
import { composed } from "../../releases/played/composed.ts";
import { madeOfLayers } from "../../releases/played/adopter.ts";
import { recordsOf } from "../../releases/played/records.ts";
import { pushImage } from "../../local-aws/infrastructure/push.ts";
import { type CommandResult, type Desk, runCommand } from "../../runner/run-command.ts";
import { readPastClient } from "../../unit/local-aws/stage.ts";
import { documentedFor, neededBy } from "../actions/documented-permissions.ts";

// One story, in its order: what compose has made is adopted, its secrets are moved, it is recorded and left.

const secret = "correct horse battery";

let account: ProcessAccount;
let desk: Desk;
let since = 0;

beforeAll(async () => {
  account = await openProcessAccount();
  account.checkout.git("remote", "add", "origin", "git@github.com:owner/small.git");
  const { workspace, environment } = account.job(1);
  desk = { folder: workspace, environment };
  await runAsComposed();
  for (const [path, text] of Object.entries({
    ...composed.options.files,
    ".env.prod": `DAGSTER_LOGS_PG_PASSWORD='${secret}'\nDAGSTER_LOGS_PG_HOST=db.example\n`,
    ".gitignore": ".env.prod\ndagster-leave\n",
  }))
    await account.checkout.write(path, text);
  account.checkout.git("rm", "--quiet", "dagster-stack.yml");
  account.checkout.commit("What there is");
}, 120_000);
afterAll(() => account.close());

test("adopt writes the stack file, and nothing would change", async () => {
  const words = ["adopt", "--cluster=small", "--name=small", "--bucket=deploys", `--url=${account.wire.url}`, "--json"];
  const result = await run(...words);
  expect([result.exitCode, result.errors.includes("error")]).toEqual([0, false]);
  expect(documentOf("adopt", result)).toMatchObject({ isSame: true, omitted: [], waitingRuns: [] });
  expect(readFileSync(join(desk.folder, "dagster-stack.yml"), "utf8")).toContain("task-definition: live");
  expect(result.output + result.errors).not.toContain(secret);
  expect(undocumented("adopt")).toEqual([]);
  const again = await run(...words);
  expect(again).toMatchObject({ exitCode: 1, output: expect.stringContaining("are there already") as unknown });
});

test("secrets import shows what it would do, does it, and shows no value", async () => {
  const words = ["secrets", "import", ".env.prod", "--into=secret:small/env", "--cluster=small"];
  const dry = await run(...words, "--dry-run");
  expect([dry.exitCode, dry.errors]).toEqual([2, ""]);
  expect(dry.output).toContain(
    "dealflow-dagster_daemon:1 (runs as small-daemon) dagster_daemon: DAGSTER_LOGS_PG_PASSWORD",
  );
  const done = await run(...words, "--json");
  expect([done.exitCode, done.errors]).toEqual([0, ""]);
  expect(documentOf("secrets import", done)).toMatchObject({
    store: "secret:small/env",
    variables: [{ name: "DAGSTER_LOGS_PG_PASSWORD", does: "create" }],
    left: ["DAGSTER_LOGS_PG_HOST"],
  });
  const again = await run(...words, "--dry-run");
  expect([again.exitCode, again.errors]).toEqual([0, ""]);
  const intoSsm = await run("secrets", "import", ".env.prod", "--into=ssm:/small/env", "--cluster=small");
  expect([intoSsm.exitCode, intoSsm.errors]).toEqual([0, ""]);
  await account.checkout.write(".env.prod", "DAGSTER_LOGS_PG_PASSWORD=another\n");
  for (const into of ["secret:small/env", "ssm:/small/env/"]) {
    const refused = await run("secrets", "import", ".env.prod", `--into=${into}`, "--cluster=small");
    expect(refused).toMatchObject({ exitCode: 1, errors: expect.stringContaining("has another value") as unknown });
  }
  const shown = [dry, done, again, intoSsm].map(({ output, errors }) => output + errors).join("\n");
  expect(shown).not.toContain(secret);
  expect(undocumented("secrets-import")).toEqual([]);
  const nowhere = await run("secrets", "import", ".env.prod", "--into=nowhere");
  expect(nowhere).toMatchObject({ exitCode: 1, errors: expect.stringContaining("is secret:<name>") as unknown });
}, 60_000);

test("adopt record records it, and no service moves", async () => {
  account.checkout.commit("Adopt what runs");
  since = account.calls.length;
  const dry = await run("adopt", "record", "--dry-run");
  expect([dry.exitCode, dry.errors.includes("error:")]).toEqual([2, false]);
  const result = await run("adopt", "record", "--json");
  expect([result.exitCode, result.errors.includes("error:")]).toEqual([0, false]);
  expect(documentOf("adopt record", result)).toMatchObject({ outcome: "committed", base: null });
  expect(recordsOf(await account.rest()).current).not.toBeNull();
  expect(undocumented("adopt-record")).toEqual([]);
}, 60_000);

test("leave writes what gives it back, after a release, too", async () => {
  const text = readFileSync(join(desk.folder, "dagster-stack.yml"), "utf8");
  await account.checkout.write("dagster-stack.yml", madeOfLayers(text));
  account.checkout.commit("Make images of layers");
  const deployed = await run("deploy");
  expect([deployed.exitCode, deployed.exitCode === 0 ? "" : deployed.errors]).toEqual([0, ""]);
  since = account.calls.length;
  const left = await run("leave", "--json");
  expect([left.exitCode, left.errors.includes("error:")]).toEqual([0, false]);
  expect(documentOf("leave", left)["calls"]).toContainEqual(expect.objectContaining({ operation: "UpdateService" }));
  expect(existsSync(join(desk.folder, "dagster-leave/leave.sh"))).toBe(true);
  expect(undocumented("leave")).toEqual([]);
}, 120_000);

const run = (...words: readonly string[]): Promise<CommandResult> => runCommand(desk, words);

/** What was called since the last test, and is not on the page of permissions. */
function undocumented(column: string): readonly string[] {
  const calls = account.calls.slice(since);
  since = account.calls.length;
  const documented = documentedFor(column);
  return neededBy(calls, "deploy").filter((action) => !documented.includes(action));
}

const schema = JSON.parse(readFileSync("schemas/command-line.schema.json", "utf8")) as {
  readonly properties: Readonly<Record<string, object>>;
};

/** The one document that a command printed, which is as the schema says. */
function documentOf(kind: string, { output }: Pick<CommandResult, "output">): Record<string, unknown> {
  const document = JSON.parse(output) as Record<string, unknown>;
  const validate = new Ajv2020({ strict: false }).compile(schema.properties[kind] ?? false);
  expect(validate(document) ? [] : validate.errors).toEqual([]);
  return document;
}

/** Services on definitions as compose has made them, which name their images by a tag. */
async function runAsComposed(): Promise<void> {
  const { aws, runtime } = account;
  const registry = `${aws.account}.dkr.ecr.${aws.region}.amazonaws.com`;
  for (const { service, family, image, container, others = [] } of composed.services) {
    const [repository = "", tag = ""] = image.split(":");
    const pushed = { registry: account.url, repository, tag, architecture: "amd64" } as const;
    const digest = await pushImage({ ...pushed, settings: { Env: [`OF=${image}`] }, layers: [] });
    runtime.tag(`${registry}/${image}`, digest);
    await readPastClient(aws, "RegisterTaskDefinition", {
      family,
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "512",
      memory: "2048",
      executionRoleArn: `arn:aws:iam::${aws.account}:role/execution`,
      taskRoleArn: `arn:aws:iam::${aws.account}:role/task`,
      containerDefinitions: [...others, { image: `${registry}/${image}`, essential: true, ...container }],
    });
    await readPastClient(aws, "UpdateService", { cluster: "small", service, taskDefinition: family, desiredCount: 1 });
  }
  const services = composed.services.map(({ service }) => service);
  for (;;) {
    const seen = (await readPastClient(aws, "DescribeServices", { cluster: "small", services })) as {
      readonly services: readonly { readonly deployments: readonly { readonly rolloutState: string }[] }[];
    };
    if (seen.services.every(({ deployments }) => deployments.every((one) => one.rolloutState === "COMPLETED"))) return;
    await new Promise((done) => setTimeout(done, 100));
  }
}
