import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { replacingStack } from "../../../releases/played/stacks.ts";

cutEverywhere({
  name: "a release that takes over from another service, and does not load",
  account: { stack: replacingStack, former: true },
  mishaps: ["killed after", "call lost"],
  prepare: async (account) => {
    account.breakCode(await account.commit({ "app/main.py": "VERSION = 2\n" }));
    return (who) => who.deploy();
  },
  ends: "badly",
});
