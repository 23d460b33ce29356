import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { showDrift } from "../../../../src/releases/drift.ts";
import { explainStatus, wordsOfStatus } from "../../../../src/releases/status.ts";
import { readPastClient } from "../../local-aws/stage.ts";
import type { OutsideCall } from "../../../releases/played/wire.ts";
import { killedAfter, killedBefore } from "../../../releases/played/killed-before.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

const deploy = (run: number) => account.clock.run(deployer(account, { run }).deploy());
const look = () => account.clock.run(deployer(account, { run: 99 }).status());
const byHand = async (change: object) => {
  await readPastClient(account.aws, "UpdateService", { cluster: "small", service: "small-webserver", ...change });
  await account.clock.pass(120_000);
};

test("says before the first release that there is none", async () => {
  expect(await look()).toMatchObject({ current: null, drift: [], history: [], holder: null });
});

test("says what is current, and that it runs", async () => {
  const { release } = await deploy(1);
  const status = await look();
  expect(status).toMatchObject({ current: { id: release.id }, drift: [], holder: null });
  expect(status.history).toEqual([expect.objectContaining({ id: release.id, ended: "committed" })]);
});

test.each<[string, object, string]>([
  [
    "another definition",
    { taskDefinition: "small-webserver:1" },
    "runs small-webserver:1 instead of small-webserver:2, which differs in command of container webserver",
  ],
  ["no task", { desiredCount: 0 }, "is scaled to 0"],
])("says what was changed by hand: %s; the next plan says what becomes of it", async (_, change, drift) => {
  await deploy(1);
  await byHand(change);
  expect((await look()).drift.map(showDrift)).toEqual([expect.stringMatching(`^webserver ${drift}`)]);
  const { plan } = await account.clock.run(deployer(account, { run: 2 }).plan());
  expect(plan.steps.map(({ id }) => id)).toContain("roll/webserver");
  await deploy(3);
  expect((await look()).drift).toEqual([]);
});

test("tells a release that is under way from one that was cut", async () => {
  await killedAfter(account, 50, (wire) => deployer(account, { run: 1, wire }).deploy());
  const underWay = await look();
  expect(underWay.history.map(({ ended }) => ended)).toEqual(["under way"]);
  expect(underWay.holder?.owner.name).toBe("owner/small/run/1/job/deploy");
  expect(explainStatus(underWay).markdown).toContain("holds the lock since");
  const said = wordsOfStatus(underWay).join("\n");
  expect(said).toMatch(/^ {2}\S+ is being released by owner\/small\/run\/1\/job\/deploy$/m);
  await account.clock.pass(20 * 60_000);
  const over = await look();
  expect(over.history.map(({ ended }) => ended)).toEqual(["interrupted"]);
  expect(over.holder).toBeNull();
});

test("what a release has moved is on its way, and afterwards left by one that did not end: never drift", async () => {
  const isLast = ({ operation, about }: OutsideCall): boolean =>
    operation === "UpdateService" && about === "small-webserver";
  await killedBefore(account, isLast, (wire) => deployer(account, { run: 1, wire }).deploy());
  const underWay = wordsOfStatus(await look()).join("\n");
  expect(underWay).toMatch(/^ {2}\S+ is being released by owner\/small\/run\/1\/job\/deploy$/m);
  expect(underWay).toMatch(/^ {2}on its way: daemon /m);
  await account.clock.pass(20 * 60_000);
  const over = wordsOfStatus(await look()).join("\n");
  expect(over).toMatch(/^ {2}left by a release that did not end: daemon /m);
  expect(underWay + over).not.toContain("not as the release says");
});
