/**
 * What is made of the source: `node scripts/generate.ts [part…] [--check]`.
 * Without parts it makes all of them. `--check` writes nothing, names what is not as the source says, and exits with 1.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { actionTables } from "./generate/action-tables.ts";
import { commandLinePage } from "./generate/command-line.ts";
import { describeProgram } from "./generate/describe-program.ts";
import { definitionMembers } from "./generate/definition-members.ts";
import { infrastructurePage } from "./generate/infrastructure.ts";
import { localAwsRules } from "./generate/local-aws-rules.ts";
import { pictures } from "./generate/pictures.ts";
import { permissionsModule, permissionsTable } from "./generate/permissions.ts";
import { priceTable } from "./generate/prices.ts";
import { schemaFiles } from "./generate/schemas.ts";
import { stackFileReference } from "./generate/stack-file-reference.ts";

/** A file as it should be. */
export interface Generated {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** Text of a file that is there already and only partly generated. */
export type Read = (path: string) => string;

/** Each part by its name. */
export const parts: Readonly<Record<string, (read: Read) => readonly Generated[]>> = {
  actions: actionTables,
  "command-line": (read) => [commandLinePage(read)],
  "describe-program": (read) => [describeProgram(read)],
  "definition-members": () => [definitionMembers()],
  infrastructure: (read) => [infrastructurePage(read), permissionsTable(read)],
  "local-aws": (read) => [localAwsRules(read)],
  pictures,
  permissions: (read) => [permissionsModule(read)],
  prices: (read) => [priceTable(read)],
  schemas: (read) => [...schemaFiles(), stackFileReference(read)],
};

if (import.meta.main) {
  const asked = process.argv.slice(2).filter((word) => !word.startsWith("--"));
  const unknown = asked.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0) throw new Error(`no part ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}`);
  const check = process.argv.includes("--check");
  const read: Read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const stale = Object.entries(parts)
    .filter(([name]) => asked.length === 0 || asked.includes(name))
    .flatMap(([, make]) => make(read))
    .filter(({ path, text }) => read(path) !== text);
  for (const { path, text } of stale) {
    console.log(`${path} ${check ? "is not as the source says: run npm run generate" : "written"}`);
    if (check) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  process.exitCode = check && stale.length > 0 ? 1 : 0;
}
