import { type DagsterBed, type DagsterStack, openDagsterBed } from "../../test/releases/dagster/bed.ts";
import {
  cutUpgrade,
  everyUpgradeCut,
  releaseOlder,
  showCut,
  type UpgradeCut,
  type UpgradeResult,
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
function open(all: ReturnType<typeof everyUpgradeCut>): Lane {
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
        return await cutOn(bed, number, cut);
      } catch (error) {
        await close();
        const wrong = [error instanceof Error ? error.message : String(error)];
        return { line: showCut(cut), wrong };
      }
    },
    close,
  };
}

/** A shorter run is struck at half of it, on another stack: the first one has its upgrade. */
async function cutOn(bed: DagsterBed, number: number, cut: UpgradeCut & { readonly at: number }): Promise<Made> {
  const stack = await bed.open(`number-${number}-${cut.at}`);
  const made = await strike(stack, cut);
  if (made.isStruck || made.wrong.length > 0 || cut.at === 0) return made;
  return cutOn(bed, number, { ...cut, at: Math.floor(cut.at / 2) });
}

async function strike(stack: DagsterStack, cut: UpgradeCut): Promise<UpgradeResult> {
  try {
    await releaseOlder(stack);
    return await cutUpgrade(stack, await stack.upgrade(), cut);
  } finally {
    await stack.close();
  }
}
