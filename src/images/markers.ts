import type { Platform } from "../domain/identifiers.ts";

/** What a requirement's marker asks about: the Python inside the image, not the one that runs here. */
export interface Target {
  readonly platform: Platform;
  /** `3.12`, or `3.12.4` when the patch is known. */
  readonly python: string;
}

/** A marker that is not written as the specification says. */
export class MarkerError extends Error {
  override readonly name = "MarkerError";
}

/**
 * Is a requirement with this marker wanted on that target? pip asks the Python that runs it, whatever `--python-version` and
 * `--platform` say, so that an image for another version or processor would get the wrong packages.
 *
 * @see https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
 * @throws MarkerError
 */
export function isWanted(marker: string, target: Target): boolean {
  const tokens = tokensOf(marker);
  const values = valuesOf(target);
  const next = (): string => tokens.shift() ?? fail("it ends too early");

  const operand = (): Operand => {
    const token = next();
    const quoted = /^(['"])(.*)\1$/s.exec(token)?.[2];
    if (quoted !== undefined) return { text: quoted, isVersion: false };
    const text = values.get(token) ?? fail(`there is no ${token}`);
    return { text, isVersion: versions.includes(token) };
  };
  const comparison = (): boolean => {
    if (tokens[0] === "(") {
      next();
      const inner = disjunction();
      return next() === ")" ? inner : fail("a bracket is not closed");
    }
    const left = operand();
    const operator = tokens[0] === "not" ? `${next()} ${next()}` : next();
    return compare(left, operator, operand());
  };
  const conjunction = (): boolean => {
    let all = comparison();
    while (tokens[0] === "and") {
      next();
      all = comparison() && all; // both sides are always read: the marker is parsed as it is judged
    }
    return all;
  };
  const disjunction = (): boolean => {
    let any = conjunction();
    while (tokens[0] === "or") {
      next();
      any = conjunction() || any;
    }
    return any;
  };

  const wanted = disjunction();
  return tokens.length === 0 ? wanted : fail(`nothing is expected before ${tokens[0] ?? ""}`);
}

interface Operand {
  readonly text: string;
  /** The variable holds a version: compared by its numbers, not its letters. */
  readonly isVersion: boolean;
}

const versions = ["python_version", "python_full_version", "implementation_version"];

function valuesOf({ platform, python }: Target): ReadonlyMap<string, string> {
  const [major, minor, patch = "0"] = python.split(".");
  const full = `${major}.${minor}.${patch}`;
  return new Map([
    ["os_name", "posix"],
    ["sys_platform", "linux"],
    ["platform_system", "Linux"],
    ["platform_machine", platform === "linux/arm64" ? "aarch64" : "x86_64"],
    ["platform_release", ""],
    ["platform_version", ""],
    ["platform_python_implementation", "CPython"],
    ["implementation_name", "cpython"],
    ["implementation_version", full],
    ["python_version", `${major}.${minor}`],
    ["python_full_version", full],
    ["extra", ""],
  ]);
}

function tokensOf(marker: string): string[] {
  const tokens: string[] = [];
  const pattern = /\s*(?:([()]|[<>=!~]=?=?|"[^"]*"|'[^']*'|[a-z_]+)|$)/uy;
  while (pattern.lastIndex < marker.length) {
    const found = pattern.exec(marker) ?? fail("it holds what belongs in no marker");
    if (found[1] !== undefined) tokens.push(found[1]);
  }
  return tokens;
}

function compare(left: Operand, operator: string, right: Operand): boolean {
  if (operator === "in") return right.text.includes(left.text);
  if (operator === "not in") return !right.text.includes(left.text);
  if (operator === "===") return left.text === right.text;
  const order =
    left.isVersion || right.isVersion ? compareVersions(left.text, right.text) : compareText(left.text, right.text);
  const wildcard = right.text.endsWith(".*");
  switch (operator) {
    case "==":
      return wildcard ? hasPrefix(left.text, right.text.slice(0, -2)) : order === 0;
    case "!=":
      return wildcard ? !hasPrefix(left.text, right.text.slice(0, -2)) : order !== 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    case "~=":
      return order >= 0 && hasPrefix(left.text, right.text.replace(/\.\d+$/, ""));
    default:
      return fail(`there is no comparison ${operator}`);
  }
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** By their numbers; the shorter one goes on with zeros. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function hasPrefix(version: string, prefix: string): boolean {
  const wanted = numbersOf(prefix);
  const numbers = numbersOf(version);
  return wanted.every((number, index) => (numbers[index] ?? 0) === number);
}

function numbersOf(version: string): readonly number[] {
  if (!/^\d+(\.\d+)*(\.\*)?$/.test(version)) return fail(`${version} is not a released version`);
  return version.replace(/\.\*$/, "").split(".").map(Number);
}

function fail(why: string): never {
  throw new MarkerError(why);
}
