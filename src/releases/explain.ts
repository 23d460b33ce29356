import type { Evidence } from "../domain/evidence.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { Cancelled, RolloutFailed, showPlace } from "../domain/errors.ts";
import { type Results, showAll, showLater } from "../domain/later.ts";
import { inOrder, type Plan, type Step } from "../domain/plan.ts";
import { migratedBy, type Release, saysAlready, type Source } from "../domain/release.ts";
import { showRevision } from "../domain/verdict.ts";
import {
  code,
  codeBlock,
  details,
  heading,
  list,
  type Markdown,
  markdown,
  paragraphs,
  table,
  type Text,
} from "../markdown/markdown.ts";
import { explainSql } from "../migrations/explain.ts";
import { compareDefinitions } from "../task-definitions/compare.ts";
import { explainChanges } from "../task-definitions/explain.ts";
import { type Observation, showRunning, shownName, successorOf } from "./observation.ts";
import type { QueuedRuns } from "./queued-runs.ts";
import type { StepEnd } from "./rollout.ts";
import type { TakenBack } from "./take-back.ts";

/** What a plan would do, as a page: what moves and why, what each definition changes, what stays. */
export function explainPlan(plan: Plan, observation: Observation): Markdown {
  const { stack, environment, source } = plan.target;
  return paragraphs(
    heading(2, markdown`Plan for ${stack}, ${environment}`),
    markdown`Commit ${code(source.sha.slice(0, 12))} of ${source.repository}; ${currentText(observation.current)}.`,
    explainAbout(plan.target),
    explainFindings(plan.findings),
    plan.steps.length > 0 ? null : explainNothing(plan, observation),
    table(
      ["Step", "Why"],
      inOrder(plan.steps).map((step) => [describe(step), step.reason]),
    ),
    ...Object.entries(observation.sql).map(([name, sql]) => explainSql(name, sql)),
    ...plan.steps.flatMap((step) => (step.kind === "register" ? [explainDefinition(step, observation)] : [])),
    plan.untouched.length === 0
      ? null
      : details("Untouched", list(plan.untouched.map(({ what, why }) => markdown`${what}: ${why}`))),
  );
}

/** Without a step there may be something to record. */
function explainNothing({ target, moved }: Plan, { current }: Observation): Markdown {
  if (moved.length > 0) {
    const services = moved.map(({ service }) => service).join(", ");
    return markdown`Nothing to make or roll: a release that was cut has brought ${services} where this one would. It is recorded.`;
  }
  return saysAlready(current, target)
    ? markdown`Nothing to do: the stack runs this commit already.`
    : markdown`Nothing to make or roll: only the record changes.`;
}

/** What a release is about, when it is not simply the whole stack of one commit; null otherwise. */
export function explainAbout({ only, base, promotes, stackFile, source, sources }: Release): Markdown | null {
  const others = Object.entries(sources).filter(([repository]) => repository !== source.repository);
  const lines = [
    only === null
      ? null
      : markdown`Of ${code(only.join(", "))} only; all else stays as in release ${code(base ?? "")}.`,
    promotes === null
      ? null
      : markdown`Images are those of release ${code(promotes.release)} of ${promotes.environment}: none is made here.${stackFile === null ? "" : markdown` The stack file is of ${commit(stackFile)}.`}`,
    ...others.map(
      ([repository, sha]) => markdown`Other parts come from ${repository}, up to commit ${code(sha.slice(0, 12))}.`,
    ),
  ];
  return lines.every((line) => line === null) ? null : paragraphs(...lines);
}

/** How a release ended, as a page. */
export interface Ending {
  readonly title: string;
  readonly release: Release;
  readonly plan: Plan;
  readonly steps: readonly StepEnd[];
  readonly takenBack: readonly TakenBack[];
  /** null: it went well. */
  readonly failure: {
    readonly step: string;
    readonly what: string;
    readonly fix: string | null;
    readonly evidence: readonly Evidence[];
  } | null;
  /** `family:revision` of each service, by key; null while the release goes on. */
  readonly running: Readonly<Record<string, string>> | null;
  /** The committed release after all of it; null: none. */
  readonly current: Release | null;
  /** Runs that waited and carry code that was taken back; null: none, or nobody looked. */
  readonly queued: QueuedRuns | null;
  /** Time from the begin of this step of the workflow until the new code was served, in seconds; null when no code moved. */
  readonly servedAfterSeconds: number | null;
}

/** For the job summary: what was done and found, what runs now and, after a failure, why. */
export function explainEnding({
  title,
  release,
  plan,
  steps,
  takenBack,
  failure,
  running,
  current,
  queued,
  servedAfterSeconds,
}: Ending): Markdown {
  const results = Object.fromEntries(
    steps.flatMap((end) => (end.kind === "done" ? [[end.step.id, end.done.results]] : [])),
  );
  const done = new Set(steps.flatMap(({ step, kind }) => (kind === "done" ? [subjectOf(step)] : [])));
  const stayed = plan.untouched.filter(({ what }) => !done.has(what));
  return paragraphs(
    heading(2, title),
    markdown`Release ${code(release.id)} of commit ${code(release.source.sha.slice(0, 12))}.`,
    explainAbout(release),
    failure === null ? null : explainFailure(failure),
    takenBack.length === 0 ? null : list(takenBack.map(takenBackLine)),
    failure === null ? null : explainMigrated(release),
    servedAfterSeconds === null
      ? null
      : markdown`The code was served ${servedAfterSeconds.toFixed(1)} s after this step began.`,
    failure === null || running === null ? null : explainRunning(running, current),
    queued === null ? null : explainQueued(queued),
    table(
      ["", "Step", "Result", "Seconds"],
      steps.map((end) => stepRow(end, results)),
    ),
    failure === null && running !== null
      ? details("What runs now", table(["Part", "Version"], partsOf(release)))
      : null,
    stayed.length === 0 ? null : details("Untouched", list(stayed.map(({ what, why }) => markdown`${what}: ${why}`))),
    explainFindings(plan.findings),
  );
}

/** What nothing takes back. */
function explainMigrated(release: Release): Markdown | null {
  const names = migratedBy(release);
  return names.length === 0
    ? null
    : list(
        names.map((name) => markdown`Migration ${code(name)} has run, and **stays**: a migration is never taken back.`),
      );
}

/** As `untouched` names it. */
function subjectOf(step: Step): string {
  switch (step.kind) {
    case "image":
      return step.keptBy.length === 0 ? `image ${step.image}` : keptImageOf(step.keptBy);
    case "run-task":
      return `migration ${step.migration}`;
    case "roll":
    case "stop":
    case "put-back":
      return `service ${step.service}`;
    case "register":
    case "drain":
    case "gate":
      return step.id;
  }
}

/** After a failure the first question is what users see now. */
function explainRunning(running: NonNullable<Ending["running"]>, current: Release | null): Markdown {
  return paragraphs(
    current === null
      ? markdown`Nothing is released: this was to be the first release.`
      : markdown`Current is still ${code(current.id)}, of commit ${code(current.source.sha.slice(0, 12))}. Now run:`,
    table(
      ["Service", "Runs"],
      Object.entries(running).map(([key, revision]) => [key, revision]),
    ),
  );
}

/** Runs that are named one by one in the summary; the others are counted. */
const shownRuns = 20;

function explainQueued({ runs, why, choice }: QueuedRuns): Markdown {
  const waiting = runs.filter(({ cancelled }) => !cancelled).length;
  const more = runs.length - shownRuns;
  return paragraphs(
    markdown`Runs in the queue that carry code which was taken back: ${runs.length - waiting} cancelled, ${waiting} left.${waiting > 0 && choice === "keep" ? markdown` Cancel in Dagster those that must not run.` : ""}`,
    table(
      ["Run", "Job", "Location", ""],
      runs
        .slice(0, shownRuns)
        .map(({ id, job, location, cancelled }) => [code(id), code(job), location, cancelled ? "cancelled" : "waits"]),
    ),
    more > 0 ? markdown`And ${more} more.` : null,
    why === null ? null : markdown`Not all was done: ${why}`,
  );
}

function explainFailure({ step, what, fix, evidence }: NonNullable<Ending["failure"]>): Markdown {
  return paragraphs(
    markdown`**${step}**: ${what}`,
    fix === null ? null : markdown`Fix: ${fix}`,
    ...byWeight(evidence).map(({ subject, text }, index) => {
      const shown = paragraphs(markdown`${subject}:`, codeBlock(text));
      return index < openEvidence ? shown : details(subject, codeBlock(text));
    }),
  );
}

/** What programs said themselves tells most; what ECS says of it is the frame. */
const weights: readonly Evidence["kind"][] = ["graphql", "log", "task", "target", "call", "event"];
const openEvidence = 2;

function byWeight(evidence: readonly Evidence[]): readonly Evidence[] {
  return [...evidence].sort((a, b) => weights.indexOf(a.kind) - weights.indexOf(b.kind));
}

/** Findings as a list, errors first. */
export function explainFindings(findings: readonly Finding[]): Markdown | null {
  if (findings.length === 0) return null;
  return list(
    bySeverity(findings).map(
      ({ level, id, what, fix, where }) => markdown`**${level}** ${code(id)}: ${what} ${fix} (${showPlace(where)})`,
    ),
  );
}

function explainDefinition(step: Extract<Step, { kind: "register" }>, { definitions }: Observation): Markdown {
  const known = definitions[step.definition];
  const before = known?.running ?? known?.newest ?? null;
  const changes = explainChanges(compareDefinitions(before?.content ?? null, showAll(step.content)));
  const title = markdown`${step.definition}: ${before === null ? "new" : showRevision(before.revision)} → ${step.family}:(known after apply)`;
  return details(title, changes ?? markdown`Nothing that is compared changes.`);
}

function describe(step: Step, results: Results = {}): Markdown {
  switch (step.kind) {
    case "image":
      return describeImage(step);
    case "register":
      return markdown`register ${code(step.family)} (${step.definition})`;
    case "run-task":
      return markdown`run migration ${code(step.migration)}`;
    case "drain":
      return markdown`wait until no run lives in ${step.holders.join(", ")}, ${step.minutes} min at most`;
    case "roll":
      return markdown`roll ${code(step.service)} from ${step.from === null ? "nothing" : showRevision(step.from)} to ${showTarget(showLater(step.to, results))}${step.count === null ? "" : `, count ${step.count}`}`;
    case "stop": {
      const successor = successorOf(step.service);
      return successor === null
        ? markdown`stop ${code(step.service)}`
        : markdown`stop ${code(step.name)}, which ${code(successor)} replaces`;
    }
    case "put-back":
      return markdown`put ${code(shownName(step.service, step.name))} back to ${showRunning(step.to, step.count ?? 1)}`;
    case "gate":
      return step.gate === "location" && step.again
        ? markdown`${step.gate} gate of ${code(step.on)}, once more, of the new webserver`
        : markdown`${step.gate} gate of ${code(step.on)}`;
  }
}

function describeImage({ image, keptBy, way }: Extract<Step, { kind: "image" }>): Markdown {
  if (keptBy.length > 0) return markdown`copy the ${keptImageOf(keptBy)} from where it was made`;
  switch (way) {
    case "name":
      return markdown`name image ${code(image)} by this commit`;
    case "layers":
      return markdown`make image ${code(image)} of layers`;
    case "copy":
      return markdown`copy image ${code(image)} from where it was made`;
  }
}

function keptImageOf(services: readonly string[]): string {
  return `image that ${services.join(" and ")} keep${services.length === 1 ? "s" : ""}`;
}

/** `family:revision` of an ARN. */
function showTarget(to: string): string {
  return to.slice(to.lastIndexOf("/") + 1);
}

function stepRow(end: StepEnd, results: Results): readonly (Text | Markdown)[] {
  const { step } = end;
  switch (end.kind) {
    case "done":
      return ["✓", describe(step, results), end.done.said, end.seconds.toFixed(1)];
    case "failed": {
      const ended = verdictOf(end.error);
      return [ended === "cancelled" ? "■" : "✗", describe(step, results), ended, end.seconds.toFixed(1)];
    }
    case "left":
      return ["", describe(step, results), "not begun", ""];
  }
}

/** A rollout that was not waited for to its end has not failed. */
function verdictOf(error: unknown): string {
  if (error instanceof Cancelled) return "cancelled";
  return (error instanceof RolloutFailed ? error.verdicts[0]?.verdict : undefined) ?? "failed";
}

function takenBackLine({ name, verdict, count, why }: TakenBack): Markdown {
  if (why === null)
    return markdown`${code(name)} was taken back${count === 0 ? ", to no task: it had run nothing" : verdict?.to === undefined || verdict.to === null ? "" : ` to ${showRevision(verdict.to)}`}.`;
  return markdown`${code(name)} could **not** be taken back: ${why}`;
}

function partsOf({ images, kept, taskDefinitions }: Release): readonly (readonly (Text | Markdown)[])[] {
  return [
    ...Object.entries(images).map(([key, { repository, digest, source }]) => [
      `image ${key}`,
      markdown`${code(`${repository}@${digest}`)} of ${commit(source)}`,
    ]),
    ...Object.entries(kept).map(([key, { repository, digest, source }]) => [
      `image that ${key} keeps`,
      markdown`${code(`${repository}@${digest}`)} of ${commit(source)}`,
    ]),
    ...Object.entries(taskDefinitions).map(([key, revision]) => [key, code(showRevision(revision))]),
  ];
}

function commit({ sha }: Source): Markdown {
  return code(sha.slice(0, 12));
}

function currentText(current: Release | null): string {
  return current === null ? "nothing is released yet" : `release ${current.id} is current`;
}
