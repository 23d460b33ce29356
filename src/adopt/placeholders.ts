import { isMap, type Json } from "../domain/json.ts";

/** A text of a committed file, and what it became in what runs. */
export interface Rendered {
  readonly written: string;
  readonly running: string;
}

/**
 * What stands behind `$name` in committed files, told from what runs. Pure.
 * @param known those that need not be found out: `account`, `region`
 * @returns only those that every text agrees on
 */
export function solvePlaceholders(
  pairs: readonly Rendered[],
  known: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const found = new Map<string, Set<string>>();
  for (const { written, running } of pairs) {
    const { names, pattern } = patternOf(written, known);
    // Of two beside each other it is not known where the one ends.
    if (names.length === 0 || pattern.includes("(.+?)(.+?)")) continue;
    const match = new RegExp(`^${pattern}$`, "s").exec(running);
    if (match === null) continue;
    for (const [index, name] of names.entries()) {
      const values = found.get(name) ?? new Set();
      found.set(name, values.add(match[index + 1] ?? ""));
    }
  }
  return Object.fromEntries(
    [...found].flatMap(([name, values]) => {
      const [only = "", ...others] = values;
      return others.length === 0 ? [[name, only] as const] : [];
    }),
  );
}

/** May the one have become the other? */
export function fits({ written, running }: Rendered, known: Readonly<Record<string, string>>): boolean {
  return new RegExp(`^${patternOf(written, known).pattern}$`, "s").test(running);
}

/** @returns names in the order of its groups */
function patternOf(
  written: string,
  known: Readonly<Record<string, string>>,
): { readonly names: readonly string[]; readonly pattern: string } {
  const names: string[] = [];
  const parts = written.split(/(\$\{[A-Za-z_]\w*\}|\$[A-Za-z_]\w*)/).map((part, index) => {
    if (index % 2 === 0) return escaped(part);
    const name = part.replaceAll(/[${}]/g, "");
    if (Object.hasOwn(known, name)) return escaped(known[name] ?? "");
    const at = names.indexOf(name);
    if (at !== -1) return `\\${at + 1}`;
    names.push(name);
    return "(.+?)";
  });
  return { names, pattern: parts.join("") };
}

/** Texts that stand at the same place in both; members of lists are met by their `name`, else by their order. */
export function renderedTexts(written: Json | undefined, running: Json | undefined): readonly Rendered[] {
  if (typeof written === "string") return typeof running === "string" ? [{ written, running }] : [];
  if (Array.isArray(written) && Array.isArray(running)) {
    const all = running as readonly Json[];
    return (written as readonly Json[]).flatMap((one, index) => {
      const name = isMap(one) ? one["name"] : undefined;
      const named = all.find((other) => isMap(other) && name !== undefined && other["name"] === name);
      return renderedTexts(one, name === undefined ? all[index] : named);
    });
  }
  if (!isMap(written) || !isMap(running)) return [];
  return Object.entries(written).flatMap(([key, value]) => renderedTexts(value, running[key]));
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
