import { ReleaseFailed } from "../../../../src/releases/result.ts";
import { explainStatus } from "../../../../src/releases/status.ts";
import { formerDaemon, openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { cutAt } from "../../../releases/played/cut.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newHost } from "../../../releases/played/situations.ts";
import { replacingStack } from "../../../releases/played/stacks.ts";
import { plainWire, type Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";
import { errorOf } from "../../../error-of.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount({ stack: replacingStack, former: true });
});
afterEach(() => account.close());

async function run<T>(work: (who: Deployer) => Promise<T>, options: DeployerOptions = {}): Promise<T> {
  const result = await account.clock.run(work(deployer(account, options)));
  await account.clock.pass(60_000);
  return result;
}

async function failing(work: (who: Deployer) => Promise<unknown>, options: DeployerOptions = {}): Promise<unknown> {
  return run((who) => errorOf(work(who)), options);
}

/** Names of the services, in the order in which they were updated. */
function updated(): readonly string[] {
  return account.aws.calls.flatMap(({ operation, caller, input }) =>
    operation === "UpdateService" && caller === "deploy" ? [(input as { readonly service: string }).service] : [],
  );
}

describe("A daemon that takes over from a service outside of the stack", () => {
  test("starts when no task of the former one is left, and the next release finds that stopped", async () => {
    await run((who) => who.deploy());
    expect(updated()).toEqual(["small-code", formerDaemon, "small-daemon", "small-webserver"]);
    expect(await wrongWith(account)).toEqual([]);

    await account.commit(newHost);
    const { plan } = await run((who) => who.deploy(), { run: 2 });
    expect(plan.steps.map(({ kind }) => kind)).not.toContain("stop");
    expect(plan.untouched).toContainEqual({
      what: `service ${formerDaemon}, which daemon replaces`,
      why: "it runs no task",
    });
    expect(await wrongWith(account)).toEqual([]);
  });

  test("is noted with what it replaces, before anything is written and when it has ended", async () => {
    const { release } = await run((who) => who.deploy());
    const [records, former] = [recordsOf(account), { family: formerDaemon, revision: 1 }];
    expect(records.intent(release.id)?.before["replaced/daemon"]).toEqual({
      service: formerDaemon,
      taskDefinition: former,
      desiredCount: 1,
      digests: { [formerDaemon]: expect.stringMatching(/^sha256:/) as string }, // it runs by a tag
    });
    expect(records.outcome(release.id)?.services).toContainEqual(
      expect.objectContaining({ service: "replaced/daemon", verdict: "succeeded", from: former, to: null }),
    );
  });

  test("tells the last tick before it, its first heartbeat, and what was missed", async () => {
    const due = account.clock.product.now() / 1000;
    const state = { status: "RUNNING", ticks: [{ timestamp: due, endTimestamp: due + 1 }] };
    account.dagster.repositories.push({
      schedules: [{ name: "often", scheduleState: state, futureTicks: { results: [{ timestamp: due + 2 }] } }],
      sensors: [],
    });
    const { summary, steps } = await run((who) => who.deploy());
    const gate = steps.find(({ step }) => step.id === "gate/daemon/daemon");
    expect(gate?.kind === "done" ? gate.done.said : null).toMatch(
      RegExp(
        `^heartbeats of SCHEDULER; handed over from ${formerDaemon}: first heartbeat 2\\S+Z, last tick before it ${new Date(due * 1000).toISOString()}, missed: often \\(1\\)$`,
      ),
    );
    expect(JSON.stringify(summary)).toContain("handed over from");
  });

  test("that is not there, or gone, takes over from nobody", async () => {
    await account.close();
    account = await openAccount({ stack: replacingStack });
    const { plan } = await run((who) => who.deploy());
    expect(plan.untouched).toContainEqual({
      what: `service ${formerDaemon}, which daemon replaces`,
      why: "the cluster has no service of that name",
    });
    expect(await wrongWith(account)).toEqual([]);
  });

  test("stops the former one again when somebody has started it", async () => {
    await run((who) => who.deploy());
    await readPastClient(account.aws, "UpdateService", { cluster: "small", service: formerDaemon, desiredCount: 1 });
    await account.clock.pass(60_000);
    const { plan } = await run((who) => who.deploy(), { run: 2 });
    expect(plan.steps.map(({ id }) => id)).toEqual([
      `stop/replaced/${formerDaemon}`,
      "gate/daemon/daemon",
      "gate/canary/small",
    ]);
    expect((await run((who) => who.status())).services["replaced/daemon"]).toMatchObject({ runningCount: 0 });
  });
});

describe("A release that takes over, and fails", () => {
  const beginning = { code: null, daemon: null, webserver: null };

  test("brings the former one back, after the new one is gone", async () => {
    account.breakCode(await account.commit({ "app/main.py": "VERSION = 2\n" }));
    const error = await failing((who) => who.deploy());
    expect(error).toBeInstanceOf(ReleaseFailed);
    expect(String(error)).toContain(`Taken back: webserver, daemon, code, ${formerDaemon}.`);
    expect(updated().at(-1)).toBe(formerDaemon);
    expect(await revisionsOf(account)).toEqual(beginning);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("when the new one never starts, brings the former one back", async () => {
    account.runtime.script(({ definition }) => definition.family === "small-daemon", {
      kind: "exits",
      code: 1,
      startsAfterSeconds: 1,
      healthyAfterSeconds: 5,
      afterSeconds: 1,
    });
    expect(await failing((who) => who.deploy())).toBeInstanceOf(ReleaseFailed);
    expect(await revisionsOf(account)).toEqual(beginning);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("leaves the former one stopped when the new one cannot be taken down: two never run", async () => {
    account.breakCode(await account.commit({ "app/main.py": "VERSION = 2\n" }));
    let updates = 0;
    const wire: Wire = (call, effect) => {
      if (call.operation !== "UpdateService" || call.about !== "small-daemon") return effect();
      updates += 1;
      if (updates === 1) return effect();
      throw Object.assign(new Error("no"), { name: "AccessDeniedException", $metadata: { httpStatusCode: 400 } });
    };
    const error = await failing((who) => who.deploy(), { wire });
    expect(String(error)).toContain(
      `Not taken back: ${formerDaemon}: daemon could not be taken back, and may run still`,
    );
    const { "replaced/daemon": former, daemon } = (await run((who) => who.status())).services;
    expect([former?.desiredCount, daemon?.desiredCount]).toEqual([0, 1]);
  });

  test.each([
    ["when the former was told to stop, brings that back too", formerDaemon],
    ["when the new one had started, takes that down first", "small-daemon"],
    ["while the webserver was rolling, takes down what it has not come to as well", "small-webserver"],
  ])("after one that was cut %s", async (_, service) => {
    const cut = cutAfter(service);
    await account.clock.run(Promise.race([cut.gone, deployer(account, { wire: cut.wire }).deploy()]));
    await account.clock.pass(2_000);
    account.breakCode(await account.commit({ "app/main.py": "VERSION = 2\n" }));
    const error = await failing((who) => who.deploy(), { run: 2, isOver: () => Promise.resolve("over") });
    expect(error).toBeInstanceOf(ReleaseFailed);
    expect(await revisionsOf(account)).toEqual(beginning);
    expect(await wrongWith(account)).toEqual([]);
  });

  /** Killed right after the first update of a service. */
  function cutAfter(service: string): { readonly wire: Wire; readonly gone: Promise<"gone"> } {
    const never = { after: () => undefined, cancel: () => undefined, pause: () => Promise.resolve() };
    const cut = cutAt({ at: 0, mishap: "killed after", ...never });
    const wire: Wire = (call, effect) =>
      call.operation === "UpdateService" && call.about === service ? cut.wire(call, effect) : plainWire(call, effect);
    return { wire, gone: cut.gone };
  }
});

test("Whatever people read of a former service, they read ECS's name of it", async () => {
  account.breakCode(await account.commit({ "app/main.py": "VERSION = 2\n" }));
  const error = await failing((who) => who.deploy());
  if (!(error instanceof ReleaseFailed)) throw new Error("it did not fail");
  const status = explainStatus(await run((who) => who.status()));
  const pages = [String(error), error.result.summary.markdown, status.markdown];
  for (const page of pages) {
    expect(page).toContain(formerDaemon);
    expect(page).not.toContain("replaced/daemon");
  }
});

test("A former service that somebody has started beside its successor stays stopped when the release fails: two never run", async () => {
  await run((who) => who.deploy());
  await readPastClient(account.aws, "UpdateService", { cluster: "small", service: formerDaemon, desiredCount: 1 });
  await account.clock.pass(60_000);
  await account.commit(newHost);
  account.runtime.script(
    ({ definition }) => definition.family === "small-webserver" && (definition.revision ?? 0) > 2,
    { kind: "exits", code: 1, startsAfterSeconds: 1, healthyAfterSeconds: 5, afterSeconds: 1 },
  );
  for (const number of [2, 3]) {
    const error = await failing((who) => who.deploy(), { run: number });
    expect(String(error)).toContain("Taken back: webserver, daemon.");
    expect(String(error)).toContain(`Not taken back: ${formerDaemon}: daemon has taken its place already`);
    const { services } = await run((who) => who.status());
    expect([services["daemon"]?.runningCount, services["replaced/daemon"]?.runningCount]).toEqual([1, 0]);
  }
  account.runtime.script("small-webserver", { kind: "healthy", startsAfterSeconds: 1, healthyAfterSeconds: 1 });
  await account.commit({ "dagster.yaml": "telemetry: { enabled: false }\n" });
  await run((who) => who.deploy(), { run: 4 });
  expect(await wrongWith(account).then((wrong) => wrong.filter((one) => !one.startsWith("two daemons")))).toEqual([]);
});

test("A former service to which somebody deploys while a release is under way is not stopped", async () => {
  let deployed = false;
  const wire: Wire = async (call, effect) => {
    if (call.operation === "UpdateService" && !deployed) {
      deployed = true;
      await readPastClient(account.aws, "UpdateService", {
        cluster: "small",
        service: formerDaemon,
        taskDefinition: "small-daemon:1",
      });
    }
    return effect();
  };
  const error = await failing((who) => who.deploy(), { wire });
  expect(String(error)).toContain(
    `Service ${formerDaemon} runs small-daemon:1; when this was planned it ran ${formerDaemon}:1`,
  );
  expect(updated()).toEqual(["small-code", "small-code"]);
});
