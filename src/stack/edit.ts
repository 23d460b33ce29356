import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { UserError } from "../domain/errors.ts";
import { canonicalJson, type Json } from "../domain/json.ts";
import { showPath } from "./tree.ts";

/** One change of a YAML file. A path is of keys, from the top. */
export type Edit =
  /** Adds a member of a mapping, or gives it another value. `after` are keys beside it that it should come after, where it is new. */
  | { readonly kind: "set"; readonly path: readonly string[]; readonly value: Json; readonly after?: readonly string[] }
  /** A mapping that has nothing else goes with it; where that is all there is in the one around it, it stays, and is empty. */
  | { readonly kind: "remove"; readonly path: readonly string[] }
  /** At the end of a list, which need not be there. */
  | { readonly kind: "add-item"; readonly path: readonly string[]; readonly item: string }
  | { readonly kind: "remove-item"; readonly path: readonly string[]; readonly item: string };

/**
 * Changes a YAML file where it says so, and nowhere else: every other byte stays, with comments, order, anchors and style.
 * @param text YAML without mistakes
 * @param file how errors call it
 * @throws UserError when the file is written so that this cannot be done: then by hand
 */
export function editYaml(text: string, file: string, edits: readonly Edit[]): string {
  return edits.reduce((before, edit) => {
    const after = edited(before, edit);
    if (after !== null && meaning(after) === expected(before, edit)) return after;
    throw new UserError({
      what: `${showPath(edit.path)} is written in a way that it cannot be changed in by a program without changing more.`,
      where: file,
      fix: "Change it by hand. Nothing was written.",
    });
  }, text);
}

/** What the file says after the change, as JSON. */
function expected(text: string, edit: Edit): string {
  // Aliases of one anchor are one object in it, as they are one text in the file.
  const top = parse(text).toJS() as Record<string, unknown>;
  apply(top, edit);
  return canonicalJson(top as Json);
}

function apply(top: Record<string, unknown>, edit: Edit): void {
  const { path } = edit;
  const key = path.at(-1) ?? "";
  const chain: Record<string, unknown>[] = [top];
  for (const step of path.slice(0, -1)) {
    const above = chain.at(-1) as Record<string, unknown>;
    chain.push((above[step] ??= {}) as Record<string, unknown>);
  }
  const parent = chain.at(-1) as Record<string, unknown>;
  const items = (parent[key] ?? []) as unknown[];
  switch (edit.kind) {
    case "set":
      parent[key] = edit.value;
      return;
    case "remove":
      delete parent[key];
      if (goesWith(Object.keys(parent).length + 1, Object.keys(chain.at(-2) ?? {}).length, path))
        delete chain.at(-2)?.[path.at(-2) ?? ""];
      return;
    case "add-item":
      items.push(edit.item);
      parent[key] = items;
      return;
    case "remove-item":
      items.splice(items.indexOf(edit.item), 1);
  }
}

/** @param members of the mapping that something is removed from, before that. @param around members of the mapping around it */
function goesWith(members: number, around: number, path: readonly string[]): boolean {
  return members === 1 && path.length > 1 && around > 1;
}

/** @returns null: it is no YAML */
function meaning(text: string): string | null {
  const document = parse(text);
  if (document.errors.length > 0) return null;
  try {
    return canonicalJson(document.toJS() as Json);
  } catch {
    return null; // an alias without its anchor
  }
}

function parse(text: string): Document.Parsed {
  return parseDocument(text, { prettyErrors: false, stringKeys: true, logLevel: "silent" });
}

/** @returns null: it cannot be done */
function edited(text: string, edit: Edit): string | null {
  const document = parse(text);
  const file: File = { text, document, newline: text.includes("\r\n") ? "\r\n" : "\n" };
  switch (edit.kind) {
    case "set":
      return set(file, edit.path, edit.value, edit.after ?? []);
    case "remove":
      return remove(file, edit.path);
    case "add-item":
      return addItem(file, edit.path, edit.item);
    case "remove-item":
      return removeItem(file, edit.path, edit.item);
  }
}

interface File {
  readonly text: string;
  readonly document: Document.Parsed;
  readonly newline: string;
}

function set(file: File, path: readonly string[], value: Json, after: readonly string[]): string | null {
  const [above, key] = [path.slice(0, -1), path.at(-1) ?? ""];
  const parent = nodeAt(file, above);
  if (!isMap(parent)) {
    const isEmpty = isScalar(parent) && parent.value === null;
    if (parent !== null && !isEmpty) return null;
    return (isEmpty ? setBelow(file, above, { [key]: value }) : null) ?? set(file, above, { [key]: value }, after);
  }
  const pair = pairOf(parent, key);
  if (pair === null) return addTo(file, parent, pairText({ [key]: value }), { [key]: value }, after);
  const old = pair.value as Node | null;
  if (old === null || (isCollection(old) && old.flow !== true)) {
    const without = cutPair(file, parent, pair);
    return without === null ? null : edited(without, { kind: "set", path, value, after });
  }
  const [start, end] = rangeOf(old);
  return splice(file.text, start, end, flow(value));
}

/** The first member of a mapping of which only the key stands there. */
function setBelow(file: File, path: readonly string[], member: Readonly<Record<string, Json>>): string | null {
  const above = nodeAt(file, path.slice(0, -1));
  const pair = isMap(above) && above.flow !== true ? pairOf(above, path.at(-1) ?? "") : null;
  if (pair === null) return null;
  const [start, end] = rangeOf(pair.key as Node);
  const at = nextLine(file.text, end);
  const indent = " ".repeat(start - lineStart(file.text, start) + 2);
  const gap = file.text[at - 1] === "\n" ? "" : file.newline;
  return splice(file.text, at, at, `${gap}${indent}${pairText(member)}${file.newline}`);
}

function remove(file: File, path: readonly string[]): string | null {
  const parent = nodeAt(file, path.slice(0, -1));
  const pair = isMap(parent) ? pairOf(parent, path.at(-1) ?? "") : null;
  if (!isMap(parent) || pair === null) return null;
  const above = path.slice(0, -1);
  const around = nodeAt(file, above.slice(0, -1));
  if (parent.items.length === 1 && above.length > 0)
    return isMap(around) && goesWith(1, around.items.length, path) ? remove(file, above) : set(file, above, {}, []);
  return cutPair(file, parent, pair);
}

function addItem(file: File, path: readonly string[], item: string): string | null {
  const list = nodeAt(file, path);
  if (list === null || (isSeq(list) && list.items.length === 0 && list.flow !== true))
    return set(file, path, [item], []);
  return isSeq(list) ? addTo(file, list, flow(item), null, []) : null;
}

function removeItem(file: File, path: readonly string[], item: string): string | null {
  const list = nodeAt(file, path);
  if (!isSeq(list)) return null;
  const at = list.items.findIndex((one) => isScalar(one) && one.value === item);
  if (at < 0) return null;
  if (list.items.length === 1) return set(file, path, [], []);
  return list.flow === true ? cutFlow(file, list, at) : cutLines(file, list.items[at] as Node, list.items[at] as Node);
}

/** @param block the same as a mapping, where it is one: for a neighbour that is written so */
function addTo(
  { text, newline }: File,
  collection: YAMLMap | YAMLSeq,
  member: string,
  block: Readonly<Record<string, Json>> | null,
  after: readonly string[],
): string | null {
  const items = collection.items as readonly (Node | Pair)[];
  const last = items.at(-1);
  if (collection.flow === true) {
    if (last !== undefined) return splice(text, endOf(last), endOf(last), `, ${member}`);
    const [start, end] = rangeOf(collection);
    return splice(text, start, end, isMap(collection) ? `{ ${member} }` : `[${member}]`);
  }
  if (last === undefined) return null;
  const isAfter = (item: Node | Pair): boolean => isPair(item) && after.includes(keyOf(item));
  const neighbour = items.findLast(isAfter) ?? last;
  const first = isPair(last) ? (last.key as Node) : (last as Node);
  const start = rangeOf(first)[0];
  const head = text.slice(lineStart(text, start), start);
  const indent = isSeq(collection) ? head : " ".repeat(head.length);
  if (isSeq(collection) && !/^\s*- +$/.test(head)) return null;
  const isTop = indent === "";
  const written = isTop || (isPair(neighbour) && isMap(neighbour.value) && neighbour.value.flow !== true);
  const lines = block !== null && written ? blockLines(block, isTop ? 1 : Number.POSITIVE_INFINITY) : [member];
  const at = below(text, neighbour);
  const isLoose = isTop && /\n\r?\n/.test(text);
  const gap = at > 0 && text[at - 1] !== "\n" ? newline : "";
  const added = lines.map((line) => `${isSeq(collection) ? head : indent}${line}${newline}`).join("");
  return splice(text, at, at, `${gap}${isLoose ? newline : ""}${added}`);
}

function cutPair(file: File, parent: YAMLMap, pair: Pair): string | null {
  if (parent.flow === true) return cutFlow(file, parent, parent.items.indexOf(pair as (typeof parent.items)[number]));
  const isFirst = parent.items[0] === pair;
  return cutLines(file, pair.key as Node, pair, isFirst);
}

/** One of several between brackets, with the comma that it needs no more; the only one, with all that is between them. */
function cutFlow({ text }: File, collection: YAMLMap | YAMLSeq, at: number): string | null {
  const items = collection.items as readonly (Node | Pair)[];
  const [item, before, next] = [items[at], items[at - 1], items[at + 1]];
  if (item === undefined) return null;
  if (before !== undefined) return splice(text, endOf(before), endOf(item), "");
  if (next !== undefined) return splice(text, startOf(item), startOf(next), "");
  const [start, end] = rangeOf(collection);
  return splice(text, start, end, isMap(collection) ? "{}" : "[]");
}

/** Whole lines of a member in block style; comments that stand right above it go with it, but for those above the first. */
function cutLines({ text }: File, begin: Node, all: Node | Pair, isFirst = true): string | null {
  const start = rangeOf(begin)[0];
  let from = lineStart(text, start);
  const head = text.slice(from, start);
  if (!/^\s*(- +)?$/.test(head) || (isPair(all) && head.includes("-"))) return null;
  const [indent = ""] = /^\s*/.exec(head) ?? [];
  let to = below(text, all);
  while (isComment(text, to, (spaces) => spaces > indent.length)) to = nextLine(text, to);
  while (!isFirst && from > 0 && isComment(text, lineStart(text, from - 1), (spaces) => spaces === indent.length))
    from = lineStart(text, from - 1);
  // Two gaps become one.
  const isGap = (at: number): boolean => /^[ \t]*\r?(\n|$)/.test(text.slice(at, nextLine(text, at)));
  if (indent === "" && from > 0 && isGap(lineStart(text, from - 1)) && isGap(to)) from = lineStart(text, from - 1);
  return splice(text, from, to, "");
}

function isComment(text: string, at: number, isIndented: (spaces: number) => boolean): boolean {
  const [, spaces = ""] = /^( *)#/.exec(text.slice(at, nextLine(text, at))) ?? [];
  return /^ *#/.test(text.slice(at, nextLine(text, at))) && isIndented(spaces.length);
}

/** What stands at a path, behind aliases; null: nothing. */
function nodeAt({ document }: File, path: readonly string[]): Node | null {
  const behind = (node: unknown): Node | null =>
    isAlias(node) ? (node.resolve(document) ?? null) : ((node ?? null) as Node | null);
  return path.reduce<Node | null>(
    (node, key) => (isMap(node) ? behind(pairOf(node, key)?.value) : null),
    behind(document.contents),
  );
}

function pairOf(map: YAMLMap, key: string): Pair | null {
  return map.items.find((pair) => keyOf(pair) === key) ?? null;
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : "";
}

function isCollection(node: unknown): node is YAMLMap | YAMLSeq {
  return isMap(node) || isSeq(node);
}

function rangeOf(node: Node): readonly [start: number, end: number] {
  const [start, end] = node.range ?? [0, 0];
  return [start, end];
}

function startOf(item: Node | Pair): number {
  return rangeOf((isPair(item) ? item.key : item) as Node)[0];
}

/** Behind the last character of what it says: a block may have comments behind that, which are not its own. */
function endOf(item: Node | Pair | null): number {
  if (item === null) return 0;
  if (isPair(item)) {
    const [key, value] = [item.key as Node, item.value as Node | null];
    const end = value === null ? 0 : endOf(value);
    return Math.max(rangeOf(key)[1], end);
  }
  const last = isCollection(item) && item.flow !== true ? (item.items.at(-1) as Node | Pair | undefined) : undefined;
  return last === undefined ? rangeOf(item)[1] : endOf(last);
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

function nextLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

/** Where the line after an item begins. A text of several lines (`|`) ends with the end of its last one. */
function below(text: string, item: Node | Pair): number {
  const end = endOf(item);
  return text[end - 1] === "\n" ? end : nextLine(text, end);
}

function splice(text: string, from: number, to: number, by: string): string {
  return text.slice(0, from) + by + text.slice(to);
}

/** On one line: `{ a: b, c: [d, e] }` */
function flow(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return "{}";
  if (typeof value === "object" && value !== null) return `{ ${pairText(value as Readonly<Record<string, Json>>)} }`;
  return stringify([value], { collectionStyle: "flow", lineWidth: 0 }).trimEnd().slice(2, -2);
}

function pairText(pairs: Readonly<Record<string, Json>>): string {
  return Object.entries(pairs)
    .map(([key, member]) => `${flow(key)}: ${flow(member)}`)
    .join(", ");
}

/** @param depth of mappings in block style; deeper ones stand in braces */
function blockLines(value: Readonly<Record<string, Json>>, depth: number): readonly string[] {
  return Object.entries(value).flatMap(([key, member]) => {
    const name = `${flow(key)}:`;
    if (depth === 0 || member === null || typeof member !== "object" || Array.isArray(member))
      return [pairText({ [key]: member })];
    return [name, ...blockLines(member as Readonly<Record<string, Json>>, depth - 1).map((line) => `  ${line}`)];
  });
}
