import { packed } from "../tasks/packed.ts";
import { alembicProgram } from "./alembic-program.ts";
import { dagsterProgram } from "./dagster-program.ts";

/** How a schema is brought to its newest version. */
export type MigrationTool =
  /**
   * `lockTimeoutSeconds`: longest wait for another migration, and for each lock in the database. `statementTimeoutSeconds` is null
   * where the database's own limit holds. `checkModels`: the schema at head is compared with the models of env.py.
   */
  | {
      readonly kind: "alembic";
      readonly lockTimeoutSeconds: number;
      readonly statementTimeoutSeconds: number | null;
      readonly checkModels: boolean;
    }
  | { readonly kind: "dagster"; readonly lockTimeoutSeconds: number }
  /** Anything else: its exit code is all that is known of it. */
  | { readonly kind: "command"; readonly command: readonly string[] };

/**
 * What the container runs in the place of its image's command.
 * @param workdir where it starts, which RunTask cannot set; null: where the image does
 * @param mark begins the lines that are for us
 * @param secrets names of variables whose values the programs for alembic and dagster hide in what they print
 */
export function migrationCommand(
  tool: MigrationTool,
  workdir: string | null,
  mark: string,
  secrets: readonly string[],
): readonly string[] {
  const names = secrets.join(",");
  switch (tool.kind) {
    case "alembic": {
      const { lockTimeoutSeconds: lock, statementTimeoutSeconds: statement, checkModels } = tool;
      const settings = [String(lock), String(statement ?? ""), checkModels ? "models" : ""];
      return ["python3", "-c", packed(alembicProgram), mark, ...settings, names, workdir ?? ""];
    }
    case "dagster":
      return ["python3", "-c", packed(dagsterProgram), mark, String(tool.lockTimeoutSeconds), names, workdir ?? ""];
    case "command":
      return workdir === null
        ? tool.command
        : ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", workdir, ...tool.command];
  }
}
