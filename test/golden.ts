import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A text is what a file of `test/fixtures` says. `GOLDEN=write` writes the file in the place of comparing: look at what it changes
 * before it is committed.
 */
export function expectGolden(file: string, text: string): void {
  const path = join(import.meta.dirname, "fixtures", file);
  if (process.env["GOLDEN"] === "write") writeFileSync(path, `${text}\n`);
  expect(`${text}\n`).toBe(readFileSync(path, "utf8"));
}
