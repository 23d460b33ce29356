import type { Release } from "../../../../src/domain/release.ts";
import { openAccount, type PlayedAccount } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { killedBefore } from "../../../releases/played/killed-before.ts";
import { recordsOf } from "../../../releases/played/records.ts";
import { newCode } from "../../../releases/played/situations.ts";

let account: PlayedAccount;
let first: Release;
let second: Release;

async function deploy(run: number): Promise<Release> {
  const { release } = await account.clock.run(deployer(account, { run }).deploy());
  await account.clock.pass(60_000);
  return release;
}

async function back(options: DeployerOptions) {
  const result = await account.clock.run(deployer(account, { run: 3, ...options }).rollback("previous"));
  await account.clock.pass(60_000);
  return result;
}

beforeEach(async () => {
  account = await openAccount();
  first = await deploy(1);
  await account.commit(newCode);
  second = await deploy(2);
});
afterEach(() => account.close());

const codeOf = ({ taskDefinitions }: Release) => taskDefinitions["service/code"];

describe("`previous`", () => {
  test.each([
    ["before the pointer was moved", "current.json"],
    ["when all was recorded", "lock.json"],
  ])("is not left again by the next attempt of a rollback that was cut %s", async (_, record) => {
    let hasEnded = false;
    await killedBefore(
      account,
      ({ operation, about }) => {
        hasEnded ||= operation === "PutObject" && about.endsWith("outcome.json");
        return hasEnded && operation === "PutObject" && about.endsWith(record);
      },
      (wire) => deployer(account, { run: 3, wire }).rollback("previous"),
    );
    await account.clock.pass(60_000);
    expect(await back({ attempt: 2 })).toMatchObject({ outcome: null, changed: false });
    const { current, outcome } = recordsOf(account);
    const reached = current === null ? null : outcome(current.release);
    expect(reached).toMatchObject({ command: "rollback", release: { base: second.id, source: first.source } });
    expect(reached === null ? null : codeOf(reached.release)).toEqual(codeOf(first));
    expect(await wrongWith(account)).toEqual([]);
  });

  test("of another run, or of the same attempt, is what the rollback has left", async () => {
    await back({});
    expect(codeOf((await back({})).release)).toEqual(codeOf(second));
    expect(codeOf((await back({ run: 4, attempt: 2 })).release)).toEqual(codeOf(first));
    expect(await wrongWith(account)).toEqual([]);
  });
});
