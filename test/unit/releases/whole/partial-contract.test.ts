import { openAccount, type PlayedAccount, stackFile } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { newCode } from "../../../releases/played/situations.ts";

let account: PlayedAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(() => account.close());

const only: DeployerOptions = { wishes: { only: ["code"] } };
const newerContract = { "dagster-stack.yml": stackFile.replace("version: 1", "version: 2") };

async function deploy(run: number, options: DeployerOptions = {}) {
  const result = await account.clock.run(deployer(account, { run, ...options }).deploy());
  await account.clock.pass(60_000);
  return result;
}

async function driftOfContract(): Promise<readonly unknown[]> {
  const { drift } = await account.clock.run(deployer(account, { run: 9 }).status());
  return drift.filter(({ kind }) => kind === "contract");
}

describe("Under a newer contract", () => {
  test("a partial release leaves all else under the one of before, and says that still", async () => {
    await deploy(1);
    await account.commit({ ...newCode, ...newerContract });
    const { release } = await deploy(2, only);
    expect(release.contract).toBe(1);
    expect(await driftOfContract()).toHaveLength(1);
    const { release: whole } = await deploy(3);
    expect(whole.contract).toBe(2);
    expect(await driftOfContract()).toEqual([]);
    expect(await wrongWith(account)).toEqual([]);
  });

  test("a partial release with nothing to do is none", async () => {
    await deploy(1);
    await account.commit(newerContract);
    expect(await deploy(2, only)).toMatchObject({ outcome: null, changed: false });
  });
});
