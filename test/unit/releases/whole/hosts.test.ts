import { ReleaseFailed } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode } from "../../../releases/played/situations.ts";
import { hostsStack, inProcessStack } from "../../../releases/played/stacks.ts";
import { readPastClient } from "../../local-aws/stage.ts";
import { errorOf } from "../../../error-of.ts";

let account: PlayedAccount;
afterEach(() => account.close());

/** A first release of a stack whose hosts load the code, and a minute after it. */
async function released(stack: string): Promise<void> {
  account = await openAccount({ stack, loads: "small-webserver" });
  await run((who) => who.deploy());
}

async function run<T>(work: (who: Deployer) => Promise<T>, options: DeployerOptions = {}): Promise<T> {
  const result = await account.clock.run(work(deployer(account, options)));
  await account.clock.pass(60_000);
  return result;
}

async function failing(work: (who: Deployer) => Promise<unknown>, options: DeployerOptions = {}): Promise<unknown> {
  return run((who) => errorOf(work(who)), options);
}

/** Services that were updated, and when; milliseconds since 1970. */
function updates(): readonly { readonly service: string; readonly at: number }[] {
  return account.aws.calls.flatMap(({ operation, caller, input, at }) =>
    operation === "UpdateService" && caller === "deploy"
      ? [{ service: (input as { readonly service: string }).service, at }]
      : [],
  );
}

const named = (moved: readonly { readonly service: string }[]): readonly string[] =>
  moved.map(({ service }) => service);

describe("Webserver and daemon that load the code themselves", () => {
  beforeEach(() => released(hostsStack));

  test("both move with a change of code, and runs start on it", async () => {
    expect(await wrongWith(account)).toEqual([]);
    const before = updates().length;
    await account.commit(newCode);
    const { plan } = await run((who) => who.deploy(), { run: 2 });
    expect(named(updates().slice(before))).toEqual(["small-daemon", "small-webserver"]);
    expect(plan.steps.map(({ id }) => id)).toEqual([
      "register/once/code",
      "migrate/application",
      "register/run/small",
      "register/service/daemon",
      "register/service/webserver",
      "roll/daemon",
      "gate/daemon/daemon",
      "roll/webserver",
      "gate/webserver/webserver",
      "gate/loaded/small",
      "gate/state/small",
      "gate/canary/small",
    ]);
    expect(account.dagster.runs).toHaveLength(2);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("go back together when the webserver cannot load it", async () => {
    const before = await revisionsOf(account);
    account.breakCode(await account.commit(newCode));
    const error = await failing((who) => who.deploy(), { run: 2 });
    expect(error).toBeInstanceOf(ReleaseFailed);
    expect(String(error)).toMatch(/Code location small does not load\.[^]*Taken back: webserver, daemon\./);
    expect(await revisionsOf(account)).toEqual(before);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("go back to an earlier release through the same gates", async () => {
    const first = recordsOf(account).current?.release ?? "";
    await account.commit(newCode);
    await run((who) => who.deploy(), { run: 2 });
    const { plan } = await run((who) => who.rollback(first), { run: 3 });
    expect(plan.steps.map(({ id }) => id)).toEqual([
      "roll/daemon",
      "gate/daemon/daemon",
      "roll/webserver",
      "gate/webserver/webserver",
      "gate/loaded/small",
      "gate/state/small",
      "gate/canary/small",
    ]);
    expect(await wrongWith(account)).toEqual([]);
  });
});

describe("Runs that live in webserver and daemon", () => {
  const minutes = 60_000;
  beforeEach(() => released(inProcessStack));

  /** A run that goes on for so long. */
  function living(runId: string, milliseconds: number): number {
    const until = account.clock.product.now() + milliseconds;
    account.dagster.living.push({ runId, jobName: "load", until });
    return until;
  }

  test("are waited for before anything moves, and named", async () => {
    const [before, until] = [updates().length, living("run-7", 4 * minutes)];
    await account.commit(newCode);
    const who = deployer(account, { run: 2 });
    await account.clock.run(who.deploy());
    await account.clock.pass(60_000);
    expect(who.progress).toContainEqual({ kind: "line", text: "drain: waiting for run run-7 of load (STARTED)" });
    const moved = updates().slice(before);
    expect(named(moved)).toEqual(["small-daemon", "small-webserver"]);
    for (const { at } of moved) expect(at).toBeGreaterThanOrEqual(until + 10_000);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("that do not end in time let the release fail, with nothing touched", async () => {
    const before = updates().length;
    living("run-7", 30 * minutes);
    await account.commit(newCode);
    const error = await failing((who) => who.deploy(), { run: 2 });
    expect(String(error)).toMatch(
      /After 10 min there are still runs, which this release would end with daemon and webserver: run run-7 of load \(STARTED\)\.[^]*No service was touched\./,
    );
    expect(updates()).toHaveLength(before);
    expect(recordsOf(account).outcome(recordsOf(account).begun.at(-1) as never)).toMatchObject({
      outcome: "taken-back",
      cause: "runs-not-over",
      services: [],
    });
    expect(await wrongWith(account)).toEqual([]);
  });

  test("do not keep a release from what touches no process", async () => {
    living("run-7", 30 * minutes);
    const { plan } = await run((who) => who.deploy(), { run: 2 });
    expect(plan.steps).toEqual([]);
  });

  test("cannot be asked for without a webserver: that is said, and not waited for", async () => {
    living("run-7", 30 * minutes);
    await readPastClient(account.aws, "UpdateService", {
      cluster: "small",
      service: "small-webserver",
      desiredCount: 0,
    });
    await account.clock.pass(2 * minutes);
    await account.commit(newCode);
    const { plan } = await run((who) => who.deploy(), { run: 2 });
    expect(plan.findings).toContainEqual(
      expect.objectContaining({
        id: "runs-not-awaited",
        level: "warning",
        what: "No webserver runs that could tell of runs in daemon: those that live there are ended.",
      }),
    );
    expect(plan.steps.map(({ kind }) => kind)).not.toContain("drain");
    expect(await wrongWith(account)).toEqual([]);
  });
});
