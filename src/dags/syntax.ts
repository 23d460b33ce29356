import { join } from "node:path";
import * as z from "zod";
import type { Context } from "../domain/context.ts";
import { type Place, UserError } from "../domain/errors.ts";
import { ProgramFailed, run } from "../programs/index.ts";

/** A Python file that Python cannot compile. */
export interface SyntaxFault {
  readonly where: Place;
  /** In Python's words. */
  readonly what: string;
}

/**
 * Compiles Python files without running any of them, with the `python3` of the PATH.
 * @param paths below `folder`
 * @param shown what stands before a path for people: the folder as they know it
 */
export async function syntaxFaults(
  context: Context,
  { folder, paths, shown }: { readonly folder: string; readonly paths: readonly string[]; readonly shown: string },
): Promise<readonly SyntaxFault[]> {
  if (paths.length === 0) return [];
  const answer = await run(context, {
    command: "python3",
    args: ["-I", "-S", "-W", "ignore", "-c", program],
    cwd: folder,
    variables: "own",
    input: JSON.stringify(paths),
    output: "capture",
  }).catch((cause: unknown) => {
    if (!(cause instanceof ProgramFailed)) throw cause;
    throw new UserError(
      {
        what: "The Python files of the DAGs could not be compiled: python3 ended badly.",
        where: folder,
        fix: "Look at its last lines above. Put actions/setup-python before this step, with the Python of the image.",
      },
      { cause },
    );
  });
  return faultsSchema
    .parse(JSON.parse(answer))
    .map(({ path, line, column, what }) => ({ where: { file: join(shown, path), line, column }, what }));
}

const faultsSchema = z.array(
  z.object({ path: z.string(), line: z.int().min(1), column: z.int().min(1), what: z.string() }),
);

/** Not only syntax errors: a file may hold zeros, or be nested too deep. */
const program = `
import json, sys
faults = []
for path in json.load(sys.stdin):
    try:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec", dont_inherit=True)
    except Exception as error:
        line, column = getattr(error, "lineno", None), getattr(error, "offset", None)
        what = getattr(error, "msg", None) or str(error) or type(error).__name__
        faults.append({"path": path, "line": max(1, line or 1), "column": max(1, column or 1), "what": what[:200]})
json.dump(faults, sys.stdout)
`;
