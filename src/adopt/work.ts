// What the command line does with it, as one chunk of the bundle.
export { adopt } from "./adopt.ts";
export { guessesOf, wordsOfAdopted } from "./explain.ts";
export { leave, wordsOfLeft } from "./leaving/leave.ts";
export { recordRunning } from "./record.ts";
