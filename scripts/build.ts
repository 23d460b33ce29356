// tsc → lib/, ncc → one entry with a chunk an action, swc → small, then a stub an action: dist/.
// `--check`: builds beside and compares byte for byte with what is committed.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { minify, type JsMinifyOptions } from "@swc/core";

const check = process.argv.includes("--check");
const out = check ? mkdtempSync(join(tmpdir(), "dist-")) : "dist";
/** What package.json has as `bin`. A Node that is too old says so, instead of a syntax error. */
const commandLine = "dagster-ecs";
const commandLineStub = `#!/usr/bin/env node
if (process.argv[2] === "--version") {
  const { readFileSync } = await import("node:fs");
  console.log(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version);
  process.exit(0);
}
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(\`dagster-ecs needs Node 24 or newer, and this is \${process.version}.\`);
  process.exit(1);
}
const { commandLine } = await import("../index.js");
await commandLine(process.argv.slice(2));
`;
const tool = (name: string): string => join("node_modules", ".bin", name);

try {
  await build(out);
  if (check) compare("dist", out);
} finally {
  if (check) rmSync(out, { recursive: true, force: true });
}

async function build(folder: string): Promise<void> {
  for (const old of ["lib", folder]) rmSync(old, { recursive: true, force: true });
  execFileSync(tool("tsc"), ["-p", "tsconfig.build.json"], { stdio: "inherit" });
  takeClientsAsModules("lib");
  execFileSync(
    tool("ncc"),
    ["build", "lib/bundle.js", "-o", folder, "--target", "es2022", "--license", "licenses.txt"],
    {
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
    const path = join(folder, file);
    const options: JsMinifyOptions = {
      module: true,
      ecma: 2022,
      compress: { ecma: 2022, passes: 0 }, // as often as it makes it smaller
      mangle: true,
      format: { comments: false, ascii_only: true }, // one letter beyond Latin-1, and V8 keeps a file in two bytes a letter
    };
    writeFileSync(path, `${(await minify(readFileSync(path, "utf8"), options)).code}\n`);
  }
  const licenses = join(folder, "licenses.txt");
  writeFileSync(licenses, onceEach(readFileSync(licenses, "utf8")));
  const stubs = [...names().map((name) => [name, stub(name)] as const), [commandLine, commandLineStub] as const];
  for (const [name, text] of stubs) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "index.js"), text);
  }
  chmodSync(join(folder, commandLine, "index.js"), 0o755);
  console.log(`${codeBytes(folder)} bytes of code`);
}

/**
 * ncc reads a package's `main`, and that of an AWS client is CommonJS: every operation of the service would be in the bundle. Of its
 * modules only those are that something imports.
 */
function takeClientsAsModules(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  )) {
    const path = join(folder, name);
    const text = readFileSync(path, "utf8");
    const modules = text.replace(/ from "(@aws-sdk\/client-[a-z0-9-]+)";/g, ' from "$1/dist-es/index.js";');
    if (modules !== text) writeFileSync(path, modules);
  }
}

/** Of every file that is loaded: licences are not. */
function codeBytes(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
  return files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Licences as ncc lists them, package by package; each text once, below all packages that have it: most have Apache's. */
function onceEach(licenses: string): string {
  const heads = [...licenses.matchAll(/^((?:@[\w.-]+\/)?[\w.-]+)\n((?:[\w.-]*[A-Z0-9][\w.-]*)(?: OR [\w.-]+)*)\n/gm)];
  const packages = new Map<string, string[]>();
  heads.forEach((head, index) => {
    const text = licenses.slice(head.index + head[0].length, heads[index + 1]?.index).trim();
    packages.set(text, [...(packages.get(text) ?? []), `${head[1] ?? ""} (${head[2] ?? ""})`]);
  });
  return [...packages].map(([text, names]) => `${names.join("\n")}\n\n${text}\n`).join(`\n${"-".repeat(80)}\n\n`);
}

/** Everything that an action.yml starts. */
function names(): readonly string[] {
  const files = ["action.yml", ...readdirSync("actions").map((name) => join("actions", name, "action.yml"))];
  const all = files.flatMap((file) => {
    const found = readFileSync(file, "utf8").matchAll(/^\s+(?:main|post): .*dist\/([a-z-]+)\/index\.js$/gm);
    const started = [...found].flatMap(([, name]) => name ?? []);
    if (started.length === 0) throw new Error(`${file} names no bundle`);
    return started;
  });
  return [...new Set(all)];
}

// The compile cache lives as long as the job: RUNNER_TEMP is wiped with it, so nothing is carried from one job to another.
function stub(name: string): string {
  return `import { enableCompileCache } from "node:module";
if (process.env.RUNNER_TEMP) enableCompileCache(\`\${process.env.RUNNER_TEMP}/dagster-ecs-compile-cache\`);
const { start } = await import("../index.js");
await start(${JSON.stringify(name)});
`;
}

function compare(committed: string, built: string): void {
  const list = (folder: string): readonly string[] =>
    (existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [])
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .sort();
  const different = [...new Set([...list(committed), ...list(built)])].filter((file) => {
    const [a, b] = [join(committed, file), join(built, file)];
    return !existsSync(a) || !existsSync(b) || !readFileSync(a).equals(readFileSync(b));
  });
  for (const file of different) console.log(`dist/${file} is not what src/ builds`);
  if (different.length > 0) {
    console.log("Run `npm run build` and commit dist/.");
    process.exitCode = 1;
  } else {
    console.log("dist/ is what src/ builds");
  }
}
