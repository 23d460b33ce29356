import { AwsError } from "../../../src/aws/error.ts";
import { UserError } from "../../../src/domain/errors.ts";
import type { Owner } from "../../../src/domain/journal.ts";
import { isHeldBy, type LockRequest, mayTakeLock, readLock, takeLock, unlock } from "../../../src/releases/lock.ts";
import type { Bucket } from "../../../src/aws/bucket.ts";
import { createFakeClock, type FakeClock } from "../../local-aws/fake-clock.ts";
import { memoryBucket } from "../../releases/memory-bucket.ts";
import { testContext } from "../context.ts";
import { head } from "../domain/arbitraries.ts";

const ownerOf = (run: number, attempt = 1): Owner => ({
  name: `o/r/run/${run}/job/deploy`,
  attempt,
  job: null,
  url: `https://github.com/o/r/actions/runs/${run}`,
  run: { repository: "o/r", id: run },
});
const wants = (owner: Owner, changes: Partial<LockRequest> = {}): LockRequest => ({
  owner,
  waitSeconds: 0,
  isOver: null,
  onTake: () => undefined,
  ...changes,
});
const job = ownerOf(1);
const again = ownerOf(1, 2);
const other = ownerOf(2);

function open() {
  const clock = createFakeClock();
  const { context, progress } = testContext(clock);
  const bucket = memoryBucket(() => clock.product.now());
  const lines = (): readonly string[] => progress.flatMap((event) => (event.kind === "line" ? [event.text] : []));
  const may = async (request: LockRequest) => mayTakeLock(bucket, await readLock(bucket), request);
  return { clock, context, lines, bucket, may };
}

test("whoever takes a lock is told before it is written; whoever is refused is not", async () => {
  const { bucket, context, may } = open();
  const told: string[] = [];
  const asks = (owner: Owner) => wants(owner, { onTake: () => told.push(owner.name) });
  const watched: typeof bucket = {
    ...bucket,
    create: (key, value) => {
      told.push("written");
      return bucket.create(key, value);
    },
  };
  expect(await may(asks(job))).toBe("now");
  const lock = await takeLock(watched, context, asks(job));
  await expect(takeLock(watched, context, asks(other))).rejects.toMatchObject({ kind: "locked" });
  expect(told).toEqual([job.name, "written"]);
  await lock.giveBack();
});

test("a lock is held by one, who is named with the run, the release and the minutes left", async () => {
  const { clock, context, bucket } = open();
  const lock = await takeLock(bucket, context, wants(job));
  await lock.begin(head.id);
  await clock.pass(60_000);
  const refused = takeLock(bucket, context, wants(other));
  await expect(refused).rejects.toThrow(UserError);
  await expect(refused).rejects.toMatchObject({ kind: "locked" });
  await expect(refused).rejects.toThrow(`${job.name} (${job.url ?? ""}), who is releasing`);
  await expect(refused).rejects.toThrow(head.id);
  await expect(refused).rejects.toThrow("over in 14 min");
  await lock.giveBack();
});

test("a lock that was given back is free", async () => {
  const { context, bucket } = open();
  await (await takeLock(bucket, context, wants(job))).giveBack();
  expect((await readLock(bucket))?.value).toMatchObject({ holder: null, open: [] });
  await (await takeLock(bucket, context, wants(other))).giveBack();
});

test("what was begun and has not ended is found by whoever takes it next", async () => {
  const { context, bucket } = open();
  const first = await takeLock(bucket, context, wants(job));
  await first.begin(head.id);
  await first.giveBack();
  const second = await takeLock(bucket, context, wants(other));
  expect(second.open).toEqual([head.id]);
  second.settled();
  await second.giveBack();
  expect((await readLock(bucket))?.value.open).toEqual([]);
});

test("a lock that is handed on is found by the next step of the job, with its release", async () => {
  const { context, bucket } = open();
  const first = await takeLock(bucket, context, wants(job));
  await first.begin(head.id);
  first.handOn();
  const found = await readLock(bucket);
  expect(found !== null && isHeldBy(found.value, job)).toBe(true);
  expect(found !== null && isHeldBy(found.value, other)).toBe(false);
  const second = await takeLock(bucket, context, wants(job));
  expect(second.open).toEqual([head.id]);
  await second.giveBack();
});

test("a later attempt of the same run takes it over at once; the earlier one then writes no more", async () => {
  const { context, bucket } = open();
  const first = await takeLock(bucket, context, wants(job));
  const second = await takeLock(bucket, context, wants(again));
  await expect(first.check()).rejects.toThrow("took over the lock");
  await second.check();
  await expect(takeLock(bucket, context, wants(job))).rejects.toMatchObject({ kind: "locked" });
  await first.giveBack();
  await second.check();
  await second.giveBack();
});

test("a lease is renewed while its holder lives, and over once he does not", async () => {
  const { clock, context, lines, bucket, may } = open();
  const lock = await takeLock(bucket, context, wants(job));
  await clock.pass(60 * 60_000);
  await expect(may(wants(other))).rejects.toMatchObject({ kind: "locked" });
  lock.handOn(); // as if it had died: nothing renews any more
  await clock.pass(14 * 60_000);
  await expect(may(wants(other))).rejects.toMatchObject({ kind: "locked" });
  await clock.pass(6 * 60_000);
  expect(await may(wants(other))).toBe("now");
  const taken = await takeLock(bucket, context, wants(other));
  expect(lines()).toContainEqual(expect.stringContaining(`lease of ${job.name} is over`));
  await taken.giveBack();
});

test("a renewal that fails is tried again before the lease is over", async () => {
  const { clock, context, lines, bucket, may } = open();
  let failures = 0;
  const weather = {
    ...bucket,
    replace: (...given: Parameters<typeof bucket.replace>) => {
      if (failures === 0) return bucket.replace(...given);
      failures -= 1;
      return Promise.reject(new Error("S3 is busy"));
    },
  };
  const lock = await takeLock(weather, context, wants(job));
  failures = 3;
  await clock.pass(30 * 60_000);
  expect(lines().filter((line) => line.includes("could not be renewed"))).toHaveLength(3);
  await expect(may(wants(other))).rejects.toMatchObject({ kind: "locked" });
  await lock.giveBack();
});

test("that its AWS session is over is said once, and not every time that the lock cannot be renewed for it", async () => {
  const { clock, context, lines, bucket, may } = open();
  const service = { name: "S3", prefix: "s3" };
  const failure = { kind: "expired", code: "ExpiredToken", message: "", requestId: null, refused: true } as const;
  let isOver = false;
  const ending = {
    ...bucket,
    replace: (...given: Parameters<typeof bucket.replace>) =>
      isOver
        ? Promise.reject(new AwsError({ service, operation: "PutObject", resource: null, attempts: 1, failure }, null))
        : bucket.replace(...given),
  };
  const lock = await takeLock(ending, context, wants(job));
  isOver = true;
  await clock.pass(20 * 60_000);
  expect(lines()).toEqual([
    expect.stringMatching(/^the lock could not be renewed: The AWS session of this job is over/),
  ]);
  expect(await may(wants(other))).toBe("now");
  lock.handOn();
});

describe("a holder whose workflow run", () => {
  test("is over makes room at once", async () => {
    const { context, lines, bucket } = open();
    const lock = await takeLock(bucket, context, wants(job));
    lock.handOn();
    const asked: number[] = [];
    const isOver: LockRequest["isOver"] = ({ id }) => {
      asked.push(id);
      return Promise.resolve("over");
    };
    const taken = await takeLock(bucket, context, wants(other, { isOver }));
    expect(asked).toEqual([1]);
    expect(lines()).toContainEqual(expect.stringContaining(`the workflow run of ${job.name} is over`));
    await expect(lock.check()).rejects.toThrow("took over");
    await taken.giveBack();
  });

  test.each(["running", "unknown"] as const)("is %s keeps it", async (answer) => {
    const { context, bucket } = open();
    const lock = await takeLock(bucket, context, wants(job));
    const isOver = () => Promise.resolve(answer);
    await expect(takeLock(bucket, context, wants(other, { isOver }))).rejects.toMatchObject({ kind: "locked" });
    await lock.giveBack();
  });

  test("does not exist, since a person holds it, is not asked for", async () => {
    const { context, bucket } = open();
    const person: Owner = { name: "person/anna@laptop", attempt: 1, job: null, url: null, run: null };
    const lock = await takeLock(bucket, context, wants(person));
    const isOver = () => Promise.reject(new Error("asked"));
    await expect(takeLock(bucket, context, wants(other, { isOver }))).rejects.toThrow("person/anna@laptop");
    await lock.giveBack();
  });
});

test("who waits says for whom, once, and has it when it is given back", async () => {
  const { clock, context, lines, bucket } = open();
  const lock = await takeLock(bucket, context, wants(job));
  clock.bed.after(65_000, () => void lock.giveBack());
  const taken = await clock.run(takeLock(bucket, context, wants(other, { waitSeconds: 600 })));
  expect(lines().filter((line) => line.startsWith(`waiting for ${job.name}`)).length).toBeLessThanOrEqual(3);
  expect(lines()[0]).toContain("its lock is over in 15 min");
  await taken.giveBack();
});

test("who has waited long enough goes", async () => {
  const { clock, context, bucket } = open();
  const lock = await takeLock(bucket, context, wants(job));
  const since = clock.product.now();
  await expect(clock.run(takeLock(bucket, context, wants(other, { waitSeconds: 120 })))).rejects.toMatchObject({
    kind: "locked",
  });
  expect(clock.product.now() - since).toBe(120_000);
  await lock.giveBack();
});

test("of ten who want it at once, one has it", async () => {
  const { context, bucket } = open();
  const all = await Promise.allSettled(
    Array.from({ length: 10 }, (_, run) => takeLock(bucket, context, wants(ownerOf(run + 1)))),
  );
  expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const one of all) if (one.status === "fulfilled") await one.value.giveBack();
});

test("who lost it notices before his next write, also when nobody has it now", async () => {
  const { context, bucket } = open();
  const lock = await takeLock(bucket, context, wants(job));
  bucket.remove("lock.json");
  await expect(lock.check()).rejects.toThrow("was removed");
  await expect(lock.begin(head.id)).rejects.toThrow("was removed");
  lock.handOn();
});

test("a lock that was taken away is free; its holder hears who did it and why", async () => {
  const { context, bucket } = open();
  const lock = await takeLock(bucket, context, wants(job));
  await lock.begin(head.id);
  expect(await unlock(bucket, context, other, "the runner was lost")).toEqual(job);
  await expect(lock.check()).rejects.toThrow(`${other.name} took the lock of this release away`);
  await expect(lock.check()).rejects.toThrow("the runner was lost");
  expect(await unlock(bucket, context, other, "again")).toBeNull();
  const next = await takeLock(bucket, context, wants(other));
  expect(next.open).toEqual([head.id]);
  // Somebody else releases now; why it was taken away is still the story of whoever lost it.
  await expect(lock.check()).rejects.toThrow("the runner was lost");
  lock.handOn();
  await next.giveBack();
});

test("two legs of one matrix keep each other out; the next attempt takes over from both", async () => {
  const { clock, context } = open();
  const bucket = memoryBucket(() => clock.product.now());
  const leg = (job: string, attempt = 1): Owner => ({ ...ownerOf(1, attempt), job });
  const lock = await clock.run(takeLock(bucket, context, wants(leg("one"))));
  await expect(clock.run(takeLock(bucket, context, wants(leg("other"))))).rejects.toThrow("The stack is locked by");
  await clock.run(lock.check());
  const step = await clock.run(takeLock(bucket, context, wants(leg("one"))));
  await clock.run(takeLock(bucket, context, wants(leg("other", 2))));
  await expect(clock.run(step.check())).rejects.toThrow();
});

describe("a renewal beside another write of the same process", () => {
  /** Every call takes 50 ms. */
  function slow(clock: FakeClock): Bucket {
    const real = memoryBucket(() => clock.product.now());
    const slowly = async <T>(call: () => Promise<T>): Promise<T> => {
      await clock.product.sleep(25);
      const answer = await call();
      await clock.product.sleep(25);
      return answer;
    };
    return {
      ...real,
      read: (name, schema) => slowly(() => real.read(name, schema)),
      create: (name, value) => slowly(() => real.create(name, value)),
      replace: (name, value, etag) => slowly(() => real.replace(name, value, etag)),
    };
  }

  test.each([-60, -40, -20, 0, 20, 40, 60])("%d ms from it: the lock is still renewed", async (milliseconds) => {
    const { clock, context } = open();
    const bucket = slow(clock);
    const lock = await clock.run(takeLock(bucket, context, wants(ownerOf(1))));
    await clock.run(clock.product.sleep(5 * 60_000 + milliseconds));
    await clock.run(lock.begin(head.id));
    await clock.pass(20 * 60_000);
    await clock.run(lock.check());
    const found = await clock.run(readLock(bucket));
    expect(found?.ageSeconds).toBeLessThan(6 * 60);
    expect(found?.value.open).toEqual([head.id]);
    await clock.run(lock.giveBack());
  });
});
