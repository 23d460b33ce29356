import type { Dagster } from "../dagster/client.ts";
import { daemonHealth } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { askUntil, type GateResult } from "./gate.ts";
import { handover } from "./handover.ts";
import { silentDaemons } from "./judge.ts";

/** The daemon that is to be heard of. */
export interface DaemonExpectation {
  /** Key of the service. */
  readonly service: string;
  /** When its task was started, in milliseconds since 1970; null when that is not known yet. */
  readonly startedAt: () => Promise<number | null>;
  /** ECS's name of the service whose daemon it takes the place of; null: none. What became of ticks meanwhile is told then. */
  readonly handedOverFrom: string | null;
  readonly timeoutSeconds: number;
}

/** Passes when every daemon that the instance requires has sent a heartbeat since its task was started. */
export function daemonGate(dagster: Dagster, context: Context, expected: DaemonExpectation): Promise<GateResult> {
  const { handedOverFrom: from } = expected;
  let startedAt: number | null = null;
  return askUntil(
    context,
    { gate: "daemon", on: expected.service, timeoutSeconds: expected.timeoutSeconds },
    async () => {
      startedAt ??= await expected.startedAt();
      if (startedAt === null) return { waiting: "ECS does not name its task yet" };
      const statuses = (await dagster.ask(daemonHealth)).instance.daemonHealth.allDaemonStatuses;
      const required = statuses.filter((status) => status.required).map(({ daemonType }) => daemonType);
      const silent = silentDaemons(statuses, startedAt / 1000);
      if (required.length === 0) return { waiting: "the instance names no daemon yet" };
      if (silent.length > 0) return { waiting: `no heartbeat yet of ${silent.join(", ")}` };
      const since = context.clock.now();
      const heard = `heartbeats of ${required.join(", ")}`;
      if (from === null) return { seen: heard, since };
      return { seen: `${heard}; ${await handover(dagster, { from, startedAt })}`, since };
    },
    (waiting) => ({
      cause: {
        id: "daemon-silent",
        what: `The daemon ${expected.service} runs, but after ${expected.timeoutSeconds} s: ${waiting}.`,
        fix: "See its log: a daemon that cannot reach the database or a code location goes on without a heartbeat.",
      },
      evidence: [],
    }),
  );
}
