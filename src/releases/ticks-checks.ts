import { shortestIntervalSeconds } from "../dagster/cron.ts";
import type { Finding } from "../domain/finding.ts";
import type { Step } from "../domain/plan.ts";
import type { Stack } from "../stack/stack.ts";
import type { Observation } from "./observation.ts";

/**
 * So long no daemon is there while one is replaced, in seconds, where no release has replaced it yet: its stop timeout at most (120), and a task of Fargate that is
 * provisioned, pulled and started (about 60).
 */
const usualSeconds = 180;
const namedAtMost = 10;

/** Schedules that are due more often than the daemon that a plan replaces will be away: Dagster makes up for the newest tick only. */
export function checkTicks(
  { services }: Stack,
  { instigators, rolledIn, services: observed }: Pick<Observation, "instigators" | "rolledIn" | "services">,
  steps: readonly Step[],
): readonly Finding[] {
  return Object.values(services).flatMap((service): Finding[] => {
    const { key, kind, place: where } = service;
    const runs = (observed[key]?.desiredCount ?? 0) > 0;
    if (kind !== "daemon" || !runs || !steps.some((step) => step.kind === "roll" && step.service === key)) return [];
    const last = rolledIn[key] ?? null;
    const awaySeconds = last ?? usualSeconds;
    const often = (instigators.due ?? []).flatMap(({ location, name, cron }) => {
      const seconds = shortestIntervalSeconds(cron);
      return seconds === null || seconds >= awaySeconds ? [] : [`${name} of ${location} (every ${minutes(seconds)})`];
    });
    if (often.length === 0) return [];
    const more = often.length > namedAtMost ? ` and ${often.length - namedAtMost} more` : "";
    return [
      {
        id: "ticks-passed-over",
        level: "notice",
        where,
        what: `While ${key} is replaced nothing ticks, for about ${spanOf(awaySeconds)}${last === null ? ", as is usual on Fargate" : ", as when it was last replaced"}; due more often than that: ${often.slice(0, namedAtMost).join(", ")}${more}. The new daemon makes up for the newest tick that each has missed, and for none before it.`,
        fix: "Nothing, where the next run does what was missed. Where every tick counts, give the schedule partitions: then up to five are made up.",
        source: "dagster/_scheduler/scheduler.py",
      },
    ];
  });
}

/** `3 minutes`; `95 s` */
function spanOf(seconds: number): string {
  return seconds % 60 === 0 && seconds > 60 ? minutes(seconds) : `${seconds} s`;
}

function minutes(seconds: number): string {
  return seconds === 60 ? "minute" : `${seconds / 60} minutes`;
}
