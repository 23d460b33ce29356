import type { Context } from "../domain/context.ts";
import { type Evidence, untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import { contentHash } from "../domain/json.ts";
import { runTask, type TaskClients, type TaskRequest } from "../tasks/run-task.ts";
import { type MigrationTool, migrationCommand } from "./command.ts";
import { isWholeReport, judgeMigration, type MigrationEnd } from "./judge.ts";

export interface MigrationRequest {
  readonly name: string;
  readonly tool: MigrationTool;
  /** Where the tool is started; null: where the image starts. */
  readonly workdir: string | null;
  /** Variables of its task that hold secrets, by their names. */
  readonly secrets: readonly string[];
  /** Everything about the task but its title, its command, and what of its log is for us. */
  readonly task: Omit<TaskRequest, "title" | "command" | "marked">;
}

export interface MigrationResult extends MigrationEnd {
  readonly name: string;
  readonly evidence: readonly Evidence[];
  readonly seconds: number;
}

/** Lines of the task that are quoted when it fails. */
const quotedLines = 15;
/** Characters of the names of secrets that fit beside a program in what RunTask takes. */
const secretNamesLimit = 2500;

/**
 * Runs a migration as one task, which looks and acts under one lock, and judges how it ended.
 * @throws UserError when the task cannot be started or is not done in time, Cancelled
 */
export async function migrate(
  clients: TaskClients,
  context: Context,
  request: MigrationRequest,
): Promise<MigrationResult> {
  const { name, tool, workdir } = request;
  const hidden = tool.kind === "command" ? [] : hiddenSecrets(context, request);
  // The same for the same token, as RunTask wants it of a request that is repeated.
  const mark = `dagster-ecs-${contentHash(request.task.clientToken).slice(0, 24)}`;
  const { end, seconds, lastLines, marked } = await runTask(clients, context, {
    ...request.task,
    title: `migration ${name}`,
    command: migrationCommand(tool, workdir, mark, hidden),
    marked: tool.kind === "command" ? null : { mark, isWhole: isWholeReport },
  });
  const judged = judgeMigration(tool, name, end, marked);
  for (const { revision, doc } of judged.applied) {
    context.report({ kind: "foreign", from: `migration ${name}`, text: untrusted(`${revision}: ${doc.untrusted}`) });
  }
  if (judged.cause === null) return { ...judged, name, evidence: [], seconds };
  const isLog = end.kind === "exited";
  const evidence: Evidence = {
    kind: isLog ? "log" : "task",
    at: instant(context.clock.now()),
    subject: `migration ${name}`,
    text: untrusted(isLog ? lastLines.slice(-quotedLines).join("\n") : end.reason),
  };
  return { ...judged, name, evidence: [evidence], seconds };
}

/** Names that fit; the others are said. */
function hiddenSecrets({ report }: Context, { name, secrets }: MigrationRequest): readonly string[] {
  let length = 0;
  const fitting = secrets.filter((secret) => (length += secret.length + 1) <= secretNamesLimit);
  const left = secrets.slice(fitting.length);
  if (left.length > 0)
    report({
      kind: "line",
      text: `migration ${name}: ${secrets.length} secrets are more than its command can name; should it print the value of ${left.join(", ")}, that is not hidden`,
    });
  return fitting;
}
