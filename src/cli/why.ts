import { showRevision } from "../domain/verdict.ts";
import type { RanBy, Why } from "../releases/why.ts";
import type { WhyDocument } from "./documents.ts";

/** For `--json`. */
export function documentOfWhy({ run, location, page, of, task, said, lastGood }: Why): WhyDocument {
  return {
    run: run.runId,
    job: run.jobName,
    location,
    status: run.status,
    page,
    release: releaseOf(of),
    task: task === null ? null : { ...task, end: task.end?.untrusted ?? null },
    said: said.map(({ from, text }) => ({ from, text: text.untrusted })),
    lastGood:
      lastGood === null
        ? null
        : {
            run: lastGood.run.runId,
            release: releaseOf(lastGood.of),
            changes: lastGood.changes.map((change) => ({ ...change, details: [...change.details] })),
          },
  };
}

function releaseOf(of: RanBy | null): WhyDocument["release"] {
  if (of === null) return null;
  const { release, command, by, image, definition, dags } = of;
  return {
    id: release.id,
    command,
    by: by.name,
    url: by.url,
    repository: image?.source.repository ?? null,
    commit: image?.source.sha ?? null,
    digest: image?.digest ?? null,
    definition: definition === null ? null : showRevision(definition),
    dags: dags?.version ?? null,
  };
}
