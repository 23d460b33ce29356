import { DeregisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../../aws/ecs.ts";
import { guarded } from "../../aws/send.ts";
import type { Dagster } from "../../dagster/client.ts";
import type { Context } from "../../domain/context.ts";
import { messageOf } from "../../domain/errors.ts";
import { type Untrusted, untrusted } from "../../domain/evidence.ts";
import type { Release } from "../../domain/release.ts";
import { type Revision, showRevision } from "../../domain/verdict.ts";
import { hasHash, isMadeFor } from "../../task-definitions/definition.ts";
import { definitionOf } from "../../task-definitions/observe.ts";
import type { HeldLock } from "../lock.ts";
import type { Session } from "../session.ts";
import { doRunsWait, observeRevisions } from "./observe.ts";
import { surplusRevisions } from "./plan.ts";

/** What became of old revisions of task definitions after a release. */
export interface SettledRevisions {
  /** How many of the newest stay of each family, beside those that something names. */
  readonly keep: number;
  /** `family:revision` */
  readonly deregistered: readonly string[];
  /** There are more: the next release goes on. */
  readonly isMore: boolean;
  /** Families of runs were left alone, since runs wait, or nobody could be asked. */
  readonly leavesRuns: boolean;
  /** What went wrong; null: nothing. */
  readonly why: Untrusted | null;
}

/** In one release. Each is looked at before it goes. */
const mostDeregistered = 20;
const mostLookedAt = 100;

/**
 * Deregisters revisions that this stack and environment have made and nothing names any more. Never throws: the release is committed, and
 * stays green. What is deregistered can still be read, and a rollback to it registers it anew.
 * @param lock null: only says what would go
 * @param release the one that was committed
 */
export async function settleRevisions(
  { report }: Pick<Context, "report">,
  session: Session,
  lock: HeldLock | null,
  release: Release,
  dagster: Dagster | null,
  keep: number,
): Promise<SettledRevisions> {
  const deregistered: string[] = [];
  const settled = { keep, deregistered, isMore: false, leavesRuns: false, why: null };
  try {
    const ecs = lock === null ? session.clients.ecs : guarded(session.clients.ecs, () => lock.check());
    const leavesRuns = dagster === null || (await doRunsWait(dagster));
    const families = familiesOf(release, leavesRuns);
    const known = await observeRevisions(ecs, session, release, keep, families);
    const surplus = surplusRevisions(known, keep);
    for (const revision of surplus.slice(0, mostLookedAt)) {
      if (deregistered.length === mostDeregistered) return { ...settled, leavesRuns, isMore: true };
      if (!(await isOurs(ecs, session, revision))) continue;
      const taskDefinition = showRevision(revision);
      const resource = `task definition ${taskDefinition}`;
      if (lock !== null) {
        await ecs(new DeregisterTaskDefinitionCommand({ taskDefinition }), { resource, idempotent: true });
        report({ kind: "line", text: `deregistered ${taskDefinition}` });
      }
      deregistered.push(taskDefinition);
    }
    // Of those that were all somebody else's the next would find the same.
    return { ...settled, leavesRuns, isMore: deregistered.length > 0 && surplus.length > mostLookedAt };
  } catch (error) {
    const why = untrusted(messageOf(error));
    report({ kind: "foreign", from: "old revisions were not all deregistered", text: why });
    return { ...settled, why };
  }
}

function familiesOf({ taskDefinitions }: Release, leavesRuns: boolean): readonly string[] {
  const known = Object.entries(taskDefinitions).filter(([definition]) => !leavesRuns || !definition.startsWith("run/"));
  return [...new Set(known.map(([, { family }]) => family))].sort();
}

/** Environments in one account may share a family; and others may have registered into it, and have taken our tags along. */
async function isOurs(ecs: EcsSend, { stack }: Session, revision: Revision): Promise<boolean> {
  const definition = await definitionOf(ecs, revision);
  if (definition === null || !isMadeFor(definition, stack)) return false;
  return definition.contentHash !== null && hasHash(definition, definition.contentHash);
}
