export { type Answer, ask } from "./ask.ts";
export { ownDockerConfig, variableOfJob } from "./docker.ts";
export { findPython, type Python } from "./python.ts";
export { type Program, ProgramFailed, run } from "./run.ts";
