import type { ServiceObservation } from "../../deployments/service.ts";
import { settingsOf } from "../../deployments/service.ts";
import { type ReplacementSettings, sameSettings } from "../../domain/plan.ts";
import type { Service } from "../../stack/stack.ts";
import { type Draft, push } from "./draft.ts";

/**
 * With `rollout: apply`, a service gets percentages and breaker that its kind needs before it is rolled.
 * @returns the step to wait for; none when they are so, or when they are the infrastructure's to set
 */
export function planSettings(
  service: Service,
  observed: ServiceObservation,
  after: readonly string[],
  draft: Draft,
): readonly string[] {
  if (!mayApply(service, observed)) return [];
  const from = settingsOf(observed.rollout);
  const to = needed(service.kind, from);
  if (sameSettings(from, to)) return [];
  const id = push(draft, {
    id: `settings/${service.key}`,
    part: "rollout",
    after,
    reason: whyNeeded[service.kind],
    undo: { kind: "settings", service: service.service, to: from },
    kind: "settings",
    service: service.key,
    name: service.service,
    from,
    to,
  });
  return [id];
}

/** Are percentages and breaker of this service ours to set? What CloudFormation has made, it puts back. */
export function mayApply({ rollout }: Service, { cloudFormationStack }: ServiceObservation): boolean {
  return rollout === "apply" && cloudFormationStack === null;
}

/** Percentages of a webserver are a matter of its size. */
function needed(kind: Service["kind"], now: ReplacementSettings): ReplacementSettings {
  const breaker = "rolls-back" as const;
  switch (kind) {
    case "daemon":
      return { minimumHealthyPercent: 0, maximumPercent: 100, breaker };
    case "code-location":
      return { minimumHealthyPercent: 100, maximumPercent: 200, breaker };
    case "webserver":
      return { ...now, breaker };
  }
}

const whyNeeded: Readonly<Record<Service["kind"], string>> = {
  daemon: "two daemons tick every schedule twice, and ECS is to take back what fails",
  "code-location": "served code stays until its successor is healthy, and ECS is to take back what fails",
  webserver: "ECS is to take back what fails",
};
