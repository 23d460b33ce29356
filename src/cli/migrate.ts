import type { Migrated } from "../releases/migrate.ts";
import type { MigrateDocument } from "./documents.ts";

/** For `--json`. */
export function documentOfMigrated({ steps, result }: Migrated): MigrateDocument {
  return {
    steps: steps.map(({ id, reason }) => ({ id, reason })),
    done: result !== null,
    migrations: Object.entries(result?.release.migrations ?? {}).map(([name, { state, heads }]) => ({
      name,
      state,
      heads: heads === null ? null : [...heads],
    })),
  };
}
