import { parseArgs, type ParseArgsConfig } from "node:util";
import { messageOf } from "../src/domain/errors.ts";

/** What a script may be told. `--help` is known to all of them. */
interface Usage<Table extends OptionsTable, Options> {
  readonly help: string;
  readonly table: Table;
  /** Are there words beside the options? No, unless told. */
  readonly allowPositionals?: boolean;
  /** @throws Error with what is wrong */
  readonly understand: (values: Parsed<Table>["values"], positionals: readonly string[]) => Options;
}

/** @returns the options; or what to print instead of running, and how to exit */
export type OptionsReader<Options> = (
  args: readonly string[],
) =>
  | { readonly kind: "run"; readonly options: Options }
  | { readonly kind: "say"; readonly text: string; readonly exitCode: number };

/** Reads the arguments of a script. What is wrong with them is said with the help, and exits with 2. */
export function optionsReader<Table extends OptionsTable, Options>({
  help,
  table,
  allowPositionals = false,
  understand,
}: Usage<Table, Options>): OptionsReader<Options> {
  return (args) => {
    try {
      const config = { args: [...args], allowPositionals, options: { ...table, ...helpOption } };
      const { values, positionals } = parseArgs<Config<Table>>(config);
      if ("help" in values && values.help === true) return { kind: "say", text: help, exitCode: 0 };
      return { kind: "run", options: understand(values, positionals) };
    } catch (error) {
      return { kind: "say", text: `${messageOf(error)}\n\n${help}`, exitCode: 2 };
    }
  };
}

/** The options that this process was started with; it ends here when there is nothing to run. */
export function ownOptions<Options>(read: OptionsReader<Options>): Options {
  const given = read(process.argv.slice(2));
  if (given.kind === "run") return given.options;
  console.log(given.text);
  process.exit(given.exitCode);
}

/** How much faster than AWS the AWS on this machine is. */
export const speedOption = { type: "string", default: "20" } as const;

/** @throws Error when it is no number above 0 */
export function speedOf(text: string): number {
  const speed = Number(text);
  if (Number.isFinite(speed) && speed > 0) return speed;
  throw new Error(`--speed must be a number above 0, and is ${text}.`);
}

type OptionsTable = NonNullable<ParseArgsConfig["options"]>;

const helpOption = { help: { type: "boolean", default: false } } as const;

interface Config<Table extends OptionsTable> {
  args: string[];
  allowPositionals: boolean;
  options: Table & typeof helpOption;
}

type Parsed<Table extends OptionsTable> = ReturnType<typeof parseArgs<Config<Table>>>;
