import type { EcsSend } from "../aws/ecs.ts";
import type { LogsSend } from "../aws/logs.ts";
import type { Looks } from "./looks.ts";

/** The services of AWS that a rollout needs. */
export interface DeploymentClients {
  readonly ecs: EcsSend;
  /** For the last lines of containers that failed. */
  readonly logs: LogsSend;
  /** Shared by those that roll side by side; absent: everybody looks by himself. */
  readonly looks?: Looks;
}
