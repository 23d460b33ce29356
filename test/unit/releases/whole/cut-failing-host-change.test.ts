import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { revisionsOf } from "../../../releases/played/onlooker.ts";
import { newHost } from "../../../releases/played/situations.ts";

cutEverywhere({
  name: "a change of the host, whose webserver does not start after the daemon has",
  mishaps: ["killed after"],
  prepare: async (account) => {
    await account.clock.run(deployer(account, { run: 100 }).deploy());
    const { webserver } = await revisionsOf(account);
    account.runtime.script(
      ({ definition: { family, revision } }) => family === "small-webserver" && revision !== webserver?.revision,
      { kind: "never-starts", reason: "CannotPullContainerError" },
    );
    await account.commit(newHost);
    return (who) => who.deploy();
  },
  ends: "badly",
});
