import { rollTimeoutSeconds } from "./time-outs.ts";

/** How services are rolled, and what becomes of those that moved when it is not seen to its end. */
export interface Rolling {
  /** Failures that can only repeat end a deployment at their second time. */
  readonly failEarly: boolean;
  /** What to do about a deployment of somebody else's that is under way. */
  readonly inFlight: "wait" | "take-over" | "fail";
  /** For the deployment of one service, and for the waiting for those of others. */
  readonly timeoutSeconds: number;
  readonly onTimeout: "leave" | "rollback";
  readonly onCancel: "leave" | "rollback";
}

/** As the actions have it unless told. */
export const usualRolling: Rolling = {
  failEarly: true,
  inFlight: "take-over",
  timeoutSeconds: rollTimeoutSeconds,
  onTimeout: "rollback",
  onCancel: "leave",
};
