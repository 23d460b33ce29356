import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { deployer } from "../../../releases/played/deployer.ts";

cutEverywhere({
  name: "a change of code",
  prepare: async (account) => {
    await account.clock.run(deployer(account, { run: 100 }).deploy());
    await account.commit({ "app/main.py": "VERSION = 2\n" });
    return (who) => who.deploy();
  },
  ends: "well",
});
