import { showPlace } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { showRevision } from "../domain/verdict.ts";
import type { wordsOfChange } from "../releases/explain.ts";
import type { Result } from "../releases/result.ts";
import type { ReleaseDocument } from "./documents.ts";
import type { OptionName } from "./options.ts";
import type { Answer } from "./verb.ts";
import { inOptionsOf } from "./words.ts";

/** A plan that was only made: 2 when it would do something. */
export function answerOfPlan(result: Result, words: typeof wordsOfChange): Answer {
  return {
    lines: [...result.words, ...result.definitionChanges.flatMap(words)],
    document: documentOf(result),
    exitCode: result.changed ? 2 : 0,
  };
}

/** A release that was carried out. */
export function answerOfRelease(result: Result): Answer {
  return { lines: [...result.words, ...wordsOfServices(result)], document: documentOf(result), exitCode: 0 };
}

/** What became of each service, a line each. */
export function wordsOfServices({ services }: Pick<Result, "services">): readonly string[] {
  return services.map(({ service, verdict, from, to, cause, takenBack }) => {
    const way = `${from === null ? "nothing" : showRevision(from)} → ${to === null ? "nothing" : showRevision(to)}`;
    const back = takenBack === null ? "" : takenBack ? ", taken back" : ", not taken back";
    return `  ${service}: ${verdict}${cause === null ? "" : ` (${cause})`}, ${way}${back}`;
  });
}

/** For `--json`. */
export function documentOf({
  release,
  plan,
  outcome,
  changed,
  hash,
  steps,
  services,
  definitionChanges,
  dagsterDefinitions,
}: Result): ReleaseDocument {
  const ends = new Map(steps.map(({ step, kind }) => [step.id, kind]));
  return {
    stack: release.stack,
    environment: release.environment,
    release: release.id,
    commit: release.source.sha,
    base: release.base,
    backTo: plan.backTo,
    outcome,
    changed,
    planHash: hash,
    steps: plan.steps.map(({ id, after, reason }) => ({
      id,
      after: [...after],
      reason,
      ended: ends.get(id) ?? "planned",
    })),
    services: services.map(({ service, verdict, from, to, cause, takenBack }) => ({
      service,
      verdict,
      from: from === null ? null : showRevision(from),
      to: to === null ? null : showRevision(to),
      cause,
      takenBack,
    })),
    definitionChanges: definitionChanges.map((change) => ({ ...change, changes: [...change.changes] })),
    dagsterDefinitions: Object.fromEntries(
      Object.entries(dagsterDefinitions).map(([location, compared]) => [
        location,
        {
          kind: compared.kind,
          why: compared.kind === "not-compared" ? compared.why : null,
          quoted: compared.kind === "not-compared" ? (compared.quoted?.untrusted ?? null) : null,
          fix: compared.kind === "not-compared" ? compared.fix : null,
          count: compared.kind === "compared" ? compared.count : null,
          onLoss: compared.kind === "compared" ? compared.onLoss : null,
          changes: compared.kind === "compared" ? [...compared.changes] : [],
        },
      ]),
    ),
    findings: plan.findings.map((finding) => documentOfFinding(finding)),
  };
}

/** A finding, for `--json`. */
export function documentOfFinding(
  finding: Finding,
  taken: readonly OptionName[] = [],
): ReleaseDocument["findings"][number] {
  const { id, level, what, where, fix } = inOptionsOf(finding, taken);
  return { id, level, what, where: showPlace(where), fix };
}
