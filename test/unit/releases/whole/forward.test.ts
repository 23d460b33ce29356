import { UserError } from "../../../../src/domain/errors.ts";
import type { Release } from "../../../../src/domain/release.ts";
import { showRevision } from "../../../../src/domain/verdict.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { revisionsOf, servicesOf } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { standstill } from "../../../releases/played/standstill.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import { type OutsideCall, showCall, type Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";
import { errorOf } from "../../../error-of.ts";
import { recorder } from "../../../releases/played/recorder.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";

let account: PlayedAccount;
/** The first release, which is current. */
let first: Release;
let firstRolls = 0;
beforeEach(async () => {
  account = await openAccount();
  ({ release: first } = await account.clock.run(deployer(account, { run: 1 }).deploy()));
  await account.clock.pass(60_000);
  firstRolls = rollsSoFar();
});
afterEach(() => account.close());

/** Releases what is checked out, by a run of its own, and lets a minute pass. */
async function release(run: number, options: DeployerOptions = {}): Promise<Release> {
  const { release: made } = await account.clock.run(deployer(account, { run, ...options }).deploy());
  await account.clock.pass(60_000);
  return made;
}

/** A wire on which something happens before the first call that is so. */
function before(when: (call: OutsideCall) => boolean, happens: () => unknown): Wire {
  let happened = false;
  return async (call, effect) => {
    if (!happened && when(call)) {
      happened = true;
      await standstill(happens);
    }
    return effect();
  };
}

/** UpdateService, as often as any deployer has called it. */
function rollsSoFar(): number {
  return account.aws.calls.filter(({ operation, caller }) => operation === "UpdateService" && caller === "deploy")
    .length;
}

const isRoll = ({ operation }: OutsideCall): boolean => operation === "UpdateService";
const isQuestion = ({ to }: OutsideCall): boolean => to === "dagster";

/** Updates the service of code as somebody at the console does. */
async function byHand(taskDefinition: string): Promise<void> {
  await readPastClient(account.aws, "UpdateService", { cluster: "small", service: "small-code", taskDefinition });
}

describe("A second deployer, while the first one rolls", () => {
  /** @returns how both ended. */
  async function both(
    start: () => Promise<Deployer>,
    options: { readonly broken?: boolean } = {},
  ): Promise<readonly [unknown, unknown]> {
    const sha = await account.commit(newCode);
    if (options.broken === true) account.breakCode(sha);
    let second: Promise<unknown> = Promise.resolve(null);
    const wire = before(isRoll, async () => {
      second = errorOf((await start()).deploy());
    });
    const one = await account.clock.run(errorOf(deployer(account, { run: 2, wire }).deploy()));
    const other = await account.clock.run(second);
    await account.clock.pass(60_000);
    return [one, other];
  }

  test("who does not wait is told who holds the lock, and writes nothing", async () => {
    const { wire, writes } = recorder();
    const [one, other] = await both(async () => {
      await account.commit({ "app/main.py": "VERSION = 3\n" });
      return deployer(account, { run: 3, wire });
    });
    expect(one).toBeNull();
    expect(other).toBeInstanceOf(UserError);
    expect(other).toMatchObject({
      kind: "locked",
      what: expect.stringContaining("owner/small/run/2/job/deploy") as unknown,
    });
    expect(writes).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("who waits is planned anew, on what was released meanwhile", async () => {
    const [one, other] = await both(async () => {
      await account.commit({ "app/main.py": "VERSION = 3\n" });
      return deployer(account, { run: 3, waitSeconds: 3600 });
    });
    expect([one, other]).toEqual([null, null]);
    const { begun, outcome, current } = recordsOf(account);
    expect(begun).toHaveLength(3);
    const [, second, third] = begun.map((id) => outcome(id)?.release);
    expect(third).toMatchObject({ id: current?.release, base: second?.id });
    expect(await wrongWith(account)).toEqual([]);
  });

  test("who waits with an older commit is superseded, and changes nothing that runs", async () => {
    const { wire, writes } = recorder();
    const [one, other] = await both(async () => {
      await account.checkOut(first.source.sha);
      return deployer(account, { run: 3, waitSeconds: 3600, wire });
    });
    expect(one).toBeNull();
    expect(other).toMatchObject({ kind: "superseded" });
    expect(writes.filter((call) => !call.endsWith("lock.json"))).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("who waits for one that is taken back goes on from what was there before", async () => {
    const [one, other] = await both(
      async () => {
        await account.commit({ "app/main.py": "VERSION = 3\n" });
        return deployer(account, { run: 3, waitSeconds: 3600 });
      },
      { broken: true },
    );
    expect(one).toMatchObject({ name: "ReleaseFailed" });
    expect(other).toBeNull();
    const { current, outcome } = recordsOf(account);
    expect(outcome(current?.release ?? first.id)?.release.base).toBe(first.id);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("who waits longer than he may is told who holds the lock", async () => {
    account.runtime.script("small-code", { kind: "healthy", startsAfterSeconds: 600, healthyAfterSeconds: 1 });
    const [one, other] = await both(async () => {
      await account.commit({ "app/main.py": "VERSION = 3\n" });
      return deployer(account, { run: 3, waitSeconds: 60 });
    });
    expect(one).toBeNull();
    expect(other).toMatchObject({ kind: "locked" });
    expect(await wrongWith(account)).toEqual([]);
  });
});

describe("Going forward never goes back:", () => {
  test("an old run that is run again in whole is superseded, and writes nothing", async () => {
    await account.commit(newCode);
    const second = await release(2);
    await account.checkOut(first.source.sha);
    const { wire, writes } = recorder();
    const error = await account.clock.run(errorOf(deployer(account, { run: 1, attempt: 2, wire }).deploy()));
    expect(error).toMatchObject({ kind: "superseded", where: `current release ${second.id}` });
    expect(writes).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("a release that was begun on what is no longer current is superseded", async () => {
    await account.commit(newCode);
    const early = deployer(account, { run: 2 });
    const { release: begun } = await account.clock.run(early.deploy({ parts: ["images"] }));
    await release(3);
    const { wire, writes } = recorder();
    const late = deployer(account, { run: 2, wire });
    const error = await account.clock.run(errorOf(late.deploy({ parts: ["migrations"], release: begun })));
    expect(error).toMatchObject({
      kind: "superseded",
      what: expect.stringContaining(`was begun on ${first.id}`) as unknown,
    });
    expect(writes).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test.each<[string, Partial<Pick<Release, "stack" | "environment" | "source">>]>([
    ["stack", { stack: "large" }],
    ["environment", { environment: "staging" }],
    ["repository", { source: { repository: "owner/other", sha: "0".repeat(40) as Release["source"]["sha"] } }],
    ["sha", { source: { repository: "owner/small", sha: "0".repeat(40) as Release["source"]["sha"] } }],
  ])("a release of another %s is refused, and nothing is written", async (name, other) => {
    await account.commit(newCode);
    const { release: begun } = await account.clock.run(deployer(account, { run: 2 }).deploy({ parts: ["images"] }));
    const { wire, writes } = recorder();
    const handed = deployer(account, { run: 2, wire }).deploy({ release: { ...begun, ...other } });
    expect(await account.clock.run(errorOf(handed))).toMatchObject({
      kind: "refused",
      where: "input release",
      what: expect.stringContaining(`is of ${name} `) as unknown,
    });
    expect(writes).toEqual([]);
  });

  test("an older commit is released all the same when that is allowed", async () => {
    await account.commit(newCode);
    const second = await release(2);
    await account.checkOut(first.source.sha);
    const again = await release(3, { allowDivergent: true });
    expect(again).toMatchObject({ base: second.id, source: first.source });
    expect(again.images).toEqual(first.images);
    // Its definitions were those of the first release, and are neither what runs nor the newest: they are registered again.
    expect((await wrongWith(account)).filter((wrong) => !wrong.endsWith(" again"))).toEqual([]);
  });
});

describe("A commit that changes nothing", () => {
  test("writes nothing but the lock, and the name of the commit on its images", async () => {
    const sha = await account.commit({ "README.md": "# Small\n" });
    const { wire, writes } = recorder();
    const result = await account.clock.run(deployer(account, { run: 2, wire }).deploy());
    expect(result).toMatchObject({ outcome: null });
    const isName = (call: string) => call.startsWith("registry PUT") && call.endsWith(`/manifests/${sha}`);
    expect(writes.filter((call) => !isName(call)).every((call) => call.endsWith("/lock.json"))).toBe(true);
    expect(recordsOf(account).current?.release).toBe(first.id);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("is the base of nothing: the next commit is begun on the release before it", async () => {
    await account.commit({ "README.md": "# Small\n" });
    await release(2);
    await account.commit(newCode);
    expect(await release(3)).toMatchObject({ base: first.id });
    expect(await wrongWith(account)).toEqual([]);
  });
});

describe("A service that somebody changed by hand", () => {
  test.each([
    ["the same commit", {}],
    ["a commit that changes nothing", { "README.md": "# Small\n" }],
    ["a change of code", newCode],
    ["a change of the host", newHost],
  ])("before the plan is brought to what the release says, and that is said: %s", async (_, files) => {
    await byHand("small-code:1");
    await account.clock.pass(60_000);
    if (Object.keys(files).length > 0) await account.commit(files);
    expect((await account.clock.run(deployer(account, { run: 2 }).status())).drift).not.toEqual([]);
    const planned = await account.clock.run(deployer(account, { run: 2 }).plan());
    expect(planned.plan.steps).toContainEqual(expect.objectContaining({ id: "roll/code" }) as unknown);
    await release(2);
    expect(await wrongWith(account)).toEqual([]);
  });

  /** Somebody rolls code out by hand after the plan was made and before it is carried out. */
  async function meanwhile(): Promise<unknown> {
    await account.commit(newCode);
    const wire = before(
      ({ operation, about }) => operation === "RegisterTaskDefinition" && about === "small-code",
      () => byHand("small-code:1"),
    );
    const error = await account.clock.run(errorOf(deployer(account, { run: 2, wire }).deploy()));
    await account.clock.pass(60_000);
    return error;
  }

  test("between plan and roll stops the release, which says so", async () => {
    expect(await meanwhile()).toMatchObject({
      message: expect.stringMatching(
        /^Service small-code runs small-code:1; when this was planned it ran small-code:2/,
      ) as unknown,
    });
  });

  test("between plan and roll is not overwritten by the release", async () => {
    await meanwhile();
    const { taskDefinition = "" } = (await servicesOf(account)).code;
    expect(taskDefinition).toMatch(/small-code:1$/);
  });

  test("between plan and roll is repaired by the next release", async () => {
    await meanwhile();
    await release(3);
    expect(await wrongWith(account)).toEqual([]);
  });
});

describe("When the lock is taken away from somebody who deploys,", () => {
  /** @returns what he says, and what he wrote afterwards. */
  async function unlocked(
    when: (call: OutsideCall) => boolean,
  ): Promise<{ readonly error: unknown; readonly after: readonly string[] }> {
    await account.commit(newCode);
    const after: string[] = [];
    let away = false;
    const unlocking = before(when, async () => {
      const { holder } = await deployer(account, { run: 9 }).unlock("it hangs");
      expect(holder?.name).toBe("owner/small/run/2/job/deploy");
      away = true;
    });
    const wire: Wire = (call, effect) =>
      unlocking(call, () => {
        if (away && call.writes) after.push(showCall(call));
        return effect();
      });
    const error = await account.clock.run(errorOf(deployer(account, { run: 2, wire }).deploy()));
    await account.clock.pass(60_000);
    return { error, after };
  }

  /** The first look at a service after it was told to move. */
  function afterRoll({ operation }: OutsideCall): boolean {
    return operation === "DescribeServices" && rollsSoFar() > firstRolls;
  }
  const moments: readonly [string, (call: OutsideCall) => boolean][] = [
    ["before the migration", ({ operation, about }) => operation === "RegisterTaskDefinition" && /once/.test(about)],
    ["while the migration runs", ({ operation }) => operation === "DescribeTasks"],
    ["while code is rolled", afterRoll],
    ["while the gate asks", isQuestion],
    ["while the canary runs", ({ operation }) => operation === "RunById"],
  ];

  test.each(moments)("%s, he stops at his next write, and the next release goes on from there", async (_, when) => {
    const { error, after } = await unlocked(when);
    expect(error).toMatchObject({
      kind: "locked",
      what: expect.stringContaining("run/9/job/deploy took the lock of this release away") as unknown,
    });
    // The call before which it happened; a note of what his migration did, for the next one; the canary, which Dagster launches.
    const isMeant = (call: string) => /RegisterTaskDefinition small-once|made\.json$|LaunchRun/.test(call);
    expect(after.filter((call) => !isMeant(call))).toEqual([]);
    await account.commit({ "app/main.py": "VERSION = 3\n" });
    await release(3);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("between the look at a service and its roll, he stops at his next write", async () => {
    const { after } = await unlocked(
      ({ operation, about }) => operation === "DescribeServices" && about === "small-code",
    );
    expect(after).toEqual([]);
  });

  async function goBack(): Promise<void> {
    const { release: back } = await account.clock.run(deployer(account, { run: 3 }).rollback(first.id));
    await account.clock.pass(60_000);
    expect(back.taskDefinitions["service/code"]).toEqual(first.taskDefinitions["service/code"]);
  }

  test.each(moments.slice(2))("%s, and somebody goes back, the end is clean as well", async (_, when) => {
    await unlocked(when);
    await goBack();
    expect(await wrongWith(account)).toEqual([]);
  });

  test.each(moments.slice(0, 2))("%s, and somebody goes back, what was begun is closed", async (_, when) => {
    await unlocked(when);
    await goBack();
    expect(await wrongWith(account)).toEqual([]);
  });
});

/** A change of code by a process that is gone before the first call that is so. */
async function cutBefore(when: (call: OutsideCall) => boolean, run = 2): Promise<void> {
  await killedBefore(account, when, (wire) => deployer(account, { run, wire }).deploy());
  await account.clock.pass(20 * 60_000);
}

test("What a release has moved before it was cut goes back with the next one, should that fail", async () => {
  const { daemon } = await revisionsOf(account);
  await account.commit(newHost);
  await cutBefore(({ operation, about }) => operation === "UpdateService" && about === "small-webserver");
  expect((await revisionsOf(account)).daemon).not.toEqual(daemon);
  account.breakCode(await account.commit(newCode));
  const error = await account.clock.run(errorOf(deployer(account, { run: 3 }).deploy()));
  expect(error).toMatchObject({ message: expect.stringMatching(/^Taken back: .*\bdaemon\b/m) as unknown });
  await account.clock.pass(60_000);
  expect(await wrongWith(account)).toEqual([]);
});

describe("When the pointer was left behind,", () => {
  const isPointer = ({ operation, about }: OutsideCall) => operation === "PutObject" && about.endsWith("/current.json");
  let second: Release | undefined;
  beforeEach(async () => {
    await account.commit(newCode);
    await cutBefore(isPointer);
    const { begun, outcome, current } = recordsOf(account);
    second = outcome(begun.at(-1) ?? first.id)?.release;
    expect(current?.release).toBe(first.id);
    expect(second?.id).not.toBe(first.id);
  });

  test("status and plan take the committed release as current", async () => {
    const { current, drift } = await account.clock.run(deployer(account, { run: 3 }).status());
    expect(current?.id).toBe(second?.id);
    expect(drift).toEqual([]);
    expect((await account.clock.run(deployer(account, { run: 3 }).plan())).plan.steps).toEqual([]);
  });

  test.each([
    ["the same commit again", {}],
    ["the next commit", { "app/main.py": "VERSION = 3\n" }],
  ])("%s moves it, and the end is clean", async (_, files) => {
    if (Object.keys(files).length > 0) await account.commit(files);
    await release(3);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("`previous` is what was before the committed one", async () => {
    const { release: back } = await account.clock.run(deployer(account, { run: 3 }).rollback("previous"));
    expect(back.base).toBe(second?.id);
    expect(back.images).toEqual(first.images);
    await account.clock.pass(60_000);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("an older commit is superseded", async () => {
    await account.checkOut(first.source.sha);
    expect(await account.clock.run(errorOf(deployer(account, { run: 3 }).deploy()))).toMatchObject({
      kind: "superseded",
    });
  });
});

describe("A rollback", () => {
  const back = async (to: string, options: DeployerOptions = {}) => {
    const result = await account.clock.run(deployer(account, { run: 8, ...options }).rollback(to));
    await account.clock.pass(60_000);
    return result;
  };
  const refusedBack = async (to: string): Promise<readonly [unknown, readonly string[]]> => {
    const { wire, writes } = recorder();
    const error = await account.clock.run(errorOf(deployer(account, { run: 8, wire }).rollback(to)));
    return [error, writes.filter((call) => !call.endsWith("/lock.json"))];
  };

  test("to a commit that was released in two parts is refused, with both", async () => {
    const sha = await account.commit({ ...newCode, ...newHost });
    const code = await release(2, { wishes: { only: ["code"] } });
    const host = await release(3, { wishes: { only: ["host"] } });
    const [error, writes] = await refusedBack(sha.slice(0, 7));
    expect(error).toMatchObject({
      what: expect.stringMatching(/was released 2 times, and not always the same/) as unknown,
    });
    expect(error).toMatchObject({ what: expect.stringContaining(code.id) as unknown });
    expect(error).toMatchObject({ what: expect.stringContaining(host.id) as unknown });
    expect(writes).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test.each([
    ["by its id", () => first.id],
    ["by its SHA", () => first.source.sha],
  ])("onto what is current, %s, does nothing", async (_, to) => {
    const { wire, writes } = recorder();
    const result = await back(to(), { wire });
    expect(result).toMatchObject({ outcome: null, changed: false });
    expect(writes.every((call) => call.endsWith("/lock.json"))).toBe(true);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("to `previous` of the first release is refused", async () => {
    const [error, writes] = await refusedBack("previous");
    expect(error).toMatchObject({
      kind: "refused",
      what: "There is no release before the current one.",
      fix: expect.stringContaining("is the first release: there is none to go back to") as unknown,
    });
    expect(writes).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("of a rollback goes to where that one came from", async () => {
    await account.commit({ ...newCode, ...newHost });
    const second = await release(2);
    await back("previous");
    const { release: again } = await back("previous");
    expect(again.taskDefinitions).toEqual(second.taskDefinitions);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("to a release that failed is refused, and says how that one ended", async () => {
    account.breakCode(await account.commit(newCode));
    await account.clock.run(errorOf(deployer(account, { run: 2 }).deploy()));
    const failed = recordsOf(account).begun.at(-1) ?? "";
    const [error, writes] = await refusedBack(failed);
    expect(error).toMatchObject({ what: `Release ${failed} was not committed: it ended as taken-back.` });
    expect(writes).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("to a release that never was is refused", async () => {
    const [error, writes] = await refusedBack(`20250101T000000Z-${"0".repeat(40)}`);
    expect(error).toMatchObject({
      what: expect.stringContaining("There is no record of release 20250101T000000Z") as unknown,
    });
    expect(writes).toEqual([]);
  });

  test("to one whose image is gone is refused, with what to do", async () => {
    await account.commit(newCode);
    const second = await release(2);
    account.registry.forget("small/code", first.images["code"]?.digest ?? "");
    const [error, writes] = await refusedBack(first.id);
    expect(error).toMatchObject({
      name: "UserError",
      what: expect.stringContaining("does not have image code of that release any more") as unknown,
      fix: expect.stringContaining("Check out that commit and deploy it") as unknown,
    });
    expect(writes).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
    expect(recordsOf(account).current?.release).toBe(second.id);
  });

  test("to one whose code server's definition was deregistered registers that anew", async () => {
    await account.commit(newCode);
    await release(2);
    const former = first.taskDefinitions["service/code"];
    await readPastClient(account.aws, "DeregisterTaskDefinition", {
      taskDefinition: former === undefined ? "" : showRevision(former),
    });
    const { release: made } = await back(first.id);
    expect(made.taskDefinitions["service/code"]?.revision).toBeGreaterThan(former?.revision ?? 0);
    expect(made.images).toEqual(first.images);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("to what was current undoes a release that was cut while it rolled", async () => {
    await account.commit({ ...newCode, ...newHost });
    await cutBefore(({ operation, about }) => operation === "UpdateService" && about === "small-webserver");
    await back(first.id);
    expect((await revisionsOf(account)).code).toMatchObject({
      revision: first.taskDefinitions["service/code"]?.revision,
    });
    expect(await wrongWith(account)).toEqual([]);
  });
});

describe("After a first release that was interrupted", () => {
  beforeEach(async () => {
    await account.close();
    account = await openAccount();
    await cutBefore(({ operation, about }) => operation === "UpdateService" && about === "small-daemon", 1);
  });

  test.each([
    ["previous", /There is no release before the current one/],
    ["the interrupted one", /was interrupted, and never committed/],
  ])("going back to %s is refused, and the next release is clean", async (to, says) => {
    const [cut = ""] = recordsOf(account).begun;
    const target = to === "previous" ? to : cut;
    const error = await account.clock.run(errorOf(deployer(account, { run: 3 }).rollback(target)));
    expect(error).toMatchObject({ message: expect.stringMatching(says) as unknown });
    expect(recordsOf(account).lock).toMatchObject({ holder: null, open: [cut] });
    await release(4);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("status names it, and that nothing is current", async () => {
    const { current, history } = await account.clock.run(deployer(account, { run: 3 }).status());
    expect(current).toBeNull();
    expect(history).toEqual([expect.objectContaining({ ended: "interrupted" }) as unknown]);
  });

  test("a commit that fails takes all of it down again", async () => {
    account.breakCode(await account.commit(newCode));
    const error = await account.clock.run(errorOf(deployer(account, { run: 3 }).deploy()));
    expect(error).toMatchObject({ name: "ReleaseFailed" });
    await account.clock.pass(60_000);
    expect(await revisionsOf(account)).toEqual({ code: null, daemon: null, webserver: null });
    expect(await wrongWith(account)).toEqual([]);
  });
});
