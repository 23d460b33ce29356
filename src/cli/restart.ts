import { showRevision } from "../domain/verdict.ts";
import type { Restarted } from "../releases/restart.ts";
import type { RestartDocument } from "./documents.ts";

/** For `--json`. */
export function documentOfRestart({ service, revision, count, verdict, gates }: Restarted): RestartDocument {
  return {
    service,
    revision: showRevision(revision),
    count,
    verdict: verdict?.verdict ?? null,
    gates: gates.map(({ gate, on, seen }) => ({ gate, on, seen })),
  };
}
