import { assertNever } from "../domain/errors.ts";
import { type Moment, showRevision } from "../domain/verdict.ts";
import type { Ending } from "./judge.ts";
import { failureOf } from "./stopped-tasks/explain.ts";
import type { Track } from "./track.ts";

/** More than these are told from both ends. */
const mostMoments = 16;

/**
 * What happened in a deployment, in order: what ECS did by its events, which tasks failed and why, and what was decided by whom.
 * Times of ECS are counted from when it began the deployment, ours from when we did.
 * @param now milliseconds since 1970
 */
export function storyOf(track: Track, ending: Ending, now: number): readonly Moment[] {
  const { aim, events, stopped, service, failedAt, replacedAt, stopAt } = track;
  const byEcs = (at: number): number => Math.max(0, Math.round((at - aim.since) / 1000));
  const byUs = (at: number): number => Math.max(0, Math.round((at - aim.begun) / 1000));
  const { primary } = service;
  const moments: readonly Moment[] = [
    ...events.flatMap(({ at, text }) => {
      const what = eventOf(text.untrusted);
      return what === null || at < aim.since ? [] : [{ seconds: byEcs(at), what }];
    }),
    ...stopped.map((task) => ({ seconds: byEcs(task.at), what: `a task failed: ${failureOf(task).what}` })),
    ...(stopAt === null ? [] : [{ seconds: byUs(stopAt), what: "this job told ECS to go back" }]),
    ...(failedAt === null ? [] : [{ seconds: byUs(failedAt), what: "ECS gave it up" }]),
    ...(replacedAt === null || primary === null
      ? []
      : [
          {
            seconds: byUs(replacedAt),
            what: `ECS works on ${primary.revision === null ? primary.id : showRevision(primary.revision)}`,
          },
        ]),
  ];
  const first = { seconds: 0, what: begunWith(track) };
  const last = { seconds: byUs(now), what: endOf(ending) };
  return [first, ...shortened([...moments].sort((a, b) => a.seconds - b.seconds)), last];
}

function begunWith({ aim: { to, from, toNothing } }: Track): string {
  if (toNothing) return "told to run nothing";
  return from === null ? `${showRevision(to)} begun` : `${showRevision(to)} begun, on ${showRevision(from)}`;
}

/** Texts as service-event-messages-list in the developer guide has them. @returns null for what tells nothing here */
function eventOf(text: string): string | null {
  const [, started] = /has started (\d+) tasks/.exec(text) ?? [];
  if (started !== undefined) return `ECS started ${tasks(started)}`;
  const [, stopped] = /has stopped (\d+) running tasks/.exec(text) ?? [];
  if (stopped !== undefined) return `ECS stopped ${tasks(stopped)}`;
  if (/unable to place a task/.test(text)) return "ECS found no place for a task, or could not start it";
  if (/is unhealthy in /.test(text)) return "the load balancer called a task unhealthy";
  if (/failed container health checks/.test(text)) return "a task failed the check of its container";
  if (/rolling back to deployment/.test(text)) return "ECS began to go back";
  return /deployment completed/.test(text) ? "ECS called a deployment complete" : null;
}

function tasks(count: string): string {
  return count === "1" ? "a task" : `${count} tasks`;
}

function endOf(ending: Ending): string {
  switch (ending) {
    case "complete":
      return "complete";
    case "rolled-back":
      return "ECS has gone back";
    case "rollback-failed":
      return "ECS failed to go back";
    case "failed":
      return "called failed";
    case "superseded":
      return "replaced by a newer deployment";
    case "service-gone":
      return "the service is gone";
    case "scaled-to-zero":
      return "scaled to no task by somebody";
    case "other-revision":
      return "complete with another revision";
    case "other-digest":
      return "complete with another image";
    case "unreadable":
      return "ECS could not be asked any more";
    case "time-over":
      return "its time was over";
    case "cancelled":
      return "the waiting was cancelled";
    default:
      return assertNever(ending);
  }
}

function shortened(moments: readonly Moment[]): readonly Moment[] {
  if (moments.length <= mostMoments) return moments;
  const [head, tail] = [moments.slice(0, mostMoments / 2), moments.slice(-mostMoments / 2)];
  const left = moments.length - mostMoments;
  return [...head, { seconds: head.at(-1)?.seconds ?? 0, what: `… and ${left} more like these` }, ...tail];
}
