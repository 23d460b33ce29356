import type { Status } from "../releases/status.ts";
import { showRevision } from "../domain/verdict.ts";
import type { StatusDocument } from "./documents.ts";
import { documentOfFinding } from "./release.ts";
import type { Answer } from "./verb.ts";

/** 2 when what runs is not what was released; while somebody releases, services are on their way. */
export function answerOfStatus(seen: Status, words: readonly string[]): Answer {
  return {
    lines: words,
    document: documentOfStatus(seen),
    exitCode: seen.drift.length > 0 && seen.holder === null ? 2 : 0,
  };
}

function documentOfStatus({
  stack,
  environment,
  current,
  services,
  dags,
  drift,
  findings,
  history,
  holder,
}: Status): StatusDocument {
  return {
    stack,
    environment,
    release: current?.id ?? null,
    commit: current?.source.sha ?? null,
    services: Object.entries(services).map(([key, service]) => ({
      service: key,
      name: service?.name ?? null,
      runs: service === null || service.revision === null ? null : showRevision(service.revision),
      running: service?.runningCount ?? 0,
      desired: service?.desiredCount ?? 0,
      deployment: service?.primary?.state ?? null,
    })),
    dags: Object.entries(dags).map(([location, { pointer, releasedBy, unknown, plain }]) => ({
      location,
      version: pointer?.value.version ?? null,
      repository: pointer?.value.source.repository ?? null,
      commit: pointer?.value.source.sha ?? null,
      since: pointer?.value.at ?? null,
      releasedBy,
      unknown,
      plain: plain === null ? null : documentOfPlain(plain),
    })),
    drift: [...drift],
    findings: findings.map((finding) => documentOfFinding(finding)),
    history: [...history],
    holder:
      holder === null
        ? null
        : { name: holder.owner.name, since: holder.since, leftSeconds: Math.round(holder.leftSeconds) },
  };
}

function documentOfPlain(
  plain: NonNullable<Status["dags"][string]["plain"]>,
): NonNullable<StatusDocument["dags"][number]["plain"]> {
  if ("unknown" in plain) return { version: null, state: null, unknown: plain.unknown };
  const state = plain.writing !== null ? "writing" : plain.late !== undefined ? "late" : "whole";
  return { version: plain.version, state, unknown: null };
}
