import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { deployer } from "../../../releases/played/deployer.ts";

cutEverywhere({
  name: "a commit that does not load",
  prepare: async (account) => {
    await account.clock.run(deployer(account, { run: 100 }).deploy());
    account.breakCode(await account.commit({ "app/main.py": "VERSION = 2\n" }));
    return (who) => who.deploy();
  },
  inTurn: true,
  ends: "badly",
});
