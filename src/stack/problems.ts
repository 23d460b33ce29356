import { type Place, showPlace, UserError } from "../domain/errors.ts";
import { hidden, isSecretValue } from "../domain/redaction.ts";
import { nearest } from "./nearest.ts";

/** One mistake in the stack file. */
export interface Problem {
  readonly where: Place;
  readonly what: string;
  readonly fix: string;
}

/** Everything that is wrong with a stack file, in the order of the file. */
export class StackFileError extends UserError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly [Problem, ...Problem[]]) {
    super(asOne(problems));
    this.problems = problems;
  }
}

/** What to throw for problems that were found: each told once, in the order of the file. */
export function refusal(problems: readonly Problem[]): StackFileError {
  const once = new Map(problems.map((problem) => [`${showPlace(problem.where)} ${problem.what}`, problem]));
  const [first, ...others] = [...once.values()].sort(
    ({ where: a }, { where: b }) => a.line - b.line || a.column - b.column,
  );
  if (first === undefined) throw new Error("a stack file is refused without a problem");
  return new StackFileError([first, ...others]);
}

/** For the fix of a name that does not exist: the nearest one that does, or all of them. */
export function suggest(name: string, candidates: Iterable<string>, none: string): string {
  const names = [...candidates];
  const near = nearest(name, names);
  if (near !== null) return `Did you mean \`${near}\`?`;
  return names.length === 0 ? none : `Use one of ${names.map((known) => `\`${known}\``).join(", ")}.`;
}

/** A text of the user's inside a sentence of ours: on one line, never long, and never a secret. */
export function quote(text: string): string {
  if (isSecretValue(text)) return hidden;
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

function asOne(problems: readonly [Problem, ...Problem[]]): Problem {
  const [first, ...others] = problems;
  if (others.length === 0) return first;
  return {
    what: [
      `${first.where.file} has ${problems.length} mistakes:`,
      ...problems.map(({ where, what, fix }) => `  ${showPlace(where)} ${what} ${fix}`),
    ].join("\n"),
    where: first.where,
    fix: "Mend each of them at its place; nothing was read from the file.",
  };
}
