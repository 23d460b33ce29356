import { createHash } from "node:crypto";
import { refusal } from "./refusal.ts";

/** Objects of every bucket, with S3's conditions on writes. Held against an S3 by test/contract/aws/bucket.test.ts. */
export interface MemoryS3 {
  answer(operation: string, input: unknown): object;
  readonly objects: ReadonlyMap<string, StoredObject>;
  /** As somebody at the console does. */
  remove(path: string): void;
  /** What `HeadBucket` answers from now on: 200, 403 or 404. */
  answerForBuckets(status: number): void;
}

export interface StoredObject {
  readonly text: string;
  readonly etag: string;
  readonly at: number;
}

interface ObjectInput {
  readonly Bucket: string;
  readonly Key: string;
  readonly Body?: string;
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
}

/** @param now milliseconds since 1970, by S3's own clock */
export function memoryS3(now: () => number): MemoryS3 {
  const objects = new Map<string, StoredObject>();
  let ofBuckets = 200;
  const operations: Readonly<Record<string, (input: unknown) => object>> = {
    PutObject: (input) => {
      const { Bucket, Key, Body = "", IfMatch, IfNoneMatch } = input as ObjectInput;
      const path = `${Bucket}/${Key}`;
      const there = objects.get(path);
      if (IfMatch !== undefined && there === undefined) throw refusal("NoSuchKey", 404);
      if (IfMatch !== undefined && there?.etag !== IfMatch) throw refusal("PreconditionFailed", 412);
      if (IfNoneMatch === "*" && there !== undefined) throw refusal("PreconditionFailed", 412);
      const etag = `"${createHash("md5").update(Body).digest("hex")}"`;
      objects.set(path, { text: Body, etag, at: now() });
      return { ETag: etag };
    },
    GetObject: (input) => {
      const { Bucket, Key } = input as ObjectInput;
      const there = objects.get(`${Bucket}/${Key}`);
      if (there === undefined) throw refusal("NoSuchKey", 404);
      const { text, etag, at } = there;
      return {
        Body: {
          transformToString: () => Promise.resolve(text.toString()),
          transformToByteArray: () => Promise.resolve(Buffer.from(text)),
        },
        ETag: etag,
        LastModified: new Date(Math.floor(at / 1000) * 1000), // HTTP dates have no fractions
      };
    },
    HeadObject: (input) => {
      const { Bucket, Key } = input as ObjectInput;
      if (!objects.has(`${Bucket}/${Key}`)) throw refusal("NotFound", 404);
      return {};
    },
    HeadBucket: () => {
      if (ofBuckets !== 200) throw refusal(ofBuckets === 404 ? "NotFound" : "Forbidden", ofBuckets);
      return {};
    },
    DeleteObject: (input) => {
      const { Bucket, Key } = input as ObjectInput;
      objects.delete(`${Bucket}/${Key}`);
      return {};
    },
    ListObjectsV2: (input) => {
      const asked = input as {
        readonly Bucket: string;
        readonly Prefix?: string;
        readonly MaxKeys?: number;
        readonly StartAfter?: string;
        readonly ContinuationToken?: string;
      };
      const { Bucket, Prefix = "", MaxKeys = 1000, StartAfter = "", ContinuationToken = StartAfter } = asked;
      const keys = [...objects.keys()]
        .filter((path) => path.startsWith(`${Bucket}/${Prefix}`))
        .map((path) => path.slice(Bucket.length + 1))
        .filter((key) => key > ContinuationToken)
        .sort();
      const page = keys.slice(0, Math.min(MaxKeys, 1000));
      const more = keys.length > page.length;
      return {
        Contents: page.map((Key) => ({ Key, LastModified: new Date(objects.get(`${Bucket}/${Key}`)?.at ?? 0) })),
        ...(more ? { NextContinuationToken: page.at(-1) } : {}),
      };
    },
  };
  return {
    answer: (operation, input) => {
      const known = operations[operation];
      if (known === undefined) throw new Error(`the S3 in memory does not know ${operation}`);
      return known(input);
    },
    objects,
    remove: (path) => void objects.delete(path),
    answerForBuckets: (status) => void (ofBuckets = status),
  };
}
