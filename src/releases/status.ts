import type { ServiceObservation } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import type { ReleaseId } from "../domain/identifiers.ts";
import type { Lock, OutcomeKind } from "../domain/journal.ts";
import type { Release } from "../domain/release.ts";
import { sameRevision, showRevision } from "../domain/verdict.ts";
import { code, heading, list, type Markdown, markdown, paragraphs, table } from "../markdown/markdown.ts";
import { observeServicesByKey } from "./observe.ts";
import type { Connections } from "./connections.ts";
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
  /** Newest first; `interrupted`: begun, and neither committed nor taken back. */
  readonly history: readonly { readonly id: ReleaseId; readonly ended: OutcomeKind | "interrupted" }[];
  readonly lock: Lock | null;
}

const shownReleases = 10;

/** Reads, and changes nothing. @throws UserError, AwsError */
export async function status(context: Context, connections: Connections, request: SessionRequest): Promise<Status> {
  const session = await openSession(context, connections, request);
  const { stack, clients, journal, currentRelease, lock } = session;
  const [services, ids] = await Promise.all([observeServicesByKey(clients, stack), journal.newest(shownReleases)]);
  const history = await Promise.all(
    ids.map(async (id) => ({ id, ended: (await journal.outcome(id))?.outcome ?? ("interrupted" as const) })),
  );
  return {
    stack: stack.name,
    environment: stack.environment,
    current: currentRelease,
    services,
    drift: driftOf(currentRelease, services),
    history,
    lock: lock?.value.holder === null ? null : (lock?.value ?? null),
  };
}

export function explainStatus({ stack, environment, current, services, drift, history, lock }: Status): Markdown {
  return paragraphs(
    heading(2, markdown`${stack}, ${environment}`),
    current === null ? markdown`Nothing is released yet.` : markdown`Release ${code(current.id)} is current.`,
    lock === null ? null : markdown`**${lock.holder?.name ?? ""}** is releasing since ${lock.since}.`,
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
    if (service === null) return [`${key} does not exist any more`];
    if (sameRevision(wanted, service.revision)) return [];
    return [
      `${key} runs ${service.revision === null ? "nothing" : showRevision(service.revision)} instead of ${showRevision(wanted)}`,
    ];
  });
}
