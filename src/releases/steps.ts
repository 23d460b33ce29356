import type { Results } from "../domain/later.ts";
import type { Step } from "../domain/plan.ts";
import { writeList } from "./steps/list.ts";
import { mirrorFiles, publish, switchPointer } from "./steps/dags.ts";
import { register } from "./steps/definition.ts";
import type { Done } from "./steps/done.ts";
import { awaitRuns } from "./steps/drain.ts";
import { passGate } from "./steps/gate.ts";
import { makeImage } from "./steps/image.ts";
import { runMigration } from "./steps/migration.ts";
import { protect } from "./steps/protect.ts";
import { putBack, rollService, stopService } from "./steps/service.ts";
import { setReplacement } from "./steps/settings.ts";
import type { Workshop } from "./workshop.ts";

/**
 * Carries one step out.
 * @param results of the steps before it
 * @throws StepFailed, UserError, AwsError, Cancelled
 */
export function carryOut(shop: Workshop, step: Step, results: Results): Promise<Done> {
  switch (step.kind) {
    case "image":
      return makeImage(shop, step);
    case "protect":
      return protect(shop, step);
    case "register":
      return register(shop, step, results);
    case "run-task":
      return runMigration(shop, step, results);
    case "drain":
      return awaitRuns(shop, step);
    case "roll":
      return rollService(shop, step, results);
    case "settings":
      return setReplacement(shop, step);
    case "stop":
      return stopService(shop, step);
    case "put-back":
      return putBack(shop, step);
    case "publish":
      return publish(shop, step);
    case "switch":
      return switchPointer(shop, step);
    case "list":
      return writeList(shop, step);
    case "mirror":
      return mirrorFiles(shop, step);
    case "gate":
      return passGate(shop, step, results);
  }
}
