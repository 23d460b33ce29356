import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import type { Wire } from "../../../releases/played/wire.ts";
import { readPastClient } from "../../local-aws/stage.ts";

let account: PlayedAccount;
afterEach(() => account.close());

/** Nobody on this machine finds the load balancer's name. */
const outOfReach: Wire = (call, act) =>
  call.to === "dagster"
    ? Promise.reject(Object.assign(new Error("getaddrinfo ENOTFOUND internal-shop"), { code: "ENOTFOUND" }))
    : act();

const webserver = async (wire?: Wire) => {
  const found = await account.clock.run(deployer(account, wire === undefined ? {} : { wire }).examine());
  return found.find(({ what }) => what === "webserver");
};

test("a webserver that the first deploy will start is nothing to mend", async () => {
  account = await openAccount();
  expect(await webserver()).toEqual({
    what: "webserver",
    seen: "not started yet: the first deploy starts it",
    isGood: true,
  });
});

test("and where nobody answers from here, the way to it is named before it is missed", async () => {
  account = await openAccount();
  const { isGood, seen } = (await webserver(outOfReach)) ?? {};
  expect(isGood).toBe(true);
  expect(seen).toMatch(/^not started yet: .*must be reached from here then.*`gates: \{ reach: task \}`/);
});

test("one that should run, and is not reached, is told with what to do", async () => {
  account = await openAccount();
  await account.clock.run(deployer(account).deploy());
  const { isGood, seen } = (await webserver(outOfReach)) ?? {};
  expect(isGood).toBe(false);
  expect(seen).toMatch(/ENOTFOUND[^]*\nfix: .*`gates: \{ reach: task \}`/);
});

test("one that somebody has scaled to nothing after a release is not good", async () => {
  account = await openAccount();
  await account.clock.run(deployer(account).deploy());
  await readPastClient(account.aws, "UpdateService", { cluster: "small", service: "small-webserver", desiredCount: 0 });
  await account.clock.pass(120_000);
  expect((await webserver())?.isGood).toBe(false);
});

test("what a task in the VPC is to ask is left to the release", async () => {
  account = await openAccount({ stack: stackFile.replace("gates: {", "gates: { reach: task,") });
  expect((await webserver(outOfReach))?.seen).toBe("not asked from here: a release asks it");
});
