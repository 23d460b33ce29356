import { cutMigration, everyMigrationCut } from "../../test/releases/dagster/migration-cuts.ts";
import { openStorageBed } from "../../test/releases/dagster/storage-bed.ts";
import type { Trials } from "./trials.ts";

/** Played upgrades in which `dagster instance migrate` and its PostgreSQL are real, struck at each call and run again. */
export async function migrations(): Promise<Trials> {
  const bed = await openStorageBed();
  const all = await everyMigrationCut(bed);
  return {
    count: all.length,
    lanes: 1, // a fake clock waits for whatever its process does
    open: () => ({
      make: (number) => {
        const cut = all[number];
        if (cut === undefined) throw new Error(`there is no number ${number}`);
        return cutMigration(bed, cut);
      },
      close: () => bed.close(),
    }),
  };
}
