import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { newHost } from "../../../releases/played/situations.ts";

cutEverywhere({
  name: "a change of the host",
  mishaps: ["killed after"],
  prepare: async (account) => {
    await account.clock.run(deployer(account, { run: 100 }).deploy());
    await account.commit(newHost);
    return (who) => who.deploy();
  },
  ends: "well",
});
