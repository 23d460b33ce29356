import { code, details, list, type Markdown, markdown, paragraphs, table } from "../../markdown/markdown.ts";
import type { TasksPrice } from "./fargate.ts";
import type { StackPrice } from "./price.ts";
import { showUsd } from "./prices.ts";
import type { RunsPrice } from "./runs.ts";

/** What a plan changes in what the services cost, in one line: `Services cost 63.78 USD a month, as before`. */
export function wordsOfPrice({ services, before, after }: StackPrice): string {
  const unpriced = services.filter((one) => one.before.usd === null || one.after.usd === null);
  const [first] = unpriced;
  if (first !== undefined && unpriced.length === services.length)
    return `What services cost is not known: ${first.after.why ?? first.before.why ?? ""}`;
  const without = unpriced.length === 0 ? "" : `, without ${unpriced.map(({ service }) => service).join(", ")}`;
  const change = showDifference(before, after);
  const amount = change === "" ? `${showUsd(after)} a month, as before` : `${showUsd(after)} a month (${change})`;
  return `Services cost ${amount}${without}`;
}

/** The same with what it is made of, folded. */
export function explainPrice(price: StackPrice): Markdown {
  const { region, date, own, services, around, runs } = price;
  const prices = own ? markdown`prices of the input ${code("prices")}, else list prices` : markdown`list prices`;
  return details(
    wordsOfPrice(price),
    paragraphs(
      table(
        ["Service", "Now", "Then", "Change"],
        services.map(({ service, before, after, atMost }) => [
          service,
          showTasks(before),
          `${showTasks(after)}${atMost === null ? "" : `, ${showUsd(atMost)} at most`}`,
          before.usd === null || after.usd === null ? "?" : showDifference(before.usd, after.usd) || "none",
        ]),
      ),
      runs === null ? null : markdown`${wordsOfRuns(runs)}`,
      around.length === 0 ? null : markdown`Around them, unchanged by a release:`,
      list(
        around
          .map(({ what, usd, note }) => [usd === null ? what : `${what}: ${showUsd(usd)}`, note])
          .map(([what, note]) => markdown`${what ?? ""}${note === null ? "" : ` (${note ?? ""})`}`),
      ),
      markdown`In ${region}, ${prices} of ${date}, for tasks that run all the time. ${runs === null ? "Runs, traffic" : "Traffic"}, logs and what is stored come on top.`,
    ),
  );
}

/** `Runs: about 120 a month … 4.10 USD a month`, as an estimate. */
function wordsOfRuns(price: RunsPrice): string {
  const { days, runs, runsAMonth, taskHoursAMonth, before, after, notCounted, why } = price;
  const counted = `${runs === 1 ? "1 run" : `${runs} runs`} in ${days === 1 ? "1 day" : `${days} days`}`;
  const as = `Runs, were they as lately (${counted}): about ${runsAMonth} a month, ${taskHoursAMonth} hours of tasks`;
  if (after === null) return `${as}; what they cost is not known: ${why ?? "no price"}.`;
  const change = before === null ? "" : showDifference(before, after);
  const without = notCounted === 0 ? "" : ` ${notCounted} of them not counted: ${why ?? "no price"}.`;
  return `${as}, ${showUsd(after)}${change === "" ? "" : ` (${change})`}, on demand and without what they take to start.${without}`;
}

function showTasks({ tasks, size, usd, why }: TasksPrice): string {
  if (tasks === 0) return "no task";
  const of = size === null ? `${tasks}` : `${tasks} × ${size}`;
  return `${of}: ${usd === null ? `not priced, ${why ?? "no price"}` : showUsd(usd)}`;
}

/** `+12.50 USD`; empty when nothing changes. */
function showDifference(before: number, after: number): string {
  const change = Math.round((after - before) * 100) / 100;
  if (change === 0) return "";
  return `${change > 0 ? "+" : "−"}${showUsd(Math.abs(change))}`;
}
