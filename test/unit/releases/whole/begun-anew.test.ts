import type { Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode } from "../../../releases/played/situations.ts";
import type { Wire } from "../../../releases/played/wire.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

const deploy = (run: number) => account.clock.run(deployer(account, { run }).deploy());

test("A revert that waited for what it reverts runs its migrations, as one that did not wait", async () => {
  const { release: first } = await deploy(1);
  const reverted = await account.commit(newCode);
  const revert = await account.commit({ "app/main.py": "VERSION = 1\n" });
  let second: Result | null = null;
  // It is planned, and its images are there, before it asks for the lock: by then somebody else has had it.
  const wire: Wire = async (call, effect) => {
    if (call.operation === "PutObject" && second === null) {
      await account.checkOut(reverted);
      second = await deployer(account, { run: 2 }).deploy();
      await account.checkOut(revert);
    }
    return effect();
  };
  const { steps, release } = await account.clock.run(deployer(account, { run: 3, wire }).deploy());
  await account.clock.pass(60_000);
  expect(release.base).toBe(recordsOf(account).begun[1]);
  expect(release.images["code"]?.contentKey).toBe(first.images["code"]?.contentKey);
  expect(steps.map(({ step }) => step.id)).toContain("migrate/application");
  expect(release.migrations["application"]).toMatchObject({ state: "done" });
  expect(recordsOf(account).current?.release).toBe(release.id);
});
