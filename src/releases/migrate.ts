import type { Context } from "../domain/context.ts";
import { messageOf, showPlace, UserError } from "../domain/errors.ts";
import type { Step } from "../domain/plan.ts";
import { closeWhole } from "./close.ts";
import type { Connections } from "./connections.ts";
import { deploy, type DeployRequest, plan, type PlanRequest } from "./deploy.ts";
import { openStack } from "./open.ts";
import type { Result } from "./result.ts";

/** What a deploy is asked for, as far as it comes to its migrations. */
export interface MigrateRequest extends Omit<DeployRequest, "parts" | "approved" | "keepRevisions"> {
  readonly dryRun: boolean;
}

/** The migrations of a plan, and what became of them. */
export interface Migrated {
  /** Images that migrations need, then the migrations. */
  readonly steps: readonly Step[];
  /** null: there was nothing to do, or it was only planned. */
  readonly result: Result | null;
}

/**
 * Carries out the migrations that a deploy of the checkout would begin with, each on the new image, and nothing else of it: no service
 * moves, and no release becomes current.
 * @throws UserError when services would have to stand still for it: only a whole deploy lets them run again; when one is a command, of
 * which nothing tells whether it is done; when what was begun cannot be closed; else as {@link deploy}
 */
export async function migrate(context: Context, connections: Connections, request: MigrateRequest): Promise<Migrated> {
  const look: PlanRequest = {
    ...request,
    approved: null,
    whyNotRun: null,
    isTrial: true,
    prices: {},
    definitions: { loads: false, files: [] },
  };
  const { plan: planned, hash } = await plan(context, connections, look);
  const steps = planned.steps.filter(({ part }) => part === "images" || part === "migrations");
  const tasks = steps.filter(({ kind }) => kind === "run-task");
  const standing = steps.filter(({ kind, part }) => part === "migrations" && (kind === "stop" || kind === "drain"));
  if (tasks.length > 0 && standing.length > 0) {
    throw new UserError({
      what: `Services stand still while this migrates (${standing.map(({ id }) => id).join(", ")}), and only a deploy lets them run again.`,
      where: `stack ${planned.target.stack}, ${planned.target.environment}`,
      fix: "Release it as a whole: `command: deploy`.",
    });
  }
  if (tasks.length > 0) await refuseCommands(context, connections, request, tasks);
  if (tasks.length === 0 || request.dryRun) return { steps: tasks.length === 0 ? [] : steps, result: null };
  const result = await deploy(context, connections, {
    ...request,
    approved: { hash, onChange: "fail" },
    parts: ["images", "migrations"],
    keepRevisions: null,
  });
  // No later step of a job goes on with it.
  await closeWhole(context, connections, request).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    throw new UserError({
      what: `Migrated, but what that had begun is left open, its lock with it: ${messageOf(error)}`,
      where: `stack ${planned.target.stack}, ${planned.target.environment}`,
      fix: "Mend what is named. The migrations are recorded, and the next deploy goes on from there; `unlock` gives the lock back where it is still held.",
    });
  });
  return { steps, result };
}

/**
 * The tools `alembic` and `dagster` look where the schema is, and do nothing twice. Of a command only the record of a release that
 * became current tells that it was run.
 * @throws UserError
 */
async function refuseCommands(
  context: Context,
  connections: Connections,
  request: MigrateRequest,
  tasks: readonly Step[],
): Promise<void> {
  const { stack } = await openStack({ ...context, report: () => undefined }, connections, request);
  const due = tasks.flatMap((step) => (step.kind === "run-task" ? [step.migration] : []));
  const commands = stack.migrations.filter(({ name, tool }) => tool === "command" && due.includes(name));
  const [first] = commands;
  if (first === undefined) return;
  throw new UserError({
    what: `${commands.map(({ name }) => name).join(" and ")} ${commands.length === 1 ? "has" : "have"} \`tool: command\`: the next deploy would run it again, since only a release that becomes current records that it was run.`,
    where: showPlace(first.place),
    fix: "Release it as a whole: `command: deploy`.",
  });
}

/** For people. */
export function wordsOfMigrated({ steps, result }: Migrated): readonly string[] {
  if (steps.length === 0) return ["No migration is due."];
  return [
    result === null ? "These would be done; no service moves:" : "Migrated; no service has moved:",
    ...steps.map(({ id, reason }) => `  ${id}: ${reason}`),
  ];
}
