import type { Sha } from "../../../src/domain/identifiers.ts";
import type { Release } from "../../../src/domain/release.ts";
import { type AccountOptions, openAccount, type PlayedAccount, stagedStackFile } from "./account.ts";
import { deployer, type DeployerOptions } from "./deployer.ts";

/** An environment in which releases are proved, and the one that they are promoted to: two accounts with one history. */
export interface TwoAccounts {
  readonly staging: PlayedAccount;
  readonly production: PlayedAccount;
}

/** @param options of both, and of production only */
export async function openTwoAccounts(
  both: AccountOptions = { stack: stagedStackFile },
  options: AccountOptions = {},
): Promise<TwoAccounts> {
  const staging = await openAccount({ ...both, environment: "staging" });
  return { staging, production: await openAccount({ ...both, neighbour: staging, ...options }) };
}

/** What is committed in one is committed in the other. */
export async function commitToBoth(
  { staging, production }: TwoAccounts,
  files: Readonly<Record<string, string>>,
): Promise<Sha> {
  const [one, other] = [await staging.commit(files), await production.commit(files)];
  if (one !== other) throw new Error(`two accounts with one history have commits ${one} and ${other}`);
  return one;
}

/** Releases what is checked out in an account, by a run of its own, and lets a minute pass. */
export async function release(account: PlayedAccount, run: number, options: DeployerOptions = {}): Promise<Release> {
  const { release: made } = await account.clock.run(deployer(account, { run, ...options }).deploy());
  await account.clock.pass(60_000);
  return made;
}
