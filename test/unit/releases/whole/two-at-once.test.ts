import { Cancelled } from "../../../../src/domain/errors.ts";
import { ReleaseCancelled } from "../../../../src/releases/result.ts";
import { type PlayedAccount, openAccount } from "../../../releases/played/account.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { openManyLocations } from "../../../releases/played/many-locations.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";

let account: PlayedAccount;
afterEach(() => account.close());

type Which = Exclude<Parameters<PlayedAccount["runtime"]["script"]>[0], string>;

const endOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (result) => result,
    (thrown: unknown) => thrown,
  );

test.each([3000, 7000, 11_000])(
  "two legs of one matrix, %d ms apart: one waits for nobody, the other is refused",
  async (apart) => {
    account = await openAccount();
    await account.clock.run(deployer(account, { run: 1 }).deploy());
    await account.clock.pass(60_000);
    await account.commit({ ...newCode, ...newHost });
    const leg = (name: string) => deployer(account, { run: 2, leg: name, wishes: { only: [name] } }).deploy();
    const later = account.clock.product.sleep(apart).then(() => leg("host"));
    const [one, other] = await account.clock.run(Promise.all([endOf(leg("code")), endOf(later)]));
    await account.clock.pass(60_000);
    expect(one).toMatchObject({ outcome: "committed" });
    expect(other).toMatchObject({ kind: "locked" });
    expect(await wrongWith(account)).toEqual([]);
  },
);

test("a release that is committed while another begins to go on from it is not gone on from", async () => {
  account = await openAccount();
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
  await account.commit(newCode);
  const [paused, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = deployer(account, {
    run: 2,
    wire: async (call, effect) => {
      if (call.writes && call.about.endsWith("outcome.json")) {
        paused.resolve();
        await goesOn.promise;
      }
      return effect();
    },
  });
  const firstEnd = endOf(first.deploy());
  await account.clock.run(paused.promise);
  await account.commit(newHost);
  await account.clock.run(deployer(account, { run: 9 }).unlock("it hangs"));
  let hasBegun = false;
  const second = deployer(account, {
    run: 3,
    wire: async (call, effect) => {
      // It has read what the first has left, and is about to write its intent.
      if (!hasBegun && call.writes && call.about.endsWith("intent.json")) {
        hasBegun = true;
        goesOn.resolve();
        await firstEnd;
      }
      return effect();
    },
  });
  expect(await account.clock.run(endOf(second.deploy()))).toMatchObject({
    kind: "superseded",
    what: expect.stringContaining("was committed by") as unknown,
  });
  await account.clock.pass(60_000);
  const { begun, outcome, current } = recordsOf(account);
  expect(begun.filter((id) => outcome(id)?.outcome === "committed")).toHaveLength(2);
  expect(current?.release).toBe(begun[1]);
  expect((await account.clock.run(deployer(account, { run: 4 }).deploy())).outcome).toBe("committed");
  expect(await wrongWith(account)).toEqual([]);
});

test("what failed is told first, although the rest was cancelled then", async () => {
  account = await openManyLocations(2);
  await account.clock.run(deployer(account, { run: 1 }).deploy());
  await account.clock.pass(60_000);
  await account.commit(newCode);
  const isNew =
    (family: string): Which =>
    ({ definition }) =>
      definition.family === family && (definition.revision ?? 0) > 2;
  const log = [{ text: "boom" }];
  account.runtime.script(isNew("small-l1"), { kind: "exits", startsAfterSeconds: 1, code: 1, afterSeconds: 1, log });
  account.runtime.script(isNew("small-l2"), { kind: "healthy", startsAfterSeconds: 900 });
  let begun: number | null = null;
  const who = deployer(account, {
    run: 2,
    wire: (call, effect) => {
      const now = account.clock.product.now();
      if (call.operation === "UpdateService") begun ??= now;
      if (begun !== null && now - begun > 400_000) who.cancel(new Cancelled("Cancelled by SIGINT."));
      return effect();
    },
  });
  const end = await account.clock.run(endOf(who.deploy()));
  if (!(end instanceof ReleaseCancelled)) throw end;
  const { message } = end;
  expect(message).toMatch(/^Tasks of small-l1:\S+ failed 2 times: container \S+ exited with code 1/);
  expect(message).toContain("ECS goes on with l2 by itself. The next");
});
