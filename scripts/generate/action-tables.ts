import { parse } from "yaml";
import type { Generated, Read } from "../generate.ts";

interface ActionFile {
  readonly name: string;
  readonly inputs?: Readonly<
    Record<string, { readonly description: string; readonly default?: string; readonly required?: boolean }>
  >;
  readonly outputs?: Readonly<Record<string, { readonly description: string }>>;
}

/** Folder of each action, and the page that has its tables. */
export const actionPages: Readonly<Record<string, string>> = {
  ".": "README.md",
  "actions/build-push-image": "actions/build-push-image/README.md",
  "actions/run-migrations": "actions/run-migrations/README.md",
  "actions/register-task-def": "actions/register-task-def/README.md",
  "actions/deploy-service": "actions/deploy-service/README.md",
  "actions/sync-dags": "actions/sync-dags/README.md",
};

/** Tables of inputs and outputs, as action.yml has them, between the marks of each page. */
export function actionTables(read: Read): readonly Generated[] {
  const tables = Object.entries(actionPages).map(([folder, path]) => {
    const { inputs = {}, outputs = {} } = parse(
      read(folder === "." ? "action.yml" : `${folder}/action.yml`),
    ) as ActionFile;
    const rowsOfInputs = Object.entries(inputs).map(([name, input]) =>
      row(
        `\`${name}\``,
        oneLine(input.description),
        input.required === true ? "required" : shownDefault(input.default ?? ""),
      ),
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
  return [...tables, ...workflowTables(read), rootByPath(read)];
}

interface WorkflowFile {
  readonly on: { readonly workflow_call: Pick<ActionFile, "inputs" | "outputs"> };
}

/** Workflows that users call. */
export const workflows = ["deploy", "preview", "rollback", "drift", "clean-up"] as const;

function workflowTables(read: Read): readonly Generated[] {
  const path = "docs/workflows.md";
  const text = workflows.reduce((page, name) => {
    const { on } = parse(read(`.github/workflows/${name}.yml`)) as WorkflowFile;
    const { inputs = {}, outputs = {} } = on.workflow_call;
    const rows = [
      row("Input", "What it is", "Default"),
      row("---", "---", "---"),
      ...Object.entries(inputs).map(([input, one]) =>
        row(`\`${input}\``, oneLine(one.description), shownDefault(String(one.default ?? ""))),
      ),
      "",
      row("Output", "What it is"),
      row("---", "---"),
      ...Object.entries(outputs).map(([output, one]) => row(`\`${output}\``, oneLine(one.description))),
    ];
    return between(name, rows)(page);
  }, read(path));
  return [{ path, text }];
}

/** The root action under a path of its own: `uses: $/…`, by which a workflow names its own repository, does not name the root. */
function rootByPath(read: Read): Generated {
  const text = read("action.yml").replaceAll(/^( {2}(?:main|post): )(dist\/)/gm, "$1../../$2");
  return {
    path: "actions/stack/action.yml",
    text: `# The root action, for \`uses: $/actions/stack\` in workflows of this repository. Made from action.yml: npm run generate.\n${text}`,
  };
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
