import { openManyLocations } from "../../../releases/played/many-locations.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import type { OutsideCall } from "../../../releases/played/wire.ts";

/** Calls of a change of the code that all locations are served from. */
async function callsOf(locations: number): Promise<readonly OutsideCall[]> {
  const account = await openManyLocations(locations);
  try {
    await account.clock.run(deployer(account, { run: 1 }).deploy());
    await account.clock.pass(60_000);
    await account.commit({ "app/main.py": "VERSION = 2\n" });
    const calls: OutsideCall[] = [];
    const who = deployer(account, {
      run: 2,
      wire: (call, effect) => {
        calls.push(call);
        return effect();
      },
    });
    const { outcome } = await account.clock.run(who.deploy());
    expect(outcome).toBe("committed");
    return calls;
  } finally {
    await account.close();
  }
}

test("ten times the locations make no more than ten times the calls", async () => {
  const [few, many] = [await callsOf(4), await callsOf(40)];
  expect(many.length).toBeLessThanOrEqual(10 * few.length);
  const moved = (calls: readonly OutsideCall[]) => calls.filter(({ operation }) => operation === "UpdateService");
  expect([moved(few).length, moved(many).length]).toEqual([4, 40]);
});
