/** A target as the load balancer has it. */
export interface Target {
  /** Name of its target group. */
  readonly group: string;
  /** `10.0.1.7:3000` */
  readonly address: string;
  /** `healthy`, `unhealthy`, `initial`, `draining`, `unused`, `unavailable`. Source: API_TargetHealth of Elastic Load Balancing. */
  readonly state: string;
  /** AWS's word for why it is not healthy: `Target.Timeout`; null: it gives none. */
  readonly reason: string | null;
  /** The same as a sentence; null: there is none. */
  readonly description: string | null;
}

export type TargetsAnswer =
  | { readonly kind: "healthy"; readonly seen: string }
  | {
      readonly kind: "waiting";
      readonly why: string;
      /** Those that keep it waiting. */
      readonly ill: readonly Target[];
    };

/**
 * Are all targets of these groups healthy, in each of them as many as run? Those that are on their way out count no more.
 * @param wanted tasks of the service
 */
export function judgeTargets(groups: readonly string[], targets: readonly Target[], wanted: number): TargetsAnswer {
  const there = targets.filter(({ state }) => state !== "draining");
  const ill = there.filter(({ state }) => state !== "healthy");
  const lacking = groups.filter((group) => there.filter((one) => one.group === group).length < wanted);
  if (ill.length > 0) {
    const shown = ill.slice(0, 3).map(showTarget).join("; ");
    const more = ill.length > 3 ? `; and ${ill.length - 3} more` : "";
    return {
      kind: "waiting",
      why: `${there.length - ill.length} of ${there.length} targets healthy: ${shown}${more}`,
      ill,
    };
  }
  if (lacking.length > 0) {
    const counts = lacking.map(
      (group) => `${there.filter((one) => one.group === group).length} of ${wanted} in ${group}`,
    );
    return { kind: "waiting", why: `not all tasks are targets yet: ${counts.join(", ")}`, ill: [] };
  }
  return {
    kind: "healthy",
    seen: `${there.length} ${there.length === 1 ? "target" : "targets"} healthy in ${groups.join(", ")}`,
  };
}

/** `10.0.1.7:3000 in web unhealthy (Target.Timeout: Request timed out)` */
export function showTarget({ address, group, state, reason, description }: Target): string {
  const words = [reason, description].filter((word) => word !== null).join(": ");
  return `${address} in ${group} ${state}${words === "" ? "" : ` (${words})`}`;
}

/**
 * What to do about targets that do not become healthy, by the reason that most of them have.
 * Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html#target-health-reason-codes
 */
export function adviceFor(ill: readonly Target[]): string {
  const reasons = ill.flatMap((target) => target.reason ?? []);
  const count = (reason: string): number => reasons.filter((one) => one === reason).length;
  const [reason] = reasons.toSorted((a, b) => count(b) - count(a));
  return advice[reason ?? ""] ?? "See the target group in the EC2 console: its health check, and the service's log.";
}

const advice: Readonly<Record<string, string>> = {
  "Target.ResponseCodeMismatch":
    "The health check's path answers with another status than its matcher wants: for Dagster's webserver, let it ask `/server_info` and take 200.",
  "Target.Timeout":
    "Let the security group of the tasks take the load balancer's on the port of the health check; when it does, give the check more time.",
  "Target.FailedHealthChecks":
    "Nobody answers the health check: compare its port and protocol with those that the container listens on, and see its log.",
  "Target.NotInUse":
    "No listener of a load balancer forwards to this target group, or the tasks' availability zone is not one of the load balancer's: mend that in the infrastructure.",
  "Target.InvalidState": "The task has stopped: see why in the service's events.",
  "Elb.InitialHealthChecking":
    "The first health checks are not through: shorten their interval, or the healthy threshold.",
};
