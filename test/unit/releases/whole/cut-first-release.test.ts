import { cutEverywhere } from "../../../releases/played/cut-everywhere.ts";

cutEverywhere({
  name: "a first release",
  prepare: () => Promise.resolve((who) => who.deploy()),
  inTurn: true,
  ends: "well",
});
