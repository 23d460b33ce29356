import type { ECS } from "@aws-sdk/client-ecs";
import type { LocalAws } from "../../../local-aws/local-aws.ts";
import type { ScriptedRuntime } from "../../../local-aws/runtimes/scripted.ts";
import type { Stage } from "../../local-aws/stage.ts";

/** What a scenario may touch: on a fake clock in a test, and around real processes when peers are measured. */
export interface World extends Pick<Stage, "register" | "update" | "service" | "serviceDeployment" | "until" | "pass"> {
  readonly aws: LocalAws;
  readonly ecs: ECS;
  readonly runtime: ScriptedRuntime;
  /** Does this when so many seconds have passed since whoever deploys has begun. */
  later(seconds: number, act: () => unknown): void;
  /** Cancels whoever deploys. */
  abort(): void;
}

/** The image of `app:1`, of the revision that is rolled out, and of one that somebody else brings. */
export const images = { before: "registry/app:1", ours: "registry/app:2", theirs: "registry/app:3" };

/** Whom faults strike: whoever deploys, and nobody else. */
export const caller = "product";
