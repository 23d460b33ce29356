import { posix } from "node:path";
import { UserError } from "../domain/errors.ts";

/** What a `.dockerignore` leaves out. */
export interface Ignored {
  /** @param path relative to the folder of the `.dockerignore`, with slashes. */
  ignores(path: string): boolean;
  /** When a folder is ignored, so is everything in it: no later line takes anything back. */
  readonly wholeFolders: boolean;
}

/**
 * Reads a `.dockerignore` as BuildKit does: patterns of Go's `filepath.Match` and `**`, from the root of the checkout, the last
 * line that matches a path or a folder above it decides, `!` takes back.
 * Our own, because what npm offers is either for `.gitignore`, whose patterns mean other things, or no longer looked after.
 *
 * @see https://docs.docker.com/build/concepts/context/#syntax
 * @see https://github.com/moby/patternmatcher
 * @throws UserError for a pattern that cannot be read.
 */
export function parseDockerignore(text: string): Ignored {
  const rules = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .flatMap((line, index) => ruleOf(line, index + 1));
  return {
    ignores: (path) => {
      const segments = path.split("/");
      const withParents = segments.map((_, index) => segments.slice(0, index + 1).join("/"));
      const last = rules.findLast(({ pattern }) => withParents.some((candidate) => pattern.test(candidate)));
      return last !== undefined && !last.takesBack;
    },
    wholeFolders: rules.every(({ takesBack }) => !takesBack),
  };
}

interface Rule {
  readonly pattern: RegExp;
  readonly takesBack: boolean;
}

function ruleOf(line: string, number: number): readonly Rule[] {
  if (line.startsWith("#")) return [];
  const trimmed = line.trim();
  const takesBack = trimmed.startsWith("!");
  const written = (takesBack ? trimmed.slice(1) : trimmed).trim();
  if (written === "") return [];
  const pattern = posix
    .normalize(written)
    .replace(/^\/(?=.)/, "")
    .replace(/(?<=.)\/$/, "");
  try {
    return [{ pattern: new RegExp(`^${expression(pattern)}$`, "su"), takesBack }];
  } catch (cause) {
    throw new UserError(
      {
        what: `This line of .dockerignore is not a pattern: ${JSON.stringify(trimmed)}.`,
        where: { file: ".dockerignore", line: number, column: 1 },
        fix: "Close the bracket, or write a backslash before it.",
      },
      { cause },
    );
  }
}

const token = /\*\*\/|\*\*|\*|\?|\[[^\]]*\]|\\.|[^]/gu;

function expression(pattern: string): string {
  return pattern.replaceAll(token, (part, offset: number) => {
    if (part === "**/") return "(?:.*/)?";
    if (part === "**") return offset + 2 === pattern.length ? ".*" : "(?:.*/)?";
    if (part === "*") return "[^/]*";
    if (part === "?") return "[^/]";
    if (part.startsWith("[")) return part; // the same in both languages, and refused by both when it is not closed
    return RegExp.escape(part.length > 1 && part.startsWith("\\") ? part.slice(1) : part);
  });
}
