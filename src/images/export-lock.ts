import { posix } from "node:path";
import type { Context } from "../domain/context.ts";
import { type Advice, UserError } from "../domain/errors.ts";
import { type Program, ProgramFailed, run } from "../programs/index.ts";
import { type Lock, normalizedName, parseLock } from "./lock.ts";

/**
 * What a lock file says is to be installed. uv and Poetry are asked about theirs: which packages a group needs, and where, is their
 * knowledge.
 *
 * @param file path of the lock file in the checkout, and `root`, the checkout
 * @throws UserError when the tool is not there, or the lock file is not that of its project any more
 */
export async function exportLock(
  context: Context,
  lock: Lock,
  { file, root }: { readonly file: string; readonly root: string },
): Promise<Lock> {
  if (lock.exporter === null) return lock;
  const { tool, groups } = lock.exporter;
  const cwd = posix.join(root, posix.dirname(file));
  let text: string;
  try {
    text = await run(context, exportProgram(tool, groups, cwd));
  } catch (error) {
    throw new UserError(adviceOn(error, tool, file), { cause: error });
  }
  const lines = new Map(lock.requirements.map(({ name, line }) => [name, line]));
  const exported = parsedExport(text, { tool, file, lines });
  return {
    requirements: exported.requirements.map((requirement) => ({
      ...requirement,
      line: lines.get(requirement.name) ?? 1,
    })),
    sources: [...lock.sources, ...exported.sources.filter((source) => !lock.sources.includes(source))],
    exporter: null,
  };
}

/** @throws UserError that names the lock file, and the package in it */
function parsedExport(
  text: string,
  { tool, file, lines }: { readonly tool: string; readonly file: string; readonly lines: ReadonlyMap<string, number> },
): Lock {
  try {
    return parseLock(text, file);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { what, where } = error;
    const at = typeof where === "object" ? where.line : 1;
    const [name = ""] = /^[\w.-]+/.exec(text.split("\n")[at - 1] ?? "") ?? [];
    throw new UserError(
      {
        what: `${tool} exports ${name === "" ? "something" : name} of ${file} so that it cannot be installed: ${what}`,
        where: { file, line: lines.get(normalizedName(name)) ?? lines.get(name) ?? 1, column: 1 },
        fix: "Lock a version that an index has; or build it once, and put its wheel into an index of your own.",
      },
      { cause: error },
    );
  }
}

/** How a tool is asked for its packages, in pip's format. @param cwd the folder of the lock file */
export function exportProgram(tool: "uv" | "poetry", groups: readonly string[], cwd: string): Program {
  const common = { command: tool, cwd, output: "capture", variables: "guest" } as const;
  return tool === "uv"
    ? {
        ...common,
        args: [
          "export",
          "--quiet",
          "--locked",
          "--format",
          "requirements-txt",
          "--no-header",
          "--no-annotate",
          "--no-emit-project",
          "--no-default-groups",
          ...groups.flatMap((group) => ["--group", group]),
        ],
        environment: { UV_PYTHON_DOWNLOADS: "never" },
      }
    : {
        ...common,
        args: [
          "export",
          "--no-interaction",
          "--no-ansi",
          "--format",
          "requirements.txt",
          ...groups.flatMap((group) => ["--with", group]),
        ],
      };
}

/** What to do when a lock file's own tool is not there. */
export function withoutTool(tool: "uv" | "poetry", file: string): Advice {
  return {
    what: `${file} is read by ${tool}, which this job does not have.`,
    where: file,
    fix:
      tool === "uv"
        ? "Put astral-sh/setup-uv before this step. Or lock in a format that needs no tool: `uv export --format pylock.toml -o pylock.toml`."
        : "Install it before this step: `pipx install poetry && pipx inject poetry poetry-plugin-export`. Or name a lock file in pip's format: `poetry export -o requirements.lock`.",
  };
}

function adviceOn(error: unknown, tool: "uv" | "poetry", file: string): Advice {
  if (error instanceof UserError) {
    return withoutTool(tool, file);
  }
  if (!(error instanceof ProgramFailed)) throw error;
  const said = error.errors.untrusted;
  if (/command "?export"? (does not exist|is not defined)|Command "export"/i.test(said)) {
    return {
      what: "Poetry is there without its plugin that says what a lock file installs.",
      where: file,
      fix: "Install it before this step: `pipx inject poetry poetry-plugin-export`, or `poetry self add poetry-plugin-export`.",
    };
  }
  if (/needs to be updated|changed significantly since|is not up to date/i.test(said)) {
    return {
      what: `${file} is not that of its pyproject.toml any more.`,
      where: file,
      fix: `Lock anew, and commit it: \`${tool} lock\`.`,
    };
  }
  if (/Group.* not found|group `?[^`]*`? is not defined|Group.* is not defined/i.test(said)) {
    return {
      what: `${file} does not have all groups that are asked for.`,
      where: file,
      fix: `Check \`groups\`. What ${tool} says stands in the log above.`,
    };
  }
  return {
    what: `${tool} could not say what ${file} installs: ${error.message}.`,
    where: file,
    fix: "Its own words are in the log above.",
  };
}
