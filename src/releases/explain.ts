import type { Evidence } from "../domain/evidence.ts";
import { bySeverity, type Finding } from "../domain/finding.ts";
import { showPlace } from "../domain/errors.ts";
import { type Results, showAll, showLater } from "../domain/later.ts";
import { inOrder, type Plan, type Step } from "../domain/plan.ts";
import { type Release, type Source } from "../domain/release.ts";
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
import { compareDefinitions } from "../task-definitions/compare.ts";
import { explainChanges } from "../task-definitions/explain.ts";
import type { Observation } from "./observation.ts";
import type { StepEnd } from "./rollout.ts";
import type { TakenBack } from "./take-back.ts";

/** What a plan would do, as a page: what moves and why, what each definition changes, what stays. */
export function explainPlan(plan: Plan, observation: Observation): Markdown {
  const { stack, environment, source } = plan.target;
  const nothing = plan.steps.length === 0 ? markdown`Nothing to do: the stack runs this commit already.` : null;
  return paragraphs(
    heading(2, markdown`Plan for ${stack}, ${environment}`),
    markdown`Commit ${code(source.sha.slice(0, 12))} of ${source.repository}; ${currentText(observation.current)}.`,
    explainFindings(plan.findings),
    nothing,
    table(
      ["", "Step", "Why"],
      inOrder(plan.steps).map((step) => [symbol(step), describe(step), step.reason]),
    ),
    ...plan.steps.flatMap((step) => (step.kind === "register" ? [explainDefinition(step, observation)] : [])),
    plan.untouched.length === 0
      ? null
      : details("Untouched", list(plan.untouched.map(({ what, why }) => markdown`${what}: ${why}`))),
  );
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
  /** Time from the begin of this step of the workflow until the new code was served, in seconds; null when no code moved. */
  readonly servedAfterSeconds: number | null;
}

export function explainEnding({
  title,
  release,
  plan,
  steps,
  takenBack,
  failure,
  running,
  current,
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
    failure === null ? null : explainFailure(failure),
    takenBack.length === 0 ? null : list(takenBack.map(takenBackLine)),
    servedAfterSeconds === null
      ? null
      : markdown`The new code was served ${servedAfterSeconds.toFixed(1)} s after this step began.`,
    failure === null || running === null ? null : explainRunning(running, current),
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

/** As `untouched` names it. */
function subjectOf(step: Step): string {
  switch (step.kind) {
    case "image":
      return `image ${step.image}`;
    case "run-task":
      return `migration ${step.migration}`;
    case "roll":
      return `service ${step.service}`;
    case "register":
    case "drain":
    case "stop":
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

function explainFindings(findings: readonly Finding[]): Markdown | null {
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

function symbol({ kind }: Step): Text {
  return { image: "+", register: "+", "run-task": "▸", drain: "?", stop: "-", roll: "~", gate: "?" }[kind];
}

function describe(step: Step, results: Results = {}): Markdown {
  switch (step.kind) {
    case "image":
      return step.way === "name"
        ? markdown`name image ${code(step.image)} by this commit`
        : markdown`make image ${code(step.image)} of layers`;
    case "register":
      return markdown`register ${code(step.family)} (${step.definition})`;
    case "run-task":
      return markdown`run migration ${code(step.migration)}`;
    case "drain":
      return markdown`wait until no run lives in ${step.holders.join(", ")}, ${step.minutes} min at most`;
    case "stop":
      return markdown`stop ${code(step.replaced)}, which ${code(step.service)} replaces`;
    case "roll":
      return markdown`roll ${code(step.service)} from ${step.from === null ? "nothing" : showRevision(step.from)} to ${showTarget(showLater(step.to, results))}${step.count === null ? "" : `, count ${step.count}`}`;
    case "gate":
      return markdown`${step.gate} gate of ${code(step.on)}`;
  }
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
    case "failed":
      return ["✗", describe(step, results), "failed", end.seconds.toFixed(1)];
    case "left":
      return ["", describe(step, results), "not begun", ""];
  }
}

function takenBackLine({ service, verdict, count, why }: TakenBack): Markdown {
  if (why === null)
    return markdown`${code(service)} was taken back${count === 0 ? ", to no task: it had run nothing" : verdict?.to === undefined || verdict.to === null ? "" : ` to ${showRevision(verdict.to)}`}.`;
  return markdown`${code(service)} could **not** be taken back: ${why}`;
}

function partsOf({ images, taskDefinitions }: Release): readonly (readonly (Text | Markdown)[])[] {
  return [
    ...Object.entries(images).map(([key, { repository, digest, source }]) => [
      `image ${key}`,
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
