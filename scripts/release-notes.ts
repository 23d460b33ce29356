/** `node scripts/release-notes.ts 1.2.3`: prints what CHANGELOG.md says of a version, or why it cannot be released. */
import { readFileSync } from "node:fs";

/**
 * @param changelog in the form of Keep a Changelog: `## 1.2.3 - 2026-11-22`
 * @param packaged the version of package.json
 * @throws Error when one of them does not say this version
 */
export function releaseNotes(version: string, changelog: string, packaged: string): string {
  if (!/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.test(version))
    throw new Error(`${JSON.stringify(version)} is no version: write three numbers, 1.2.3, without a v`);
  if (packaged !== version)
    throw new Error(`package.json says ${packaged}: set its version to ${version}, on main, and run this again`);
  const section = changelog.split(/^## /m).find((one) => one.split(/\s/, 1)[0]?.replace(/^\[|\]$/g, "") === version);
  const text = section?.split("\n").slice(1).join("\n").trim() ?? "";
  if (text === "")
    throw new Error(
      `CHANGELOG.md says nothing of ${version}: name what is under "Unreleased" so, on main, and run this again`,
    );
  return text;
}

if (import.meta.main) {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  try {
    console.log(releaseNotes(process.argv[2] ?? "", readFileSync("CHANGELOG.md", "utf8"), version));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
