import { DescribeTasksCommand, ListTasksCommand, StopTaskCommand } from "@aws-sdk/client-ecs";
import { nameOf } from "../aws/arn.ts";
import type { EcsSend } from "../aws/ecs.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Plan } from "../domain/plan.ts";
import type { Unfinished } from "./history.ts";
import type { Session } from "./session.ts";
import { startedBy } from "./steps/migration.ts";

/** Stops the one-off tasks of a release whose job is over. @returns their ARNs */
export async function stopTasksOf(
  ecs: EcsSend,
  cluster: string,
  release: Unfinished["intent"]["release"],
): Promise<readonly string[]> {
  const by = startedBy(release);
  const resource = `tasks started by ${by}`;
  const { taskArns = [] } = await ecs(new ListTasksCommand({ cluster, startedBy: by }), { resource });
  for (const task of taskArns) {
    const command = new StopTaskCommand({ cluster, task, reason: "The job that started it is over." });
    await ecs(command, { resource, idempotent: true });
  }
  return taskArns;
}

/** Milliseconds that stopped tasks are given: a container has two minutes between SIGTERM and its end at most. */
const longestStopping = 150_000;
const pause = 2_000;

/**
 * A migration outlives the job that began it. Where it is due again, its own step waits for it; otherwise it would go on beside code
 * that nobody meant it for, and is stopped.
 * @throws UserError when it does not end; AwsError
 */
export async function endLeftTasks(
  { clock, report, signal }: Context,
  { clients: { ecs }, stack: { contract } }: Pick<Session, "clients" | "stack">,
  cut: readonly Unfinished[],
  { steps }: Pick<Plan, "steps">,
): Promise<void> {
  const due = new Set(steps.flatMap((step) => (step.kind === "run-task" ? [step.migration] : [])));
  for (const { intent } of cut) {
    const begun = Object.entries(intent.release.migrations).flatMap(([name, { state }]) =>
      state === "partial" ? [name] : [],
    );
    if (begun.every((name) => due.has(name))) continue;
    const { cluster } = contract;
    const tasks = await stopTasksOf(ecs, cluster, intent.release);
    if (tasks.length === 0) continue;
    const names = tasks.map(nameOf).join(", ");
    report({
      kind: "line",
      text: `task ${names} of release ${intent.release.id}, which was cut, still ran a migration: it is stopped`,
    });
    for (const since = clock.now(); ; await clock.sleep(pause, signal)) {
      const { tasks: found = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: [...tasks] }), {
        resource: `cluster ${cluster}`,
      });
      if (found.every(({ lastStatus }) => lastStatus === "STOPPED")) break;
      if (clock.now() - since < longestStopping) continue;
      throw new UserError({
        what: `Task ${names} of release ${intent.release.id}, which was cut, was told to stop, and has not ended.`,
        where: `cluster ${cluster}`,
        fix: "It may still change the database. See it in the ECS console, and run this again when it is gone.",
      });
    }
  }
}
