import type { CanaryRun } from "../../domain/canary.ts";

/** What the tasks of services that hold runs say of a run in one of them. */
export type Held =
  | { readonly kind: "ours"; readonly tasks: number }
  | { readonly kind: "others"; readonly images: readonly string[] }
  | { readonly kind: "nowhere" };

/** Images of one task; none: ECS does not say yet. */
export type TaskImages = readonly string[];

/**
 * A run lived in one of these processes, nobody tells in which: all of them must have run the image, before it was launched and after
 * it had succeeded.
 */
export function judgeHolders(before: readonly TaskImages[], after: readonly TaskImages[], image: string): Held {
  const all = [...before, ...after];
  const others = all.filter((images) => !images.includes(image));
  if (others.length > 0) return { kind: "others", images: [...new Set(others.flat())] };
  return before.length === 0 || after.length === 0 ? { kind: "nowhere" } : { kind: "ours", tasks: after.length };
}

/** What is known of a run's compute logs from where Dagster says that they are. */
export type ComputeLogs =
  /** `folder` is the run's own, below which an object must be. */
  | { readonly kind: "there"; readonly folder: string }
  | { readonly kind: "not-yet" }
  | { readonly kind: "elsewhere"; readonly why: string };

/**
 * @param location `s3://bucket/key` of one file; null: Dagster does not name any (yet)
 * @param wanted where the stack file says that they are
 */
export function judgeComputeLogs(
  location: string | null,
  runId: string,
  { bucket, prefix }: NonNullable<CanaryRun["computeLogs"]>,
): ComputeLogs {
  if (location === null) return { kind: "not-yet" };
  const [, inBucket, key = ""] = /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ?? [];
  if (inBucket === undefined)
    return { kind: "elsewhere", why: `Dagster keeps them elsewhere than in S3, at ${location}` };
  if (inBucket !== bucket || !key.startsWith(prefix))
    return { kind: "elsewhere", why: `Dagster keeps them at ${location}` };
  const end = key.indexOf(`/${runId}/`);
  return { kind: "there", folder: end < 0 ? key : key.slice(0, end + runId.length + 2) };
}
