import type { Generated, Read } from "../generate.ts";

/** The program that says what code defines, as a text of the bundle: people run the file, and a plan runs the same. */
export function describeProgram(read: Read): Generated {
  const text = [
    "// Made by `npm run generate` of definitions/describe.py.",
    "",
    "/** Says which definitions Dagster finds in some code, as JSON. */",
    "// biome-ignore format: as it is made",
    `export const describeProgram = ${JSON.stringify(read("definitions/describe.py"))};`,
    "",
  ].join("\n");
  return { path: "src/releases/dagster-definitions/program.ts", text };
}
