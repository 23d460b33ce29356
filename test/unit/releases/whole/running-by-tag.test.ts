import { createHash } from "node:crypto";
import type { Digest } from "../../../../src/domain/identifiers.ts";
import { protectingTag } from "../../../../src/images/protect.ts";
import { ReleaseFailed, type Result } from "../../../../src/releases/result.ts";
import { formerDaemon, openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { documentedFor } from "../../../contract/actions/documented-permissions.ts";
import { errorOf } from "../../../error-of.ts";
import { replacingStack } from "../../../releases/played/stacks.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
let running: Digest;
afterEach(() => account.close());

const repository = "small/base";
const digestOf = (text: string): Digest => `sha256:${createHash("sha256").update(text).digest("hex")}` as Digest;

const latest = (): string => `${new URL(account.registry.endpoint).host}/${repository}:latest`;

/** A code server that somebody runs by a tag, before any release. */
async function runByTag(): Promise<void> {
  account = await openAccount();
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config: {}, layers: [], of: "yesterday" }));
  running = digestOf(manifest.toString());
  account.registry.put(repository, "latest", "application/vnd.oci.image.manifest.v1+json", manifest);
  account.runtime.tag(latest(), running);
  await readPastClient(account.aws, "RegisterTaskDefinition", {
    family: "small-code",
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "256",
    memory: "512",
    executionRoleArn: `arn:aws:iam::${account.aws.account}:role/execution`,
    containerDefinitions: [{ name: "code", image: latest() }],
  });
  const request = { cluster: "small", service: "small-code", taskDefinition: "small-code", desiredCount: 1 };
  await readPastClient(account.aws, "UpdateService", request);
  await account.clock.pass(60_000);
}

async function act<T>(what: (who: Deployer) => Promise<T>, run = 1): Promise<T> {
  const result = await account.clock.run(what(deployer(account, { run })));
  await account.clock.pass(60_000);
  return result;
}

const protection = ({ plan }: Result): readonly string[] =>
  plan.steps.flatMap(({ id, kind, reason }) => (kind === "protect" ? [`${id}: ${reason}`] : []));

test("What runs by a tag before the first release gets one that keeps it, and its digest is noted with what was before", async () => {
  await runByTag();
  const planned = await act((who) => who.plan());
  expect(protection(planned)).toEqual([
    `protect/${repository}@${running}: code would go back to it, and runs it as base:latest, which may name another image by then`,
  ]);
  expect(planned.summary.markdown).toContain("by a tag of its own");
  expect(account.registry.tagsOf(repository, running)).toEqual(["latest"]);
  const asked = account.aws.calls.flatMap(({ caller, operation }) => (caller === "deploy" ? [`ecs:${operation}`] : []));
  expect(asked).toContain("ecs:DescribeServiceRevisions");
  expect(asked.filter((action) => !documentedFor("plan").includes(action))).toEqual([]);

  const { release } = await act((who) => who.deploy());
  expect(account.registry.tagsOf(repository, running)).toEqual(["latest", protectingTag(running)]);
  expect(recordsOf(account).intent(release.id)?.before["code"]).toMatchObject({ digests: { code: running } });

  await account.commit({ "app/main.py": "VERSION = 2\n" });
  expect(protection(await act((who) => who.deploy(), 2))).toEqual([]);
});

test("A first release that fails goes back to it, and is not taken back when the tag names another image by then", async () => {
  for (const [moves, outcome] of [
    [false, "taken-back"],
    [true, "failed"],
  ] as const) {
    await runByTag();
    account.breakCode(await account.commit({ "app/main.py": "VERSION = broken\n" }));
    if (moves) account.runtime.tag(latest(), digestOf("tomorrow"));
    const error = await act((who) => errorOf(who.deploy()));
    if (!(error instanceof ReleaseFailed)) throw error;
    expect(error.result.outcome).toBe(outcome);
    const text = error.result.summary.markdown;
    if (moves) expect(text).toContain(`container code should be ${running} and is ${digestOf("tomorrow")}`);
    else expect(text).not.toContain("should be");
    expect(account.registry.tagsOf(repository, running)).toContain(protectingTag(running));
    if (!moves) await account.close();
  }
});

const told = ({ plan }: Result): readonly string[] =>
  plan.findings.flatMap(({ id, level, what }) => (id === "running-image" ? [`${level}: ${what}`] : []));

test("An image that runs and that the registry has lost is said", async () => {
  await runByTag();
  account.registry.forget(repository, running);
  const planned = await act((who) => who.plan());
  expect(told(planned)).toEqual([
    expect.stringContaining(`warning: It runs ${latest()}, by a tag. The registry does not have ${running} any more`),
  ]);
  expect(protection(planned)).toEqual([]);
});

test("A role that may not ask what runs is told so, and releases all the same", async () => {
  await runByTag();
  for (const operation of ["DescribeServiceRevisions", "ListTasks"])
    account.aws.faults.inject({ on: `ecs:${operation}`, caller: "deploy", what: { kind: "access-denied" } });
  const planned = await act((who) => who.plan());
  expect(told(planned)).toEqual([expect.stringContaining("notice: ")]);
  expect(protection(planned)).toEqual([]);
});

test("With actions one by one the tag is given by the one that makes images", async () => {
  await runByTag();
  const first = await act((who) => who.deploy({ parts: ["images"] }));
  expect(protection(first)).toHaveLength(1);
  expect(account.registry.tagsOf(repository, running)).toContain(protectingTag(running));
  expect(protection(await act((who) => who.deploy({ release: first.release })))).toEqual([]);
});

describe("What a service replaces, and runs by a tag,", () => {
  const kept = "small/host";
  const runFormer = async (of: string): Promise<void> => {
    account = await openAccount({ stack: replacingStack, former: true });
    const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, config: {}, layers: [], of: "another tool" }));
    running = digestOf(manifest.toString());
    const image = `${new URL(account.registry.endpoint).host}/${of}:stable`;
    account.registry.put(of, "stable", "application/vnd.oci.image.manifest.v1+json", manifest);
    account.runtime.tag(image, running);
    await readPastClient(account.aws, "RegisterTaskDefinition", {
      family: formerDaemon,
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      executionRoleArn: `arn:aws:iam::${account.aws.account}:role/execution`,
      containerDefinitions: [{ name: "daemon", image }],
    });
    const request = { cluster: "small", service: formerDaemon, taskDefinition: formerDaemon };
    await readPastClient(account.aws, "UpdateService", request);
    await account.clock.pass(60_000);
  };

  test("is kept like that of a service which comes into the stack, until it is replaced", async () => {
    await runFormer(kept);
    const planned = await act((who) => who.plan());
    expect([told(planned), protection(planned)]).toEqual([
      [],
      [
        `protect/${kept}@${running}: ${formerDaemon} would go back to it, and runs it as host:stable, which may name another image by then`,
      ],
    ]);
    const { release } = await act((who) => who.deploy());
    expect(account.registry.tagsOf(kept, running)).toEqual(["stable", protectingTag(running)]);
    expect(recordsOf(account).intent(release.id)?.before["replaced/daemon"]).toMatchObject({
      digests: { daemon: running },
    });
    await account.commit({ "app/main.py": "VERSION = 2\n" });
    const next = await act((who) => who.deploy(), 2);
    expect([protection(next), told(next)]).toEqual([[], []]);
  });

  test("is not taken back when the tag names another image by then", async () => {
    await runFormer(kept);
    account.breakCode(await account.commit({ "app/main.py": "VERSION = broken\n" }));
    account.runtime.tag(`${new URL(account.registry.endpoint).host}/${kept}:stable`, digestOf("tomorrow"));
    const error = await act((who) => errorOf(who.deploy()));
    if (!(error instanceof ReleaseFailed)) throw error;
    expect(error.result.outcome).toBe("failed");
    expect(error.result.summary.markdown).toContain(
      `container daemon should be ${running} and is ${digestOf("tomorrow")}`,
    );
  });

  test("is told where its repository is none of the stack's: there nothing is asked and nothing is tagged", async () => {
    await runFormer("small/base");
    const planned = await act((who) => who.plan());
    expect(protection(planned)).toEqual([]);
    expect(told(planned)).toEqual([
      expect.stringContaining(`That is ${running}. Its repository is none of this stack's`),
    ]);
    await act((who) => who.deploy());
    expect(account.registry.tagsOf("small/base", running)).toEqual(["stable"]);
  });
});
