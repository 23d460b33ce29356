import type { Verdict } from "../../../../src/domain/verdict.ts";
import { isGood } from "../../../../src/domain/verdict.ts";
import type { Rules } from "../../../local-aws/rules.ts";
import { flips } from "../flips.ts";
import { type Containers, containers } from "./containers.ts";
import { faults } from "./faults.ts";
import { type Play, play } from "./play.ts";
import { breakers, strategies } from "./settings.ts";
import { untruths } from "./truth.ts";

/** Any of each class, with nobody who interferes, under another value of a rule that nobody outside AWS knows. */
export interface Cell extends Play {
  readonly failEarly: boolean;
  readonly flip: (typeof flips)[number];
}

/** After these the watching ends before the rollout does. */
const unwatched: ReadonlySet<keyof typeof faults> = new Set(["no answers any more", "a session that expires"]);

/** Every cell of the classes' product, under every switch. */
export const cells: readonly Cell[] = product(
  keysOf(containers).filter(isSteady),
  keysOf(breakers),
  keysOf(faults),
  keysOf(strategies),
  [false, true],
  flips,
).map(([container, breaker, fault, strategy, failEarly, flip]) => ({
  containers: container,
  breaker,
  faults: fault,
  strategy,
  failEarly,
  request: { failEarly },
  flip,
}));

/** @returns what is wrong with it: the verdict must be the same as under the usual rules, and good only if all of it runs */
export async function wrongWith(cell: Cell): Promise<readonly string[]> {
  const usual = await judged(cell, {});
  const flipped = await judged(cell, { [cell.flip.id]: cell.flip.value });
  const { verdict } = usual.verdict;
  const wrong = [...usual.wrong, ...flipped.wrong];
  if (flipped.verdict.verdict !== verdict) wrong.push(`it is ${verdict}, and ${flipped.verdict.verdict} then`);
  return wrong;
}

async function judged(
  cell: Cell,
  rules: Partial<Rules>,
): Promise<{ readonly verdict: Verdict; readonly wrong: readonly string[] }> {
  const { verdict, scene } = await play(cell, { rules, clients: "memory" });
  const besideOld = cell.strategy === "done while old ones run";
  const untrue = isGood(verdict.verdict) ? await untruths(scene, { revision: "app:2", digest: false, besideOld }) : [];
  await scene.aws.close();
  const { runs }: Containers = containers[cell.containers];
  const isMissed = runs && unwatched.has(cell.faults ?? "none");
  const wrong = [...untrue];
  if (!runs && isGood(verdict.verdict) && cell.containers !== "run another digest")
    wrong.push(`it is ${verdict.verdict}, and never runs`);
  if (isMissed && isGood(verdict.verdict)) wrong.push("nobody can have seen that it is good");
  return { verdict, wrong };
}

export function showCell({ containers: what, breaker, faults: fault, strategy, failEarly, flip }: Cell): string {
  const early = failEarly ? ", failing early" : "";
  return `containers ${what}; ECS ${breaker}; ${fault}; ${strategy}${early}; ${flip.id} ${flip.value}`;
}

function isSteady(key: keyof typeof containers): boolean {
  const { definition, recovers }: Containers = containers[key];
  return definition !== null && recovers !== true;
}

function keysOf<Key extends string>(table: Readonly<Record<Key, unknown>>): readonly Key[] {
  return Object.keys(table) as Key[];
}

/** All combinations. */
function product<Lists extends readonly (readonly unknown[])[]>(
  ...lists: Lists
): readonly { readonly [Index in keyof Lists]: Lists[Index][number] }[] {
  return lists.reduce<readonly (readonly unknown[])[]>(
    (rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])),
    [[]],
  ) as readonly { readonly [Index in keyof Lists]: Lists[Index][number] }[];
}
