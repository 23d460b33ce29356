import { type DagsterBed, openDagsterBed } from "../../test/releases/dagster/bed.ts";
import {
  cutUpgrade,
  everyUpgradeCut,
  releaseOlder,
  showCut,
  type UpgradeCut,
} from "../../test/releases/dagster/upgrade.ts";
import { seeded, shuffled } from "../../test/releases/processes/seeded.ts";
import type { Lane, Made, Trials } from "./trials.ts";

/** A real Dagster on PostgreSQL that gets a newer minor version, struck at each call of its release and run again. */
export function upgrades(seed: number): Trials {
  const random = seeded(seed);
  const all = everyUpgradeCut((calls) => shuffled(calls, random));
  return { count: all.length, lanes: 1 /* Dagster takes the processors */, open: () => open(all) };
}

/** Stacks of their own on one bed, so that images are made once. */
function open(all: readonly UpgradeCut[]): Lane {
  let bed: DagsterBed | null = null;
  const close = async (): Promise<void> => {
    const open = bed;
    bed = null;
    await open?.close();
  };
  return {
    make: async (number) => {
      const cut = all[number];
      if (cut === undefined) throw new Error(`there is no number ${number}`);
      try {
        bed ??= await openDagsterBed();
        return await cutOn(bed, `number-${number}`, cut);
      } catch (error) {
        await close();
        const wrong = [error instanceof Error ? error.message : String(error)];
        return { line: showCut(cut), wrong };
      }
    },
    close,
  };
}

async function cutOn(bed: DagsterBed, name: string, cut: UpgradeCut): Promise<Made> {
  const stack = await bed.open(name);
  try {
    await releaseOlder(stack);
    return await cutUpgrade(stack, await stack.upgrade(), cut);
  } finally {
    await stack.close();
  }
}
