import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import type { Place } from "../domain/errors.ts";
import type { Json } from "../domain/json.ts";
import { type Problem, quote } from "./problems.ts";
import type { Entry, Tree } from "./tree.ts";

/** What a text of YAML says. `tree` is null when it cannot be read; the problems then say why. */
export interface Reading {
  readonly tree: Tree | null;
  readonly problems: readonly Problem[];
}

/** A stack file has some hundred values; aliases of aliases could make millions of them. */
const mostValues = 20_000;

/**
 * Reads YAML 1.2 with its core schema: `yes`, `on` and `2026-12-31` are texts. Anchors and aliases are allowed; merge
 * keys (`<<`) are of YAML 1.1, and refused: overlaying is what `environments` is for.
 */
export function readYaml(text: string, file: string): Reading {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };

  const broken = [...document.errors, ...document.warnings];
  const problems = broken.map((error): Problem => ({ where: placeOf(error.pos[0]), ...explain(error, text) }));
  // One slip makes the parser stumble over what follows: each line is told once, and nothing is read from the rest.
  if (broken.some(({ code }) => code !== "DUPLICATE_KEY")) {
    const slip = misplacedLine(text, problems);
    if (slip === null) return { tree: null, problems: firstOfEachLine(problems) };
    const { line, column, wanted } = slip;
    const what = `This line is indented by ${spaces(column - 1)}, unlike its neighbours.`;
    return {
      tree: null,
      problems: [{ where: { file, line, column }, what, fix: `Indent it by ${wanted.map(spaces).join(" or by ")}.` }],
    };
  }
  if (document.contents === null) {
    const fix = "Write at least `name`, `region` and `contract`; docs/stack-file.md lists every key.";
    return { tree: null, problems: [{ where: { file, line: 1, column: 1 }, what: "The file is empty.", fix }] };
  }
  const { tree, problems: found } = treeOf(document, document.contents, placeOf);
  return { tree, problems: [...problems, ...found] };
}

/** The document's values with their places; aliases written out, each part of an anchor at the place of the anchor. */
function treeOf(
  document: Document,
  top: Node,
  placeOf: (offset: number) => Place,
): { readonly tree: Tree; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const nothing = (where: Place, what: string, fix: string): Tree => {
    problems.push({ where, what, fix });
    return { kind: "scalar", place: where, value: null };
  };
  let values = 0;

  /** @param open the anchors that this stands in: an alias of one of them would never end */
  const valueOf = (node: Node | null, above: Place, open: ReadonlySet<Node>): Tree => {
    const place = node?.range ? placeOf(node.range[0]) : above;
    values += 1;
    if (values === mostValues) {
      const what = `With its aliases written out the file has more than ${mostValues} values.`;
      return nothing(place, what, "Use fewer aliases of aliases.");
    }
    if (node === null || values > mostValues) return { kind: "scalar", place, value: null };
    if (isAlias(node)) return aliasOf(node, place, open);
    const inside = new Set(open).add(node);
    if (isMap(node)) return { kind: "map", place, entries: entriesOf(node, place, inside) };
    if (isSeq(node)) {
      return { kind: "list", place, items: node.items.map((item) => valueOf(asNode(item), place, inside)) };
    }
    return { kind: "scalar", place, value: isScalar(node) ? plain(node.value) : null };
  };

  const aliasOf = (alias: Alias, place: Place, open: ReadonlySet<Node>): Tree => {
    const target = alias.resolve(document);
    const fix = "Write the value out here.";
    if (target === undefined) return nothing(place, `There is no anchor &${alias.source} above.`, fix);
    if (open.has(target)) return nothing(place, `&${alias.source} contains itself.`, fix);
    return { ...valueOf(target, place, open), place };
  };

  const entriesOf = (map: YAMLMap, place: Place, open: ReadonlySet<Node>): ReadonlyMap<string, Entry> => {
    const entries = new Map<string, Entry>();
    for (const { key, value } of map.items) {
      if (!isScalar(key)) continue; // refused by the parser already
      const keyPlace = key.range ? placeOf(key.range[0]) : place;
      // In quotes it is a key like any other.
      if (key.value === "<<" && key.type === "PLAIN") {
        const fix = "Write the keys out, or give whole values an anchor (&small) and an alias (*small).";
        nothing(keyPlace, "`<<` merges mappings in YAML 1.1; this file is YAML 1.2.", fix);
      } else {
        entries.set(String(key.value), { key: keyPlace, value: valueOf(asNode(value), keyPlace, open) });
      }
    }
    return entries;
  };

  const tree = valueOf(top, placeOf(0), new Set());
  return { tree, problems };
}

/** How far above the first error of the parser a line may be that it stumbles over. */
const linesAbove = 60;

/**
 * The one line that would make the file YAML if it were indented as its neighbours are. The parser stumbles below it as well as
 * on it, and once for each line that follows. Of several the one whose indentation is the rarest; null when there is none.
 */
function misplacedLine(
  text: string,
  problems: readonly Problem[],
): { readonly line: number; readonly column: number; readonly wanted: readonly number[] } | null {
  const lines = text.split("\n");
  const indents = lines.map((line) => (/^( *)(- |[\w"'.-]+:(\s|$))/.exec(line) === null ? null : indentOf(line)));
  const howMany = (indent: number): number => indents.filter((other) => other === indent).length;
  const told = problems.map(({ where }) => where.line);
  const first = Math.max(0, Math.min(...told) - linesAbove);
  const last = Math.max(...told);
  const repairs = indents.slice(first, last + 1).flatMap((indent, offset) => {
    const index = first + offset;
    if (indent === null) return [];
    const near = new Set(indents.slice(Math.max(0, index - 12), index + 5).filter((other) => other !== null));
    return [...near]
      .filter((wanted) => howMany(wanted) > howMany(indent))
      .map((wanted) => ({ line: index + 1, column: indent + 1, wanted, alike: howMany(indent) }));
  });
  const mends = ({ line, wanted }: (typeof repairs)[number]): boolean => {
    const repaired = lines.with(line - 1, " ".repeat(wanted) + (lines[line - 1] ?? "").trimStart()).join("\n");
    const { errors, warnings } = parseDocument(repaired, { prettyErrors: false, stringKeys: true });
    return errors.length + warnings.length === 0;
  };
  const rank = ({ column, wanted, alike }: (typeof repairs)[number]): number =>
    alike * 1000 + Math.abs(column - 1 - wanted);
  const sorted = repairs.sort((a, b) => rank(a) - rank(b) || a.line - b.line || b.wanted - a.wanted);
  const best = sorted.find(mends);
  if (best === undefined) return null;
  const equal = sorted.filter((other) => other.line === best.line && rank(other) === rank(best) && mends(other));
  return { line: best.line, column: best.column, wanted: equal.map(({ wanted }) => wanted) };
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function spaces(count: number): string {
  return count === 0 ? "no space" : count === 1 ? "1 space" : `${count} spaces`;
}

function asNode(value: unknown): Node | null {
  return isMap(value) || isSeq(value) || isScalar(value) || isAlias(value) ? value : null;
}

function plain(value: unknown): string | number | boolean | null {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

function firstOfEachLine(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter(
    ({ where }, index) => problems.findIndex((other) => other.where.line === where.line) === index,
  );
}

/** The parser's words are for people who write parsers. */
function explain(error: YAMLError, text: string): Omit<Problem, "where"> {
  const [start, end] = error.pos;
  switch (error.code) {
    case "DUPLICATE_KEY":
      return {
        what: `The key ${quote(/^[^\s:,}]*/.exec(text.slice(start))?.[0] ?? "")} is written twice in one mapping.`,
        fix: "Keep one of the two: YAML would silently take one and drop the other.",
      };
    case "TAB_AS_INDENT":
      return { what: "A tab stands where YAML wants spaces.", fix: "Indent with spaces." };
    case "MULTIPLE_DOCS":
      return {
        what: "A second document begins here (`---`).",
        fix: "A stack file is one document: remove the line, and use `environments:` for what differs.",
      };
    case "TAG_RESOLVE_FAILED":
      return { what: "A tag (`!…`) that means nothing here.", fix: "Remove the tag, or put the text in quotes." };
    case "BLOCK_AS_IMPLICIT_KEY":
      return {
        what: "A second `: ` on one line.",
        fix: "Put a text that contains `: ` in quotes; write nested keys on lines of their own, or in { }.",
      };
    case "BAD_INDENT":
      return {
        what: "This line is not indented as its neighbours, or a bracket above is not closed.",
        fix: "Indent the keys of one mapping alike, and close every [ and {.",
      };
    case "BAD_SCALAR_START":
      return { what: `A text cannot begin with ${quote(text.slice(start, end))}.`, fix: "Put the text in quotes." };
    default:
      if (text.slice(start - 1, start + 1) === "${") {
        return {
          what: "A placeholder stands inside { } or [ ] without quotes.",
          fix: 'Put it in quotes: "${contract.bucket.name}".',
        };
      }
      return {
        what: `This is not YAML: ${error.message.replace(/: ".*$/s, "")}.`, // what it quotes could be a secret
        fix: "Mend the line; quotes around a text with special characters often do.",
      };
  }
}

/**
 * The value of a YAML file that is not ours: merge keys (`<<`) are followed, tags of other programs are read past.
 * @returns null when it cannot be read
 */
export function foreignYaml(text: string): Json {
  const document = parseDocument(text, { merge: true, logLevel: "silent" });
  if (document.errors.length > 0) return null;
  try {
    return document.toJS({ maxAliasCount: 1000 }) as Json;
  } catch {
    return null;
  }
}
