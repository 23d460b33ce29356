import { untrusted } from "../../domain/evidence.ts";
import { code, details, type Markdown, markdown, paragraphs, table } from "../../markdown/markdown.ts";
import { plainLines } from "../../markdown/plain.ts";
import type { CodeChangeWithState, ComparedDefinitions } from "./compared.ts";
import type { OnLoss } from "./on-loss.ts";
import { lossesFirst } from "./order.ts";
import type { Touched } from "./touched.ts";

/** Of one location; others are counted. */
const shownRows = 100;
/** Of a member, on each side. */
const shownCharacters = 120;

/** What is to be seen at a glance of what new code changes in what each location defines: state that would be lost, and what was not compared. */
export function glanceAtDefinitions(all: Readonly<Record<string, ComparedDefinitions>>): readonly Markdown[] {
  return Object.entries(all).flatMap(([location, compared]) => {
    const what = markdown`Dagster definitions of ${code(location)}`;
    switch (compared.kind) {
      case "stays":
        return [markdown`${what}: no changes, what serves it stays.`];
      case "not-compared": {
        const { why, quoted, fix } = compared;
        return [
          markdown`${what} were not compared: ${why}${quoted === null ? "" : markdown` ${code(quoted)}`}${fix === null ? "" : markdown` ${fix}`}`,
        ];
      }
      case "compared": {
        const { changes, count, onLoss } = compared;
        if (changes.length === 0)
          return [markdown`${what}: no changes among ${count === 1 ? "1 definition" : `${count} definitions`}.`];
        const losses = lossesAmong(changes);
        if (losses.length === 0) return [];
        const whose = losses.length === 1 ? "a schedule or sensor" : `${losses.length} schedules and sensors`;
        const named = `${losses.slice(0, 5).map(formerName).join(", ")}${losses.length > 5 ? ", …" : ""}`;
        return [
          markdown`**State of ${whose} of ${code(location)} would be lost**: ${named}. ${sentencesOfLoss[onLoss]}`,
        ];
      }
    }
  });
}

/** All that it changes, by location, each folded. */
export function tablesOfDefinitions(all: Readonly<Record<string, ComparedDefinitions>>): readonly Markdown[] {
  return Object.entries(all).flatMap(([location, compared]) => {
    if (compared.kind !== "compared" || compared.changes.length === 0) return [];
    const { changes } = compared;
    const ordered = lossesFirst(changes);
    const more = ordered.length - shownRows;
    return [
      details(
        `Dagster definitions of ${location}: ${summaryOf(changes)}`,
        paragraphs(
          table(["Change", "Kind", "Name", "What it touches"], ordered.slice(0, shownRows).map(rowOf)),
          more > 0 ? markdown`${more} more, not shown.` : null,
        ),
      ),
    ];
  });
}

/** The same for a log and a terminal: a line for each location, and one for each change that touches what people have made. */
export function wordsOfDefinitions(all: Readonly<Record<string, ComparedDefinitions>>): readonly string[] {
  return Object.entries(all).flatMap(([location, compared]) => {
    switch (compared.kind) {
      case "compared": {
        const touching = compared.changes.filter(({ touches }) => touches !== null);
        const more = touching.length - shownRows;
        return [
          `Dagster definitions of ${location}: ${summaryOf(compared.changes)}`,
          ...touching.slice(0, shownRows).map(wordsOfTouching),
          ...(more > 0 ? [`  ${more} more that touch what people have made`] : []),
        ];
      }
      case "stays":
        return [`Dagster definitions of ${location}: no changes, what serves it stays`];
      case "not-compared": {
        const { why, quoted, fix } = compared;
        const said = quoted === null ? [] : [plainLines(quoted).join(" ")];
        return [
          [
            `Dagster definitions of ${location} were not compared: ${why}`,
            ...said,
            ...(fix === null ? [] : [fix]),
          ].join(" "),
        ];
      }
    }
  });
}

function lossesAmong(changes: readonly CodeChangeWithState[]): readonly CodeChangeWithState[] {
  return changes.filter(({ touches }) => touches?.kind === "state");
}

const sentencesOfLoss: Readonly<Record<OnLoss, Markdown>> = {
  stopped: markdown`A deploy is stopped by its gate ${code("state")}, unless it is told by ${code("allow-state-loss: true")}.`,
  allowed: markdown`No deploy with ${code("allow-state-loss: true")} is stopped by that.`,
  told: markdown`The gate ${code("state")} only warns of that: no deploy is stopped.`,
  "not-looked-at": markdown`The gate ${code("state")} is off: no deploy is stopped.`,
};

function wordsOfTouching(change: CodeChangeWithState): string {
  const { kind, name, former, touches } = change;
  const what = former === null ? name : `${former.name} → ${name}`;
  const how = touches === null ? "" : `: ${wordsOfTouched(change, touches).join(", ")}`;
  return plainLines(untrusted(`  ${change.change} ${kind} ${what}${how}`)).join(" ");
}

function rowOf(change: CodeChangeWithState): readonly (string | Markdown)[] {
  const { kind, former, members, touches } = change;
  const name = former === null ? shown(change) : markdown`${shown(former)} → ${shown(change)}`;
  const differences = members.map(
    ({ member, from, to }) => markdown`${member}: ${code(shortened(from))} → ${code(shortened(to))}`,
  );
  const told = [...differences, ...(touches === null ? [] : [touchedIn(change, touches)])];
  return [
    change.change === "renamed" ? "probably renamed" : change.change,
    kind,
    name,
    told.reduce((text, one) => (text.markdown === "" ? one : markdown`${text}; ${one}`), markdown``),
  ];
}

/** Of a member, in a table: the JSON has all of it. */
function shortened(text: string): string {
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters).replace(/[\ud800-\udbff]$/, "")}…` : text;
}

function touchedIn(change: CodeChangeWithState, touched: Touched): Markdown {
  const [first, ...others] = wordsOfTouched(change, touched);
  const rest = others.join(", ");
  if (touched.kind === "state") return markdown`**${first}**: ${rest}`;
  return rest === "" ? markdown`${first}` : markdown`${first}: ${rest}`;
}

/** What hangs on it, and what becomes of that. */
function wordsOfTouched({ change }: CodeChangeWithState, touched: Touched): readonly [string, ...string[]] {
  switch (touched.kind) {
    case "state": {
      const { status, byHand, hasCursor } = touched;
      const was = [
        status === "RUNNING" ? "is on" : "is off",
        ...(byHand ? ["by hand"] : []),
        ...(hasCursor ? ["and has a cursor"] : []),
      ].join(" ");
      return [was, change === "renamed" ? "the new name begins without that" : "that is lost"];
    }
    case "materializations": {
      const was = `materialized, last on ${touched.lastAt.slice(0, 10)}`;
      if (change === "renamed") return [was, "that stays under the old key"];
      return change === "removed" ? [was, "that stays in Dagster's database"] : [was];
    }
    case "unknown":
      return ["what people have made of it is not known"];
  }
}

function formerName({ kind, name, former }: CodeChangeWithState): string {
  return `${kind} ${former?.name ?? name}`;
}

function shown({ repository, name }: { readonly repository: string; readonly name: string }): Markdown {
  return repository === "__repository__" ? code(name) : markdown`${code(name)} of ${code(repository)}`;
}

/** `1 added, 2 removed` */
function summaryOf(changes: readonly CodeChangeWithState[]): string {
  const counts = (["added", "removed", "renamed", "changed"] as const).flatMap((kind) => {
    const count = changes.filter(({ change }) => change === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  return counts.length === 0 ? "no changes" : counts.join(", ");
}
