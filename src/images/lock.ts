import { UserError } from "../domain/errors.ts";

/** One package of a lock file. */
export interface Requirement {
  readonly name: string;
  /** Null for one that is given by its URL. */
  readonly version: string | null;
  readonly marker: string | null;
  /** Name, extras, version and hashes in one line, without the marker: what pip is given. */
  readonly text: string;
  /** Of the lock file, from 1. */
  readonly line: number;
}

export interface Lock {
  readonly requirements: readonly Requirement[];
  /** Where pip is to look, in the lock's own words: `--index-url …`. */
  readonly sources: readonly string[];
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
    if (content.startsWith("-")) {
      const [option = ""] = content.split(/[\s=]/, 1);
      if (placeOptions.includes(option)) sources.push(content);
      else if (!harmlessOptions.includes(option)) {
        const what = `A lock file cannot hold ${option}: what it brings in is pinned by nothing.`;
        throw refuse(line, what, `Compile everything into one file: ${compileCommand(file)}`);
      }
      continue;
    }
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
  return { requirements, sources };
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
