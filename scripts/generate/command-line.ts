import { exitCodes, shapeOf, usageOf } from "../../src/cli/help.ts";
import { type OptionName, options } from "../../src/cli/options.ts";
import { verbs } from "../../src/cli/verbs.ts";
import type { Generated, Read } from "../generate.ts";

/** The tables of the command line's page, between their marks, made of what the program itself reads. */
export function commandLinePage(read: Read): Generated {
  const path = "docs/command-line.md";
  const tables: Readonly<Record<string, readonly string[]>> = {
    commands: table(
      ["Command", "What it does"],
      Object.entries(verbs).map(([name, verb]) => [`\`${usageOf(name, verb)}\``, verb.text]),
    ),
    options: table(
      ["Option", "What it is", "Default", "Commands"],
      (Object.keys(options) as OptionName[]).map((name) => [
        `\`${shapeOf(name)}\``,
        options[name].text,
        options[name].takes === null || options[name].default === "" ? "" : `\`${options[name].default}\``,
        takersOf(name),
      ]),
    ),
    "exit codes": table(["Exit code", "What it means"], exitCodes),
  };
  const text = Object.entries(tables).reduce(
    (page, [mark, lines]) =>
      page.replace(
        new RegExp(`(<!-- ${mark} -->\\n)[^]*?(<!-- end ${mark} -->)`),
        (_whole, begin: string, end: string) => `${begin}${lines.join("\n")}\n${end}`,
      ),
    read(path),
  );
  return { path, text };
}

/** Commands that take an option; `all` when every one does. */
function takersOf(name: OptionName): string {
  const takers = Object.entries(verbs).filter(([, { options: taken }]) => taken.includes(name));
  return takers.length === Object.keys(verbs).length ? "all" : takers.map(([verb]) => verb).join(", ");
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)];
}
