import { countOlderTasks, observeServices, type ServiceObservation } from "../deployments/index.ts";
import { isWeather } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import type { Cause } from "../domain/verdict.ts";
import type { Stack } from "../stack/stack.ts";
import type { Clients } from "./connections.ts";
import { olderTasksSeconds } from "./time-outs.ts";

/** What is looked with. */
export interface Looker {
  readonly context: Context;
  readonly stack: Pick<Stack, "contract" | "services">;
  readonly clients: Pick<Clients, "ecs">;
}

/** Milliseconds between two looks. */
const pace = 3_000;

/**
 * Waits until no task of an older deployment runs. ECS may call a deployment complete before that: by its settings, which defer the
 * clean-up; and what it has told to stop it does not count as running, though it serves on until it ends. Asked before, two servers
 * behind one name answer in turn, and a gate may hear the new one alone for a while.
 * Source: DeploymentEarlySuccessCriteria in the ECS API reference, sourceServiceRevisionCleanup.
 * @param key of the service
 * @param always false: only where the settings defer the clean-up
 * @returns why it was given up; null: none runs
 * @throws AwsError, Cancelled
 */
export async function awaitOlderTasks(
  { context, stack, clients: { ecs } }: Looker,
  key: string,
  always: boolean,
): Promise<Cause | null> {
  const { clock, report, signal } = context;
  const { cluster } = stack.contract;
  const name = stack.services[key]?.service;
  if (name === undefined) return null;
  const until = clock.now() + olderTasksSeconds * 1000;
  let said = 0;
  for (;;) {
    const look = await lookForOlder(ecs, cluster, name, always).catch((error: unknown) => {
      if (!isWeather(error) || clock.now() >= until) throw error;
      return null;
    });
    if (look?.older === 0) return null;
    if (look !== null && clock.now() >= until) return stillThere(name, look);
    if (look !== null && look.older !== said)
      report({ kind: "line", text: `${key}  its gate waits for ${look.older} older, which ECS has yet to stop` });
    said = look?.older ?? said;
    await clock.sleep(pace, signal);
  }
}

interface Look {
  readonly older: number;
  /** ECS does not wait for them, by the settings of the service. */
  readonly isDeferred: boolean;
}

async function lookForOlder(ecs: Clients["ecs"], cluster: string, name: string, always: boolean): Promise<Look> {
  const service = (await observeServices(ecs, cluster, [name]))[name] ?? null;
  const isDeferred = service?.rollout.cleansUpLater === true;
  if (service === null || (!always && !isDeferred)) return { older: 0, isDeferred };
  const alive = await countOlderTasks(ecs, { cluster, service: name }, service);
  return { older: Math.max(alive, countedAsOlder(service)), isDeferred };
}

/** Those of the same revision among them. */
function countedAsOlder({ others }: ServiceObservation): number {
  return others.reduce((sum, { runningCount, pendingCount }) => sum + runningCount + pendingCount, 0);
}

function stillThere(service: string, { older, isDeferred }: Look): Cause {
  return {
    id: "older-tasks",
    what: `${older} older ${older === 1 ? "task" : "tasks"} of service ${service} still run ${olderTasksSeconds / 60} min after ECS has called its deployment complete.`,
    fix: `See the service's events for why they stay: tasks under protection, or a long deregistration delay.${isDeferred ? " With sourceServiceRevisionCleanup BLOCKING in place of DEFERRED, ECS waits for them by itself." : ""}`,
  };
}
