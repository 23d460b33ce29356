import { HeadBucketCommand } from "@aws-sdk/client-s3";
import { isAwsError } from "../aws/error.ts";
import type { S3Send } from "../aws/s3.ts";

/** Whether a bucket is there; `unknown`: S3 does not say so to whoever asks. */
export type FoundBucket = { readonly kind: "there" | "absent" } | { readonly kind: "unknown"; readonly why: string };

/** Asks S3 for a bucket, and changes nothing. What cannot be asked keeps nobody from going on. @throws Cancelled */
export async function findBucket(s3: S3Send, name: string): Promise<FoundBucket> {
  try {
    await s3(new HeadBucketCommand({ Bucket: name }), { resource: `s3://${name}` });
    return { kind: "there" };
  } catch (error) {
    if (!isAwsError(error)) throw error;
    if (error.failure === "not-found") return { kind: "absent" };
    // A bucket of another account, or of another region, answers like one that may not be looked at. Source: API_HeadBucket
    return { kind: "unknown", why: error.what };
  }
}
