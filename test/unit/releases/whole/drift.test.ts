import { showDrift } from "../../../../src/releases/drift.ts";
import { explainStatus } from "../../../../src/releases/status.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

const deploy = async (run: number, options: DeployerOptions = {}) => {
  const result = await account.clock.run(deployer(account, { run, ...options }).deploy());
  await account.clock.pass(60_000);
  return result;
};
const look = (wire?: Wire) =>
  account.clock.run(deployer(account, wire === undefined ? { run: 99 } : { run: 99, wire }).status());
const byHand = async (service: string, change: object) => {
  await readPastClient(account.aws, "UpdateService", { cluster: "small", service: `small-${service}`, ...change });
  await account.clock.pass(120_000);
};

test("A second daemon is drift, and the next deploy takes it away, although nothing else is to be done", async () => {
  await deploy(1);
  await byHand("daemon", { desiredCount: 2 });
  expect((await look()).drift.map(showDrift)).toEqual(["daemon is scaled to 2: every schedule ticks 2 times"]);
  const { outcome, plan } = await deploy(2);
  expect(plan.findings).toContainEqual(expect.objectContaining({ id: "drift", fix: "A deploy scales it to 1." }));
  expect(outcome).toBe("committed");
  expect(await wrongWith(account)).toEqual([]);
  expect((await look()).drift).toEqual([]);
});

test("A definition of somebody else is told by the names of what differs, and by no value", async () => {
  const { release } = await deploy(1);
  const { family = "", revision = 0 } = release.taskDefinitions["service/webserver"] ?? {};
  const { taskDefinition } = (await readPastClient(account.aws, "DescribeTaskDefinition", {
    taskDefinition: `${family}:${revision}`,
  })) as { readonly taskDefinition: { readonly containerDefinitions: readonly { readonly environment: object[] }[] } };
  const [container] = taskDefinition.containerDefinitions;
  await readPastClient(account.aws, "RegisterTaskDefinition", {
    ...Object.fromEntries(
      Object.entries(taskDefinition).filter(([name]) =>
        /^(family|networkMode|cpu|memory|executionRoleArn|requiresCompatibilities)$/.test(name),
      ),
    ),
    containerDefinitions: [
      { ...container, environment: [...(container?.environment ?? []), { name: "DEBUG", value: "hunter2" }] },
    ],
  });
  await byHand("webserver", { taskDefinition: `${family}:${revision + 1}` });
  const status = await look();
  expect(status.drift.map(showDrift)).toEqual([
    expect.stringMatching(
      `^webserver runs ${family}:${revision + 1} instead of ${family}:${revision}, which differs in .*variable DEBUG`,
    ),
  ]);
  const { plan, summary } = await account.clock.run(deployer(account, { run: 2 }).plan());
  expect(plan.findings).toContainEqual(
    expect.objectContaining({ id: "drift", what: expect.stringContaining("variable DEBUG") as unknown }),
  );
  expect(explainStatus(status).markdown + summary.markdown).not.toContain("hunter2");
  await deploy(3);
  expect((await look()).drift).toEqual([]);
  expect(await wrongWith(account)).toEqual([]);
});

test("A definition of somebody else who takes our tags along is not taken for ours", async () => {
  const { release } = await deploy(1);
  const { family = "", revision = 0 } = release.taskDefinitions["service/daemon"] ?? {};
  const { taskDefinition, tags } = (await readPastClient(account.aws, "DescribeTaskDefinition", {
    taskDefinition: `${family}:${revision}`,
    include: ["TAGS"],
  })) as { readonly taskDefinition: { readonly containerDefinitions: readonly object[] }; readonly tags: object[] };
  const [container] = taskDefinition.containerDefinitions;
  expect(tags).toContainEqual(expect.objectContaining({ key: "dagster-ecs:content-hash" }));
  await readPastClient(account.aws, "RegisterTaskDefinition", {
    ...Object.fromEntries(
      Object.entries(taskDefinition).filter(([name]) =>
        /^(family|networkMode|cpu|memory|executionRoleArn|taskRoleArn|requiresCompatibilities)$/.test(name),
      ),
    ),
    containerDefinitions: [{ ...container, image: "somewhere/else:hotfix" }],
    tags,
  });
  await byHand("daemon", { taskDefinition: `${family}:${revision + 1}` });
  const after = await deploy(2);
  expect(after.release.taskDefinitions["service/daemon"]).toMatchObject({ family, revision });
  expect((await look()).drift).toEqual([]);
});

test("A contract of a newer version is drift until the next deploy, which records it although it changes nothing", async () => {
  const { release } = await deploy(1);
  expect(release.contract).toBe(1);
  await account.commit({ "dagster-stack.yml": stackFile.replace("version: 1", "version: 2") });
  expect((await look()).drift.map(showDrift)).toEqual([
    "the stack was released under version 1 of its contract, and the infrastructure is at version 2",
  ]);
  const { release: next, outcome, steps } = await deploy(2);
  expect({ contract: next.contract, outcome, steps }).toEqual({ contract: 2, outcome: "committed", steps: [] });
  expect((await look()).drift).toEqual([]);
  expect(await wrongWith(account)).toEqual([]);
});

test("Who made a service is asked of ECS in the same calls", async () => {
  await deploy(1);
  const before = account.aws.calls.length;
  await look();
  const calls = account.aws.calls.slice(before).filter(({ operation }) => operation === "DescribeServices");
  expect(calls).toEqual([
    expect.objectContaining({ input: expect.objectContaining({ include: ["TAGS"] }) as unknown }),
  ]);
});

describe("The history", () => {
  test("says of each release what it did, for which commit, by whom, when, why it is red, and which is current", async () => {
    const { release: first } = await deploy(1);
    const broken = await account.commit({ "app/main.py": "VERSION = 2\n" });
    account.breakCode(broken);
    await expect(deploy(2)).rejects.toThrow("does not load");
    await account.clock.pass(60_000);
    await account.commit({ "app/main.py": "VERSION = 3\n" });
    const { release: third } = await deploy(3);
    await account.clock.run(deployer(account, { run: 4 }).rollback(first.id));
    const { history } = await look();
    const by = (run: number) => `owner/small/run/${run}/job/deploy`;
    const done = { ended: "committed", cause: null, isCurrent: false, next: null };
    expect(history).toEqual([
      {
        ...done,
        id: expect.any(String) as string,
        command: "rollback",
        commit: first.source.sha,
        by: by(4),
        isCurrent: true,
        at: expect.any(String) as string,
      },
      {
        ...done,
        id: third.id,
        command: "deploy",
        commit: third.source.sha,
        by: by(3),
        at: expect.any(String) as string,
      },
      {
        ...done,
        id: expect.any(String) as string,
        command: "deploy",
        commit: broken,
        by: by(2),
        ended: "taken-back",
        cause: "location-broken",
        at: expect.any(String) as string,
      },
      {
        ...done,
        id: first.id,
        command: "deploy",
        commit: first.source.sha,
        by: by(1),
        at: expect.any(String) as string,
      },
    ]);
  });

  test("shows ten, reads no more, and escapes what others have written", async () => {
    const made = [await deploy(1)];
    for (let version = 2; version <= 12; version += 1) {
      await account.commit({ "app/main.py": `VERSION = ${version}\n` });
      made.push(await deploy(version));
    }
    const { s3, bucket, recordsPrefix } = account;
    const path = `${recordsPrefix}releases/${made.at(-1)?.release.id ?? ""}/outcome.json`;
    const Body = s3.objects.get(path)?.text.replace("owner/small/run/12", "<b>@all");
    s3.answer("PutObject", { Bucket: bucket, Key: path.slice(bucket.length + 1), Body });
    const reads: string[] = [];
    const status = await look((call, effect) => {
      if (call.to === "s3") reads.push(call.about);
      return effect();
    });
    expect(status.history).toHaveLength(10);
    expect(reads.length).toBeLessThan(20);
    const { markdown } = explainStatus(status);
    expect(markdown).toContain("&lt;b&gt;@\u2060all");
    expect(markdown).not.toContain("<b>");
    expect(markdown.split("**current**")).toHaveLength(2);
  });

  test("says what becomes of a release that was cut, and of one that had not begun to change anything", async () => {
    await deploy(1);
    await account.commit({ "app/main.py": "VERSION = 2\n" });
    for (const [run, isMoment] of [
      [2, (about: string) => about.endsWith("/intent.json")],
      [3, (about: string) => about === "small-code"],
    ] as const) {
      await killedBefore(
        account,
        (call) => call.writes && isMoment(call.about),
        (wire) => deployer(account, { run, wire }).deploy(),
      );
      await account.clock.pass(20 * 60_000);
    }
    const { history, drift } = await look();
    expect(history.map(({ ended, command, next }) => ({ ended, command, next }))).toEqual([
      { ended: "interrupted", command: "deploy", next: expect.stringMatching(/goes on from there/) as unknown },
      { ended: "interrupted", command: null, next: expect.stringMatching(/^Nothing/) as unknown },
      { ended: "committed", command: "deploy", next: null },
    ]);
    expect(drift).toEqual([]);
    await deploy(4);
    expect(recordsOf(account).lock).toMatchObject({ open: [] });
    expect(await wrongWith(account)).toEqual([]);
  });
});
