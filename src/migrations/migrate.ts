import type { Context } from "../domain/context.ts";
import { type Evidence, untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import type { Cause } from "../domain/verdict.ts";
import { runTask, type TaskClients, type TaskRequest } from "../tasks/run-task.ts";

/** How a schema is brought to its newest version. */
export type MigrationTool = { readonly kind: "alembic" } | { readonly kind: "dagster" };

export interface MigrationRequest {
  readonly name: string;
  readonly tool: MigrationTool;
  /** Where the tool is started; null: where the image starts. */
  readonly workdir: string | null;
  /** Everything about the task but its title and command. */
  readonly task: Omit<TaskRequest, "title" | "command">;
}

export interface MigrationResult {
  readonly name: string;
  /** null: the schema is at its newest version. */
  readonly cause: Cause | null;
  readonly evidence: readonly Evidence[];
  readonly seconds: number;
}

/** Lines of the task that are quoted when it fails. */
const quotedLines = 15;

/**
 * Runs a migration as one task and judges it by the exit code of its container.
 * @throws UserError when the task cannot be started or is not done in time, Cancelled
 */
export async function migrate(
  clients: TaskClients,
  context: Context,
  request: MigrationRequest,
): Promise<MigrationResult> {
  const { name } = request;
  const task: TaskRequest = { ...request.task, title: `migration ${name}`, command: migrationCommand(request) };
  const { end, seconds, lastLines } = await runTask(clients, context, task);
  if (end.kind === "exited" && end.exitCode === 0) return { name, cause: null, evidence: [], seconds };
  const text = untrusted(end.kind === "exited" ? lastLines.slice(-quotedLines).join("\n") : end.reason);
  const evidence: Evidence = {
    kind: end.kind === "exited" ? "log" : "task",
    at: instant(context.clock.now()),
    subject: `migration ${name}`,
    text,
  };
  return { name, cause: causeOf(name, end), evidence: [evidence], seconds };
}

/** `alembic upgrade head`, or `dagster instance migrate`; in their folder, which RunTask cannot set. */
export function migrationCommand({ tool, workdir }: Pick<MigrationRequest, "tool" | "workdir">): readonly string[] {
  const command = tool.kind === "alembic" ? ["alembic", "upgrade", "head"] : ["dagster", "instance", "migrate"];
  return workdir === null ? command : ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", workdir, ...command];
}

function causeOf(name: string, end: Awaited<ReturnType<typeof runTask>>["end"]): Cause {
  if (end.kind === "exited") {
    return {
      id: "migration-failed",
      what: `Migration ${name} ended with exit code ${end.exitCode}.`,
      fix: "Its last lines say why. A migration runs in a transaction where the database allows it: see what was applied before you run it again.",
    };
  }
  return {
    id: "migration-never-started",
    what: `Migration ${name} never started (${end.stopCode}): nothing was changed in the database.`,
    fix: "ECS says why: usually an image that cannot be pulled, a secret that cannot be read, or a command that is not in the image.",
  };
}
