import { Cancelled } from "../../../../src/domain/errors.ts";
import { type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { mend, type Situation, situation } from "../../../releases/played/situations.ts";
import { plainWire, type Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let there: Situation;
let account: PlayedAccount;
beforeEach(async () => {
  there = await situation("a change of code");
  account = there.account;
});
afterEach(() => account.close());

const asked: string[] = [];
const cancelled = new Cancelled("Cancelled by SIGINT.");

/** Deploys; a signal comes so long after the first service was told to move. */
async function cancelledAfter(milliseconds: number, onCancel: "leave" | "rollback", wire: Wire = plainWire) {
  asked.length = 0;
  let at = 0;
  const who = deployer(account, {
    run: 2,
    rolling: { onCancel },
    wire: async (call, effect) => {
      asked.push(call.operation);
      const answer = await wire(call, effect);
      if (call.operation === "UpdateService" && at === 0) {
        at = account.clock.product.now() + milliseconds;
        account.clock.bed.after(milliseconds, () => who.cancel(cancelled));
      }
      return answer;
    },
  });
  const message = await account.clock.run(who.deploy().then(String, String));
  return { message, seconds: (account.clock.product.now() - at) / 1000 };
}

function slowly(): void {
  account.runtime.script(there.isNew("code"), { kind: "healthy", startsAfterSeconds: 3600 });
}

function outcome(): string | undefined {
  const records = recordsOf(account);
  const id = records.begun.at(-1);
  return id === undefined ? undefined : records.outcome(id)?.outcome;
}

/** What a release leaves must be one from which the next one goes on. */
async function nextOneIsGood(): Promise<void> {
  mend(account);
  await account.clock.pass(20 * 60_000);
  await account.commit({ "app/main.py": "VERSION = 3\n" });
  await account.clock.run(deployer(account, { run: 9 }).deploy());
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
}

describe("A release that is cancelled", () => {
  test("leaves what is in flight to ECS, at once, and says so", async () => {
    slowly();
    const { message, seconds } = await cancelledAfter(20_000, "leave");
    expect(message).toContain("Cancelled. ECS goes on with code by itself.");
    expect(seconds).toBeLessThan(1);
    await nextOneIsGood();
  });

  test("tells what is in flight to go back when asked to, and does not wait until it is there", async () => {
    slowly();
    const { message, seconds } = await cancelledAfter(20_000, "rollback");
    expect(message).toContain("Cancelled. Told to go back, and on the way: code. The next deploy or rollback goes on");
    expect(asked.filter((operation) => /Stop|Update/.test(operation))).toEqual([
      "UpdateService",
      "StopServiceDeployment",
    ]);
    expect(seconds).toBeLessThan(7.5);
    expect(outcome()).toBe("failed");
    await account.clock.pass(10 * 60_000);
    expect(await revisionsOf(account)).toEqual(there.before);
    await nextOneIsGood();
  });

  test("tells what is through already to go back as well", async () => {
    let at = 0;
    let hasRolled = false;
    const who = deployer(account, {
      run: 2,
      rolling: { onCancel: "rollback" },
      wire: (call, effect) => {
        if (call.to === "dagster" && hasRolled && at === 0) {
          at = account.clock.product.now();
          who.cancel(cancelled);
        }
        hasRolled ||= call.operation === "UpdateService";
        return effect();
      },
    });
    const message = await account.clock.run(who.deploy().then(String, String));
    expect(message).toContain("Told to go back, and on the way: code.");
    expect((account.clock.product.now() - at) / 1000).toBeLessThan(7.5);
    await account.clock.pass(10 * 60_000);
    expect(await revisionsOf(account)).toEqual(there.before);
  });

  test("says what could not be told to go back, within the runner's ten seconds", async () => {
    slowly();
    let refused = false;
    const { message, seconds } = await cancelledAfter(20_000, "rollback", (call, effect) => {
      refused ||= call.operation === "UpdateService" && asked.filter((one) => one === "UpdateService").length > 1;
      if (call.operation !== "StopServiceDeployment" && !refused) return effect();
      return new Promise((resolve) => account.clock.bed.after(60_000, () => resolve(effect())));
    });
    expect(message).toMatch(/Cancelled\. Not taken back: code: .*The next deploy or rollback goes on from here/);
    expect(seconds).toBeLessThan(8);
  });
});

describe("A deployment that takes longer than its time", () => {
  const run = async (rolling: DeployerOptions["rolling"]) => {
    slowly();
    const since = account.clock.product.now();
    const who = deployer(account, { run: 2, rolling: { timeoutSeconds: 5 * 60, ...rolling } });
    const message = await account.clock.run(who.deploy().then(String, String));
    return { message, seconds: (account.clock.product.now() - since) / 1000 };
  };

  test("is taken back unless told", async () => {
    const { message } = await run({});
    expect(message).toMatch(/it takes longer than 300 s\. ECS goes on with small-code:\d+/);
    expect(message).toContain("Taken back: code.");
    expect(outcome()).toBe("taken-back");
    expect(await revisionsOf(account)).toEqual(there.before);
  });

  test("is left to ECS when told, and that is said", async () => {
    const { message, seconds } = await run({ onTimeout: "leave" });
    expect(message).toMatch(/it takes longer than 300 s\. ECS goes on with small-code:\d+/);
    expect(message).toContain(
      "Left as they are, as `on-timeout: leave` says: code. The next deploy or rollback goes on",
    );
    expect(message).not.toContain("aken back: code");
    expect(message).not.toContain("No service was touched");
    expect(seconds).toBeLessThan(900);
    expect(outcome()).toBe("failed");
    expect(await revisionsOf(account)).not.toEqual(there.before);
    await nextOneIsGood();
  });

  test("is all that `on-timeout: leave` is about: what fails is taken back", async () => {
    account.runtime.script(there.isNew("code"), {
      kind: "never-starts",
      reason: "CannotPullContainerError: x: not found",
    });
    const who = deployer(account, { run: 2, rolling: { onTimeout: "leave" } });
    expect(await account.clock.run(who.deploy().then(String, String))).toContain("Taken back: code.");
  });
});

test.each([
  [true, /failed 2 times: the image does not exist/],
  [false, /failed 3 times: the image does not exist/],
])("With fail-early: %s an image that is missing is told when %s", async (failEarly, says) => {
  account.runtime.script(there.isNew("code"), {
    kind: "never-starts",
    reason: "CannotPullContainerError: x: not found",
  });
  const who = deployer(account, { run: 2, rolling: { failEarly } });
  expect(await account.clock.run(who.deploy().then(String, String))).toMatch(says);
  expect(await revisionsOf(account)).toEqual(there.before);
});

describe("When somebody else is deploying to a service that is to be rolled", () => {
  const minutesOfTheirs = 4;

  /** They bring another revision, which takes a while. */
  async function theyBegin(service = "small-code"): Promise<void> {
    const family = "theirs";
    const { taskDefinition = {} } = (await readPastClient(account.aws, "DescribeTaskDefinition", {
      taskDefinition: service,
    })) as {
      readonly taskDefinition?: {
        readonly containerDefinitions?: object;
        readonly cpu?: string;
        readonly memory?: string;
      };
    };
    const { containerDefinitions, ...rest } = taskDefinition;
    await readPastClient(account.aws, "RegisterTaskDefinition", { ...kept(rest), containerDefinitions, family });
    account.runtime.script((task) => task.definition.family === family, {
      kind: "healthy",
      startsAfterSeconds: minutesOfTheirs * 60,
    });
    await readPastClient(account.aws, "UpdateService", {
      cluster: "small",
      service,
      taskDefinition: family,
    });
    await account.clock.pass(10_000);
  }

  function kept(definition: object): object {
    const names = ["cpu", "memory", "networkMode", "requiresCompatibilities", "executionRoleArn", "taskRoleArn"];
    return Object.fromEntries(Object.entries(definition).filter(([name]) => names.includes(name)));
  }

  async function deployed(rolling: NonNullable<DeployerOptions["rolling"]>) {
    const since = account.clock.product.now();
    const who = deployer(account, { run: 2, rolling });
    const message = await account.clock.run(who.deploy().then(() => "it went well", String));
    const lines = who.progress.flatMap((one) => (one.kind === "line" ? [one.text] : []));
    return { message, lines, seconds: (account.clock.product.now() - since) / 1000 };
  }

  test("it is replaced unless told, and that is said", async () => {
    await theyBegin();
    const { message, lines, seconds } = await deployed({});
    expect(message).toBe("it went well");
    expect(lines).toContainEqual(
      expect.stringMatching(/^code {2}deployment theirs:1 \(ecs-svc\/\d+\), begun .*it is replaced$/),
    );
    expect(seconds).toBeLessThan(minutesOfTheirs * 60);
    await account.clock.pass(60_000);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("and the release fails after it, the service goes back to what had come to run, also where ECS lists that no more", async () => {
    await theyBegin("small-daemon");
    await account.clock.pass(60_000);
    const { services } = (await readPastClient(account.aws, "DescribeServices", {
      cluster: "small",
      services: ["small-daemon"],
    })) as { readonly services: readonly { readonly deployments: readonly object[] }[] };
    expect(services[0]?.deployments).toHaveLength(1); // the daemon's former task has gone first
    await account.commit({ "dagster.yaml": "telemetry: { enabled: true }\n" });
    account.runtime.script(there.isNew("webserver"), {
      kind: "never-starts",
      reason: "CannotPullContainerError: x: not found",
    });
    const { message } = await deployed({});
    expect(message).not.toBe("it went well");
    expect(await revisionsOf(account)).toEqual(there.before);
  });

  test("`fail` refuses before any write, and says what, whose, since when", async () => {
    await theyBegin();
    const { message, seconds } = await deployed({ inFlight: "fail" });
    expect(message).toMatch(/code: deployment theirs:1 \(ecs-svc\/\d+\), begun 2\d{3}-.*Z, 0 of 1 running/);
    expect(message).toContain("Nobody is waited for, and no service was changed");
    expect(seconds).toBeLessThan(60);
    expect((await revisionsOf(account)).code).toEqual({ family: "theirs", revision: 1 });
    expect(outcome()).toBe("committed");
  });

  test("`wait` lets it end, and plans on what runs then", async () => {
    await theyBegin();
    const { message, lines, seconds } = await deployed({ inFlight: "wait" });
    expect(message).toBe("it went well");
    expect(lines).toContainEqual(expect.stringMatching(/^code {2}deployment theirs:1 .*it is waited for$/));
    expect(lines).toContain("code  the other deployment is over");
    expect(seconds).toBeGreaterThan((minutesOfTheirs - 1) * 60);
    await account.clock.pass(60_000);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("`wait` waits no longer than a deployment may take", async () => {
    await theyBegin();
    const { message } = await deployed({ inFlight: "wait", timeoutSeconds: 60 });
    expect(message).toMatch(/theirs:1 .*It was waited for 6\d s, and no service was changed/);
  });

  test("`wait` can be cancelled", async () => {
    await theyBegin();
    const who = deployer(account, { run: 2, rolling: { inFlight: "wait" } });
    account.clock.bed.after(60_000, () => who.cancel(cancelled));
    const since = account.clock.product.now();
    expect(await account.clock.run(who.deploy().then(String, String))).toContain("Cancelled");
    expect((account.clock.product.now() - since) / 1000).toBeLessThan(61);
  });
});
