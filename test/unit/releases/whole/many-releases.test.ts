import { instant, releaseId, type Sha } from "../../../../src/domain/identifiers.ts";
import { contentHash } from "../../../../src/domain/json.ts";
import { emptyRelease, type Release } from "../../../../src/domain/release.ts";
import { indexKey } from "../../../../src/releases/journal.ts";
import { environmentName, openAccount, type PlayedAccount, stackName } from "../../../releases/played/account.ts";
import { type Deployer, deployer } from "../../../releases/played/deployer.ts";
import type { OutsideCall } from "../../../releases/played/wire.ts";

let account: PlayedAccount;
let first: Release;
let current: Release;

const day = 24 * 3600_000;
const owner = { name: "test", attempt: 1, url: null, run: null };

/** Two releases that are a year apart, and 5,000 between them that were taken back. */
beforeAll(async () => {
  account = await openAccount();
  const { clock } = account;
  first = (await clock.run(deployer(account, { run: 1 }).deploy())).release;
  const begun = clock.product.now();
  for (let n = 1; n <= 5000; n += 1) takenBack(begun + n * 3600_000, contentHash(n).slice(0, 40) as Sha);
  await clock.pass(365 * day);
  await account.commit({ "app/main.py": "VERSION = 2\n" });
  current = (await clock.run(deployer(account, { run: 2 }).deploy())).release;
  await clock.pass(3600_000);
}, 120_000);
afterAll(() => account.close());

function takenBack(at: number, sha: Sha): void {
  const source = { repository: "owner/small", sha };
  const head = { stack: stackName, environment: environmentName, base: first.id, source };
  const release = emptyRelease({ ...head, id: releaseId(at, sha) });
  const outcome = { schema: 1, kind: "outcome", command: "deploy", outcome: "taken-back", release, services: [] };
  put(`releases/${release.id}/outcome.json`, { ...outcome, cause: "gate", owner, at: instant(at + 60_000) });
  put(indexKey(release.id), {});
}

function put(key: string, record: object): void {
  const Key = `${stackName}/${environmentName}/${key}`;
  account.s3.answer("PutObject", { Bucket: account.bucket, Key, Body: JSON.stringify(record) });
}

/** What somebody does, and how often that reads from S3. */
async function reading<T>(act: (who: Deployer) => Promise<T>): Promise<{ readonly result: T; readonly reads: number }> {
  const calls: OutsideCall[] = [];
  const who = deployer(account, {
    run: 9,
    wire: (call, effect) => {
      calls.push(call);
      return effect();
    },
  });
  const result = await account.clock.run(act(who));
  return { result, reads: calls.filter(({ to, writes }) => to === "s3" && !writes).length };
}

const image = ({ images }: Release) => images["code"]?.digest;

test("status reads the newest ten", async () => {
  const { result, reads } = await reading((who) => who.status());
  expect(result.history).toHaveLength(10);
  expect(result.history[0]).toMatchObject({ id: current.id, ended: "committed" });
  // Lock, pointer, what it points to, one page of the index, ten ends.
  expect(reads).toBe(14);
});

test.each<[string, () => string]>([
  ["`previous`", () => "previous"],
  ["a time that 5,000 releases have followed", () => instant(Date.parse("2026-11-21T10:30:00Z")).slice(0, 16)],
])("a rollback to %s reads no more than one among few", async (_, to) => {
  const { result, reads } = await reading((who) => who.rollback(to(), { dryRun: true }));
  expect(image(result.release)).toBe(image(first));
  expect(reads).toBeLessThanOrEqual(6);
});

test("a rollback to a time among those that were taken back reads a hundred of them, and goes to what they were begun on", async () => {
  const { result, reads } = await reading((who) => who.rollback("2027-03-01", { dryRun: true }));
  expect(image(result.release)).toBe(image(first));
  expect(reads).toBeLessThanOrEqual(106);
});

test("a rollback to a SHA looks through the last thousand with one call", async () => {
  const { result, reads } = await reading((who) => who.rollback(current.source.sha.slice(0, 12), { dryRun: true }));
  expect(image(result.release)).toBe(image(current));
  expect(reads).toBeLessThanOrEqual(6);
  await expect(reading((who) => who.rollback(first.source.sha, { dryRun: true }))).rejects.toThrow(
    "among the last 1000",
  );
});
