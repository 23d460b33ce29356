import type { Release } from "../../../../src/domain/release.ts";
import { ReleaseFailed, type Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { reset } from "../../../releases/played/refusal.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";

let account: PlayedAccount;
let first: Release;

const act = async (
  work: (who: Deployer) => Promise<Result>,
  options: DeployerOptions = {},
): Promise<{ readonly result: Result; readonly said: string; readonly error: Error | null }> => {
  const who = deployer(account, options);
  const [result, error] = await account.clock.run(
    work(who).then(
      (done) => [done, null] as const,
      (thrown: unknown) => {
        if (thrown instanceof ReleaseFailed) return [thrown.result, thrown] as const;
        throw thrown;
      },
    ),
  );
  await account.clock.pass(60_000);
  return { result, error, said: JSON.stringify(who.progress) };
};
const deploy = (run: number, options: DeployerOptions = {}) => act((who) => who.deploy(), { run, ...options });
const back = (to: string, options: DeployerOptions = {}) => act((who) => who.rollback(to), { run: 9, ...options });
const queue = async (job = "hourly", location = "small"): Promise<string> => {
  const id = account.dagster.queue(location, job);
  await account.clock.pass(1000);
  return id;
};
const statuses = (): Readonly<Record<string, string>> =>
  Object.fromEntries(account.dagster.queued.map(({ id, status }) => [id, status]));

beforeEach(async () => {
  account = await openAccount();
  first = (await deploy(1)).result.release;
});
afterEach(() => account.close());

describe("After a rollback, runs that were made by the code which is left", () => {
  let good: string;
  let bad: string;
  beforeEach(async () => {
    good = await queue();
    await account.commit(newCode);
    await deploy(2);
    bad = await queue();
  });

  test("are listed and left where they are", async () => {
    const { result, said } = await back("previous");
    expect(statuses()).toEqual({ [good]: "QUEUED", [bad]: "QUEUED" });
    expect(result.summary.markdown).toContain(`| \`${bad}\` | \`hourly\` | small | waits |`);
    expect(result.summary.markdown).not.toContain(good);
    expect(said).toContain("1 run waits in the queue and will run code that was taken back.");
    expect(said).toContain(`${bad} of job hourly in small`);
    expect(result.outcome).toBe("committed");
  });

  test("are cancelled when that is asked for, and no others", async () => {
    const elsewhere = await queue("hourly", "other");
    const { result, said } = await back("previous", { queuedRuns: "cancel" });
    expect(statuses()).toEqual({ [good]: "QUEUED", [bad]: "CANCELED", [elsewhere]: "QUEUED" });
    expect(result.summary.markdown).toContain("1 cancelled, 0 left");
    expect(said).not.toContain("queued-runs");
    expect(await wrongWith(account)).toEqual([]);
  });

  test("are those of every release since, as long as these differ", async () => {
    await account.commit({ "app/main.py": "VERSION = 3\n" });
    await deploy(3);
    const worse = await queue();
    await back(first.id, { queuedRuns: "cancel" });
    expect(statuses()).toEqual({ [good]: "QUEUED", [bad]: "CANCELED", [worse]: "CANCELED" });
  });

  test("are none of those that were made by the same code, before it was left and came back", async () => {
    await back("previous", { queuedRuns: "keep" });
    const again = await queue();
    await account.commit({ "app/main.py": "VERSION = 3\n" });
    await deploy(3);
    const worse = await queue();
    await back(first.id, { queuedRuns: "cancel" });
    expect(statuses()).toEqual({ [good]: "QUEUED", [bad]: "QUEUED", [again]: "QUEUED", [worse]: "CANCELED" });
  });

  test("that cannot be cancelled are named, and why", async () => {
    account.dagster.stubborn.add(bad);
    const { result, said } = await back("previous", { queuedRuns: "cancel" });
    expect(result.outcome).toBe("committed");
    expect(result.summary.markdown).toContain(`Not all was done: Unable to terminate run ${bad}`);
    expect(said).toContain("Not all could be cancelled.");
  });

  test("are shown twenty at a time, and counted; page after page of them is cancelled", async () => {
    for (let made = 0; made < 250; made += 1) account.dagster.queue("small", "flood");
    const { result, said } = await back("previous", { queuedRuns: "cancel" });
    expect(result.summary.markdown).toContain("251 cancelled, 0 left");
    expect(result.summary.markdown).toContain("And 231 more.");
    expect(said.split("of job flood in small")).toHaveLength(21);
    expect(Object.values(statuses()).filter((status) => status === "QUEUED")).toHaveLength(1);
  });

  test("whose job has a name that is markup is shown as text", async () => {
    await queue("<img src=x>|`@all`");
    const { result } = await back("previous");
    expect(result.summary.markdown).toContain("`` <img src=x>\\|`@all` ``");
  });
});

test("A rollback that undoes a release which was cut knows the runs that this one's code has made", async () => {
  const good = await queue();
  await account.commit(newCode);
  await killedBefore(
    account,
    ({ operation }) => operation === "LaunchRun",
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  const bad = await queue();
  await account.clock.pass(20 * 60_000);
  const { result } = await back(first.id, { queuedRuns: "cancel" });
  expect(result.outcome).toBe("committed");
  expect(statuses()).toEqual({ [good]: "QUEUED", [bad]: "CANCELED" });
  expect(await wrongWith(account)).toEqual([]);
});

test("A rollback of the host alone leaves the queue alone", async () => {
  await account.commit(newHost);
  await deploy(2);
  const run = await queue();
  const { result } = await back("previous", { queuedRuns: "cancel" });
  expect(statuses()).toEqual({ [run]: "QUEUED" });
  expect(result.summary.markdown).not.toContain("queue");
});

describe("A release that is taken back", () => {
  /** Somebody launches a run when the canary is. */
  const queuing: Wire = async (call, effect) => {
    if (call.operation === "LaunchRun") account.dagster.queue("small", "hourly");
    return effect();
  };
  const failRuns = (): void =>
    account.runtime.script((task) => task.definition.family?.startsWith("small-run-") === true, {
      kind: "exits",
      code: 1,
      startsAfterSeconds: 1,
      healthyAfterSeconds: 1,
      afterSeconds: 1,
    });
  beforeEach(failRuns);

  test.each(["keep", "cancel"] as const)("tells of the runs that its code has made: %s", async (queuedRuns) => {
    const good = await queue();
    await account.commit(newCode);
    const { result, error } = await deploy(2, { wire: queuing, queuedRuns });
    expect(error?.message).toMatch(/^The canary, job canary, ended with FAILURE/);
    expect(result.outcome).toBe("taken-back");
    const status = queuedRuns === "keep" ? "QUEUED" : "CANCELED";
    expect(statuses()).toEqual({ [good]: "QUEUED", "queued-2": status });
    expect(result.summary.markdown).toContain(queuedRuns === "keep" ? "0 cancelled, 1 left" : "1 cancelled, 0 left");
    expect(await wrongWith(account)).toEqual([]);
  });

  test("and a webserver that does not answer hide nothing: the first cause stays the story", async () => {
    await account.commit(newCode);
    const silent: Wire = (call, effect) =>
      call.operation === "WaitingRuns" ? Promise.reject(reset()) : queuing(call, effect);
    const { result, error, said } = await deploy(2, { wire: silent, queuedRuns: "cancel" });
    expect(error?.message).toMatch(/^The canary, job canary, ended with FAILURE/);
    expect(result.outcome).toBe("taken-back");
    expect(result.summary.markdown).toContain("Not all was done:");
    expect(said).toContain("queued-runs");
    expect(await wrongWith(account)).toEqual([]);
  });

  test("and was the first has nobody who would start its runs", async () => {
    await account.close();
    account = await openAccount();
    failRuns();
    const asked: string[] = [];
    const wire: Wire = (call, effect) => {
      asked.push(call.operation);
      return effect();
    };
    const { result } = await deploy(1, { wire, queuedRuns: "cancel" });
    expect(result.outcome).toBe("taken-back");
    expect(asked).not.toContain("WaitingRuns");
  });
});
