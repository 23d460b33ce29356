import type { Report } from "../domain/context.ts";
import { showRevision } from "../domain/verdict.ts";
import { failureOf } from "./stopped-tasks/explain.ts";
import { needsWord, stageOf } from "./strategies.ts";
import { newEvents, type Track } from "./track.ts";

/** The state in which the watching begins. */
export function tellStart(report: Report, track: Track): void {
  report({ kind: "line", text: withTime(track, track.aim.begun) });
}

/**
 * What one more look has shown that was not shown before.
 * @param now milliseconds since 1970
 */
export function tellChange(report: Report, before: Track, after: Track, now: number): void {
  const { service: name } = after.aim;
  for (const { text } of newEvents(before, after)) report({ kind: "foreign", from: `ECS, ${name}`, text });
  const known = new Set(before.stopped.map(({ id }) => id));
  for (const task of after.stopped.filter(({ id }) => !known.has(id))) {
    report({ kind: "line", text: `${name}  task ${task.id} failed: ${failureOf(task).what}` });
    report({ kind: "foreign", from: `task ${task.id}`, text: task.reason });
  }
  if (stateLine(after) !== stateLine(before)) report({ kind: "line", text: withTime(after, now) });
}

function withTime(track: Track, now: number): string {
  return `${stateLine(track)} · ${Math.round((now - track.aim.begun) / 1000)} s`;
}

/** `webserver  1/2 running, 1 pending, 0 failed`, and what stands in the way of these numbers being ours. */
function stateLine(track: Track): string {
  const { aim, service, mine, failedAt } = track;
  const stage = needsWord(track) ? stageOf(track) : null;
  const { primary } = service;
  const wanted = aim.toNothing ? 0 : service.desiredCount;
  const own = aim.toNothing ? service : (mine ?? { runningCount: 0, pendingCount: 0 });
  const leaving = service.runningCount - own.runningCount;
  const isReplaced = primary !== null && aim.deploymentId !== null && primary.id !== aim.deploymentId;
  return [
    `${aim.service}  ${own.runningCount}/${wanted} running, ${own.pendingCount} pending, ${mine?.failedTasks ?? 0} failed`,
    leaving > 0 ? `, ${leaving} old` : "",
    stage === null ? "" : `; ${stage}`,
    failedAt === null ? "" : "; given up by ECS",
    isReplaced ? `; ECS works on ${primary.revision === null ? primary.id : showRevision(primary.revision)}` : "",
  ].join("");
}
