/**
 * Who may know whom. Arrows go down: actions → releases → gates, migrations → capabilities → clients and texts → domain.
 * `node scripts/arrows.ts` prints every import that is not on the list and exits with 1.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const foundation = ["aws", "dagster", "git", "programs", "markdown", "stack"];
const capabilities = ["images", "task-definitions", "tasks", "deployments", "dags"];

interface Rule {
  /** Folders of `src/` it may import from, beside itself. */
  readonly folders: readonly string[];
  /** Packages, by exact name or `scope/` prefix. Node's own modules are free, except in `domain`. */
  readonly packages: readonly string[];
}

export const rules: Readonly<Record<string, Rule>> = {
  domain: { folders: [], packages: ["zod", "node:crypto"] },
  aws: { folders: ["domain"], packages: ["@aws-sdk/", "@smithy/", "zod"] },
  dagster: { folders: ["domain"], packages: ["zod"] },
  programs: { folders: ["domain"], packages: ["@actions/exec"] },
  git: { folders: ["domain", "programs"], packages: [] },
  markdown: { folders: ["domain"], packages: [] },
  stack: { folders: ["domain"], packages: ["zod", "yaml"] },
  ...Object.fromEntries(
    capabilities.map((name) => [name, { folders: [...foundation, "domain"], packages: ["@aws-sdk/", "zod"] }]),
  ),
  gates: { folders: [...foundation, "tasks", "domain"], packages: ["@aws-sdk/", "zod"] },
  migrations: { folders: [...foundation, "tasks", "domain"], packages: ["@aws-sdk/", "zod"] },
  releases: {
    folders: [...foundation, ...capabilities, "gates", "migrations", "domain"],
    packages: ["@aws-sdk/", "zod"],
  },
  github: { folders: ["domain", "markdown", "git"], packages: ["@actions/core", "@actions/github", "zod"] },
  actions: {
    folders: [...foundation, ...capabilities, "gates", "migrations", "releases", "github", "domain"],
    packages: ["zod"],
  },
};

/** Files of these names compute and do nothing else. */
const pureNames = ["plan.ts", "judge.ts", "compare.ts", "explain.ts", "price.ts", "render.ts"];
const pureFolders = ["domain", "markdown", "stack"];

export interface Import {
  /** Path below `src/`. */
  readonly file: string;
  /** As written. */
  readonly specifier: string;
}

/** Why an import is not allowed; null when it is. */
export function objection({ file, specifier }: Import): string | null {
  const [folder = ""] = file.split("/");
  const rule = rules[folder];
  if (rule === undefined) return `src/${folder} is not a folder of the design`;
  const pure = pureNames.includes(file.split("/").at(-1) ?? "");
  if (!specifier.startsWith(".")) {
    if (specifier.startsWith("node:") && folder !== "domain") {
      return pure && specifier !== "node:crypto" ? "a pure file imports nothing that does I/O" : null;
    }
    if (pure && !["zod", "node:crypto"].includes(specifier)) return "a pure file imports nothing that does I/O";
    const allowed = rule.packages.some(
      (name) => specifier === name || (name.endsWith("/") && specifier.startsWith(name)),
    );
    return allowed ? null : `src/${folder} may not use ${specifier}`;
  }
  const target = normalize(join(dirname(file), specifier));
  const [to = ""] = target.split("/");
  if (to !== folder && !rule.folders.includes(to)) return `arrows go down: src/${folder} may not know src/${to}`;
  if (pure && !pureFolders.includes(to) && !pureNames.includes(target.split("/").at(-1) ?? "")) {
    return "a pure file imports domain, markdown, stack and pure files only";
  }
  return null;
}

/** Imports of one file that are there at run time: types are free to travel, they carry nothing. */
export function importsOf(file: string, source: string): readonly Import[] {
  const found = source.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/g,
  );
  return [...found].map(([, fixed, dynamic]) => ({ file, specifier: fixed ?? dynamic ?? "" }));
}

/** Type-only imports obey the folders, not the purity: a pure file may speak of a client's types. */
export function typeImportsOf(file: string, source: string): readonly Import[] {
  const found = source.matchAll(/(?:^|\n)\s*(?:import|export)\s+type\s+[^"';]*?\sfrom\s+"([^"]+)"/g);
  return [...found].map(([, specifier]) => ({ file, specifier: specifier ?? "" }));
}

if (import.meta.main) {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const problems = files.flatMap((file) => {
    const source = readFileSync(join("src", file), "utf8");
    const folderOnly = typeImportsOf(file, source).filter(({ specifier }) => specifier.startsWith("."));
    return [
      ...importsOf(file, source).map((found) => ({ found, why: objection(found) })),
      ...folderOnly.map((found) => ({ found, why: objection({ ...found, file: `${dirname(file)}/types-only.ts` }) })),
    ].flatMap(({ found, why }) => (why === null ? [] : [`src/${file}: import "${found.specifier}": ${why}`]));
  });
  for (const problem of problems) console.log(problem);
  console.log(`${files.length} files, ${problems.length} imports against the design`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
