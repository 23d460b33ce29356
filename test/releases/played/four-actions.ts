import type { Part } from "../../../src/domain/plan.ts";
import type { Release } from "../../../src/domain/release.ts";
import type { Result } from "../../../src/releases/result.ts";
import type { Deployer } from "./deployer.ts";

/** Parts in the order in which a job carries them out, each by an action of its own. */
export const actions: readonly (readonly Part[])[] = [["images"], ["migrations"], ["definitions"], ["rollout"]];

/** The same process, whose deploys are carried out by four actions, the release passed on from each to the next. */
export function byFourActions(who: Deployer): Deployer {
  return {
    ...who,
    deploy: async ({ release = null, approved = null } = {}): Promise<Result> => {
      let last: Result | null = null;
      let travels: Release | null = release;
      for (const parts of actions) {
        last = await who.deploy({ parts, release: travels, approved });
        travels = last.release;
      }
      if (last === null) throw new Error("there are no actions");
      return last;
    },
  };
}
