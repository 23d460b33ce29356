import type { Release } from "../../../../src/domain/release.ts";
import type { Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
let first: Release;
beforeEach(async () => {
  account = await openAccount();
  first = (await act(1, (who) => who.deploy())).release;
});
afterEach(() => account.close());

async function act<T>(run: number, work: (who: Deployer) => Promise<T>, options: DeployerOptions = {}): Promise<T> {
  const result = await account.clock.run(work(deployer(account, { ...options, run })));
  await account.clock.pass(60_000);
  return result;
}

const strictly = (hash: string) => ({ approved: { hash, onChange: "fail" as const } });
const ids = ({ plan }: Result): readonly string[] => plan.steps.map(({ id }) => id);

test("A release that was looked at and then cut is gone on from by the next attempt with the same inputs", async () => {
  await account.commit(newCode);
  const { hash } = await act(2, (who) => who.plan());
  await killedBefore(
    account,
    ({ to, operation }) => to === "dagster" && operation === "Locations",
    (wire) => deployer(account, { run: 3, wire }).deploy(strictly(hash)),
  );
  const { outcome } = await act(3, (who) => who.deploy(strictly(hash)), { attempt: 2 });
  expect(outcome).toBe("committed");
  expect(await wrongWith(account)).toEqual([]);
});

test("A rollback that was looked at and then cut is gone on from alike", async () => {
  await account.commit({ ...newCode, ...newHost });
  await act(2, (who) => who.deploy());
  const { hash } = await act(3, (who) => who.rollback("previous", { dryRun: true }));
  let updates = 0;
  await killedBefore(
    account,
    ({ operation }) => operation === "UpdateService" && ++updates === 2,
    (wire) => deployer(account, { run: 4, wire }).rollback("previous", strictly(hash)),
  );
  await account.clock.pass(60_000);
  const { outcome } = await act(4, (who) => who.rollback("previous", strictly(hash)), { attempt: 2 });
  expect(outcome).toBe("committed");
  expect(await wrongWith(account)).toEqual([]);
});

test("Another run has not looked at what is left of it", async () => {
  await account.commit(newCode);
  const { hash } = await act(2, (who) => who.plan());
  await killedBefore(
    account,
    ({ to, operation }) => to === "dagster" && operation === "Locations",
    (wire) => deployer(account, { run: 3, wire }).deploy(strictly(hash)),
  );
  await account.clock.pass(20 * 60_000);
  await account.commit(newHost);
  await expect(act(5, (who) => who.deploy(strictly(hash)))).rejects.toThrow("The plan is another one");
});

test("Where nothing is left to do no plan is another one than was looked at", async () => {
  await account.commit(newCode);
  const { hash } = await act(2, (who) => who.plan());
  await act(3, (who) => who.deploy(strictly(hash)));
  expect((await act(4, (who) => who.deploy(strictly(hash)))).changed).toBe(false);
});

test("A plan that is another one is refused before any image is made", async () => {
  await account.commit(newCode);
  const before = account.registry.tagsOf("small/code", first.images["code"]?.digest ?? "");
  const calls: string[] = [];
  const wire: DeployerOptions["wire"] = (call, effect) => {
    if (call.writes) calls.push(call.operation);
    return effect();
  };
  const refused = act(2, (who) => who.deploy(strictly("0".repeat(64))), { wire });
  await expect(refused).rejects.toThrow(
    "The plan is another one than was looked at. Now it would: image/code, migrate/application",
  );
  expect(calls).toEqual([]);
  expect(account.registry.tagsOf("small/code", first.images["code"]?.digest ?? "")).toEqual(before);
});

test("A rollback is held against the plan that was looked at, too", async () => {
  await account.commit(newCode);
  await act(2, (who) => who.deploy());
  const { hash } = await act(3, (who) => who.rollback("previous", { dryRun: true }));
  for (const dryRun of [true, false])
    await expect(act(4, (who) => who.rollback("previous", { dryRun, ...strictly("0".repeat(64)) }))).rejects.toThrow(
      "The plan is another one",
    );
  expect((await act(5, (who) => who.rollback("previous", strictly(hash)))).outcome).toBe("committed");
});

test("After a rollback its commit can be released again: its image migrates nothing, and nothing is registered anew", async () => {
  await account.commit(newCode);
  await act(2, (who) => who.deploy());
  await act(3, (who) => who.rollback("previous"));
  await account.checkOut(first.source.sha);
  const again = await act(4, (who) => who.deploy(), { allowDivergent: true });
  expect(ids(again)).toEqual([]);
  expect(again.plan.findings.filter(({ level }) => level === "error")).toEqual([]);
});

test("A code location of two tasks is drift, and one again after a deploy", async () => {
  const update = { cluster: "small", service: "small-code", desiredCount: 2 };
  await readPastClient(account.aws, "UpdateService", update);
  await account.clock.pass(60_000);
  expect((await act(2, (who) => who.status())).drift).toContainEqual(
    expect.objectContaining({ service: "code", what: expect.stringContaining("is scaled to 2") as unknown }),
  );
  expect(ids(await act(3, (who) => who.deploy()))).toContain("roll/code");
  expect((await act(4, (who) => who.status())).drift).toEqual([]);
});
