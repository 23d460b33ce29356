/** A tag that may move, when the repository leaves `cache*` out of what is immutable: one for each stage that is built. */
export function cacheTag(target: string | null): string {
  return target === null ? "cache" : `cache-${target.toLowerCase().replaceAll(/[^a-z0-9_.-]/g, "-")}`.slice(0, 128);
}
