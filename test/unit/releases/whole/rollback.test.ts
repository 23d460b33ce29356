import type { TaskDefinition } from "@aws-sdk/client-ecs";
import type { Release } from "../../../../src/domain/release.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
let releases: readonly Release[];

/** Three releases, an hour apart. */
beforeEach(async () => {
  account = await openAccount();
  const made: Release[] = [];
  for (const version of [1, 2, 3]) {
    if (version > 1) await account.commit({ "app/main.py": `VERSION = ${version}\n` });
    made.push((await account.clock.run(deployer(account, { run: version }).deploy())).release);
    await account.clock.pass(3600_000);
  }
  releases = made;
});
afterEach(() => account.close());

const back = (to: string) => account.clock.run(deployer(account, { run: 9 }).rollback(to));
const digest = (release: Release | undefined) => release?.images["code"]?.digest;

test.each<[string, () => string, number]>([
  ["a release id", () => releases[0]?.id ?? "", 0],
  ["the beginning of a SHA", () => releases[0]?.source.sha.slice(0, 10) ?? "", 0],
  ["`previous`", () => "previous", 1],
  ["a time between two releases", () => "2026-11-21T10:30Z", 0],
  ["a time after the last", () => "2026-11-21T12:30Z", 2],
])("goes to %s", async (_, to, index) => {
  const { outcome, release } = await back(to());
  expect(outcome).toBe(index === 2 ? null : "committed");
  expect(digest(release)).toBe(digest(releases[index]));
  expect(await wrongWith(account)).toEqual([]);
});

test.each<[string, string, RegExp]>([
  ["a time before all releases", "2026-11-20", /No release was committed before/],
  ["something that names none", "yesterday", /names no release/],
  ["a commit that was never released", "0123456789", /No release of commit/],
  ["the day that is today", "2026-11-21", /2026-11-21 is not over: it is 2026-11-21T/],
  ["a time that is not yet", "2026-11-22T10:00Z", /2026-11-22T10:00Z is not yet: it is 2026-11-21T/],
])("refuses %s", async (_, to, what) => {
  await expect(back(to)).rejects.toThrow(what);
  expect(await wrongWith(account)).toEqual([]);
});

test("is what the next change is compared with, also where no service tells what runs", async () => {
  const { release } = await back(releases[0]?.id ?? "");
  await account.commit({ "app/main.py": "VERSION = 4\n" });
  const { definitionChanges } = await account.clock.run(deployer(account, { run: 10 }).plan());
  const { family = "", revision = 0 } = release.taskDefinitions["run/small"] ?? {};
  expect(revision).toBeGreaterThan(0);
  expect(revision).toBeLessThan(releases[2]?.taskDefinitions["run/small"]?.revision ?? 0);
  expect(definitionChanges.find(({ definition }) => definition === "run/small")?.from).toBe(`${family}:${revision}`);
});

test("goes to a commit that was released again by a rollback: both releases of it pin the same", async () => {
  const sha = releases[0]?.source.sha ?? "";
  await back(sha);
  await account.clock.pass(2000);
  await back("previous");
  await account.clock.pass(2000);
  const { outcome, release } = await back(sha);
  expect(outcome).toBe("committed");
  expect(digest(release)).toBe(digest(releases[0]));
});

test("passes over releases that pin the same: `previous` is what ran before what runs", async () => {
  // Somebody scales a service by hand, and a deploy of the same commit puts that right: a release of its own.
  await account.commit({ "README.md": "Words.\n" });
  const { outcome } = await account.clock.run(deployer(account, { run: 4 }).deploy());
  expect(outcome).toBeNull();
  await account.clock.pass(2000);
  const again = await back(releases[1]?.id ?? "");
  await account.clock.pass(2000);
  const onceMore = await back(releases[0]?.id ?? "");
  await account.clock.pass(2000);
  expect(digest(again.release)).toBe(digest(releases[1]));
  expect(digest(onceMore.release)).toBe(digest(releases[0]));
  expect(digest((await back("previous")).release)).toBe(digest(releases[1]));
});

test("goes to the second that `status` shows, whatever fraction of it the release was recorded in", async () => {
  const { history } = await account.clock.run(deployer(account, { run: 9 }).status());
  const [, second] = history;
  const { release } = await back(second?.at.slice(0, 19) ?? "");
  expect(digest(release)).toBe(digest(releases[1]));
});

test("is planned under its own name, and the log says what it would do", async () => {
  const { summary, words } = await account.clock.run(
    deployer(account, { run: 9 }).rollback("previous", { dryRun: true }),
  );
  expect(summary.markdown).toContain("## Plan of a rollback for small, production");
  const { id = "", source } = releases[1] ?? {};
  expect(summary.markdown).toContain(`Back to release \`${id}\``);
  expect(words[0]).toBe(
    `Plan of a rollback for small, production, commit ${source?.sha.slice(0, 12)} (release ${id}), 4 steps:`,
  );
  expect(words[1]).toMatch(/^ {2}roll\/code: /);
});

test("twice in a row is where it was", async () => {
  await back("previous");
  await account.clock.pass(2000);
  const { release } = await back("previous");
  expect(digest(release)).toBe(digest(releases[2]));
  expect(await wrongWith(account)).toEqual([]);
});

test("registers anew what was deregistered: the definition of runs, and the code server that names it", async () => {
  const pinned = releases[0]?.taskDefinitions ?? {};
  for (const definition of ["run/small", "service/code"]) {
    const { family = "", revision = 0 } = pinned[definition] ?? {};
    await readPastClient(account.aws, "DeregisterTaskDefinition", { taskDefinition: `${family}:${revision}` });
  }
  const { release, outcome } = await back(releases[0]?.id ?? "");
  expect(outcome).toBe("committed");
  const [run, code] = ["run/small", "service/code"].map((definition) => release.taskDefinitions[definition]);
  expect(run?.revision).toBeGreaterThan(releases[2]?.taskDefinitions["run/small"]?.revision ?? 0);
  const { taskDefinition } = (await readPastClient(account.aws, "DescribeTaskDefinition", {
    taskDefinition: `${code?.family ?? ""}:${code?.revision ?? 0}`,
  })) as { readonly taskDefinition: TaskDefinition };
  const context = taskDefinition.containerDefinitions?.[0]?.environment?.find(
    ({ name }) => name === "DAGSTER_CONTAINER_CONTEXT",
  );
  expect(context?.value).toContain(`${run?.family ?? ""}:${run?.revision ?? 0}"`);
  expect(digest(release)).toBe(digest(releases[0]));
  expect(await wrongWith(account)).toEqual([]);
});

describe("a plan that was looked at", () => {
  test("is carried out when it is still the plan", async () => {
    await account.commit({ "app/main.py": "VERSION = 4\n" });
    const { hash } = await account.clock.run(deployer(account, { run: 10 }).plan());
    const result = await account.clock.run(
      deployer(account, { run: 11 }).deploy({ approved: { hash, onChange: "fail" } }),
    );
    expect(result.outcome).toBe("committed");
  });

  test.each(["fail", "continue"] as const)("and is another one now: %s", async (onChange) => {
    await account.commit({ "app/main.py": "VERSION = 4\n" });
    const { hash } = await account.clock.run(deployer(account, { run: 10 }).plan());
    await account.commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
    const who = deployer(account, { run: 11 });
    const deployed = account.clock.run(who.deploy({ approved: { hash, onChange } }));
    if (onChange === "fail") await expect(deployed).rejects.toThrow("The plan is another one than was looked at");
    else {
      expect((await deployed).outcome).toBe("committed");
      expect(JSON.stringify(who.progress)).toContain("plan-changed");
    }
    expect(await wrongWith(account)).toEqual([]);
  });
});
