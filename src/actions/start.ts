import { failStep } from "../github/failure.ts";
// Most of them need these: named here, they are not in every chunk.
import "../github/inputs.ts";
import "../github/summary.ts";
import "../images/scratch.ts";
import "../releases/price/prices.ts";
import "./part.ts";
import "./without-stack.ts";

/** Each action is a chunk of its own: what one does not need is not loaded. */
const actions = {
  "build-push-image": () => import("./build-push-image.ts"),
  "register-task-def": () => import("./register-task-def.ts"),
  "run-migrations": () => import("./run-migrations.ts"),
  "deploy-service": () => import("./deploy-service.ts"),
  "sync-dags": () => import("./sync-dags.ts"),
  root: () => import("./root.ts"),
  post: () => import("./post.ts"),
} as const;

export type ActionName = keyof typeof actions;

/** Runs one action; the one place where an error becomes a failed step. */
export async function start(name: ActionName): Promise<void> {
  try {
    const { run } = await actions[name]();
    await run();
  } catch (error) {
    failStep(error);
  }
}
