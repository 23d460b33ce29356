import type { Outcome } from "../../../../src/domain/journal.ts";
import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { byFourActions } from "../../../releases/played/four-actions.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newHost } from "../../../releases/played/situations.ts";
import { lockOf, pinned } from "../../../releases/played/upgrade.ts";
import type { OutsideCall } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
afterEach(() => account.close());

const next: DeployerOptions = { run: 3, isOver: () => Promise.resolve("over") };
const ways: readonly (readonly [string, (who: Deployer) => Deployer])[] = [
  ["one action", (who) => who],
  ["four actions", byFourActions],
];

async function release(run: number): Promise<void> {
  await account.clock.run(deployer(account, { run }).deploy());
  await account.clock.pass(60_000);
}

/** Run 2 is killed. */
async function cutBefore(when: (call: OutsideCall) => boolean): Promise<void> {
  await killedBefore(account, when, (wire) => deployer(account, { run: 2, wire }).deploy());
  await account.clock.pass(60_000);
}

function lastOutcome(): Outcome | null {
  const { begun, outcome } = recordsOf(account);
  const id = begun.at(-1);
  return id === undefined ? null : outcome(id);
}

test.each(ways)(
  "what a release had moved that was cut goes back with the next one, by %s, that fails",
  async (_, by) => {
    account = await openAccount();
    await release(1);
    const before = await revisionsOf(account);
    await account.commit(newHost);
    await cutBefore(({ operation, about }) => operation === "UpdateService" && about === "small-webserver");
    expect(await revisionsOf(account)).not.toEqual(before);
    account.runtime.script(
      ({ definition: { family, revision } }) => family === "small-webserver" && revision !== before.webserver?.revision,
      { kind: "never-starts", reason: "CannotPullContainerError" },
    );
    const error = await account.clock.run(by(deployer(account, next)).deploy().catch(String));
    await account.clock.pass(60_000);

    expect(error).toContain("Taken back: webserver, daemon.");
    expect(lastOutcome()?.outcome).toBe("taken-back");
    expect(await revisionsOf(account)).toEqual(before);
    expect(await wrongWith(account)).toEqual([]);
  },
);

test.each(ways)("hosts that an upgrade had stopped that was cut run again with its revert, by %s", async (_, by) => {
  const scaled = "webserver: { kind: webserver, image: host, scaling: { min: 1, max: 4 } }";
  const stack = (pinned.stack ?? stackFile).replace("webserver: { kind: webserver, image: host }", scaled);
  account = await openAccount({ ...pinned, stack });
  await readPastClient(account.aws, "UpdateService", { cluster: "small", service: "small-webserver", desiredCount: 1 });
  await account.clock.pass(60_000);
  await release(1);
  await account.commit({ "requirements.lock": lockOf("1.13.0") });
  await cutBefore(({ operation, about }) => operation === "RunTask" && about.includes("once-host"));
  expect(await revisionsOf(account)).toMatchObject({ daemon: null, webserver: null });
  await account.commit({ "requirements.lock": lockOf("1.12.9") });
  const { outcome } = await account.clock.run(by(deployer(account, next)).deploy());
  await account.clock.pass(60_000);

  expect(outcome).toBe("committed");
  expect(await wrongWith(account)).toEqual([]);
});

test("an action with nothing to do leaves the lock free, and a cut release that has moved something open", async () => {
  account = await openAccount();
  await release(1);
  await account.commit(newHost);
  await cutBefore(({ operation, about }) => operation === "UpdateService" && about === "small-webserver");
  const { open } = recordsOf(account).lock ?? {};
  await account.clock.run(deployer(account, next).deploy({ parts: ["migrations"] }));

  expect(open).toHaveLength(1);
  expect(recordsOf(account).lock).toMatchObject({ holder: null, open });
  expect(lastOutcome()).toBeNull();
});
