export { type Program, ProgramFailed, run } from "./run.ts";
