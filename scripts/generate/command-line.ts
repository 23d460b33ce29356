import { exitCodes, shapeOf, usageOf } from "../../src/cli/help.ts";
import { type Option, type OptionName, options } from "../../src/cli/options.ts";
import { optionOf } from "../../src/cli/verb.ts";
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
      (Object.keys(options) as OptionName[]).flatMap(rowsOf),
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

/** A row for each meaning that an option has, with the commands that take it so; `all` when every one does. */
function rowsOf(name: OptionName): readonly (readonly string[])[] {
  const takers = Object.entries(verbs).filter(([, { options: taken }]) => taken.includes(name));
  const meanings = new Map<string, { readonly option: Option; readonly commands: string[] }>();
  for (const [command, verb] of takers) {
    const option = optionOf(verb, name);
    const meaning = meanings.get(JSON.stringify(option)) ?? { option, commands: [] };
    meanings.set(JSON.stringify(option), { option, commands: [...meaning.commands, command] });
  }
  return [...meanings.values()].map(({ option, commands }) => [
    `\`${shapeOf(name, option)}\``,
    option.text,
    option.takes === null || option.default === "" ? "" : `\`${option.default}\``,
    commands.length === Object.keys(verbs).length ? "all" : commands.join(", "),
  ]);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)];
}
