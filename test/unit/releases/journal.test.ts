import fc from "../../properties.ts";
import { begunAt, instant, type ReleaseId, releaseId, type Sha } from "../../../src/domain/identifiers.ts";
import type { Intent, Outcome } from "../../../src/domain/journal.ts";
import { contentHash } from "../../../src/domain/json.ts";
import { emptyRelease } from "../../../src/domain/release.ts";
import { indexKey, journal } from "../../../src/releases/journal.ts";
import { readLock } from "../../../src/releases/lock.ts";
import { type MemoryBucket, memoryBucket } from "../../releases/memory-bucket.ts";
import { head, shas } from "../domain/arbitraries.ts";

const owner = { name: "test", attempt: 1, job: null, url: null, run: null };
const intentOf = (id: ReleaseId): Intent => ({
  schema: 2,
  kind: "intent",
  command: "deploy",
  release: emptyRelease({ ...head, id }),
  before: {},
  pointers: {},
  approved: null,
  instigators: null,
  jobs: null,
  continues: [],
  owner,
  at: instant(0),
});
const outcomeOf = (id: ReleaseId): Outcome => ({
  schema: 1,
  kind: "outcome",
  command: "deploy",
  outcome: "committed",
  release: emptyRelease({ ...head, id }),
  services: [],
  cause: null,
  owner,
  at: instant(0),
});
const times = fc.integer({ min: Date.parse("2020-01-01"), max: Date.parse("2100-01-01") });

test("releases are listed newest first, whatever order they were begun in", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(times, shas), { maxLength: 20, selector: ([at]) => Math.floor(at / 1000) }),
      async (begun) => {
        const records = journal(memoryBucket());
        for (const [at, sha] of begun) await records.begin(intentOf(releaseId(at, sha)));
        const expected = [...begun].sort(([a], [b]) => b - a).map(([at, sha]) => releaseId(at, sha));
        expect(await records.newest(100)).toEqual(expected);
        expect(await records.newest(3)).toEqual(expected.slice(0, 3));
        for (const [moment] of begun) {
          const until = expected.filter((id) => begunAt(id) <= moment);
          expect(await records.newest(3, moment)).toEqual(until.slice(0, 3));
        }
      },
    ),
  );
});

test("keys of the index sort by time as bytes do", () => {
  fc.assert(
    fc.property(times, times, shas, (a, b, sha) => {
      fc.pre(Math.floor(a / 1000) !== Math.floor(b / 1000));
      expect(indexKey(releaseId(a, sha)) < indexKey(releaseId(b, sha))).toBe(a > b);
    }),
  );
});

test("an intent and an outcome are written once: a second writing keeps the first", async () => {
  const records = journal(memoryBucket());
  await records.begin(intentOf(head.id));
  await expect(records.begin({ ...intentOf(head.id), command: "rollback" })).rejects.toThrow("in the same second");
  expect((await records.intent(head.id))?.command).toBe("deploy");
  expect(await records.end(outcomeOf(head.id))).toBeNull();
  expect(await records.end({ ...outcomeOf(head.id), outcome: "failed" })).toEqual(outcomeOf(head.id));
  expect((await records.outcome(head.id))?.outcome).toBe("committed");
});

test("the pointer moves from what was read, or not at all", async () => {
  const records = journal(memoryBucket());
  const next = (release: ReleaseId) => ({ schema: 1 as const, release, previous: null, at: instant(0) });
  const [first, second] = [releaseId(0, head.source.sha), releaseId(1000, head.source.sha)];
  await records.moveCurrent(next(first), null);
  const read = await records.current();
  await records.moveCurrent(next(second), read);
  expect((await records.current())?.value.release).toBe(second);
  await expect(records.moveCurrent(next(first), read)).rejects.toMatchObject({ kind: "superseded" });
  await expect(records.moveCurrent(next(first), null)).rejects.toMatchObject({ kind: "superseded" });
});

test("what was never written is none", async () => {
  const records = journal(memoryBucket());
  expect([
    await records.current(),
    await records.intent(head.id),
    await records.outcome(head.id),
    await records.newest(10),
  ]).toEqual([null, null, null, []]);
});

describe("of five thousand releases", () => {
  const shaOfNumber = (n: number): Sha => contentHash(n).slice(0, 40) as Sha;
  const begun = Array.from({ length: 5000 }, (_, n) =>
    releaseId(Date.parse("2024-01-01") + n * 3600_000, shaOfNumber(n)),
  );
  const bucket = memoryBucket();
  const records = journal(bucket);
  beforeAll(async () => {
    for (const id of begun) await bucket.create(indexKey(id), "{}");
  });

  test.each<[string, number, number | undefined, number, number]>([
    ["the ten newest are listed", 10, undefined, 4999, 1],
    ["the ten newest up to a moment are listed", 10, Date.parse("2024-01-01") + 1234 * 3600_000, 1234, 1],
    ["a thousand are listed", 1000, undefined, 4999, 1],
    ["all are listed", 5000, undefined, 4999, 5],
  ])("%s, with as many calls as S3 has pages", async (_, limit, until, newest, calls) => {
    const before = bucket.calls.length;
    const expected = begun.slice(Math.max(0, newest + 1 - limit), newest + 1).reverse();
    expect(await records.newest(limit, until)).toEqual(expected);
    expect(bucket.calls.slice(before).map(({ operation }) => operation)).toEqual(
      Array.from({ length: calls }, () => "ListObjectsV2"),
    );
  });
});

describe("a record of a version that is not known yet", () => {
  const { id } = head;
  const newer = { ...intentOf(id).release, schema: 3, wind: "north" };
  test.each<[string, object, (records: MemoryBucket) => Promise<unknown>]>([
    ["lock.json", { schema: 2, queue: [] }, readLock],
    ["current.json", { schema: 2, releases: [] }, (bucket) => journal(bucket).current()],
    [`releases/${id}/intent.json`, { ...intentOf(id), schema: 3 }, (bucket) => journal(bucket).intent(id)],
    [`releases/${id}/intent.json`, { ...intentOf(id), release: newer }, (bucket) => journal(bucket).intent(id)],
    [`releases/${id}/made.json`, newer, (bucket) => journal(bucket).made(id)],
    [`releases/${id}/outcome.json`, { ...outcomeOf(id), schema: 2 }, (bucket) => journal(bucket).outcome(id)],
    [`releases/${id}/outcome.json`, { ...outcomeOf(id), release: newer }, (bucket) => journal(bucket).outcome(id)],
  ])("%s is named with what to update, and is never taken for none", async (key, record, read) => {
    const bucket = memoryBucket();
    await bucket.create(key, record);
    const refused = expect(read(bucket)).rejects;
    await refused.toThrow(/of a version that these actions do not know: (release\.)?schema is [23]/);
    await expect(read(bucket)).rejects.toMatchObject({
      name: "UserError",
      where: `s3://memory/stack/${key}`,
      fix: expect.stringContaining("update the action") as unknown,
    });
  });

  test.each(["index/whatever", "index/0000000000-20261121T101500Z-0123", `index/0000000001-${id}`])(
    "%s in the index is named, and is never passed over",
    async (key) => {
      const bucket = memoryBucket();
      await bucket.create(key, "{}");
      await expect(journal(bucket).newest(10)).rejects.toMatchObject({
        name: "UserError",
        where: `s3://memory/stack/${key}`,
      });
    },
  );
});

test("an intent of the first version is read: nobody had noted schedules and sensors", async () => {
  const bucket = memoryBucket();
  const { instigators: _, ...rest } = intentOf(head.id);
  await bucket.create(`releases/${head.id}/intent.json`, { ...rest, schema: 1 });
  expect(await journal(bucket).intent(head.id)).toEqual({ ...intentOf(head.id), instigators: null });
});
