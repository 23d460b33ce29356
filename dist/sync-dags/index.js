import { enableCompileCache } from "node:module";
if (process.env.RUNNER_TEMP) enableCompileCache(`${process.env.RUNNER_TEMP}/dagster-ecs-compile-cache`);
const { start } = await import("../index.js");
await start("sync-dags");
