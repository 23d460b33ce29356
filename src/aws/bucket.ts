import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import type * as z from "zod";
import { isAwsError } from "./error.ts";
import type { S3Send } from "./s3.ts";
import { UserError } from "../domain/errors.ts";
import { canonicalJson } from "../domain/json.ts";

/** A record as it was read: a write that names its ETag succeeds only while nobody else has written. */
export interface Stored<T> {
  readonly value: T;
  readonly etag: string;
  /** Seconds since it was written, by the bucket's own clock. */
  readonly ageSeconds: number;
}

/** JSON objects below one prefix, each written under a condition: the records of a stack in one environment, or the DAGs of a location. */
export interface Bucket {
  readonly name: string;
  /** Ends in a slash. */
  readonly prefix: string;
  /**
   * null: there is no such record.
   * @throws UserError when it cannot be read as what it should be: never an empty history.
   */
  read<T>(key: string, schema: z.ZodType<T>): Promise<Stored<T> | null>;
  /** @returns its ETag; null when there is one already. */
  create(key: string, value: unknown): Promise<string | null>;
  /** @returns the new ETag; null when somebody else has written since. */
  replace(key: string, value: unknown, etag: string): Promise<string | null>;
  /** Stores content under a key that is made of its hash: what is there already stays. */
  keep(key: string, content: { readonly bytes: Uint8Array; readonly sha256: string }): Promise<void>;
  /** Content that was kept; null: there is none. */
  fetch(key: string): Promise<Uint8Array | null>;
  /** Is there such an object? */
  has(key: string): Promise<boolean>;
  /** All objects below a prefix, in the order of the bytes of their keys. */
  objects(prefix: string): Promise<readonly Listed[]>;
  /** Removes objects; those that are gone are removed already. */
  removeAll(keys: readonly string[]): Promise<void>;
  /** The first keys below a prefix, in the order of their bytes; those that follow `after`, when it is given. */
  list(prefix: string, limit: number, after?: string): Promise<readonly string[]>;
}

/** An object as a listing has it. */
export interface Listed {
  readonly key: string;
  /** When it was last written, in milliseconds since 1970, by the bucket's own clock. */
  readonly modifiedAt: number;
}

/** Opens what lies under a prefix of a bucket: keys are those after it. */
export function bucket(s3: S3Send, name: string, prefix: string): Bucket {
  const resource = (key: string): { readonly resource: string } => ({ resource: `s3://${name}/${prefix}${key}` });
  const put = async (
    key: string,
    value: unknown,
    condition: { readonly IfMatch?: string; readonly IfNoneMatch?: string },
  ): Promise<string | null> => {
    const Body = typeof value === "string" ? value : `${canonicalJson(value)}\n`;
    const command = new PutObjectCommand({
      Bucket: name,
      Key: prefix + key,
      Body,
      ContentType: "application/json",
      ...condition,
    });
    try {
      // Its condition lets it be sent again.
      const { ETag = "" } = await s3(command, { ...resource(key), idempotent: true });
      return ETag;
    } catch (error) {
      // 412: the condition does not hold. 409: another write is under way. 404: what was to be replaced is gone.
      if (!isAwsError(error, "conflict", "not-found") || error.code === "NoSuchBucket") throw error;
      // Or it was ours, and its answer was lost: what was written names its writer.
      const now = await readText(key);
      return now?.text === Body ? now.etag : null;
    }
  };
  const readText = async (key: string): Promise<Text | null> => {
    const command = new GetObjectCommand({ Bucket: name, Key: prefix + key });
    let date: string | undefined;
    command.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        ({ date } = (result.response as { readonly headers: { readonly date?: string } }).headers);
        return result;
      },
      { step: "deserialize", priority: "low" }, // nearest to the response
    );
    try {
      const { Body, ETag = "", LastModified } = await s3(command, resource(key));
      const text = (await Body?.transformToString()) ?? "";
      const now = date === undefined ? Date.now() : Date.parse(date);
      const ageSeconds = LastModified === undefined ? 0 : Math.max(0, (now - LastModified.getTime()) / 1000);
      return { text, etag: ETag, ageSeconds };
    } catch (error) {
      if (isAwsError(error, "not-found") && error.code !== "NoSuchBucket") return null;
      throw error;
    }
  };
  return {
    name,
    prefix,
    read: async (key, schema) => {
      const found = await readText(key);
      if (found === null) return null;
      const { text, etag, ageSeconds } = found;
      return { value: parse(text, schema, `s3://${name}/${prefix}${key}`), etag, ageSeconds };
    },
    create: (key, value) => put(key, value, { IfNoneMatch: "*" }),
    replace: (key, value, etag) => put(key, value, { IfMatch: etag }),
    keep: async (key, { bytes, sha256 }) => {
      const command = new PutObjectCommand({
        Bucket: name,
        Key: prefix + key,
        Body: bytes,
        ChecksumSHA256: Buffer.from(sha256, "hex").toString("base64"),
        IfNoneMatch: "*",
      });
      for (let attempt = 1; ; attempt += 1) {
        try {
          await s3(command, { ...resource(key), idempotent: true });
          return;
        } catch (error) {
          if (!isAwsError(error, "conflict")) throw error;
          if (error.code === "PreconditionFailed") return;
          // Another write of the same is under way, and may yet fail. To send all of it again is pause enough.
          if (attempt === mostKeepAttempts) throw error;
        }
      }
    },
    fetch: async (key) => {
      try {
        const { Body } = await s3(new GetObjectCommand({ Bucket: name, Key: prefix + key }), resource(key));
        return (await Body?.transformToByteArray()) ?? new Uint8Array();
      } catch (error) {
        if (isAwsError(error, "not-found") && error.code !== "NoSuchBucket") return null;
        throw error;
      }
    },
    has: async (key) => {
      try {
        await s3(new HeadObjectCommand({ Bucket: name, Key: prefix + key }), resource(key));
        return true;
      } catch (error) {
        if (isAwsError(error, "not-found")) return false;
        throw error;
      }
    },
    objects: async (below) => {
      const found: Listed[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await s3(
          new ListObjectsV2Command({ Bucket: name, Prefix: prefix + below, ContinuationToken }),
          resource(below),
        );
        for (const { Key = "", LastModified } of page.Contents ?? [])
          found.push({
            key: Key.slice(prefix.length),
            modifiedAt: LastModified?.getTime() ?? Number.POSITIVE_INFINITY,
          });
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      return found;
    },
    removeAll: async (keys) => {
      for (const key of keys) {
        await s3(new DeleteObjectCommand({ Bucket: name, Key: prefix + key }), { ...resource(key), idempotent: true });
      }
    },
    list: async (below, limit, after) => {
      const keys: string[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await s3(
          new ListObjectsV2Command({
            Bucket: name,
            Prefix: prefix + below,
            MaxKeys: Math.min(1000, limit - keys.length),
            // S3 does not look at it once a page is continued.
            StartAfter: after === undefined ? undefined : prefix + after,
            ContinuationToken,
          }),
          resource(below),
        );
        keys.push(...(page.Contents ?? []).map(({ Key = "" }) => Key.slice(prefix.length)));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined && keys.length < limit);
      return keys;
    },
  };
}

const mostKeepAttempts = 5;

interface Text {
  readonly text: string;
  readonly etag: string;
  readonly ageSeconds: number;
}

function parse<T>(text: string, schema: z.ZodType<T>, where: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new UserError(
      {
        what: "A record is not JSON.",
        where,
        fix: "Restore its former version in S3, or move it away: then it counts as never written.",
      },
      { cause },
    );
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { issues } = result.error;
  const version = issues.find(({ path }) => path.at(-1) === "schema");
  if (version !== undefined) throw otherVersion(version, json, where);
  const [issue] = issues;
  throw new UserError({
    what: `A record cannot be read: ${issue?.path.map(String).join(".") || "its top level"}: ${issue?.message ?? "unknown"}.`,
    where,
    fix: "A newer version of these actions may have written it: use that one. Or restore the record's former version in S3.",
  });
}

/** Its own `schema`, or that of a record within it, is not one that this version reads. */
function otherVersion({ path }: z.core.$ZodIssue, record: unknown, where: string): UserError {
  const found = path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : null),
    record,
  );
  return new UserError({
    what: `A record is of a version that these actions do not know: ${path.map(String).join(".")} is ${found === undefined ? "missing" : JSON.stringify(found)}.`,
    where,
    fix: "A newer version of these actions has written it: update the action in this workflow to that version. Nothing was changed.",
  });
}
