import type { Step } from "../../domain/plan.ts";
import { drain } from "../../gates/drain.ts";
import type { Workshop } from "../workshop.ts";
import { type Done, StepFailed } from "./done.ts";

/** Waits until no run lives where it would be ended. @throws StepFailed, Cancelled */
export async function awaitRuns(
  { dagster, context }: Pick<Workshop, "dagster" | "context">,
  { holders, minutes }: Extract<Step, { kind: "drain" }>,
): Promise<Done> {
  if (dagster === null) throw new Error("nobody can be asked for runs");
  const { cause, seen } = await drain(dagster, context, { holders, minutes });
  if (cause !== null) throw new StepFailed(cause, []);
  return { results: {}, parts: {}, said: seen };
}
