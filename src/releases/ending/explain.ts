import { Cancelled, RolloutFailed } from "../../domain/errors.ts";
import type { Evidence } from "../../domain/evidence.ts";
import type { Results } from "../../domain/later.ts";
import type { Plan, Step } from "../../domain/plan.ts";
import { migratedBy, type Release } from "../../domain/release.ts";
import { showRevision, type Verdict } from "../../domain/verdict.ts";
import {
  code,
  codeBlock,
  details,
  heading,
  link,
  list,
  type Markdown,
  markdown,
  paragraphs,
  table,
  type Text,
} from "../../markdown/markdown.ts";
import { timeline } from "../../markdown/timeline.ts";
import { commit, explainAbout, explainFindings } from "../explain.ts";
import type { SettledRevisions } from "../old-revisions/settle.ts";
import type { QueuedRuns } from "../queued-runs.ts";
import { type ListBack, wordsOfList } from "./list.ts";
import type { PointerBack } from "../pointers-back.ts";
import type { StateAfter } from "../state-after.ts";
import type { StepEnd } from "../rollout.ts";
import { describe, keptImageOf } from "../steps/explain.ts";
import type { TakenBack } from "../take-back.ts";

/** How a release ended, as a page. */
export interface Ending {
  readonly title: string;
  readonly release: Release;
  readonly plan: Plan;
  readonly steps: readonly StepEnd[];
  readonly takenBack: readonly TakenBack[];
  /** Schedules and sensors of what was taken back. */
  readonly stateAfter: readonly StateAfter[];
  /** What readers of DAGs have again. */
  readonly pointersBack: readonly PointerBack[];
  /** What webserver and daemon are to load again; null: their list was not touched. */
  readonly listBack: ListBack | null;
  /** null: it went well. */
  readonly failure: {
    readonly step: string;
    readonly what: string;
    readonly fix: string | null;
    readonly evidence: readonly Evidence[];
    /** The deployment that failed; null: no deployment did. */
    readonly deployment: Pick<Verdict, "service" | "story" | "page"> | null;
  } | null;
  /** `family:revision` of each service, by key; null while the release goes on. */
  readonly running: Readonly<Record<string, string>> | null;
  /** The committed release after all of it; null: none. */
  readonly current: Release | null;
  /** Runs that waited and carry code that was taken back; null: none, or nobody looked. */
  readonly queued: QueuedRuns | null;
  /** What became of old revisions of task definitions; null: nothing was to. */
  readonly revisions: SettledRevisions | null;
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
  stateAfter,
  pointersBack,
  listBack,
  failure,
  running,
  current,
  queued,
  revisions,
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
    pointersBack.length === 0 ? null : list(pointersBack.map(pointerBackLine)),
    listBack === null ? null : markdown`${wordsOfList(listBack)}`,
    stateAfter.length === 0 ? null : list(stateAfter.map(stateAfterLine)),
    failure === null ? null : explainMigrated(release),
    servedAfterSeconds === null
      ? null
      : markdown`The code was served ${servedAfterSeconds.toFixed(1)} s after this step began.`,
    failure === null || running === null ? null : explainRunning(running, current),
    queued === null ? null : explainQueued(queued),
    revisions === null ? null : explainRevisions(revisions),
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

function explainRevisions({ keep, deregistered, isMore, leavesRuns, why }: SettledRevisions): Markdown {
  const names = deregistered.length === 0 ? "none" : deregistered.join(", ");
  return list([
    markdown`Old task definitions deregistered: ${names}. The newest ${keep} of each family stay, and those that something names.`,
    ...(isMore ? ["There are more: the next release goes on."] : []),
    ...(leavesRuns ? ["Those of runs were left alone: runs wait for their task, or no webserver could be asked."] : []),
    ...(why === null ? [] : [markdown`Not all was done: ${why}`]),
  ]);
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
    case "publish":
    case "switch":
    case "mirror":
      return `DAGs of ${step.location}`;
    case "list":
      return "list of locations";
    case "protect":
    case "register":
    case "settings":
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

/** Why it ended so, with what was seen. */
export function explainFailure({ step, what, fix, evidence, deployment }: NonNullable<Ending["failure"]>): Markdown {
  return paragraphs(
    markdown`**${step}**: ${what}`,
    fix === null ? null : markdown`Fix: ${fix}`,
    deployment === null ? null : explainDeployment(deployment),
    ...byWeight(evidence).map(({ subject, text, page }, index) => {
      const all = page === undefined ? null : link("all of it in CloudWatch", page);
      const shown = paragraphs(markdown`${subject}:`, codeBlock(text), all);
      return index < openEvidence ? shown : details(subject, paragraphs(codeBlock(text), all));
    }),
  );
}

/** What happened in one deployment, by the second. */
function explainDeployment({ service, story, page }: Pick<Verdict, "service" | "story" | "page">): Markdown {
  const seconds = [...new Set(story.map((moment) => moment.seconds))];
  const periods = seconds.map((second) => ({
    seconds: second,
    events: story.flatMap((moment) => (moment.seconds === second ? [moment.what] : [])),
  }));
  return paragraphs(
    timeline(`Deployment of ${service}`, periods),
    page === null ? null : link(`Deployments of ${service} in the ECS console`, page),
  );
}

/** What programs said themselves tells most; what ECS says of it is the frame. */
const weights: readonly Evidence["kind"][] = ["graphql", "log", "task", "target", "call", "event"];
const openEvidence = 2;

function byWeight(evidence: readonly Evidence[]): readonly Evidence[] {
  return [...evidence].sort((a, b) => weights.indexOf(a.kind) - weights.indexOf(b.kind));
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

function pointerBackLine({ location, version, why }: PointerBack): Markdown {
  const now = version === null ? markdown`not known` : code(version.slice(0, 12));
  return why === null
    ? markdown`Readers of ${location} are to have version ${now} of its DAGs again.`
    : markdown`Readers of ${location} are **not** seen to be as before; what they are to have: ${now}. ${why}`;
}

function stateAfterLine({ location, why }: StateAfter): Markdown {
  return why === null
    ? markdown`Schedules and sensors of ${location} are as before.`
    : markdown`Schedules and sensors of ${location} are **not** as before: ${why}`;
}

function partsOf({ images, kept, taskDefinitions, dags }: Release): readonly (readonly (Text | Markdown)[])[] {
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
    ...Object.entries(dags).map(([location, { version, source }]) => [
      `DAGs of ${location}`,
      markdown`${code(version.slice(0, 12))} of ${commit(source)}`,
    ]),
  ];
}
