import { type PlayedAccount, stagedStackFile } from "../../../releases/played/account.ts";
import { deployer, type DeployerOptions } from "../../../releases/played/deployer.ts";
import { wrongWith } from "../../../releases/played/ending.ts";
import { newCode, newHost } from "../../../releases/played/situations.ts";
import { errorOf } from "../../../error-of.ts";
import { recorder } from "../../../releases/played/recorder.ts";
import { openTwoAccounts, commitToBoth, release } from "../../../releases/played/two-accounts.ts";

let staging: PlayedAccount;
let production: PlayedAccount;

const commit = (files: Readonly<Record<string, string>>) => commitToBoth({ staging, production }, files);
const failure = (work: Promise<unknown>): Promise<unknown> => production.clock.run(errorOf(work));

const from: DeployerOptions = { wishes: { from: { environment: "staging", release: null }, copyImages: true } };
const otherWebserver = {
  "dagster-stack.yml": stagedStackFile.replace(
    "webserver: { kind: webserver, image: host }",
    "webserver: { kind: webserver, image: host, environment: { NEW: two } }",
  ),
};

beforeEach(async () => {
  ({ staging, production } = await openTwoAccounts());
});
afterEach(async () => {
  await production.close();
  await staging.close();
});

describe("The stack file of a promotion", () => {
  test("is of the checkout, which may be newer than the code; the record says of which commit", async () => {
    await commit(newCode);
    const proved = await release(staging, 1);
    const sha = await commit(otherWebserver);
    const promoted = await release(production, 1, from);
    expect(promoted).toMatchObject({
      source: proved.source,
      sources: proved.sources,
      stackFile: { repository: "owner/small", sha },
    });
    expect(await wrongWith(production)).toEqual([]);
  });

  test("does not go behind the one of the last promotion: last week's job, run again, is superseded", async () => {
    const old = await commit(newCode);
    await release(staging, 1);
    await release(production, 1, from);
    await commit({ ...otherWebserver, ...newHost });
    await release(staging, 2);
    await release(production, 2, from);
    const newest = await commit({ "app/main.py": "VERSION = 3\n" });
    await release(staging, 3);
    await production.checkOut(old);
    const { wire, writes } = recorder();
    expect(await failure(deployer(production, { run: 1, attempt: 2, wire, ...from }).deploy())).toMatchObject({
      kind: "superseded",
      what: expect.stringContaining(`Commit ${old} does not contain`) as unknown,
    });
    expect(writes).toEqual([]);
    await production.checkOut(newest);
    await release(production, 4, from);
    expect(await wrongWith(production)).toEqual([]);
  });

  test("contains the code that it is for", async () => {
    const old = await commit(newCode);
    await release(staging, 1);
    await release(production, 1, from);
    const newer = await commit(newHost);
    await release(staging, 2);
    await production.checkOut(old);
    expect(await failure(deployer(production, { run: 2, ...from }).deploy())).toMatchObject({
      kind: "superseded",
      what: `The stack file is of commit ${old}, which does not contain ${newer}: code of that is in what would be released.`,
      fix: expect.stringContaining("`from: <environment>@<release id>`") as unknown,
    });
  });

  test("that was newer than its code is not gone behind by a deploy of the commits between, nor forgotten by a part", async () => {
    await commit(newCode);
    await release(staging, 1);
    const between = await commit({ "app/main.py": "VERSION = 3\n" });
    const newest = await commit(otherWebserver);
    await release(production, 1, from);
    await production.checkOut(between);
    expect(await failure(deployer(production, { run: 2 }).deploy())).toMatchObject({
      kind: "superseded",
      what: expect.stringContaining(`Commit ${between} does not contain ${newest}`) as unknown,
    });
    await production.checkOut(newest);
    const part = await release(production, 3, { repository: "owner/code", wishes: { only: ["small"] } });
    expect(part.stackFile).toEqual({ repository: "owner/small", sha: newest });
    const whole = await release(production, 4);
    expect(whole.stackFile).toBeNull();
  });

  test("does not keep newer images of an older commit from going forward beside it", async () => {
    await commit(newCode);
    await release(staging, 1);
    const between = await commit(newHost);
    await commit(otherWebserver);
    await release(production, 1, from);
    await staging.checkOut(between);
    const proved = await release(staging, 2);
    const promoted = await release(production, 2, from);
    expect(promoted.source).toEqual(proved.source);
    expect(await wrongWith(production)).toEqual([]);
  });
});
