import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CauseId } from "../src/deployments/explain.ts";
import { isGood } from "../src/domain/verdict.ts";
import { containers } from "../test/unit/deployments/scenarios/containers.ts";
import { others, type Others } from "../test/unit/deployments/scenarios/others.ts";
import { classesOf } from "../test/unit/deployments/scenarios/play.ts";
import { type Scenario, scenarios } from "../test/unit/deployments/scenarios/table.ts";
import type { Row } from "./rows.ts";
import { programs } from "./scenarios/programs.ts";
import { runScenario, type Seen } from "./scenarios/run.ts";

/** What those who deploy say of the same rollouts: ours must be right in every row, what a peer says is written down. */
export async function measure(): Promise<readonly Row[]> {
  const all = await programs();
  const wrong: string[] = [];
  const matrix: string[][] = [];
  const details: string[][] = [];
  const counts = new Map(all.map(({ name }) => [name, new Map<string, number>()]));
  for (const scenario of scenarios.filter(isForAll)) {
    const cells: string[] = [];
    for (const program of all) {
      const seen = await runScenario(program, scenario);
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

const introduction = `# Who says what of a rollout

\`npm run bench -- scenarios\` writes this page. The rows are those of [the table of scenarios](../test/unit/deployments/scenarios/table.ts) in which
something is deployed that any deployer could: each program rolls the same definition out onto the same service, as a whole process, on an account of its own,
with scripted containers. The clock of program and account jumps over what both sleep through; in between it goes at the machine's pace (factor 1), so that
seconds are those of AWS's time. *Ours* is what the actions do with one service, as a process and not as a bundle, and must be right in every row, or the
measurement fails. Peers have a time-out of half an hour unless the row tells another, and wait for a stable service.

*Green* is exit code 0, *red* is 1. **Falsely green**: it does not run, or not everywhere, or not alone. **Green too early**: it does for now, and ECS calls the
deployment IN_PROGRESS. **Falsely red**: it runs, and could be seen to. **Given up**: red, because a call failed that would have gone well the next time.
**Killed**: it ends by the signal, and says nothing. *Reason*: what made it fail stands in the log. Seconds are from the moment at which the deployment was over
for ECS; there are none when it never was.
`;

const withReason = "red, with the reason";
const words = [
  "green",
  "red",
  withReason,
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
  const after = over === null ? null : `${((seen.endedAt - over) / 1000).toFixed(0)} s`;
  const reason = scenario.cause === null ? undefined : reasons[scenario.cause];
  const hasReason = seen.exitCode === 1 && reason?.test(seen.log.join("\n")) === true;
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

function wordOf(scenario: Scenario, { exitCode, runs, serviceDeployments }: Seen): Told["word"] {
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
  const expected = isGood(verdict) ? "green" : verdict === "cancelled" ? "cancelled" : "red";
  const wrong: string[] = [];
  if (word !== expected) wrong.push(`it is ${word}, and should be ${expected}`);
  if (!last.startsWith(verdict)) wrong.push(`it should say ${verdict}`);
  if (says !== undefined && !says.test(last)) wrong.push(`it should say ${says.source}`);
  return wrong.map((one) => `${rollout}: ${one}: ${last}`);
}

function lastWords({ log }: Seen): string {
  return log.findLast((line) => line.startsWith("::error")) ?? log.at(-1) ?? "";
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
