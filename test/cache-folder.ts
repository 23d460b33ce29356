import { homedir } from "node:os";
import { join } from "node:path";

/** What tests and the demo fetch or build once and keep between runs. Safe to remove at any time when none of them runs. */
export function cacheFolder(...parts: readonly string[]): string {
  const root = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(root, "dagster-ecs-actions", ...parts);
}
