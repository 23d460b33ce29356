/** Why a load balancer takes a task for ill, as it says. */
export interface TargetAdvice {
  /** What it usually means, as a clause. */
  readonly what: string;
  readonly fix: string;
  readonly source: string;
}

const source = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html";

const listening =
  "Check that the program listens on 0.0.0.0 (not on 127.0.0.1 only) and on the container port that the service names to its target group";

/** @param events of the service: `… is unhealthy in (target-group …) due to (reason …)`. @returns null when none gives a reason */
export function targetAdviceOf(events: readonly string[]): TargetAdvice | null {
  const reasons = events.flatMap((text) => /is unhealthy in .*due to \(reason (.*?)\)\.?$/.exec(text)?.[1] ?? []);
  const reason = reasons.at(-1);
  if (reason === undefined) return null;
  const [, code] = /codes: \[(\d{3})\]/.exec(reason) ?? [];
  if (code !== undefined) {
    return {
      what: `it answers the check with ${code}`,
      fix: "Check the path and the expected codes of the target group's check: a path behind a login answers 401, 403 or 302, one that does not exist 404. On 5xx the program's log has the reason.",
      source,
    };
  }
  if (/timed out/i.test(reason)) {
    return {
      what: "nothing answers on its port within the check's time-out",
      fix: `${listening}, that the task's security group lets the load balancer in, and that the check's time-out is long enough.`,
      source,
    };
  }
  return /Health checks failed/i.test(reason)
    ? { what: "nobody listens on its port", fix: `${listening}.`, source }
    : null;
}
