import { readOnlyMembers } from "../../../../src/task-definitions/read-only.ts";
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

/** What registers a revision anew, with its tags. */
async function asRegistered(taskDefinition: string): Promise<Registered> {
  const answer = (await readPastClient(account.aws, "DescribeTaskDefinition", {
    taskDefinition,
    include: ["TAGS"],
  })) as { readonly taskDefinition: Registered; readonly tags: object[] };
  const kept = Object.entries(answer.taskDefinition).filter(([name]) => !readOnlyMembers.has(name));
  return { ...(Object.fromEntries(kept) as unknown as Registered), tags: answer.tags };
}

interface Registered {
  readonly containerDefinitions: readonly object[];
  readonly tags: readonly object[];
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
    // And so does what it starts its runs by.
    const stays = ["small-code:2", "small-run-small:1"];
    expect(await inactive()).toEqual(old.filter((revision) => !stays.includes(revision)));
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

  test("the definition of a service that is not the stack's: its runs start by that one", async () => {
    const context = { ecs: { task_definition_arn: "arn:aws:ecs:eu-central-1:1:task-definition/small-run-small:2" } };
    await readPastClient(account.aws, "RegisterTaskDefinition", {
      family: "by-hand",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      executionRoleArn: `arn:aws:iam::${account.aws.account}:role/execution`,
      containerDefinitions: [
        {
          name: "code",
          image: "x:y",
          environment: [{ name: "DAGSTER_CONTAINER_CONTEXT", value: JSON.stringify(context) }],
        },
      ],
    });
    await readPastClient(account.aws, "CreateService", {
      cluster: "small",
      serviceName: "of-somebody",
      taskDefinition: "by-hand",
      desiredCount: 0,
      launchType: "FARGATE",
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"] } },
    });
    await release({ keepRevisions: 1 });
    expect(await inactive()).toEqual(old.filter((revision) => revision !== "small-run-small:2"));
  });

  test("maybe, a run that waits: then all of runs stay", async () => {
    account.dagster.queue("small", "hourly");
    await account.clock.pass(1000);
    const { summary } = await release({ keepRevisions: 1 });
    expect(await inactive()).toEqual(old.filter((revision) => !revision.startsWith("small-run-")));
    expect(summary.markdown).toContain("Those of runs were left alone");
  });
});

test("What somebody else has made stays, also when our tags were taken along", async () => {
  await releases(3);
  const taken = await asRegistered("small-code:2");
  const [container] = taken.containerDefinitions;
  const hotfix = { ...container, image: "somewhere/else:hotfix" };
  await readPastClient(account.aws, "RegisterTaskDefinition", { ...taken, containerDefinitions: [hotfix] });
  await release();
  await release({ keepRevisions: 1 });
  expect(await inactive()).toContain("small-code:4");
  expect(await inactive()).not.toContain("small-code:5");
});

test("A revision that is equal, but was made for another environment, is not taken: it goes when that one cleans up", async () => {
  const { release: first } = await release();
  const { family = "", revision = 0 } = first.taskDefinitions["service/code"] ?? {};
  const equal = await asRegistered(`${family}:${revision}`);
  const isOfEnvironment = (tag: object): boolean => "key" in tag && tag.key === "dagster-ecs:environment";
  const others = equal.tags.map((tag) => (isOfEnvironment(tag) ? { ...tag, value: "another" } : tag));
  await readPastClient(account.aws, "RegisterTaskDefinition", { ...equal, tags: others });
  await readPastClient(account.aws, "DeregisterTaskDefinition", { taskDefinition: `${family}:${revision}` });
  const again = await account.clock.run(deployer(account, { run: 900 }).deploy());
  expect(again.release.taskDefinitions["service/code"]).toMatchObject({ family, revision: revision + 2 });
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
