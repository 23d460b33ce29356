import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { deployer } from "../../../releases/played/deployer.ts";
import { lockOf, pinned } from "../../../releases/played/upgrade.ts";

cutEverywhere({
  name: "an upgrade of Dagster",
  account: pinned,
  mishaps: ["killed after"],
  prepare: async (account) => {
    await account.clock.run(deployer(account, { run: 100 }).deploy());
    await account.commit({ "requirements.lock": lockOf("1.13.0") });
    return (who) => who.deploy();
  },
  ends: "well",
});
