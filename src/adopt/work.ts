// What the command line does with it, as one chunk of the bundle.
export { adopt } from "./adopt.ts";
export { guessesOf, wordsOfAdopted } from "./explain.ts";
export { leave, wordsOfLeft } from "./leaving/leave.ts";
export { recordRunning } from "./record.ts";
export { wordsOfImported } from "./secrets/explain.ts";
export { importSecrets } from "./secrets/import.ts";
export { stackFileLines } from "./secrets/plan.ts";
