import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";
import { replacingStack } from "../../../releases/played/stacks.ts";

cutEverywhere({
  name: "a release whose daemon takes over from another service",
  account: { stack: replacingStack, former: true },
  mishaps: ["killed before", "answer lost"],
  prepare: () => Promise.resolve((who) => who.deploy()),
  ends: "well",
});
