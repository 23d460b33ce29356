import type * as z from "zod";
import { canonicalJson } from "../../src/domain/json.ts";
import type { Bucket } from "../../src/releases/bucket.ts";

/**
 * A bucket in memory, for what does not need S3. It is held against the real client on an S3 by one suite for both
 * (test/contract/releases/bucket.test.ts).
 * @param now milliseconds since 1970, by the bucket's own clock
 */
export function memoryBucket(now: () => number = () => 0): Bucket & { readonly keys: () => readonly string[] } {
  const objects = new Map<string, { readonly text: string; readonly etag: string; readonly at: number }>();
  let writes = 0;
  const put = (key: string, value: unknown): string => {
    writes += 1;
    const etag = `"${writes}"`;
    objects.set(key, { text: typeof value === "string" ? value : canonicalJson(value), etag, at: now() });
    return etag;
  };
  return {
    name: "memory",
    prefix: "stack/environment/",
    read: <T>(key: string, schema: z.ZodType<T>) => {
      const found = objects.get(key);
      if (found === undefined) return Promise.resolve(null);
      return Promise.resolve({
        value: schema.parse(JSON.parse(found.text)),
        etag: found.etag,
        ageSeconds: Math.floor((now() - found.at) / 1000),
      });
    },
    create: (key, value) => {
      if (objects.has(key)) return Promise.resolve(false);
      put(key, value);
      return Promise.resolve(true);
    },
    replace: (key, value, etag) => Promise.resolve(objects.get(key)?.etag === etag ? put(key, value) : null),
    remove: (key, etag) => Promise.resolve(objects.get(key)?.etag === etag && objects.delete(key)),
    list: (below, limit) =>
      Promise.resolve(
        [...objects.keys()]
          .filter((key) => key.startsWith(below))
          .sort()
          .slice(0, limit),
      ),
    keys: () => [...objects.keys()],
  };
}
