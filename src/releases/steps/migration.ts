import { canonicalJson, contentHash } from "../../domain/json.ts";
import { resolveText, type Results } from "../../domain/later.ts";
import type { Step } from "../../domain/plan.ts";
import type { MigrationPart, Release } from "../../domain/release.ts";
import type { MigrationTool } from "../../migrations/command.ts";
import type { MigrationEnd } from "../../migrations/judge.ts";
import { migrate } from "../../migrations/migrate.ts";
import { modelFindings } from "../../migrations/models.ts";
import { type Migration, withLevels } from "../../stack/index.ts";
import { dayOf } from "../checks.ts";
import { onceContainer, secretNames } from "../definitions.ts";
import { settingsOf } from "../plans/migrations.ts";
import { migrationTimeoutSeconds } from "../time-outs.ts";
import type { Workshop } from "../workshop.ts";
import { type Done, StepFailed } from "./done.ts";

/** Runs a migration as a task of its own. @throws StepFailed, AwsError, Cancelled */
export async function runMigration(
  shop: Workshop,
  step: Extract<Step, { kind: "run-task" }>,
  results: Results,
): Promise<Done> {
  const { clients, context, stack, release, attempt } = shop;
  const migration = stack.migrations.find(({ name }) => name === step.migration);
  if (migration === undefined) throw new Error(`migration ${step.migration} is not in the stack`);
  const contentKey = shop.imageKeys[migration.image];
  if (contentKey === undefined) throw new Error(`image ${migration.image} was not observed`);
  const end = await migrate(clients, context, {
    name: migration.name,
    tool: toolOf(migration),
    workdir: migration.workdir,
    secrets: secretNames(stack, migration, shop.sources),
    task: {
      cluster: stack.contract.cluster,
      taskDefinition: resolveText(step.definition, results),
      container: onceContainer,
      environment: {},
      network: await shop.network(),
      clientToken: contentHash([release.id, migration.name, attempt]).slice(0, 64),
      aloneIn: stack.images[migration.image]?.onceFamily ?? null,
      startedBy: startedBy(release),
      tags: { ...migration.tags, "dagster-ecs:release": release.id },
      timeoutSeconds: migrationTimeoutSeconds,
      log: migration.logGroup === null ? null : { group: migration.logGroup, prefix: onceContainer },
    },
  });
  const { cause, evidence, seconds, after, said, models } = end;
  const state = stateAfter(end);
  const heads = after === null ? null : [...after];
  // What was read of the revisions holds when they have brought the schema to where they end.
  const isAsRead = heads?.length === 1 && heads[0] === step.addsSince[0];
  const addsSince = isAsRead ? [...step.addsSince] : [];
  const part: MigrationPart = {
    state,
    contentKey,
    whole: state !== "partial",
    runsOlder: null,
    settings: settingsOf(migration),
    heads,
    addsSince,
  };
  const parts = { migrations: { [migration.name]: part } };
  if (cause !== null) throw new StepFailed(cause, evidence, undefined, state === "partial" ? parts : {});
  const found = modelFindings(migration.name, migration.place, models);
  for (const finding of withLevels(found, stack.checks, dayOf(context.clock.now()))) {
    // What was applied stays, and is recorded.
    if (finding.level === "error") throw new StepFailed(finding, [], undefined, state === "none" ? {} : parts);
    context.report({ kind: "finding", finding });
  }
  return { results: {}, parts, said: `${said}, in ${Math.round(seconds)} s` };
}

/** What is recorded of a migration before anybody knows what becomes of it. */
export function begunMigration(
  { stack, imageKeys }: Pick<Workshop, "stack" | "imageKeys">,
  { migration: name }: Extract<Step, { kind: "run-task" }>,
): Done["parts"] {
  const migration = stack.migrations.find((one) => one.name === name);
  const contentKey = migration === undefined ? undefined : imageKeys[migration.image];
  if (migration === undefined || contentKey === undefined) throw new Error(`migration ${name} was not observed`);
  const unknown = { state: "partial", whole: false, runsOlder: null, heads: null, addsSince: [] } as const;
  return { migrations: { [name]: { ...unknown, addsSince: [], contentKey, settings: settingsOf(migration) } } };
}

/** One that failed has done something when the heads moved; and may have when it began revisions, and nobody knows the heads. */
function stateAfter({ cause, unchanged, before, after, applied }: MigrationEnd): MigrationPart["state"] {
  if (cause === null) return unchanged === true ? "none" : "done";
  const moved = after === null ? applied.length > 0 : before !== null && canonicalJson(after) !== canonicalJson(before);
  return moved ? "partial" : "none";
}

function toolOf({ name, tool, command, ...migration }: Migration): MigrationTool {
  const { lockTimeoutSeconds, statementTimeoutSeconds, checkModels } = migration;
  switch (tool) {
    case "alembic":
      return { kind: tool, lockTimeoutSeconds, statementTimeoutSeconds, checkModels };
    case "dagster":
      return { kind: tool, lockTimeoutSeconds };
    case "command":
      if (command === null) throw new Error(`migration ${name} has no command: the schema lets none pass`);
      return { kind: tool, command };
  }
}

/** By what the one-off tasks of a release are found again: the second it was begun in, and the begin of its SHA. */
export function startedBy({ id }: Pick<Release, "id">): string {
  return `dagster-ecs-${id}`.slice(0, 36);
}
