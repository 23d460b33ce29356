export { type Answer, ask } from "./ask.ts";
export { type Program, ProgramFailed, run } from "./run.ts";
