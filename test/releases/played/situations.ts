import type { Sha } from "../../../src/domain/identifiers.ts";
import type { Release } from "../../../src/domain/release.ts";
import { openAccount, type PlayedAccount } from "./account.ts";
import { type Deployer, deployer } from "./deployer.ts";
import { revisionsOf, type ServiceKey } from "./onlooker.ts";
import type { Rules } from "../../local-aws/rules.ts";
import type { RuntimeTask } from "../../local-aws/runtime.ts";

/** What is about to be released, onto what. */
export type Kind = "a first release" | "a change of code" | "a change of the host" | "a rollback";

/** Services that each kind rolls, in the order in which it does. */
export const rolled: Readonly<Record<Kind, readonly ServiceKey[]>> = {
  "a first release": ["code", "daemon", "webserver"],
  "a change of code": ["code"],
  "a change of the host": ["daemon", "webserver"],
  "a rollback": ["code", "daemon", "webserver"],
};

export interface Situation {
  readonly kind: Kind;
  readonly account: PlayedAccount;
  /** The release that is current; null before the first. */
  readonly current: Release | null;
  /** What the services run now; null: nothing. */
  readonly before: Awaited<ReturnType<typeof revisionsOf>>;
  /** The commit that is to run. */
  readonly sha: Sha;
  /** What is to be done. */
  readonly act: (who: Deployer) => ReturnType<Deployer["deploy"]>;
  /** Is it a task of this service, on another definition than it runs now or had in the beginning? */
  readonly isNew: (key: ServiceKey) => (task: RuntimeTask) => boolean;
}

export const newCode = { "app/main.py": "VERSION = 2\n" };
export const newHost = { "dagster.yaml": "telemetry: { enabled: true }\n" };

export async function situation(kind: Kind, rules: Partial<Rules> = {}): Promise<Situation> {
  const account = await openAccount({ rules });
  const { clock } = account;
  const release = async (): Promise<Release> => {
    const { release: made } = await clock.run(deployer(account, { run: 100 }).deploy());
    await clock.pass(60_000);
    return made;
  };
  const begin = async (): Promise<Pick<Situation, "current" | "sha" | "act">> => {
    switch (kind) {
      case "a first release":
        return { current: null, sha: await account.commit({}), act: (who) => who.deploy() };
      case "a change of code": {
        const current = await release();
        return { current, sha: await account.commit(newCode), act: (who) => who.deploy() };
      }
      case "a change of the host": {
        const current = await release();
        return { current, sha: await account.commit(newHost), act: (who) => who.deploy() };
      }
      case "a rollback": {
        const first = await release();
        await account.commit({ ...newCode, ...newHost });
        const current = await release();
        return { current, sha: first.source.sha, act: (who) => who.rollback(first.id) };
      }
    }
  };
  const begun = await begin();
  const before = await revisionsOf(account);
  return {
    kind,
    account,
    before,
    ...begun,
    isNew: (key) => (task) => {
      const { family, revision } = task.definition;
      return family === `small-${key}` && revision !== asInfrastructureLeftIt && revision !== before[key]?.revision;
    },
  };
}

/** Everything that starts from now on does as it should, whatever was told before. */
export function mend({ runtime, aws }: PlayedAccount): void {
  const quick = { startsAfterSeconds: 1, healthyAfterSeconds: 1 };
  runtime.script(() => true, { kind: "healthy", ...quick });
  runtime.script(endsByItself, { kind: "exits", ...quick, code: 0, afterSeconds: 1 });
  aws.faults.clear();
}

/** Migrations and runs. */
export function endsByItself({ definition }: RuntimeTask): boolean {
  return /^small-(once|run)-/.test(definition.family ?? "");
}

const asInfrastructureLeftIt = 1;
