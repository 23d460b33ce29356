import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import * as z from "zod";
import { s3 } from "../../../src/aws/s3.ts";
import { type Bucket, bucket } from "../../../src/releases/bucket.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { memoryBucket } from "../../releases/memory-bucket.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
}, 120_000);
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
    expect(await records.create("a.json", { n: 1 })).toBe(true);
    expect(await records.create("a.json", { n: 2 })).toBe(false);
    expect((await records.read("a.json", schema))?.value).toEqual({ n: 1 });
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
    expect(all.filter(Boolean)).toHaveLength(1);
  });

  test("are listed in the order of their keys, up to a limit", async () => {
    const records = await open();
    for (const key of ["index/2", "index/10", "index/1", "other/1"]) await records.create(key, "{}");
    expect(await records.list("index/", 10)).toEqual(["index/1", "index/10", "index/2"]);
    expect(await records.list("index/", 2)).toEqual(["index/1", "index/10"]);
  });
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

test("the age of a record is told by the bucket's clock, not by ours", async () => {
  const { records } = await onS3();
  await records.create("a.json", { n: 1 });
  bed.clock.move(3_600_000);
  expect((await records.read("a.json", schema))?.ageSeconds).toBeGreaterThanOrEqual(3599);
});
