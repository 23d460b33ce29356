import { type GateName, inOrder, type Question, type Step, usualTickSeconds } from "../domain/plan.ts";

/** Seconds that a thing of each kind may take until it counts as failed. */
export const rollTimeoutSeconds = 30 * 60;
export const stopTimeoutSeconds = 10 * 60;
export const migrationTimeoutSeconds = 60 * 60;
export const gateTimeoutSeconds = 3 * 60;
export const canaryTimeoutSeconds = 10 * 60;
/** A young daemon's log is looked at once more when 40 s are over. */
const logScanSeconds = 60;
/** So long ECS is given to stop older tasks: targets are drained for five minutes unless told, and tasks then end. */
export const olderTasksSeconds = 15 * 60;

/** Ticks are waited for ten minutes, and longer where one of them may take longer. */
export function expectSeconds({ sensors }: Pick<Extract<Question, { gate: "expect" }>, "sensors">): number {
  return Math.max(usualTickSeconds, ...Object.values(sensors).map(({ withinSeconds = 0 }) => withinSeconds));
}

/**
 * Seconds that steps take at most, by the longest chain of those that wait for each other. What has no time-out counts as nothing.
 * @param rollSeconds that one deployment may take
 * @param nameTtlSeconds for which a resolver may remember an address, the contract's `name-ttl-seconds`
 */
export function longestSeconds(steps: readonly Step[], rollSeconds: number, nameTtlSeconds: number): number {
  const ends = new Map<string, number>();
  for (const step of inOrder(steps)) {
    const begin = Math.max(0, ...step.after.map((id) => ends.get(id) ?? 0));
    ends.set(step.id, begin + timeoutSeconds(step, rollSeconds, nameTtlSeconds));
  }
  return Math.max(0, ...ends.values());
}

function timeoutSeconds(step: Step, rollSeconds: number, nameTtlSeconds: number): number {
  switch (step.kind) {
    case "image":
    case "protect":
    case "register":
    case "settings":
    case "publish":
    case "switch":
    case "list":
    case "mirror":
      return 0;
    case "run-task":
      return migrationTimeoutSeconds;
    case "drain":
      return step.minutes * 60;
    case "stop":
      return stopTimeoutSeconds;
    case "roll":
    case "put-back":
      return rollSeconds;
    case "gate":
      return step.gate === "expect"
        ? expectSeconds(step)
        : gateSeconds(step.gate, nameTtlSeconds) + (step.gate === "version" ? step.pollSeconds : 0);
  }
}

function gateSeconds(gate: Exclude<GateName, "expect">, nameTtlSeconds: number): number {
  switch (gate) {
    case "location":
      return olderTasksSeconds + gateTimeoutSeconds + nameTtlSeconds;
    // Of these older tasks are waited for where the service's settings defer the clean-up, which no step tells.
    case "loaded":
    case "daemon":
    case "webserver":
      return olderTasksSeconds + gateTimeoutSeconds;
    case "log-scan":
      return logScanSeconds;
    case "canary":
      return canaryTimeoutSeconds;
    case "state":
    case "version":
    case "targets":
    case "security-groups":
      return gateTimeoutSeconds;
  }
}
