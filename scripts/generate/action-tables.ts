import { parse } from "yaml";
import type { Generated, Read } from "../generate.ts";

interface ActionFile {
  readonly name: string;
  readonly inputs?: Readonly<Record<string, { readonly description: string; readonly default?: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly description: string }>>;
}

/** Folder of each action, and the page that has its tables. */
export const actionPages: Readonly<Record<string, string>> = {
  ".": "README.md",
  "actions/build-push-image": "actions/build-push-image/README.md",
  "actions/run-migrations": "actions/run-migrations/README.md",
  "actions/register-task-def": "actions/register-task-def/README.md",
  "actions/deploy-service": "actions/deploy-service/README.md",
};

/** Tables of inputs and outputs, as action.yml has them, between the marks of each page. */
export function actionTables(read: Read): readonly Generated[] {
  return Object.entries(actionPages).map(([folder, path]) => {
    const { inputs = {}, outputs = {} } = parse(
      read(folder === "." ? "action.yml" : `${folder}/action.yml`),
    ) as ActionFile;
    const rowsOfInputs = Object.entries(inputs).map(([name, input]) =>
      row(`\`${name}\``, oneLine(input.description), shownDefault(input.default ?? "")),
    );
    const rowsOfOutputs = Object.entries(outputs).map(([name, output]) =>
      row(`\`${name}\``, oneLine(output.description)),
    );
    const text = [
      between("inputs", [row("Input", "What it is", "Default"), row("---", "---", "---"), ...rowsOfInputs]),
      between("outputs", [row("Output", "What it is"), row("---", "---"), ...rowsOfOutputs]),
    ].reduce((page, replace) => replace(page), read(path));
    return { path, text };
  });
}

function between(mark: string, lines: readonly string[]): (page: string) => string {
  const pattern = new RegExp(`(<!-- ${mark} -->\n)[^]*?(<!-- end ${mark} -->)`);
  return (page) => page.replace(pattern, (_whole, begin: string, end: string) => `${begin}${lines.join("\n")}\n${end}`);
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function shownDefault(value: string): string {
  return value === "" ? "" : `\`${value}\``;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").trim();
}
