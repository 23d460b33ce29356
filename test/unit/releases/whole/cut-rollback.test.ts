import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { deployer } from "../../../releases/played/deployer.ts";

cutEverywhere({
  name: "a rollback",
  prepare: async (account) => {
    const first = await account.clock.run(deployer(account, { run: 100 }).deploy());
    await account.commit({ "app/main.py": "VERSION = 2\n" });
    await account.clock.run(deployer(account, { run: 101 }).deploy());
    return (who) => who.rollback(first.release.id);
  },
  inTurn: true,
  ends: "well",
});
