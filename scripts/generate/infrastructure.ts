import type { Generated, Read } from "../generate.ts";

const page = "docs/infrastructure.md";
const stack = "infra/stacks/platform/main.tf";

/** docs/infrastructure.md: the diagram, from the calls of modules in the stack `platform`, and the dated prices. */
export function infrastructurePage(read: Read): Generated {
  const main = read(stack);
  const text = [
    between("diagram", diagram(main)),
    between("modules", modules(read)),
    between("prices", prices(read)),
  ].reduce((whole, replace) => replace(whole), read(page));
  return { path: page, text };
}

/** An arrow leads from a module to the one that is given something of it. What goes over a local value counts, too. */
export function diagram(main: string): readonly string[] {
  const calls = [...main.matchAll(/^module "(\w+)" \{\n([^]*?)^\}/gm)].map(([, name = "", body = ""]) => ({
    name,
    body,
  }));
  const [, locals = ""] = /^locals \{\n([^]*?)^\}/m.exec(main) ?? [];
  const values = [...locals.matchAll(/^ {2}(\w+)\s+= ([^]*?)(?=^ {2}\w+\s+= |$(?![^]))/gm)];
  const usedBy = (text: string): readonly string[] => {
    const direct = [...text.matchAll(/\bmodule\.(\w+)/g)].map(([, name = ""]) => name);
    const through = values
      .filter(([, name = ""]) => new RegExp(`\\blocal\\.${name}\\b`).test(text))
      .flatMap(([, , value = ""]) => [...value.matchAll(/\bmodule\.(\w+)/g)].map(([, used = ""]) => used));
    return [...new Set([...direct, ...through])].sort();
  };
  const arrows = calls.flatMap(({ name, body }) => usedBy(body).map((used) => `  ${used} --> ${name}`));
  return [
    "```mermaid",
    "flowchart LR",
    ...calls.map(({ name }) => `  ${name}["${name.replaceAll("_", "-")}"]`),
    ...arrows,
    "```",
  ];
}

/** What each module makes, by the types of its resources. */
function modules(read: Read): readonly string[] {
  const names = [
    "contract",
    "service",
    "cluster",
    "storage",
    "registry",
    "identity",
    "deploy-role",
    "network",
    "database",
    "ingress",
    "alarms",
    "cost",
  ];
  const rows = names.map((name) => {
    const types = [...read(`infra/modules/${name}/main.tf`).matchAll(/^resource "aws_(\w+)"/gm)].map(
      ([, type = ""]) => type,
    );
    const made = [...new Set(types)].sort().map((type) => `\`${type}\``);
    return `| [\`${name}\`](../infra/modules/${name}) | ${made.length === 0 ? "nothing: it computes" : made.join(" ")} |`;
  });
  return ["| Module | Makes (`aws_…`) |", "| --- | --- |", ...rows];
}

function prices(read: Read): readonly string[] {
  const table = JSON.parse(read("infra/modules/cost/prices.json")) as {
    readonly date: string;
    readonly regions: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  const kinds = ["ARM64", "X86_64", "load-balancer", "nat-gateway", "database"];
  const rows = Object.entries(table.regions).map(
    ([region, known]) =>
      `| \`${region}\` | ${kinds.map((kind) => (known[kind] === undefined ? "" : "✓")).join(" | ")} |`,
  );
  return [
    `Prices of ${table.date}:`,
    "",
    `| Region | ${kinds.join(" | ")} |`,
    `| --- | ${kinds.map(() => "---").join(" | ")} |`,
    ...rows,
  ].map((line) => line.replaceAll(/\|  (?=\|)/g, "| "));
}

function between(mark: string, lines: readonly string[]): (whole: string) => string {
  const pattern = new RegExp(`(<!-- ${mark} -->\n)[^]*?(<!-- end ${mark} -->)`);
  return (whole) => whole.replace(pattern, (_all, begin: string, end: string) => `${begin}${lines.join("\n")}\n${end}`);
}
