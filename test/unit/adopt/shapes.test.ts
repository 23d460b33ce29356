import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { JsonMap } from "../../../src/domain/json.ts";
import { compareDefinitions } from "../../../src/task-definitions/compare.ts";
import type { PlayedAccount } from "../../releases/played/account.ts";
import { adopter, madeOfLayers } from "../../releases/played/adopter.ts";
import { carryOut } from "../../releases/played/carry-out.ts";
import { composed } from "../../releases/played/composed.ts";
import { deployer } from "../../releases/played/deployer.ts";
import { digestOfFound, type FoundService, openFound } from "../../releases/played/found.ts";
import { guided } from "../../releases/played/guided.ts";
import { opentofu } from "../../releases/played/opentofu.ts";
import { servicesOf } from "../../releases/played/onlooker.ts";
import { recordsOf } from "../../releases/played/records.ts";
import { whatRuns } from "../../releases/played/services.ts";
import { readPastClient } from "../local-aws/stage.ts";

let account: PlayedAccount;
afterEach(() => account.close());
const stackText = () => readFile(join(account.root, "dagster-stack.yml"), "utf8");
const adopted = () => account.clock.run(adopter(account).adopt());
/** The base that is played is of the other architecture. */
const onAmd = { ...opentofu, services: opentofu.services.map((one): FoundService => ({ ...one, more: {} })) };

test("What OpenTofu made has no code server: both load the locations, and runs live in them", async () => {
  account = await openFound(opentofu.services, opentofu.options);
  const { proof, stack } = await adopted();
  expect(proof.isSame).toBe(true);
  const text = await stackText();
  expect(text).toContain("platform: linux/arm64");
  expect(text.match(/locations: \[small\]/g)).toHaveLength(2);
  expect(text).toContain("runs: { launcher: in-process }");
  expect(stack.services.map(({ key, port, kind }) => [key, port, kind.guess])).toEqual([
    ["daemon", null, "told by its name only: its definition names no command"],
    ["webserver", 3000, "told by its port only: its definition names no command"],
  ]);
});

test("What a guide made keeps the definition of its runs, where the checkout has it, and what stands behind $ is told", async () => {
  account = await openFound(guided.services, guided.options);
  const { proof } = await adopted();
  expect(proof.isSame).toBe(true);
  expect(await stackText()).toContain(`runs:
  task-definition: asset_manager/ecs/run-task-definition.json
  container: asset-manager-run
# $account, $env, $region in it:
placeholders: { account: "\${account}", region: "\${region}" }
# A gap: $env stands in it`);
});

test("A definition of runs that only ECS has is copied from what runs, and that is said to be a guess", async () => {
  const { "asset_manager/ecs/run-task-definition.json": _, ...files } = guided.options.files ?? {};
  account = await openFound(guided.services, { ...guided.options, files });
  await adopted();
  const text = await stackText();
  expect(text).toContain("# A guess: dagster.yaml names asset-manager-run, of which the checkout has no file");
  expect(text).toContain('DAGSTER_PG_PASSWORD: "ssm:/asset_manager/prod/DAGSTER_PG_PASSWORD"');
});

test("A daemon that may run beside its successor would be set, which is a change and is told as one", async () => {
  account = await openFound(guided.services, guided.options);
  const deploymentConfiguration = { minimumHealthyPercent: 100, maximumPercent: 200 };
  const request = { cluster: "small", service: "small-daemon", deploymentConfiguration };
  await readPastClient(account.aws, "UpdateService", request);
  const { proof } = await adopted();
  expect(await stackText()).toContain("rollout: apply");
  expect(proof.isSame).toBe(false);
  expect(proof.settings).toEqual([expect.stringContaining("tick")]);
});

test("What has no circuit breaker is adopted as it is, for a while, and each service is named", async () => {
  account = await openFound(guided.services, guided.options);
  const { deploymentConfiguration } = (await servicesOf(account)).webserver;
  const deploymentCircuitBreaker = { enable: false, rollback: false };
  const request = {
    cluster: "small",
    service: "small-webserver",
    deploymentConfiguration: { ...deploymentConfiguration, deploymentCircuitBreaker },
  };
  await readPastClient(account.aws, "UpdateService", request);
  const { proof, findings } = await adopted();
  expect(proof.isSame).toBe(true);
  expect(await stackText()).toMatch(
    /^ {2}# Without a circuit breaker with rollback: small-webserver\. .*\n {2}no-breaker: \{ level: warning, until: \d{4}-\d\d-\d\d, reason: .* \}$/m,
  );
  expect(findings.filter(({ level }) => level === "error")).toEqual([]);
});

const schedule = { kind: "schedule", location: "small", name: "nightly" } as const;
const sensor = { kind: "sensor", location: "small", name: "mailbox" } as const;

/** What of the definition that a service runs is not as it was found. */
async function changedIn(family: string, revision: number): Promise<readonly string[]> {
  const [found, running] = await Promise.all(
    [1, revision].map(
      async (one) =>
        (await readPastClient(account.aws, "DescribeTaskDefinition", { taskDefinition: `${family}:${one}` })) as {
          readonly taskDefinition: JsonMap;
        },
    ),
  );
  const changes = compareDefinitions(found?.taskDefinition ?? {}, running?.taskDefinition ?? {});
  return changes.map(({ path }) => path.slice(2).join("."));
}

test.each([
  ["compose", composed, "small/code:latest"],
  ["OpenTofu", onAmd, "small/code:latest"],
  ["a guide", guided, "small/code:v41"],
])(
  "What %s made is adopted, recorded, released, gone back to and left; what people made is intact throughout",
  async (_name, { services, options }, image) => {
    account = await openFound(services, options);
    const { instigators } = account.dagster;
    instigators.defined.push(schedule, sensor);
    instigators.set(schedule, { status: "RUNNING" });
    instigators.set(sensor, { status: "STOPPED", cursor: "mail 42" });
    const expectState = (): void =>
      expect([instigators.stored(schedule), instigators.stored(sensor)]).toEqual([
        { status: "RUNNING", cursor: null },
        { status: "STOPPED", cursor: "mail 42" },
      ]);
    expect((await adopted()).proof.isSame).toBe(true);
    const { release } = await account.clock.run(adopter(account).record());
    expect(release.images["code"]?.digest).toBe(digestOfFound(image));
    expect(recordsOf(account).intent(release.id)?.instigators?.["small"]).toHaveLength(2);
    await account.commit({ "dagster-stack.yml": madeOfLayers(await stackText()), "app/main.py": "VERSION = 2\n" });
    const released = await account.clock.run(deployer(account, { run: 1 }).deploy());
    expect(released.outcome).toBe("committed");
    expectState();
    await account.clock.pass(60_000);
    const planned = await account.clock.run(deployer(account, { run: 2 }).rollback(release.id, { dryRun: true }));
    expect(planned.plan.findings.filter(({ level }) => level === "error")).toEqual([]);
    const back = await account.clock.run(deployer(account, { run: 3 }).rollback(release.id));
    expect(back.outcome).toBe("committed");
    expectState();
    await account.clock.pass(60_000);
    for (const [key, now] of Object.entries(await whatRuns(account)))
      if (release.taskDefinitions[`service/${key}`] !== undefined)
        expect(now).toMatchObject({ revision: release.taskDefinitions[`service/${key}`]?.revision });
    await carryOut(account, await account.clock.run(adopter(account).leave()));
    await account.clock.pass(60_000);
    for (const { service, family } of services) {
      const now = (await whatRuns(account))[service.replace("small-", "")];
      expect(now?.family).toBe(family);
      const changed = await changedIn(family, now?.revision ?? 0);
      expect(changed.filter((path) => !["image", "environment.DAGSTER_CURRENT_IMAGE"].includes(path))).toEqual([]);
    }
    expect([...account.s3.objects.keys()].filter((path) => path.startsWith(account.recordsPrefix))).toEqual([]);
    expectState();
  },
);

test("Code in S3 that readers have already is noted in release 0, so that a rollback to it switches to it", async () => {
  account = await openFound(onAmd.services, onAmd.options);
  await adopted();
  const text = `${await stackText()}dags: { small: { source: { repository: owner/flows, ref: main }, prefix: dags/small/, directory: ., module: flows } }\n`;
  await account.commit({ "dagster-stack.yml": text });
  const source = { repository: "owner/flows", sha: "a".repeat(40) };
  const pointer = {
    schema: 1,
    version: "b".repeat(40),
    previous: null,
    source,
    run: null,
    at: "2026-11-21T10:00:00.000Z",
  };
  account.s3.answer("PutObject", {
    Bucket: "deploys",
    Key: "dags/small/current.json",
    Body: JSON.stringify(pointer),
  });
  const { release } = await account.clock.run(adopter(account).record());
  expect(release.dags).toEqual({
    small: { prefix: "dags/small/", version: pointer.version, source, releasedBy: "itself" },
  });
});

/** As the guide's script puts it into every definition. */
const sharedEnvironment = (password: string): string =>
  JSON.stringify({
    environment: [
      { name: "PGSSLMODE", value: "require" },
      ...(password === "" ? [] : [{ name: "SERVICE_PASSWORD", value: "$password" }]),
    ],
    secrets: ["AUTH0_CLIENT_SECRET", "DAGSTER_PG_PASSWORD"].map((name) => ({
      name,
      valueFrom: `arn:aws:ssm:$region:$account:parameter/asset_manager/$env/${name}`,
    })),
  });

test("What a script puts in the place of $env, and the variables it puts into every definition, are told from what runs", async () => {
  const files = { ...guided.options.files, "asset_manager/ecs/env.json": sharedEnvironment("") };
  account = await openFound(guided.services, { ...guided.options, files });
  const { proof } = await adopted();
  const text = await stackText();
  expect(text).toContain(`placeholders: { account: "\${account}", env: prod, region: "\${region}" }`);
  expect(text).toContain("environment-file: { path: asset_manager/ecs/env.json, mode: replace }");
  expect(text).not.toContain("# A gap");
  expect(proof.isSame).toBe(true);
  const runs = proof.definitions.find(({ definition }) => definition.startsWith("run/"));
  expect(runs).toMatchObject({ from: null });
});

test("A file of variables that is not what runs is left out, by the names that differ, and tells no secret", async () => {
  const files = { ...guided.options.files, "asset_manager/ecs/env.json": sharedEnvironment("$password") };
  const services = guided.services.map((one) => ({
    ...one,
    container: { ...one.container, environment: [{ name: "SERVICE_PASSWORD", value: "hunter22" }] },
  }));
  account = await openFound(services, { ...guided.options, files });
  await adopted();
  const text = await stackText();
  expect(text).toContain(
    "# Not taken over: asset_manager/ecs/env.json, which is not what runs. They differ by PGSSLMODE, SERVICE_PASSWORD.",
  );
  expect(text).not.toContain("hunter22");
  expect(text).not.toMatch(/^environment-file/m);
});
