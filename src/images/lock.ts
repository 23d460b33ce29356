import { posix } from "node:path";
import { UserError } from "../domain/errors.ts";

/** One package of a lock file. */
export interface Requirement {
  readonly name: string;
  /** Null for one that is given by its URL. */
  readonly version: string | null;
  readonly marker: string | null;
  /** Name, extras, version and hashes in one line, without the marker: what pip is given. */
  readonly text: string;
  /** The folder of a package whose source is in the checkout, as the lock file writes it; null for all others. */
  readonly local: string | null;
  /** Of the lock file, from 1. */
  readonly line: number;
}

export interface Lock {
  readonly requirements: readonly Requirement[];
  /** Where pip is to look, in the lock's own words: `--index-url …`. */
  readonly sources: readonly string[];
  /**
   * The program that has to say what is installed, and the groups that it is asked for; the requirements are then only what the file
   * names: all groups, without markers and hashes. Null: they are what is installed.
   */
  readonly exporter: { readonly tool: "uv" | "poetry"; readonly groups: readonly string[] } | null;
}

/**
 * Reads a lock file in the format of pip: every package with its version and its hashes, as `uv pip compile` and `pip-compile`
 * write it.
 *
 * @param file what errors call it.
 * @see https://pip.pypa.io/en/stable/reference/requirements-file-format/
 * @throws UserError with the line: no hashes, no exact version, or other files brought in (which the content key would not see).
 */
export function parseLock(text: string, file: string): Lock {
  const lines = logicalLines(text);
  const refuse = (line: number, what: string, fix: string): UserError =>
    new UserError({ what, where: { file, line, column: 1 }, fix });

  const requirements: Requirement[] = [];
  const sources: string[] = [];
  for (const { content, line } of lines) {
    const local = parseLocal(content, line);
    if (local !== null) {
      requirements.push(local);
      continue;
    }
    if (content.startsWith("-")) {
      const [option = ""] = content.split(/[\s=]/, 1);
      if (holdsPassword(content)) {
        const what = `The lock file holds a password for the package index: ${option}.`;
        throw refuse(line, what, passwordFix);
      }
      if (placeOptions.includes(option)) sources.push(content);
      else if (!harmlessOptions.includes(option)) {
        const what = `A lock file cannot hold ${option}: what it brings in is pinned by nothing.`;
        throw refuse(line, what, `Compile everything into one file: ${compileCommand(file)}`);
      }
      continue;
    }
    if (holdsPassword(content))
      throw refuse(line, "The lock file holds a password for where a package is.", passwordFix);
    const requirement = parseRequirement(content, line);
    if (requirement === null) {
      const what = `This is not a package with its exact version: ${JSON.stringify(content.slice(0, 80))}.`;
      throw refuse(line, what, `Compile the lock file anew: ${compileCommand(file)}`);
    }
    if (!/ --hash[= ]/.test(requirement.text)) {
      const what = `${requirement.name} has no hashes: somebody else could decide what is installed under its name.`;
      throw refuse(line, what, `Compile the lock file with hashes: ${compileCommand(file)}`);
    }
    requirements.push(requirement);
  }
  return { requirements, sources, exporter: null };
}

/** Names of packages, as the index compares them. */
export function normalizedName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}

/** The version that a lock pins a package to; null when it does not name the package, or its version. */
export function pinnedVersion(lock: Lock | null, name: string): string | null {
  return lock?.requirements.find((one) => normalizedName(one.name) === name)?.version ?? null;
}

const placeOptions = ["-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--trusted-host"];
const harmlessOptions = [
  "--require-hashes",
  "--only-binary",
  "--no-binary",
  "--prefer-binary",
  "--pre",
  "--use-feature",
];

function compileCommand(file: string): string {
  return `uv pip compile --universal --generate-hashes -o ${file} ${file.replace(/(\.lock)?(\.txt)?$/, ".in")}`;
}

/**
 * Has a URL in this text a password, or a token in the place of the user, that is not taken from a variable? A user alone is none:
 * `oauth2accesstoken@` and the like have their password of a keyring.
 */
export function holdsPassword(text: string): boolean {
  return [...text.matchAll(/:\/\/([^\s/@:]*)(:(?!\$\{)[^\s/@]+)?(?::[^\s/@]*)?@/g)].some(
    ([, user = "", password]) => password !== undefined || isToken(user),
  );
}

/** A form that tokens have and names have not: what issues it stands before, or it is long and drawn by lot. */
function isToken(user: string): boolean {
  if (user.includes("${")) return false;
  const isDrawn = user.length >= 20 && /\d/.test(user) && /[a-z]/i.test(user) && !/^[a-z][a-z-]*\d{0,4}$/i.test(user);
  return isDrawn || /^(?:gh[pousr]_|github_pat_|glpat-|gldt-|pypi-|AKC|dckr_pat_|npm_)\w/.test(user);
}

export const passwordFix =
  "Change that password: everybody who reads the repository has it. Write it as ${NAME}, which pip takes from the job's environment (`env:` with a secret of GitHub); or leave the line out and set PIP_EXTRA_INDEX_URL there.";

/** A package by the folder of its source: `./libs/shared`, `-e ./libs/shared`, `shared @ file:///…/libs/shared`. */
function parseLocal(content: string, line: number): Requirement | null {
  if (/\s--hash[= ]/.test(content)) return null; // a file, pinned as all others are
  const [, name, url, path, marker] =
    /^(?:(?:-e|--editable)[\s=]+)?(?:([\w.-]+)\s*(?:\[[^\]]*\])?\s*@\s*)?(?:file:(?:\/\/(?:localhost)?)?([^\s;]+)|(\.{0,2}\/[^\s;]*|\.{1,2}))\s*(?:;\s*(.*))?$/.exec(
      content,
    ) ?? [];
  const local = url === undefined ? path : decodeURIComponent(url);
  if (local === undefined) return null;
  return { name: name ?? posix.basename(local), version: null, marker: marker ?? null, text: "", local, line };
}

function parseRequirement(content: string, line: number): Requirement | null {
  const at = content.search(/\s--/);
  const [specifier, options] = at < 0 ? [content, ""] : [content.slice(0, at), content.slice(at)];
  const url = /^([\w.-]+)\s*(?:\[[^\]]*\])?\s*@\s*\S+?(?=\s*$|\s+;)/.exec(specifier);
  const exact = /^([\w.-]+)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([\w.!+]+)(?=\s*$|\s*;)/.exec(specifier);
  const found = url ?? exact;
  if (found === null) return null;
  const [pinned, name = ""] = found;
  const rest = specifier.slice(pinned.length).trim();
  return {
    name,
    version: exact?.[2] ?? null,
    marker: rest.startsWith(";") ? rest.slice(1).trim() : null,
    text: `${pinned}${options.replaceAll(/\s+/g, " ")}`,
    local: null,
    line,
  };
}

/** Lines that end in a backslash are joined; comments and blank lines are left out. */
function logicalLines(text: string): readonly { readonly content: string; readonly line: number }[] {
  const lines: { content: string; readonly line: number }[] = [];
  let goesOn = false;
  for (const [index, physical] of text.split(/\r?\n/).entries()) {
    const written = physical.replace(/(^|\s)#.*$/, "");
    const last = lines.at(-1);
    const content = written.replace(/\\$/, "");
    if (goesOn && last !== undefined) last.content += content;
    else lines.push({ content, line: index + 1 });
    goesOn = written.endsWith("\\");
  }
  return lines.map(({ content, line }) => ({ content: content.trim(), line })).filter(({ content }) => content !== "");
}
