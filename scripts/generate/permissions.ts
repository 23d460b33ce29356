import * as z from "zod";
import type { Generated, Read } from "../generate.ts";

/** What the actions are allowed, by IAM action: the policy of infra/modules/deploy-role is made of the same list. */
export const permissionsPath = "infra/modules/deploy-role/permissions.json";

const permissionsSchema = z.strictObject({
  columns: z.array(z.string()),
  permissions: z.array(
    z.strictObject({
      action: z.string(),
      on: z.array(z.string()).describe("Kinds of resources, as the module knows them."),
      text: z.string().describe("The same in words."),
      columns: z.array(z.string()),
      with: z.string().optional().describe("What a stack file must ask for; the page says it in words of its own."),
    }),
  ),
});

export type Permissions = z.infer<typeof permissionsSchema>;

export function permissionsOf(read: Read): Permissions {
  return permissionsSchema.parse(JSON.parse(read(permissionsPath)));
}

/** The table of docs/permissions.md, between its marks. */
export function permissionsTable(read: Read): Generated {
  const { columns, permissions } = permissionsOf(read);
  const path = "docs/permissions.md";
  const lines = [
    row("IAM action", "On", ...columns),
    row("---", "---", ...columns.map(() => "---")),
    ...permissions
      .filter((one) => one.with === undefined)
      .map(({ action, text, columns: needed }) =>
        row(`\`${action}\``, text, ...columns.map((column) => (needed.includes(column) ? "✓" : ""))),
      ),
  ];
  const between = /(<!-- permissions -->\n)[^]*?(<!-- end permissions -->)/;
  const text = read(path).replace(
    between,
    (_whole, begin: string, end: string) => `${begin}${lines.join("\n")}\n${end}`,
  );
  return { path, text };
}

function row(...cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`.replaceAll(/\|  (?=\|)/g, "| ");
}

/** The same list for the program, which writes policies of it. */
export function permissionsModule(read: Read): Generated {
  const { columns, permissions } = permissionsOf(read);
  const rows = permissions.map(({ action, on, columns: needed, with: asked }) => [action, on, needed, asked ?? null]);
  const lines = [
    `// Made by \`npm run generate\` of ${permissionsPath}.`,
    'import type { PermissionTable } from "./policy.ts";',
    "",
    "/** IAM actions with the kinds of resources that each is called on, the commands that call it, and what a stack must ask for. */",
    "// biome-ignore format: as it is made",
    `export const permissionTable: PermissionTable = ${JSON.stringify({ commands: columns, rows })};`,
    "",
  ];
  return { path: "src/releases/policy/table.ts", text: lines.join("\n") };
}
