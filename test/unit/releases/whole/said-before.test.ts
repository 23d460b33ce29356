import type { Status } from "../../../../src/releases/status.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { newCode } from "../../../releases/played/situations.ts";
import type { Wire } from "../../../releases/played/wire.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

async function deploy(run: number) {
  const result = await account.clock.run(deployer(account, { run }).deploy());
  await account.clock.pass(60_000);
  return result;
}

test("A release that was cut is shown so, with what becomes of it, while the next one has the lock and has not begun", async () => {
  await deploy(1);
  await account.commit(newCode);
  await killedBefore(
    account,
    ({ operation }) => operation === "UpdateService",
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  await account.clock.pass(60_000);
  await account.commit({ "app/main.py": "VERSION = 3\n" });
  const seen: Status[] = [];
  const wire: Wire = async (call, effect) => {
    const answer = await effect();
    const isMoment =
      call.operation === "PutObject" && call.about.endsWith(["lock.json", "intent.json"][seen.length] ?? "/");
    if (isMoment) seen.push(await deployer(account, { run: 9 }).status());
    return answer;
  };
  await account.clock.run(deployer(account, { run: 3, wire, isOver: () => Promise.resolve("over") }).deploy());
  await account.clock.pass(60_000);
  expect(seen[0]?.holder?.owner.name).toBe("owner/small/run/3/job/deploy");
  expect(seen[0]?.history[0]).toMatchObject({
    ended: "interrupted",
    by: "owner/small/run/2/job/deploy",
    next: expect.stringContaining("The next deploy or rollback goes on from there") as unknown,
  });
  expect(seen[1]?.history[0]).toMatchObject({ ended: "under way", next: null });
});

test.each([
  [
    "nothing, when all is as the current release says",
    stackFile,
    "Nothing to do: nothing in it differs from what runs, release",
  ],
  [
    "the record, when that alone is another",
    stackFile.replace("version: 1", "version: 2"),
    "Nothing to make or roll: only the record changes.",
  ],
])("A plan without steps says what a deploy would do: %s", async (_, stack, said) => {
  await deploy(1);
  await account.commit({ "README.md": "Another commit.\n", "dagster-stack.yml": stack });
  const { plan, summary, changed } = await account.clock.run(deployer(account, { run: 2 }).plan());
  expect(plan.steps).toEqual([]);
  expect(summary.markdown).toContain(said);
  expect(changed).toBe(!said.startsWith("Nothing to do"));
  expect((await deploy(3)).outcome).toBe(said.startsWith("Nothing to do") ? null : "committed");
});
