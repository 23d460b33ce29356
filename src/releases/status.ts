import type { ServiceObservation } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import type { ReleaseId } from "../domain/identifiers.ts";
import type { Lock, OutcomeKind, Owner } from "../domain/journal.ts";
import type { Release } from "../domain/release.ts";
import { sameRevision, showRevision } from "../domain/verdict.ts";
import { code, heading, list, type Markdown, markdown, paragraphs, table } from "../markdown/markdown.ts";
import { explainAbout } from "./explain.ts";
import { observeServicesByKey } from "./observe.ts";
import type { Connections } from "./connections.ts";
import type { Stored } from "./bucket.ts";
import { openSession, type SessionRequest } from "./session.ts";

/** What runs, what should run, and what happened lately. */
export interface Status {
  readonly stack: string;
  readonly environment: string;
  readonly current: Release | null;
  /** By key. */
  readonly services: Readonly<Record<string, ServiceObservation | null>>;
  /** What runs and is not what the current release says, for people. */
  readonly drift: readonly string[];
  /** Newest first. `interrupted`: begun, and cut before its end was written. */
  readonly history: readonly { readonly id: ReleaseId; readonly ended: OutcomeKind | "under way" | "interrupted" }[];
  /** Who may write now, and for how long at least; null: nobody. */
  readonly holder: { readonly owner: Owner; readonly since: string; readonly leftSeconds: number } | null;
}

const shownReleases = 10;

/** Reads, and changes nothing. @throws UserError, AwsError */
export async function status(context: Context, connections: Connections, request: SessionRequest): Promise<Status> {
  const session = await openSession(context, connections, request);
  const { stack, clients, journal, currentRelease, lock } = session;
  const [services, ids] = await Promise.all([observeServicesByKey(clients, stack), journal.newest(shownReleases)]);
  const holder = holderOf(lock);
  const underWay = holder === null ? null : (lock?.value.open.at(-1) ?? null);
  const history = await Promise.all(
    ids.map(async (id) => {
      const open = id === underWay ? ("under way" as const) : ("interrupted" as const);
      return { id, ended: (await journal.outcome(id))?.outcome ?? open };
    }),
  );
  return {
    stack: stack.name,
    environment: stack.environment,
    current: currentRelease,
    services,
    drift: driftOf(currentRelease, services),
    history,
    holder,
  };
}

/** Nobody whose lease is over. */
function holderOf(lock: Stored<Lock> | null): Status["holder"] {
  const owner = lock?.value.holder ?? null;
  if (lock === null || owner === null) return null;
  const leftSeconds = lock.value.leaseSeconds - lock.ageSeconds;
  return leftSeconds <= 0 ? null : { owner, since: lock.value.since, leftSeconds };
}

export function explainStatus({ stack, environment, current, services, drift, history, holder }: Status): Markdown {
  return paragraphs(
    heading(2, markdown`${stack}, ${environment}`),
    current === null ? markdown`Nothing is released yet.` : markdown`Release ${code(current.id)} is current.`,
    current === null ? null : explainAbout(current),
    holder === null
      ? null
      : markdown`**${holder.owner.name}** holds the lock since ${holder.since}; unless renewed, for ${Math.ceil(holder.leftSeconds / 60)} min.`,
    table(
      ["Service", "Runs", "Tasks", "Deployment"],
      Object.entries(services).map(([key, service]) =>
        service === null
          ? [key, "does not exist", "", ""]
          : [
              key,
              service.revision === null ? "nothing" : showRevision(service.revision),
              `${service.runningCount}/${service.desiredCount}`,
              service.primary?.state ?? "",
            ],
      ),
    ),
    drift.length === 0 ? null : paragraphs(markdown`Not as the release says:`, list(drift)),
    history.length === 0
      ? null
      : table(
          ["Release", "Ended"],
          history.map(({ id, ended }) => [code(id), ended]),
        ),
  );
}

function driftOf(current: Release | null, services: Status["services"]): readonly string[] {
  if (current === null) return [];
  return Object.entries(services).flatMap(([key, service]) => {
    const wanted = current.taskDefinitions[`service/${key}`];
    if (wanted === undefined) return [];
    if (service === null || service.status !== "ACTIVE") return [`${key} does not exist any more`];
    const runs = service.revision === null ? "nothing" : showRevision(service.revision);
    if (!sameRevision(wanted, service.revision)) return [`${key} runs ${runs} instead of ${showRevision(wanted)}`];
    if (service.desiredCount === 0) return [`${key} is scaled to 0`];
    if (service.runningCount < service.desiredCount)
      return [`${key} has ${service.runningCount} of ${service.desiredCount} tasks`];
    return [];
  });
}
