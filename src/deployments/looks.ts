import type { EcsSend } from "../aws/ecs.ts";
import { observeServices } from "./observe.ts";
import type { ServiceObservation } from "./service.ts";

/**
 * Looks at services that roll side by side. Whoever waits for his next look joins the one that is due first, so that a single
 * DescribeServices serves all of them.
 */
export interface Looks {
  /** When to look next: not later than `latest`. @param now and `latest`: milliseconds since 1970 */
  next(cluster: string, service: string, now: number, latest: number): number;
  /** @param now milliseconds since 1970 @returns null when the cluster has no such service. @throws AwsError */
  look(cluster: string, service: string, now: number): Promise<ServiceObservation | null>;
}

/** Milliseconds after which an answer is no news to somebody who comes late. */
const fresh = 1_000;

function isDue(at: number, now: number): boolean {
  return at <= now && now - at < fresh;
}

type Answer = ReturnType<typeof observeServices>;

/** A look that some have agreed on. */
interface Appointment {
  readonly cluster: string;
  readonly at: number;
  readonly services: Set<string>;
  /** Once the first of them has asked. */
  answer: Answer | null;
}

/** @param ecs asks for all of them */
export function sharedLooks(ecs: EcsSend): Looks {
  let dates: Appointment[] = [];
  return {
    next(cluster, service, now, latest) {
      const open = dates.filter((date) => date.cluster === cluster && date.answer === null);
      const [first] = open.filter(({ at }) => at > now && at <= latest).sort((a, b) => a.at - b.at);
      const date = first ?? { cluster, at: latest, services: new Set<string>(), answer: null };
      if (first === undefined) dates.push(date);
      date.services.add(service);
      return date.at;
    },
    async look(cluster, service, now) {
      const mine = dates.find((date) => date.cluster === cluster && isDue(date.at, now) && date.services.has(service));
      dates = dates.filter(({ at }) => at > now || isDue(at, now));
      if (mine === undefined) return (await observeServices(ecs, cluster, [service]))[service] ?? null;
      mine.services.delete(service);
      mine.answer ??= observeServices(ecs, cluster, [service, ...mine.services]);
      return (await mine.answer)[service] ?? null;
    },
  };
}
