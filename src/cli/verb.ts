import type * as z from "zod";
import type { Context } from "../domain/context.ts";
import type { Untrusted } from "../domain/evidence.ts";
import { readGiven } from "../domain/given.ts";
import { isOption, type Option, type OptionName, options } from "./options.ts";

/** Where a command was given. */
export interface Here {
  readonly context: Context;
  readonly folder: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Shows foreign lines as they come, and says whether somebody reads them still; null: one document is wanted, at the end. */
  readonly quote: ((from: string, text: Untrusted) => boolean) | null;
  /** Shows something, and asks whether to go on; null: nobody sits here. */
  readonly confirm: ((shown: readonly string[], question: string) => Promise<boolean>) | null;
}

/** What a command has to say when it is done. */
export interface Answer {
  /** For people. */
  readonly lines: readonly string[];
  /** The same for programs: `--json`. */
  readonly document: object;
  readonly exitCode: ExitCode;
}

/** 0: good, or nothing to do; 1: something that was looked at is not good; 2: a plan, or drift, has changes. What failed throws. */
export type ExitCode = 0 | 1 | 2;

/** A word beside the options. */
export interface Argument {
  readonly name: string;
  readonly text: string;
  /** Without it there is something to do, too. */
  readonly isOptional?: true;
  /** There may be several, one a line. */
  readonly isMany?: true;
}

/** How a command has an option that means something else elsewhere. */
export type OwnOptions = Readonly<Partial<Record<OptionName, Partial<Option>>>>;

/** One command of the command line. */
export interface Verb {
  readonly text: string;
  /** What else a person should know who uses it for the first time. */
  readonly more: string;
  readonly argument: Argument | null;
  readonly examples: readonly string[];
  readonly options: readonly OptionName[];
  /** Those of its options that are not as everywhere. */
  readonly own?: OwnOptions;
  /** @param texts of its options and its argument, by name. @throws UserError */
  run(texts: Readonly<Record<string, string>>, here: Here): Promise<Answer>;
}

/** An option as a command has it. */
export function optionOf({ own }: Pick<Verb, "own">, name: OptionName): Option {
  return { ...options[name], ...own?.[name] };
}

interface Description<Shape extends z.ZodRawShape> extends Omit<Verb, "options" | "run"> {
  /** Its options, and its argument, each by its name. */
  readonly shape: z.ZodObject<Shape>;
  readonly run: (given: z.output<z.ZodObject<Shape>>, here: Here) => Promise<Answer>;
}

/** A command that reads what it is given by a schema, and has the options that this names. */
export function verb<Shape extends z.ZodRawShape>({ shape, run, ...described }: Description<Shape>): Verb {
  const isArgument = (name: string): boolean => name === described.argument?.name;
  return {
    ...described,
    options: Object.keys(shape.shape).filter((name) => isOption(name) && !isArgument(name)) as OptionName[],
    run: (texts, here) => {
      const given = readGiven(shape, texts, {
        called: (name) => (isArgument(name) ? `Argument <${name}>` : `Option --${name}`),
        where: (names) =>
          `command line: ${names.map((name) => (isArgument(name) ? `<${name}>` : `--${name}`)).join(", ")}`,
        fix: "See `--help` of this command.",
      });
      return run(given, here);
    },
  };
}
