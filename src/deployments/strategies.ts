import { sameRevision } from "../domain/verdict.ts";
import type { ServiceDeploymentObservation, WaitingHook } from "./observe.ts";
import type { RolloutSettings } from "./service.ts";
import type { Track } from "./track.ts";

/**
 * Do only service deployments tell when a rollout is over? Blue/green, linear and canary shift traffic in stages, hooks may hold any
 * of them up for days, and during a bake time everything runs and may still be taken back: `deployments[]` has no word for these.
 * Source: service-deployment and API_DeploymentConfiguration in the ECS documentation.
 */
export function isStaged({ strategy, hooks, bakeMinutes }: RolloutSettings): boolean {
  return strategy !== "ROLLING" || hooks > 0 || bakeMinutes > 0;
}

/** Has it a circuit breaker that goes back to what ran before? */
export function goesBackByItself({ breaker }: Pick<RolloutSettings, "breaker">): boolean {
  return breaker?.rollback === true;
}

/**
 * Is that wanted of it? The circuit breaker is the rolling update's; what shifts traffic in stages is taken back by hooks and alarms.
 * Source: API_DeploymentCircuitBreaker in the ECS API reference.
 */
export function mustGoBackByItself({ strategy }: Pick<RolloutSettings, "strategy">): boolean {
  return strategy === "ROLLING";
}

/** Is this one of these, and not only a count that changes, or what was there already? Going back by an update is one as well. */
export function needsWord({ aim, service }: Pick<Track, "aim" | "service">): boolean {
  if (!aim.moves || aim.toNothing || !isStaged(service.rollout)) return false;
  return aim.returning || !sameRevision(aim.from, aim.to);
}

/** What the service deployment is at, for people: `BLUE_GREEN at BAKE_TIME`. Null: nothing that a rolling update would not say. */
export function stageOf({ service, serviceDeployment }: Pick<Track, "service" | "serviceDeployment">): string | null {
  const known = serviceDeployment === "refused" ? null : serviceDeployment;
  const { strategy } = service.rollout;
  const stage = known?.stage ?? null;
  if (strategy === "ROLLING" && stage === null && (known?.waiting ?? []).length === 0) return null;
  const held = (known?.waiting ?? []).map(shown).join(", ");
  return `${strategy}${stage === null ? "" : ` at ${stage}`}${held === "" ? "" : `, held up by ${held}`}`;
}

/** A hook that waits for somebody. */
export function awaitedHook(serviceDeployment: Track["serviceDeployment"]): WaitingHook | null {
  const known: ServiceDeploymentObservation | null = serviceDeployment === "refused" ? null : serviceDeployment;
  return known?.waiting.find(({ awaitsAction }) => awaitsAction) ?? null;
}

function shown({ id, awaitsAction }: WaitingHook): string {
  return awaitsAction ? `hook ${id}, which waits for somebody` : `hook ${id}`;
}
