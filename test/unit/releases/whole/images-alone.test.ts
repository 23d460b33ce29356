import type { Result } from "../../../../src/releases/result.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { type Deployer, deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode } from "../../../releases/played/situations.ts";
import { showCall, type Wire } from "../../../releases/played/wire.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
  await account.commit(newCode);
});
afterEach(() => account.close());

/** What an action has written elsewhere than to the registry. */
let writes: string[];
const noUpload: Wire = (call, effect) => {
  if (!call.writes) return effect();
  if (call.to === "registry") return Promise.reject(new Error("the registry takes nothing"));
  writes.push(showCall(call));
  return effect();
};
beforeEach(() => {
  writes = [];
});

/** Run 3 makes an image of a newer commit, which the registry does not take. */
async function failingImage(
  options: DeployerOptions = {},
  act: (who: Deployer) => Promise<Result> = (who) => who.deploy({ parts: ["images"] }),
): Promise<unknown> {
  await account.commit({ "app/main.py": "VERSION = 3\n" });
  return act(deployer(account, { run: 3, wire: noUpload, ...options })).then(
    () => "it went well",
    (error: unknown) => error,
  );
}

test("an image that is not made leaves what a release that was cut has moved, and its records, to whoever holds the lock", async () => {
  await killedBefore(
    account,
    ({ to, operation }) => to === "dagster" && operation === "Locations",
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  await account.clock.pass(60_000);
  const [cut, lock] = [await revisionsOf(account), recordsOf(account).lock];
  const error = await account.clock.run(failingImage({ waitSeconds: 3600 }));
  await account.clock.pass(60_000);

  expect(String(error)).toContain("the registry takes nothing");
  expect(writes).toEqual([]);
  expect(await revisionsOf(account)).toEqual(cut);
  expect(lock?.open).toHaveLength(1);
  expect(recordsOf(account).lock?.open).toEqual(lock?.open);
});

test.each<[string, (who: Deployer) => Promise<Result>]>([
  ["alone", (who) => who.deploy({ parts: ["images"] })],
  ["of a release that would wait", (who) => who.deploy()],
])("an image, %s, that is not made does not stop what another job rolls meanwhile", async (_, act) => {
  account.runtime.script("small-code", { kind: "healthy", startsAfterSeconds: 300, healthyAfterSeconds: 1 });
  let other: Promise<unknown> | null = null;
  let isRolling = false;
  const wire: Wire = async (call, effect) => {
    if (isRolling) other ??= failingImage({ waitSeconds: 3600 }, act);
    const answer = await effect();
    isRolling ||= call.operation === "UpdateService";
    return answer;
  };
  const first = await account.clock.run(deployer(account, { run: 2, wire }).deploy());
  const error = await account.clock.run(Promise.resolve(other));
  await account.clock.pass(60_000);

  expect(String(error)).toContain("the registry takes nothing");
  expect(writes).toEqual([]);
  expect(first.outcome).toBe("committed");
  expect(await wrongWith(account)).toEqual([]);
});

test("images that are cancelled move nothing, and say so", async () => {
  await killedBefore(
    account,
    ({ to, operation }) => to === "dagster" && operation === "Locations",
    (wire) => deployer(account, { run: 2, wire }).deploy(),
  );
  await account.clock.pass(60_000);
  const cut = await revisionsOf(account);
  await account.commit({ "app/main.py": "VERSION = 3\n" });
  let who: Deployer | null = null;
  const wire: Wire = (call, effect) => {
    if (call.to !== "registry" || !call.writes) return effect();
    who?.cancel(new Error("Cancelled by SIGINT."));
    return Promise.reject(new Error("Cancelled by SIGINT."));
  };
  who = deployer(account, { run: 3, wire, waitSeconds: 3600 });
  const error = await account.clock.run(who.deploy({ parts: ["images"] }).catch((thrown: unknown) => thrown));
  expect(error).toHaveProperty("message", "Cancelled before any service moved.");
  expect(await revisionsOf(account)).toEqual(cut);
});
