import { UserError } from "../../../src/domain/errors.ts";
import type { Owner } from "../../../src/domain/journal.ts";
import type { ReleaseId } from "../../../src/domain/identifiers.ts";
import { lockHolder, mayTakeLock, takeLock } from "../../../src/releases/lock.ts";
import { createFakeClock } from "../../local-aws/fake-clock.ts";
import { memoryBucket } from "../../releases/memory-bucket.ts";
import { testContext } from "../context.ts";
import { head } from "../domain/arbitraries.ts";

const job: Owner = { name: "o/r/run/1/job/deploy", attempt: 1, url: "https://github.com/o/r/actions/runs/1" };
const again: Owner = { ...job, attempt: 2 };
const other: Owner = { name: "o/r/run/2/job/deploy", attempt: 1, url: null };

function open() {
  const clock = createFakeClock();
  const { context, progress } = testContext(clock);
  return { clock, context, progress, bucket: memoryBucket(() => clock.product.now()) };
}

test("a lock is held by one, who is named with the run and the minutes left", async () => {
  const { clock, context, bucket } = open();
  const lock = await takeLock(bucket, context, job);
  await lock.holdFor(head.id);
  await clock.pass(60_000);
  const refused = takeLock(bucket, context, other);
  await expect(refused).rejects.toThrow(UserError);
  await expect(refused).rejects.toMatchObject({ kind: "locked" });
  await expect(refused).rejects.toThrow(`${job.name} (${job.url ?? ""}) is releasing`);
  await expect(refused).rejects.toThrow(head.id);
  await expect(refused).rejects.toThrow("over in 14 min");
  await lock.giveBack();
});

test("a lock that was given back is free", async () => {
  const { context, bucket } = open();
  await (await takeLock(bucket, context, job)).giveBack();
  expect(bucket.keys()).toEqual([]);
  await (await takeLock(bucket, context, other)).giveBack();
});

test("a lock that is handed on is found by the next step of the job, with its release", async () => {
  const { context, bucket } = open();
  const first = await takeLock(bucket, context, job);
  await first.holdFor(head.id);
  first.handOn();
  expect(await mayTakeLock(bucket, job)).toBe(head.id);
  const second = await takeLock(bucket, context, job);
  expect(second.release).toBe(head.id);
  await second.giveBack();
});

test("a later attempt of the same run takes it over at once; the earlier one then writes no more", async () => {
  const { context, bucket } = open();
  const first = await takeLock(bucket, context, job);
  const second = await takeLock(bucket, context, again);
  await expect(first.check()).rejects.toThrow("took over the lock");
  await second.check();
  await expect(takeLock(bucket, context, job)).rejects.toMatchObject({ kind: "locked" });
  await first.giveBack();
  await second.check();
  await second.giveBack();
});

test("a lease is renewed while its holder lives, and over once he does not", async () => {
  const { clock, context, progress, bucket } = open();
  const lock = await takeLock(bucket, context, job);
  await clock.pass(60 * 60_000);
  await expect(mayTakeLock(bucket, other)).rejects.toMatchObject({ kind: "locked" });
  lock.handOn(); // as if it had died: nothing renews any more
  await clock.pass(14 * 60_000);
  await expect(mayTakeLock(bucket, other)).rejects.toMatchObject({ kind: "locked" });
  await clock.pass(6 * 60_000);
  expect(await mayTakeLock(bucket, other)).toBeNull();
  const taken = await takeLock(bucket, context, other);
  expect(progress.map((event) => (event.kind === "line" ? event.text : ""))).toContainEqual(
    expect.stringContaining(`lease of ${job.name} is over`),
  );
  await taken.giveBack();
});

test("of ten who want it at once, one has it", async () => {
  const { context, bucket } = open();
  const all = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) => takeLock(bucket, context, { ...other, name: `run/${index}` })),
  );
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of all) if (one.status === "fulfilled") await one.value.giveBack();
});

test("who lost it notices before his next write, also when nobody has it now", async () => {
  const { context, bucket } = open();
  const lock = await takeLock(bucket, context, job);
  const holder = await lockHolder(bucket);
  await bucket.remove("lock.json", holder?.etag ?? "");
  await expect(lock.check()).rejects.toThrow("was removed");
  await expect(lock.holdFor("20261121T101500Z-x" as ReleaseId)).rejects.toThrow("was removed");
  lock.handOn();
});
