import type { HealthCheck } from "@aws-sdk/client-ecs";

/** A container health check with ECS's defaults filled in: API_HealthCheck. */
export interface HealthCheckSettings {
  readonly command: readonly string[];
  readonly intervalMilliseconds: number;
  readonly timeoutMilliseconds: number;
  readonly retries: number;
  readonly startPeriodMilliseconds: number;
}

export type HealthStatus = "HEALTHY" | "UNHEALTHY";

/** What a check has seen so far. */
export interface HealthState {
  readonly status: HealthStatus | "UNKNOWN";
  /** Failed checks in a row since it was last healthy. */
  readonly failures: number;
}

export const unknownHealth: HealthState = { status: "UNKNOWN", failures: 0 };

/**
 * Before a container is healthy it is asked again after this long, whatever its interval: waiting would prove
 * nothing.
 */
const eagerMilliseconds = 300;

const firstMilliseconds = 1_000;

/** @returns null when the container has no check: an empty command, or `NONE`. */
export function healthCheckSettings(check: HealthCheck | undefined): HealthCheckSettings | null {
  const [form, ...words] = check?.command ?? [];
  if (check === undefined || form === undefined || form === "NONE") return null;
  return {
    command: form === "CMD-SHELL" ? ["/bin/sh", "-c", ...words] : form === "CMD" ? words : [form, ...words],
    intervalMilliseconds: (check.interval ?? 30) * 1000,
    timeoutMilliseconds: (check.timeout ?? 5) * 1000,
    retries: check.retries ?? 3,
    startPeriodMilliseconds: (check.startPeriod ?? 0) * 1000,
  };
}

/**
 * What is known after one more check. A container that has not been healthy yet becomes unhealthy when as much time
 * has passed as its declared interval, retries and start period give it, however often it was asked meanwhile.
 * @param elapsedMilliseconds since the container started.
 */
export function judgeHealth(
  settings: HealthCheckSettings,
  state: HealthState,
  passed: boolean,
  elapsedMilliseconds: number,
): HealthState {
  if (passed) return { status: "HEALTHY", failures: 0 };
  const failures = state.failures + 1;
  if (state.status === "UNKNOWN") {
    const patience = settings.startPeriodMilliseconds + settings.retries * settings.intervalMilliseconds;
    return { status: elapsedMilliseconds >= patience ? "UNHEALTHY" : "UNKNOWN", failures };
  }
  return { status: failures >= settings.retries ? "UNHEALTHY" : state.status, failures };
}

/**
 * Milliseconds from the start of a container to its first check. Not at once: a check may be a program as big as the one
 * that is starting, and would only hold it up.
 */
export function firstPause(settings: HealthCheckSettings): number {
  return Math.min(firstMilliseconds, settings.intervalMilliseconds);
}

/** Milliseconds from the end of one check to the start of the next. */
export function pauseAfter(settings: HealthCheckSettings, { status }: HealthState): number {
  return status === "UNKNOWN"
    ? Math.min(eagerMilliseconds, settings.intervalMilliseconds)
    : settings.intervalMilliseconds;
}
