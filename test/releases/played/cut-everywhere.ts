import { type AccountOptions, openAccount, type PlayedAccount } from "./account.ts";
import { cutAt, type Mishap, mishaps } from "./cut.ts";
import { type Deployer, deployer, type DeployerOptions } from "./deployer.ts";
import { wrongWith } from "./ending.ts";
import { byFourActions } from "./four-actions.ts";
import { type OutsideCall, showCall } from "./wire.ts";

/** What is done, and cut at each of its calls. */
export interface Scenario {
  readonly name: string;
  /** The account that it is played in. */
  readonly account?: AccountOptions;
  /** Ways in which it is cut; all of them, unless it says so. */
  readonly mishaps?: readonly Mishap[];
  /**
   * Those that its process outlives take turns, one at each of its calls: for what goes the same way through the same code as another
   * scenario, in which each of them befalls every call.
   */
  readonly inTurn?: boolean;
  /** Everything before. @returns what is to be done */
  readonly prepare: (account: PlayedAccount) => Promise<(who: Deployer) => Promise<unknown>>;
  /** What is not as it should be in the end, beside what holds for all. */
  readonly wrong?: (account: PlayedAccount) => Promise<readonly string[]>;
  /** The last run ends well, or is taken back. */
  readonly ends: "well" | "badly";
}

/**
 * Tests of one scenario: it is cut at each of its calls, in each way that differs there ({@link differs}), and then run again: after
 * every other call by four actions, so that what was cut after one call, or before the next, is met by both.
 */
export function cutEverywhere(scenario: Scenario): void {
  let calls: readonly MadeCall[] = [];
  beforeAll(async () => {
    calls = await callsOf(scenario);
  });

  const takesTurns = (mishap: Mishap): boolean => scenario.inTurn === true && outlived.includes(mishap);
  test.each(
    (scenario.mishaps ?? mishaps).map((mishap) => [mishap, takesTurns(mishap) ? "every third" : "each"] as const),
  )(
    `${scenario.name}, %s at %s of its calls and run again, leaves one release, its services as it says, and nothing over`,
    async (mishap) => {
      const wrong: string[] = [];
      const places = placesToCut(placesOf(calls));
      const isDue = ({ at }: Place): boolean => !takesTurns(mishap) || isItsTurn(mishap, at);
      for (const place of places.filter((one) => differs(calls, one.at, mishap) && isDue(one))) {
        const { wrong: found } = await cutAndRunAgain(scenario, place, mishap);
        wrong.push(...found.map((one) => `${showPlace(place)}: ${one}`));
      }
      expect(wrong).toEqual([]);
    },
    600_000,
  );
}

/** A call of a release that nothing befell, and what it is known by in another run: there may be more or fewer looks before it. */
export interface Place {
  /** Its number, counted from 0. */
  readonly at: number;
  readonly call: OutsideCall;
  /** How many calls before it write. */
  readonly writes: number;
  /** How many calls since the last of these were the same. */
  readonly same: number;
}

export function showPlace({ at, call }: Place): string {
  return `${at} ${showCall(call)}`;
}

export function placesOf(calls: readonly OutsideCall[]): readonly Place[] {
  return calls.map((call, at) => placeAfter(calls.slice(0, at), call));
}

function placeAfter(before: readonly OutsideCall[], call: OutsideCall): Place {
  const since = before.slice(before.findLastIndex(({ writes }) => writes) + 1);
  return {
    at: before.length,
    call,
    writes: before.filter(({ writes }) => writes).length,
    same: since.filter((one) => showCall(one) === showCall(call)).length,
  };
}

/** Is it the call of this place, or the first after it, when it was left out? Asked at each call, in order. */
function isAt({ call, writes, same }: Place): (one: OutsideCall) => boolean {
  const before: OutsideCall[] = [];
  return (one) => {
    const place = placeAfter(before, one);
    before.push(one);
    const isSame = showCall(one) === showCall(call) && place.writes === writes && place.same === same;
    return isSame || place.writes > writes;
  };
}

/** A call, and the moment it was made at, in milliseconds of the account's time. */
export interface MadeCall extends OutsideCall {
  readonly madeAt: number;
}

/**
 * Would a cut here leave something else than one at a neighbour, which is made anyway? Who is gone has left what is outside, and that is
 * the same before and after a call that only looks, as long as no time goes by; and a look whose answer is lost has done as much as one
 * that never came.
 */
export function differs(calls: readonly MadeCall[], at: number, mishap: Mishap): boolean {
  const isWrite = (one: number): boolean => calls[one]?.writes ?? true;
  const passes = (from: number): boolean => calls[from + 1]?.madeAt !== calls[from]?.madeAt;
  switch (mishap) {
    case "killed before":
      return isWrite(at - 1) || passes(at - 1);
    case "killed after":
      return isWrite(at) || passes(at);
    case "answer lost":
      return isWrite(at);
    case "call lost":
    case "cancelled":
    case "paused":
      return true;
  }
}

/** What its process lives through. */
const outlived: readonly Mishap[] = ["call lost", "cancelled", "paused"];

/** Each turn another one begins: who goes on afterwards goes by the number of the call as well. */
function isItsTurn(mishap: Mishap, at: number): boolean {
  return (at + Math.floor(at / outlived.length)) % outlived.length === outlived.indexOf(mishap);
}

/** Every call, but for the middle of a row of questions that are asked again and again: a look every second looks the same. */
export function placesToCut(places: readonly Place[]): readonly Place[] {
  const calls = places.map(({ call }) => showCall(call));
  const same = (a: number, b: number, length: number): boolean =>
    a >= 0 && calls.slice(a, a + length).join() === calls.slice(b, b + length).join();
  const isMiddle = (at: number): boolean =>
    [1, 2, 3].some(
      (period) => same(at - 2 * period, at, period) && same(at - period, at, period) && same(at + period, at, period),
    );
  return places.filter((_, at) => !isMiddle(at));
}

/** Calls of the scenario when nothing befalls it. */
export async function callsOf({ prepare, account: options }: Scenario): Promise<readonly MadeCall[]> {
  const account = await openAccount(options);
  try {
    const act = await prepare(account);
    const calls: MadeCall[] = [];
    const who = deployer(account, {
      wire: (call, effect) => {
        calls.push({ ...call, madeAt: account.clock.product.now() });
        return effect();
      },
    });
    await account.clock.run(act(who)).catch(() => undefined);
    return calls;
  } finally {
    await account.close();
  }
}

/** @returns what is wrong in the end, and the call that was struck */
export async function cutAndRunAgain(
  { prepare, ends, account: options, wrong: wrongBeside }: Scenario,
  place: Place,
  mishap: Mishap,
): Promise<{ readonly wrong: readonly string[]; readonly struck: OutsideCall | null }> {
  const account = await openAccount(options);
  const { clock } = account;
  try {
    const act = await prepare(account);
    let first: Deployer | null = null;
    const { at } = place;
    const cut = cutAt({
      at: isAt(place),
      mishap,
      cancel: (reason) => first?.cancel(reason),
      after: (milliseconds, callback) => void clock.bed.after(milliseconds, callback),
      pause: () => clock.product.sleep(20 * 60_000),
    });
    first = deployer(account, { wire: cut.wire });
    const end = await clock.run(
      Promise.race([
        cut.gone,
        act(first).then(
          () => "good" as const,
          () => "bad" as const,
        ),
      ]),
    );
    const next = nextDeployer(at, end === "gone");
    await clock.pass(next.later ? 20 * 60_000 : 2_000); // a release is named by the second it was begun in
    const second = deployer(account, next.options);
    const result = await clock.run(act(at % 2 === 0 ? second : byFourActions(second))).then(
      () => "well",
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
    await clock.pass(5 * 60_000);
    const wrong = [...(await wrongWith(account)), ...((await wrongBeside?.(account)) ?? [])];
    if (ends === "well" && result !== "well") wrong.push(`the second run failed: ${String(result)}`);
    if (ends === "badly" && result === "well") wrong.push("the second run went well");
    if (cut.struck() === null) wrong.push("it was not struck");
    return { wrong, struck: cut.struck() };
  } finally {
    await account.close();
  }
}

/** Attempt 2 of the same run at once; another run at once, which GitHub tells that the first is over; another one, after the lease. */
function nextDeployer(at: number, gone: boolean): { readonly later: boolean; readonly options: DeployerOptions } {
  const options: readonly { readonly later: boolean; readonly options: DeployerOptions }[] = [
    { later: false, options: { attempt: 2 } },
    { later: false, options: { run: 2, isOver: () => Promise.resolve("over") } },
    { later: true, options: { run: 2 } },
  ];
  return options[(at + (gone ? 0 : 1)) % options.length] ?? { later: false, options: {} };
}
