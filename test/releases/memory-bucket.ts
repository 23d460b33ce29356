import type { S3Client } from "@aws-sdk/client-s3";
import type { S3Send } from "../../src/aws/s3.ts";
import { sender } from "../../src/aws/send.ts";
import { type Bucket, bucket } from "../../src/aws/bucket.ts";
import { clientOver } from "./played/client.ts";
import { type MemoryS3, memoryS3 } from "./played/memory-s3.ts";
import type { OutsideCall } from "./played/wire.ts";

export interface MemoryBucket extends Bucket {
  keys(): readonly string[];
  remove(key: string): void;
  /** Calls of S3 so far, oldest first. */
  readonly calls: readonly OutsideCall[];
}

/** The product's S3 client over an S3 in memory. */
export interface MemorySend {
  readonly send: S3Send;
  readonly s3: MemoryS3;
  /** Calls so far, oldest first. */
  readonly calls: readonly OutsideCall[];
}

/** @param now milliseconds since 1970, by the bucket's own clock */
export function memorySend(now: () => number): MemorySend {
  const s3 = memoryS3(now);
  const calls: OutsideCall[] = [];
  const context = { clock: { now, sleep: () => Promise.resolve() }, signal: new AbortController().signal };
  const client = clientOver(
    "s3",
    (operation, input) => s3.answer(operation, input),
    (call, effect) => {
      calls.push(call);
      return effect();
    },
    context,
  ) as unknown as S3Client;
  return { send: sender(client, { name: "S3", prefix: "s3" }, context) as unknown as S3Send, s3, calls };
}

/**
 * The product's bucket on an S3 in memory, for what does not need a real one. That S3 is held against another by one suite for both
 * (test/contract/aws/bucket.test.ts).
 * @param now milliseconds since 1970, by the bucket's own clock
 */
export function memoryBucket(now: () => number = () => 0): MemoryBucket {
  const { send, s3, calls } = memorySend(now);
  return {
    ...bucket(send, "memory", "stack/"),
    calls,
    keys: () => [...s3.objects.keys()].map((path) => path.slice("memory/stack/".length)),
    remove: (key) => s3.remove(`memory/stack/${key}`),
  };
}
