import type { Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { documentedFor, documentedWith } from "../../../contract/actions/documented-permissions.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
let run = 0;

beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

/** Releases a new version of the code: another revision of each family but the hosts'. */
async function release(options: DeployerOptions = {}, files: Readonly<Record<string, string>> = {}): Promise<Result> {
  run += 1;
  await account.commit({ "app/main.py": `VERSION = ${run}\n`, ...files });
  const result = await account.clock.run(deployer(account, { run, ...options }).deploy());
  await account.clock.pass(60_000);
  expect(result.outcome).toBe("committed");
  return result;
}

async function releases(count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) await release();
}

async function inactive(): Promise<readonly string[]> {
  const { taskDefinitionArns } = (await readPastClient(account.aws, "ListTaskDefinitions", { status: "INACTIVE" })) as {
    readonly taskDefinitionArns: readonly string[];
  };
  return taskDefinitionArns.map((arn) => arn.slice(arn.lastIndexOf("/") + 1)).sort();
}

/** Revision 1 of a service is the infrastructure's. The releases before have made 2, 3 and 4, and this one makes 5. */
const old = [
  "small-code:2",
  "small-code:3",
  "small-once-code:1",
  "small-once-code:2",
  "small-run-small:1",
  "small-run-small:2",
];

test("nothing is deregistered unless that is asked for", async () => {
  await releases(4);
  expect(await inactive()).toEqual([]);
});

test("what nothing names any more goes: not the newest, nor what a release before names, nor what somebody else has made", async () => {
  await releases(3);
  const { summary } = await release({ keepRevisions: 1 });
  expect(await inactive()).toEqual(old);
  for (const revision of old) expect(summary.markdown).toContain(revision);
  expect(summary.markdown).toContain("The newest 1 of each family stay");
});

test("it needs what docs/permissions.md says, and nothing else", async () => {
  await releases(3);
  const since = account.aws.calls.length;
  await release({ keepRevisions: 1 });
  const ours = account.aws.calls.slice(since).filter(({ caller }) => caller === "deploy");
  const needed = new Set(ours.map(({ service, operation }) => `${service}:${operation}`));
  const more = documentedWith("With `keep-revisions`");
  expect([...needed]).toEqual(expect.arrayContaining([...more]));
  const documented = [...documentedFor("deploy"), ...documentedFor("deploy-service"), ...more];
  expect([...needed].filter((action) => !documented.includes(action))).toEqual([]);
});

test("as many as are kept stay", async () => {
  await releases(3);
  await release({ keepRevisions: 3 });
  expect(await inactive()).toEqual([]);
});

test("what a release has deregistered, a rollback to it registers anew", async () => {
  const first = await release();
  await releases(2);
  await release({ keepRevisions: 1 });
  const back = await account.clock.run(deployer(account, { run: 900 }).rollback(first.release.id));
  expect(back.outcome).toBe("committed");
});

describe("It stays, when it is named by", () => {
  beforeEach(() => releases(3));

  test("a service of the cluster, one without tasks too", async () => {
    await readPastClient(account.aws, "CreateService", {
      cluster: "small",
      serviceName: "of-somebody",
      taskDefinition: "small-code:2",
      desiredCount: 0,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
    });
    await release({ keepRevisions: 1 });
    expect(await inactive()).toEqual(old.filter((revision) => revision !== "small-code:2"));
  });

  test("a task that runs", async () => {
    account.runtime.script(({ definition }) => definition.family === "small-run-small" && definition.revision === 2, {
      kind: "healthy",
      startsAfterSeconds: 1,
      healthyAfterSeconds: 1,
    });
    await readPastClient(account.aws, "RunTask", {
      cluster: "small",
      taskDefinition: "small-run-small:2",
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
    });
    await release({ keepRevisions: 1 });
    expect(await inactive()).toEqual(old.filter((revision) => revision !== "small-run-small:2"));
  });

  test("a file of the checkout", async () => {
    await release({ keepRevisions: 1 }, { "scripts/backfill.sh": "aws ecs run-task --task-definition small-code:3\n" });
    expect(await inactive()).toEqual(old.filter((revision) => revision !== "small-code:3"));
  });

  test("maybe, a run that waits: then all of runs stay", async () => {
    account.dagster.queue("small", "hourly");
    await account.clock.pass(1000);
    const { summary } = await release({ keepRevisions: 1 });
    expect(await inactive()).toEqual(old.filter((revision) => !revision.startsWith("small-run-")));
    expect(summary.markdown).toContain("Those of runs were left alone");
  });
});

test.each(["ecs:ListServices", "ecs:DeregisterTaskDefinition"])(
  "%s that is denied makes no release red, and is told",
  async (on) => {
    await releases(3);
    account.aws.faults.inject({ on, what: { kind: "access-denied" } });
    const { summary } = await release({ keepRevisions: 1 });
    expect(await inactive()).toEqual([]);
    expect(summary.markdown).toContain("Not all was done: ");
    expect(summary.markdown).toContain(on.slice("ecs:".length));
  },
);

test("throttling is borne", async () => {
  await releases(3);
  account.aws.faults.inject({ on: "ecs:DeregisterTaskDefinition", what: { kind: "throttle" }, times: 3 });
  await release({ keepRevisions: 1 });
  expect(await inactive()).toEqual(old);
});

test("twenty go with one release, and the next one goes on", async () => {
  await releases(10);
  const { summary } = await release({ keepRevisions: 1 });
  expect(await inactive()).toHaveLength(20);
  expect(summary.markdown).toContain("There are more: the next release goes on.");
  await release({ keepRevisions: 1 });
  expect((await inactive()).length).toBeGreaterThan(20);
});
