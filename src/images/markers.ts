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
      return order >= 0 && hasPrefix(left.text, withoutLast(right.text));
    default:
      return fail(`there is no comparison ${operator}`);
  }
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** As PEP 440 orders them; the shorter one goes on with zeros. @throws MarkerError */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [orderOf(a), orderOf(b)];
  const length = Math.max(left.numbers.length, right.numbers.length);
  const padded = ({ epoch, numbers, rest }: Order): readonly number[] => [
    epoch,
    ...Array.from({ length }, (_, index) => numbers[index] ?? 0),
    ...rest,
  ];
  const others = padded(right);
  for (const [index, number] of padded(left).entries()) {
    const other = others[index] ?? 0;
    if (number !== other) return number < other ? -1 : 1;
  }
  return 0;
}

function hasPrefix(version: string, prefix: string): boolean {
  const wanted = orderOf(prefix).numbers;
  const { numbers } = orderOf(version);
  return wanted.every((number, index) => (numbers[index] ?? 0) === number);
}

/** `3.12.4`, `3.12.0rc1` → `3.12`: what `~=` keeps. */
function withoutLast(version: string): string {
  const { numbers } = orderOf(version);
  return numbers.length < 2 ? fail(`~= needs more than ${version}`) : numbers.slice(0, -1).join(".");
}

interface Order {
  readonly epoch: number;
  readonly numbers: readonly number[];
  /** Stage and number of a pre-release, number of a post-release, number of a development release: a final one comes after the first and the last, before the second. */
  readonly rest: readonly number[];
}

/** @see https://packaging.python.org/en/latest/specifications/version-specifiers/#public-version-identifiers */
const versionForm =
  /^v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?((?:-(\d+))|(?:[-_.]?(?:post|rev|r)[-_.]?(\d*)))?([-_.]?dev[-_.]?(\d*))?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?(?:\.\*)?$/i;

function orderOf(version: string): Order {
  const [whole, epoch = "0", release = "", stage, pre, post, dashed, postNumber, dev, devNumber] =
    versionForm.exec(version.trim()) ?? [];
  if (whole === undefined) return fail(`${version} is not a version`);
  const first = stage?.[0]?.toLowerCase();
  const stages: readonly number[] =
    first !== undefined
      ? [first === "a" ? 0 : first === "b" ? 1 : 2, Number(pre)] // c, pre and preview are other names of rc
      : post === undefined && dev !== undefined
        ? [-1, 0]
        : [3, 0];
  return {
    epoch: Number(epoch),
    numbers: release.split(".").map(Number),
    rest: [
      ...stages,
      post === undefined ? -1 : Number(dashed ?? postNumber ?? 0),
      dev === undefined ? Number.POSITIVE_INFINITY : Number(devNumber),
    ],
  };
}

function fail(why: string): never {
  throw new MarkerError(why);
}
