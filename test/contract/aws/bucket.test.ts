import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { createHash } from "node:crypto";
import * as z from "zod";
import { s3 } from "../../../src/aws/s3.ts";
import { releaseId, type Sha } from "../../../src/domain/identifiers.ts";
import { contentHash } from "../../../src/domain/json.ts";
import { type Bucket, bucket } from "../../../src/aws/bucket.ts";
import { indexKey, journal } from "../../../src/releases/journal.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { memoryBucket } from "../../releases/memory-bucket.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed.close());

const schema = z.strictObject({ n: z.number() });
const realContext = {
  clock: {
    now: () => Date.now(),
    sleep: (milliseconds: number) => new Promise<void>((wake) => setTimeout(wake, milliseconds)),
  },
  signal: new AbortController().signal,
};
let made = 0;

const client = () => ({
  endpoint: bed.url,
  region: bed.region,
  credentials: { accessKeyId: "test", secretAccessKey: "secret" },
});

async function onS3(): Promise<{ readonly records: Bucket; readonly name: string }> {
  made += 1;
  const name = `records-${made}`;
  await new S3Client(client()).send(new CreateBucketCommand({ Bucket: name }));
  const { endpoint, ...settings } = client();
  process.env["AWS_ENDPOINT_URL"] = endpoint;
  return { records: bucket(s3(realContext, settings), name, "stack/environment/"), name };
}

describe.each<[string, () => Promise<Bucket>]>([
  ["S3", async () => (await onS3()).records],
  ["memory", () => Promise.resolve(memoryBucket())],
])("records in %s", (_, open) => {
  test("are there once they are created, and are created once", async () => {
    const records = await open();
    expect(await records.read("a.json", schema)).toBeNull();
    const etag = await records.create("a.json", { n: 1 });
    expect(await records.create("a.json", { n: 2 })).toBeNull();
    expect(await records.read("a.json", schema)).toMatchObject({ value: { n: 1 }, etag });
  });

  test("are replaced only by who has read the newest", async () => {
    const records = await open();
    await records.create("a.json", { n: 1 });
    const { etag = "" } = (await records.read("a.json", schema)) ?? {};
    const next = await records.replace("a.json", { n: 2 }, etag);
    expect(next).not.toBeNull();
    expect(await records.replace("a.json", { n: 3 }, etag)).toBeNull();
    expect((await records.read("a.json", schema))?.etag).toBe(next);
    expect(await records.replace("absent.json", { n: 1 }, etag)).toBeNull();
  });

  test("of twenty who create at once, one has", async () => {
    const records = await open();
    const all = await Promise.all(Array.from({ length: 20 }, (__, n) => records.create("a.json", { n })));
    expect(all.filter((etag) => etag !== null)).toHaveLength(1);
  });

  test("are listed in the order of their keys, up to a limit", async () => {
    const records = await open();
    for (const key of ["index/2", "index/10", "index/1", "other/1"]) await records.create(key, "{}");
    expect(await records.list("index/", 10)).toEqual(["index/1", "index/10", "index/2"]);
    expect(await records.list("index/", 2)).toEqual(["index/1", "index/10"]);
    expect(await records.list("index/", 2, "index/1")).toEqual(["index/10", "index/2"]);
    expect(await records.list("index/", 2, "index/11")).toEqual(["index/2"]);
  });
});

test("of five thousand in S3 the newest up to a moment are listed with one call, and all with a call for each thousand", async () => {
  const { records, name } = await onS3();
  const begun = Array.from({ length: 5000 }, (_, n) =>
    releaseId(Date.parse("2024-01-01") + n * 3600_000, contentHash(n).slice(0, 40) as Sha),
  );
  await atOnce(20, begun, (id) => records.create(indexKey(id), "{}"));
  const listings = () =>
    bed.calls.filter(({ operation, resource }) => operation === "ListObjectsV2" && resource === name).length;
  const written = journal(records);
  expect(await written.newest(3, Date.parse("2024-01-03"))).toEqual(begun.slice(46, 49).reverse());
  expect(listings()).toBe(1);
  expect(await written.newest(6000)).toEqual(begun.toReversed());
  expect(listings()).toBe(6);
});

test.each([
  ["not JSON", '{"n":', /not JSON/],
  ["of another shape", '{"n":"one"}', /n: /],
  ["of a newer version", '{"n":1,"m":2}', /Unrecognized|m/],
])("a record that is %s is named, and is never taken for none", async (_, body, words) => {
  const { records, name } = await onS3();
  await new S3Client(client()).send(
    new PutObjectCommand({ Bucket: name, Key: "stack/environment/a.json", Body: body }),
  );
  await expect(records.read("a.json", schema)).rejects.toThrow(words);
  await expect(records.read("a.json", schema)).rejects.toThrow(`s3://${name}/stack/environment/a.json`);
});

describe("content under its hash, while another write of it is under way", () => {
  const bytes = Buffer.from("content");
  const content = { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
  const underWay = (times?: number): (() => void) =>
    bed.aws.faults.inject({
      on: "s3:PutObject",
      what: { kind: "error", name: "ConditionalRequestConflict", message: "Under way.", status: 409 },
      ...(times === undefined ? {} : { times }),
    });

  test("is sent again", async () => {
    const { records } = await onS3();
    underWay(2);
    await records.keep("content", content);
    expect(await records.list("", 10)).toEqual(["content"]);
  });

  test("is given up when that goes on", async () => {
    const { records } = await onS3();
    const over = underWay();
    await expect(records.keep("content", content)).rejects.toThrow("ConditionalRequestConflict");
    over();
    expect(await records.list("", 10)).toEqual([]);
  });
});

test("the age of a record is told by the bucket's clock, not by ours", async () => {
  const { records } = await onS3();
  await records.create("a.json", { n: 1 });
  bed.clock.move(3_600_000);
  expect((await records.read("a.json", schema))?.ageSeconds).toBeGreaterThanOrEqual(3599);
});

/** Does something with each, so many at a time. */
async function atOnce<T>(width: number, all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  const left = [...all];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let one = left.pop(); one !== undefined; one = left.pop()) await work(one);
    }),
  );
}
