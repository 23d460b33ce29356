import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CauseId } from "../src/deployments/explain.ts";
import { isGood } from "../src/domain/verdict.ts";
import { containers } from "../test/unit/deployments/scenarios/containers.ts";
import { others, type Others } from "../test/unit/deployments/scenarios/others.ts";
import { classesOf } from "../test/unit/deployments/scenarios/play.ts";
import { type Scenario, scenarios } from "../test/unit/deployments/scenarios/table.ts";
import type { Row } from "./rows.ts";
import { type Backing, openBacking } from "./scenarios/backing.ts";
import { type Program, programs } from "./scenarios/programs.ts";
import { runScenario, type Seen, verdictMark } from "./scenarios/run.ts";

/** What those who deploy say of the same rollouts: ours must be right in every row, what a peer says is written down. */
export async function measure(_: number, isRealTime: boolean): Promise<readonly Row[]> {
  const all = await programs();
  const backing = await openBacking();
  if (isRealTime) return inRealTime(all, backing);
  const wrong: string[] = [];
  const matrix: string[][] = [];
  const details: string[][] = [];
  const counts = new Map(all.map(({ name }) => [name, new Map<string, number>()]));
  for (const scenario of scenarios.filter(isForAll)) {
    const cells: string[] = [];
    for (const program of all) {
      const seen = await runScenario(backing, program, scenario);
      const { word, after, hasReason } = told(scenario, seen);
      const count = counts.get(program.name);
      count?.set(word, (count.get(word) ?? 0) + 1);
      if (word === "red" && hasReason) count?.set(withReason, (count.get(withReason) ?? 0) + 1);
      const shown = isFalse(word) ? `**${word}**` : word;
      cells.push([shown, ...(hasReason ? ["reason"] : []), ...(after === null ? [] : [after])].join(", "));
      const seconds = ((seen.endedAt - seen.begunAt) / 1000).toFixed(0);
      const numbers = [String(seen.exitCode), seconds, String(seen.calls.length)];
      details.push([scenario.rollout, program.name, ...numbers, inCell(lastWords(seen))]);
      if (program.isOurs) wrong.push(...wrongWith(scenario, seen, word));
      console.error(`${scenario.rollout}: ${program.name}: ${cells.at(-1)}`);
    }
    matrix.push([scenario.rollout, ...cells]);
  }
  await backing.close();
  const names = all.map(({ name }) => name);
  const sums = words.map((word) => [word, ...names.map((name) => String(counts.get(name)?.get(word) ?? 0))]);
  const text = [
    introduction,
    table([["rows", ...names], ...sums], "rest"),
    table([["a rollout that …", ...names], ...matrix], "none"),
    "## What each says at last\n",
    table([["a rollout that …", "who", "exit code", "seconds", "calls", "last line"], ...details], "numbers"),
  ].join("\n");
  await writeFile(join(import.meta.dirname, "scenarios.md"), text);
  console.log(text);
  if (wrong.length > 0) throw new Error(`ours is not right:\n${wrong.join("\n")}`);
  return [];
}

/** Rows of which a sample is taken without the clock that jumps. */
const realTimeRows: readonly string[] = ["is good", "loops through crashes, and ECS rolls it back", "has no image"];

/** One sample of each at the pace of AWS, all side by side: what they say must be what they say on the clock that jumps. */
async function inRealTime(all: readonly Program[], backing: Backing): Promise<readonly Row[]> {
  const samples = scenarios
    .filter(({ rollout }) => realTimeRows.includes(rollout))
    .flatMap((scenario) => all.map((program) => ({ scenario, program })));
  const rows = await Promise.all(
    samples.map(async ({ scenario, program }) => {
      const seen = await runScenario(backing, program, scenario, { isRealTime: true });
      const { word, after, hasReason } = told(scenario, seen);
      const seconds = ((seen.endedAt - seen.begunAt) / 1000).toFixed(0);
      return [scenario.rollout, program.name, word, hasReason ? "yes" : "no", after ?? "", seconds];
    }),
  );
  await backing.close();
  console.log(table([["a rollout that …", "who", "says", "with the reason", "after ECS", "seconds"], ...rows], "none"));
  return [];
}

const introduction = `# Who says what of a rollout

\`npm run bench -- scenarios\` writes this page. The rows are those of [the table of scenarios](../test/unit/deployments/scenarios/table.ts) in which
something is deployed that any deployer could: each program rolls the same definition out onto the same service, as a whole process, on an account of its own,
with scripted containers. The clock of program and account jumps over what both sleep through; in between it goes at the machine's pace (factor 1), so that
seconds are those of AWS's time. *Ours* is the bundle of the root action in \`dist/\`, with a stack of nothing but that service: it names the image, registers the
definition, rolls, writes its record, and takes back what failed; S3, ECR and STS answer at the machine's pace. Gates are off, since no Dagster runs in scripted
containers. It must be right in every row, or the measurement fails. All have a time-out of half an hour unless the row tells another (in whole minutes), and
peers wait for a stable service.

*Green* is exit code 0, *red* is 1. **Falsely green**: it does not run, or not everywhere, or not alone. **Green too early**: it does for now, and ECS calls the
deployment IN_PROGRESS. **Falsely red**: it runs, and could be seen to. **Given up**: red, because a call failed that would have gone well the next time.
**Killed**: it ends by the signal, and says nothing. *Refused*: red before
anything was touched, for want of a right; ours reads what runs before it plans, and needs more rights than those two. *Reason*: what made it fail stands in the log. Seconds are from the moment at which the deployment was over
for ECS until the verdict stands in the log of ours, and until a peer ends, which says nothing before; there are none when it was never over, or only because
ours took it back. The seconds of the last table are those of the whole process, in ours with the way back.
`;

const withReason = "red, with the reason";
const words = [
  "green",
  "red",
  withReason,
  "refused",
  "cancelled",
  "falsely green",
  "green too early",
  "falsely red",
  "given up",
  "killed",
] as const;

/** Rows that a peer can be asked for as well: it registers a revision of its own, and cannot be asked for a digest. */
function isForAll(scenario: Scenario): boolean {
  const { others: somebody } = classesOf(scenario);
  const { isOurs }: Others = others[somebody];
  return (
    containers[scenario.containers].definition !== null &&
    isOurs !== true &&
    scenario.request?.digests === undefined &&
    scenario.request?.desiredCount === undefined
  );
}

interface Told {
  readonly word: (typeof words)[number];
  /** Seconds after the deployment was over. */
  readonly after: string | null;
  readonly hasReason: boolean;
}

function told(scenario: Scenario, seen: Seen): Told {
  const over = overAt(seen);
  const after = over === null || over > seen.saidAt ? null : `${((seen.saidAt - over) / 1000).toFixed(0)} s`;
  const reason = scenario.cause === null ? undefined : reasons[scenario.cause];
  const hasReason = seen.exitCode === 1 && reason?.test(seen.lines.map(({ text }) => text).join("\n")) === true;
  return { word: wordOf(scenario, seen), after, hasReason };
}

/** By what words a log gives the cause, in whichever wording. */
const reasons: Partial<Record<CauseId, RegExp>> = {
  slow: /none has failed/,
  "container-exited": /code:? [13]\b|KeyError/,
  "out-of-memory": /OutOfMemory|137|memory/,
  "image-not-pulled": /CannotPullContainer|image does not exist/,
  "secret-not-read": /ResourceInitialization|unable to pull secrets/,
  "health-check-failed": /health check/,
  "target-unhealthy": /health checks failed|\[500\]/i,
  superseded: /newer deployment/,
  "service-gone": /INACTIVE|DRAINING|deleted|MISSING|is gone/,
  "scaled-to-zero": /scaled|desired count/i,
  "stopped-by-hand": /StopServiceDeployment|stopped by/,
  "not-readable": /cannot be read|expired|InternalFailure|ServerException/i,
};

function wordOf(scenario: Scenario, { exitCode, runs, serviceDeployments, calls }: Seen): Told["word"] {
  if (exitCode === 1 && isDenied(scenario) && !calls.includes("UpdateService")) return "refused";
  const isSuccessful = serviceDeployments.some(({ status }) => status === "SUCCESSFUL");
  switch (exitCode) {
    case null:
      return "killed";
    case 130:
      return "cancelled";
    case 0:
      if (!runs) return "falsely green";
      return isSuccessful ? "green" : "green too early";
    default:
      // It says that it cannot see how it ends.
      if (isUnseen(scenario)) return "red";
      if (runs) return "falsely red";
      return isGood(scenario.verdict) && !isSuccessful ? "given up" : "red";
  }
}

/** The caller lacks a right. */
function isDenied(scenario: Scenario): boolean {
  return classesOf(scenario).faults.startsWith("no right");
}

/** A release reads the definition that runs, to plan by it: without that right ours says so, and touches nothing. */
function isBeyondOurs(scenario: Scenario): boolean {
  return classesOf(scenario).faults === "no right but to update and describe services";
}

/** ECS cannot be asked any more. */
function isUnseen({ cause }: Scenario): boolean {
  return cause === "not-readable";
}

function isFalse(word: Told["word"]): boolean {
  return /falsely|too early|given up|killed/.test(word);
}

/** When ECS was done with the deployment, one way or the other; where it runs, with the newest of them. */
function overAt({ serviceDeployments, runs }: Seen): number | null {
  const ours = runs ? serviceDeployments.at(-1) : serviceDeployments[0];
  return (ours?.finishedAt ?? ours?.stoppedAt)?.getTime() ?? null;
}

function wrongWith(scenario: Scenario, seen: Seen, word: Told["word"]): readonly string[] {
  const { rollout, verdict, says } = scenario;
  const last = lastWords(seen);
  if (isBeyondOurs(scenario)) {
    const isSaid = word === "refused" && /may not do ecs:/.test(last);
    return isSaid ? [] : [`${rollout}: it is ${word}, and should be refused with the right that is missing: ${last}`];
  }
  const expected = isGood(verdict) ? "green" : verdict === "cancelled" ? "cancelled" : "red";
  const wrong: string[] = [];
  if (word !== expected) wrong.push(`it is ${word}, and should be ${expected}`);
  if (seen.verdict !== verdict) wrong.push(`its verdict is ${seen.verdict ?? "none"}, and should be ${verdict}`);
  if (says !== undefined && !seen.lines.some(({ text }) => says.test(text))) wrong.push(`it should say ${says.source}`);
  return wrong.map((one) => `${rollout}: ${one}: ${last}`);
}

/** Of ours, how the deployment ended: what follows is the way back. */
function lastWords({ lines }: Seen): string {
  const texts = lines.map(({ text }) => text);
  return (
    texts.find((text) => text.startsWith(verdictMark)) ??
    texts.findLast((text) => text.startsWith("::error")) ??
    texts.find((text) => text.startsWith("error: ")) ??
    texts.at(-1) ??
    ""
  );
}

function table(rows: readonly (readonly string[])[], right: "none" | "rest" | "numbers"): string {
  const [head = []] = rows;
  const isRight = (column: number) =>
    (right === "rest" && column > 0) || (right === "numbers" && column > 1 && column < head.length - 1);
  const rule = head.map((_, column) => (isRight(column) ? "---:" : "---"));
  return [head, rule, ...rows.slice(1)].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function inCell(line: string): string {
  return `\`${line.replaceAll("`", "'").replaceAll("|", "\\|").slice(0, 200)}\``;
}
