/* What the command line does to locations of a stack file: a chunk of its own. */
export { addLocation, removeLocation, updateLocation } from "./change.ts";
export { lineDiff } from "./diff.ts";
export { observeGoing } from "./going.ts";
export { stackFileTextOf, writeChange } from "./write.ts";
