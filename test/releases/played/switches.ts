import { flips } from "../../unit/deployments/flips.ts";
import { type Cell, cells, play, wrongWithEnding } from "./endings.ts";

/** A cell of the table of endings, under another value of a rule that nobody outside AWS knows. */
export interface CellUnder extends Cell {
  readonly id: (typeof flips)[number]["id"];
  readonly value: (typeof flips)[number]["value"];
}

/** Every cell under each switch. */
export const underSwitches: readonly CellUnder[] = flips.flatMap((flip) => cells.map((cell) => ({ ...cell, ...flip })));

/** @returns what is not as the table says: that is written for the usual rules, and must hold for every other */
export async function wrongUnder(cell: CellUnder): Promise<readonly string[]> {
  const ended = await play(cell, cell.kind, { [cell.id]: cell.value });
  return wrongWithEnding({ ...cell, says: withoutCount(cell.says) }, ended);
}

/** How many tasks fail until ECS, or this job in its place, gives them up does depend on the rules. */
function withoutCount(says: RegExp): RegExp {
  return RegExp(says.source.replace("failed 3 times", String.raw`failed \d+ times`));
}
