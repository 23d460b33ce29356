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
  /** Everything before. @returns what is to be done */
  readonly prepare: (account: PlayedAccount) => Promise<(who: Deployer) => Promise<unknown>>;
  /** The last run ends well, or is taken back. */
  readonly ends: "well" | "badly";
}

/**
 * Tests of one scenario: it is cut at each of its calls, in each way, and then run again: after every other call by four actions, so
 * that what was cut after one call, or before the next, is met by both.
 */
export function cutEverywhere(scenario: Scenario): void {
  let calls: readonly OutsideCall[] = [];
  beforeAll(async () => {
    calls = await callsOf(scenario);
  });

  test.each(scenario.mishaps ?? mishaps)(
    `${scenario.name}, %s at each of its calls and run again, leaves one release, its services as it says, and nothing over`,
    async (mishap) => {
      const wrong: string[] = [];
      for (const at of placesToCut(calls.map(showCall))) {
        const found = await cutAndRunAgain(scenario, at, mishap);
        wrong.push(...found.map((one) => `${at} ${calls.map(showCall)[at] ?? ""}: ${one}`));
      }
      expect(wrong).toEqual([]);
    },
    600_000,
  );
}

/** Every call, but for the middle of a row of questions that are asked again and again: a look every second looks the same. */
function placesToCut(calls: readonly string[]): readonly number[] {
  const same = (a: number, b: number, length: number): boolean =>
    a >= 0 && calls.slice(a, a + length).join() === calls.slice(b, b + length).join();
  const isMiddle = (at: number): boolean =>
    [1, 2, 3].some(
      (period) => same(at - 2 * period, at, period) && same(at - period, at, period) && same(at + period, at, period),
    );
  return calls.flatMap((_, at) => (isMiddle(at) ? [] : [at]));
}

async function callsOf({ prepare, account: options }: Scenario): Promise<readonly OutsideCall[]> {
  const account = await openAccount(options);
  try {
    const act = await prepare(account);
    const calls: OutsideCall[] = [];
    const who = deployer(account, {
      wire: (call, effect) => {
        calls.push(call);
        return effect();
      },
    });
    await account.clock.run(act(who)).catch(() => undefined);
    return calls;
  } finally {
    await account.close();
  }
}

/** @returns what is wrong in the end. */
async function cutAndRunAgain(
  { prepare, ends, account: options }: Scenario,
  at: number,
  mishap: Mishap,
): Promise<readonly string[]> {
  const account = await openAccount(options);
  const { clock } = account;
  try {
    const act = await prepare(account);
    let first: Deployer | null = null;
    const cut = cutAt({
      at,
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
    const wrong = await wrongWith(account);
    if (ends === "well" && result !== "well") return [...wrong, `the second run failed: ${String(result)}`];
    if (ends === "badly" && result === "well") return [...wrong, "the second run went well"];
    return wrong;
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
