import fc from "fast-check";
import { instant, type ReleaseId, releaseId } from "../../../src/domain/identifiers.ts";
import type { Intent, Outcome } from "../../../src/domain/journal.ts";
import { emptyRelease } from "../../../src/domain/release.ts";
import { indexKey, journal } from "../../../src/releases/journal.ts";
import { memoryBucket } from "../../releases/memory-bucket.ts";
import { head, shas } from "../domain/arbitraries.ts";

const owner = { name: "test", attempt: 1, url: null, run: null };
const intentOf = (id: ReleaseId): Intent => ({
  schema: 1,
  kind: "intent",
  command: "deploy",
  release: emptyRelease({ ...head, id }),
  before: {},
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
