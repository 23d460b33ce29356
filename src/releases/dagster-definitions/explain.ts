import { code, details, type Markdown, markdown, paragraphs, table } from "../../markdown/markdown.ts";
import type { CodeChangeWithState, ComparedDefinitions } from "./compared.ts";
import type { Touched } from "./touched.ts";

/** Of one location; others are counted. */
const shownRows = 100;

/** What new code changes in what each location defines, each folded. */
export function explainDefinitions(all: Readonly<Record<string, ComparedDefinitions>>): readonly Markdown[] {
  return Object.entries(all).map(([location, compared]) => explainOne(location, compared));
}

/** The same, a line for each location. */
export function wordsOfDefinitions(all: Readonly<Record<string, ComparedDefinitions>>): readonly string[] {
  return Object.entries(all).map(([location, compared]) => {
    switch (compared.kind) {
      case "compared":
        return `Dagster definitions of ${location}: ${summaryOf(compared.changes)}`;
      case "stays":
        return `Dagster definitions of ${location}: no changes, what serves it stays`;
      case "not-compared":
        return `Dagster definitions of ${location} were not compared: ${compared.why}`;
    }
  });
}

function explainOne(location: string, compared: ComparedDefinitions): Markdown {
  switch (compared.kind) {
    case "stays":
      return markdown`Dagster definitions of ${code(location)}: no changes, what serves it stays.`;
    case "not-compared": {
      const { why, quoted, fix } = compared;
      return markdown`Dagster definitions of ${code(location)} were not compared: ${why}${quoted === null ? "" : markdown` ${code(quoted)}`}${fix === null ? "" : markdown` ${fix}`}`;
    }
    case "compared": {
      const { changes, count } = compared;
      if (changes.length === 0)
        return markdown`Dagster definitions of ${code(location)}: no changes among ${count === 1 ? "1 definition" : `${count} definitions`}.`;
      const losses = changes.filter(({ touches }) => touches?.kind === "state");
      // What touches state stands first: the rest may be cut.
      const ordered = [...losses, ...changes.filter((one) => !losses.includes(one))];
      const more = ordered.length - shownRows;
      return paragraphs(
        losses.length === 0
          ? null
          : markdown`**State of ${losses.length === 1 ? "a schedule or sensor" : `${losses.length} schedules and sensors`} of ${code(location)} would be lost**: ${losses.slice(0, 5).map(formerName).join(", ")}${losses.length > 5 ? ", …" : ""}. A deploy is stopped by its gate \`state\`, unless it is told by \`allow-state-loss: true\`.`,
        details(
          `Dagster definitions of ${location}: ${summaryOf(changes)}`,
          paragraphs(
            table(["Change", "Kind", "Name", "What it touches"], ordered.slice(0, shownRows).map(rowOf)),
            more > 0 ? markdown`${more} more, not shown.` : null,
          ),
        ),
      );
    }
  }
}

function rowOf(change: CodeChangeWithState): readonly (string | Markdown)[] {
  const { kind, former, members, touches } = change;
  const name = former === null ? shown(change) : markdown`${shown(former)} → ${shown(change)}`;
  const differences = members.map(({ member, from, to }) => markdown`${member}: ${code(from)} → ${code(to)}`);
  const told = [...differences, ...(touches === null ? [] : [wordsOfTouched(change, touches)])];
  return [
    change.change === "renamed" ? "probably renamed" : change.change,
    kind,
    name,
    told.reduce((text, one) => (text.markdown === "" ? one : markdown`${text}; ${one}`), markdown``),
  ];
}

function wordsOfTouched({ change }: CodeChangeWithState, touched: Touched): Markdown {
  switch (touched.kind) {
    case "state": {
      const { status, byHand, hasCursor } = touched;
      const was = [
        status === "RUNNING" ? "is on" : "is off",
        ...(byHand ? ["by hand"] : []),
        ...(hasCursor ? ["and has a cursor"] : []),
      ].join(" ");
      return markdown`**${was}**: ${change === "renamed" ? "the new name begins without that" : "that is lost"}`;
    }
    case "materializations":
      return change === "changed"
        ? markdown`materialized, last on ${touched.lastAt.slice(0, 10)}`
        : markdown`materialized, last on ${touched.lastAt.slice(0, 10)}: that stays under the old key`;
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
