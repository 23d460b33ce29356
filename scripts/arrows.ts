/**
 * Who may know whom. Arrows go down: actions, cli → adopt → releases → gates, migrations → capabilities → clients and texts → domain.
 * `node scripts/arrows.ts` prints every import that is not on the list and exits with 1.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const foundation = ["aws", "dagster", "files", "git", "programs", "markdown", "stack"];
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
  files: { folders: ["domain"], packages: [] },
  programs: { folders: ["domain"], packages: ["@actions/exec"] },
  git: { folders: ["domain", "programs"], packages: [] },
  markdown: { folders: ["domain"], packages: [] },
  stack: { folders: ["domain"], packages: ["zod", "yaml"] },
  ...Object.fromEntries(
    capabilities.map((name) => [name, { folders: [...foundation, "domain"], packages: ["@aws-sdk/", "zod"] }]),
  ),
  images: { folders: [...foundation, "domain"], packages: ["@aws-sdk/", "zod", "smol-toml"] },
  gates: { folders: [...foundation, "tasks", "domain"], packages: ["@aws-sdk/", "zod"] },
  migrations: { folders: [...foundation, "tasks", "domain"], packages: ["@aws-sdk/", "zod"] },
  releases: {
    folders: [...foundation, ...capabilities, "gates", "migrations", "domain"],
    packages: ["@aws-sdk/", "zod"],
  },
  adopt: {
    folders: [...foundation, ...capabilities, "gates", "releases", "domain"],
    packages: ["@aws-sdk/", "zod"],
  },
  github: { folders: ["domain", "markdown", "git"], packages: ["@actions/", "@octokit/", "zod"] },
  actions: {
    folders: [...foundation, ...capabilities, "gates", "migrations", "releases", "github", "domain"],
    packages: ["zod"],
  },
  cli: {
    folders: [...foundation, ...capabilities, "gates", "migrations", "releases", "adopt", "domain"],
    packages: ["zod"],
  },
  "bundle.ts": {
    folders: ["actions", "cli", "releases", "stack", "markdown", "domain"],
    packages: [],
  },
};

/** Files of these names compute and do nothing else. */
const pureNames = ["plan.ts", "judge.ts", "compare.ts", "explain.ts", "price.ts", "render.ts"];

/** What computes without doing anything. */
const purePackages = ["zod", "yaml", "node:crypto", "node:path"];

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
  if (!specifier.startsWith(".")) {
    if (specifier.startsWith("node:") && folder !== "domain") return null;
    const allowed = rule.packages.some(
      (name) => specifier === name || (name.endsWith("/") && specifier.startsWith(name)),
    );
    return allowed ? null : `src/${folder} may not use ${specifier}`;
  }
  const target = normalize(join(dirname(file), specifier));
  const [to = ""] = target.split("/");
  if (to !== folder && !rule.folders.includes(to)) return `arrows go down: src/${folder} may not know src/${to}`;
  return null;
}

/**
 * The ways from a file that must be pure to something that does I/O: all that it imports is followed to the end.
 * @param imports of every file, by its path below `src/`
 */
export function impurities(file: string, imports: Readonly<Record<string, readonly Import[]>>): readonly string[] {
  if (!pureNames.includes(file.split("/").at(-1) ?? "")) return [];
  const seen = new Set<string>();
  const visit = (at: string, way: readonly string[]): readonly string[] => {
    if (seen.has(at)) return [];
    seen.add(at);
    return (imports[at] ?? []).flatMap(({ specifier }) => {
      if (specifier.startsWith(".")) return visit(normalize(join(dirname(at), specifier)), [...way, at]);
      return purePackages.includes(specifier) ? [] : [`${[...way, at].join(" → ")} → ${specifier}`];
    });
  };
  return visit(file, []);
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
  const sources = files.map((file) => ({ file, source: readFileSync(join("src", file), "utf8") }));
  const imports = Object.fromEntries(sources.map(({ file, source }) => [file, importsOf(file, source)]));
  const all = sources.flatMap(({ file, source }) => [...importsOf(file, source), ...typeImportsOf(file, source)]);
  const problems = [
    ...all.flatMap((found) => {
      const why = objection(found);
      return why === null ? [] : [`src/${found.file}: import "${found.specifier}": ${why}`];
    }),
    ...files.flatMap((file) =>
      impurities(file, imports).map((way) => `src/${file} must be pure, and reaches I/O: ${way}`),
    ),
  ];
  for (const problem of problems) console.log(problem);
  console.log(`${files.length} files, ${all.length} imports, ${problems.length} against the design`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
