import { assertNever } from "../domain/errors.ts";
import type { Evidence } from "../domain/evidence.ts";
import { untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import { type Cause, sameRevision, showRevision } from "../domain/verdict.ts";
import type { Ending } from "./judge.ts";
import type { Deployment, ServiceObservation } from "./service.ts";
import { type FailureId, mainFailure } from "./stopped-tasks/explain.ts";
import { logAdviceOf } from "./stopped-tasks/log-advice.ts";
import type { StoppedTask } from "./stopped-tasks/read.ts";
import { awaitedHook, isStaged, needsWord, stageOf } from "./strategies.ts";
import { targetAdviceOf } from "./stopped-tasks/target-advice.ts";
import type { Track } from "./track.ts";

/** Ids of {@link Cause}: stable, for tools to match. */
export type CauseId =
  | FailureId
  | "task-not-placed"
  | "alarm-triggered"
  | "hook-failed"
  | "stopped-by-hand"
  | "old-tasks-remain"
  | "superseded"
  | "service-gone"
  | "scaled-to-zero"
  | "other-revision"
  | "other-digest"
  | "not-readable"
  | "slow"
  | "held-up"
  | "unexplained"
  | "cancelled";

export interface Explanation {
  readonly cause: Cause | null;
  readonly evidence: readonly Evidence[];
}

/**
 * Says why it ended so, and shows what was seen.
 * @param goesBack ECS was on its way back when it ended
 * @param logs last lines of the containers that failed
 * @param now milliseconds since 1970
 */
export function explain(
  track: Track,
  ending: Ending,
  { goesBack, logs, now }: { readonly goesBack: boolean; readonly logs: readonly Evidence[]; readonly now: number },
): Explanation {
  if (ending === "complete") return { cause: null, evidence: [] };
  const { id, what, fix } = reasonFor(track, ending, linesOf(logs), now);
  const done = whatEcsDoes(track, ending, goesBack);
  const cause = { id, what: done === null ? what : `${what} ${done}`, fix };
  return { cause, evidence: [...eventsOf(track), ...tasksOf(track), ...logs] };
}

function linesOf(logs: readonly Evidence[]): string {
  return logs.flatMap(({ kind, text }) => (kind === "log" ? [text.untrusted] : [])).join("\n");
}

const shownTasks = 3;
const shownEvents = 10;

interface Reason {
  readonly id: CauseId;
  readonly what: string;
  readonly fix: string | null;
}

function reasonFor(track: Track, ending: Exclude<Ending, "complete">, log: string, now: number): Reason {
  const { aim, service } = track;
  const to = showRevision(aim.to);
  switch (ending) {
    case "rolled-back":
    case "rollback-failed":
    case "failed":
      return toldReason(track) ?? failureReason(track, log) ?? decisionReason(track);
    case "unreadable":
      if (track.refusal === null && needsWord(track)) return wordRefused(track);
      return {
        id: "not-readable",
        what: `How ${to} does is not known any more: ${track.refusal?.what ?? "ECS may not be asked."}`,
        fix: track.refusal?.fix ?? null,
      };
    case "time-over":
      return failureReason(track, log) ?? blindReason(track) ?? waitingReason(track, now);
    case "superseded": {
      const { primary } = service;
      const newer =
        primary === null ? "another deployment" : `${showDeployment(primary)}, begun ${instant(primary.createdAt)}`;
      return {
        id: "superseded",
        what: aim.toNothing
          ? `Somebody gave the service a desired count of ${service.desiredCount} again.`
          : `Somebody began a newer deployment: ${newer}.`,
        fix: "Let one pipeline at a time deploy this service. If the newer one is not meant to run, deploy again.",
      };
    }
    case "service-gone":
      return {
        id: "service-gone",
        what: `Service ${aim.service} is gone from cluster ${aim.cluster}: it was deleted while it was deployed.`,
        fix: "Find out who deleted it (CloudTrail: DeleteService), create it again, and deploy again.",
      };
    case "scaled-to-zero":
      return {
        id: "scaled-to-zero",
        what: `Somebody set the desired count of ${aim.service} to 0 while it was deployed: nothing shows whether ${to} works.`,
        fix: "Find out what scales the service: autoscaling, a schedule, a person. Then deploy again.",
      };
    case "other-revision":
      return {
        id: "other-revision",
        what: `ECS calls the deployment complete, but it is not of ${to}${service.primary === null ? "" : `: ${showDeployment(service.primary)}`}.`,
        fix: "Deploy again; should it happen twice, ask AWS support with the deployment's id.",
      };
    case "other-digest":
      return {
        id: "other-digest",
        what: `It runs another image than it should: ${differences(track).join("; ")}.`,
        fix: "Name images by digest in the task definition: a tag can be moved between registering and starting.",
      };
    case "cancelled": {
      const soFar = track.stopped.length === 0 ? null : failureReason(track, log);
      const what = `The waiting was cancelled.${soFar === null ? "" : ` So far: ${soFar.what}`}`;
      return { id: "cancelled", what, fix: soFar?.fix ?? null };
    }
    default:
      return assertNever(ending);
  }
}

/** Its strategy has stages, and nobody may ask for them. */
function wordRefused({ aim, service }: Track): Reason {
  return {
    id: "not-readable",
    what: `Deployments of ${aim.service} are staged (${service.rollout.strategy}, hooks or a bake time): only the service deployment tells when ${showRevision(aim.to)} is through, and this job may not read it.`,
    fix: "Allow this job's role ecs:DescribeServiceDeployments and ecs:ListServiceDeployments. Else nothing can be called deployed.",
  };
}

/** @param log the last lines of what failed */
function failureReason(track: Track, log: string): Reason | null {
  const main = mainFailure(track.stopped);
  if (main === null) return placementReason(track);
  const { failure, times } = main;
  const to = showRevision(track.aim.to);
  const failed = times === 1 ? `A task of ${to} failed` : `Tasks of ${to} failed ${times} times`;
  const usual = usualMeaning(track, failure.id, log);
  const means = usual === null ? "" : ` ${usual.sayer} usually means: ${usual.what}.`;
  const loop =
    times < 2 || !isStillOurs(track)
      ? ""
      : failure.repeats
        ? " The next one would fail alike."
        : " This is a crash loop: it does not end by itself.";
  return {
    id: failure.id,
    what: `${failed}: ${failure.what}.${means}${loop}${ownStop(track)}`,
    fix: usual === null ? failure.fix : `${usual.fix} (${usual.source})`,
  };
}

/** What words of others hint at. */
function usualMeaning(
  { events }: Track,
  id: FailureId,
  log: string,
): { readonly sayer: string; readonly what: string; readonly fix: string; readonly source: string } | null {
  if (id === "container-exited") {
    const found = logAdviceOf(log);
    return found === null ? null : { ...found, sayer: "What its log says" };
  }
  if (id !== "target-unhealthy") return null;
  const found = targetAdviceOf(events.map(({ text }) => text.untrusted));
  return found === null ? null : { ...found, sayer: "What the load balancer says" };
}

/** ECS works on it, and will go on doing so. */
function isStillOurs({ mine, service }: Track): boolean {
  return mine?.state === "IN_PROGRESS" && service.primary?.id === mine.id;
}

/** What this job did about a rollout that ECS would not have ended. */
function ownStop({ stop }: Track): string {
  switch (stop) {
    case "asked":
      return " ECS had not given it up yet: this job told it to go back.";
    case "refused":
      return " ECS has not given it up, and this job could not stop it (ecs:StopServiceDeployment; ecs:ListServiceDeployments finds it).";
    case null:
      return "";
  }
}

function placementReason({ events, aim }: Track): Reason | null {
  if (!events.some(({ text }) => /unable to (place a task|consistently start tasks)/.test(text.untrusted))) return null;
  return {
    id: "task-not-placed",
    what: `ECS finds no place for a task of ${showRevision(aim.to)}, or cannot start it.`,
    fix: "The service's events, below, name the reason: capacity, subnets without free addresses, or a quota.",
  };
}

/** It was ended although no task of it failed: something else decided. */
/** What ECS itself names as what it went back for: a task that also stopped meanwhile is not why. */
function toldReason({ serviceDeployment: known }: Track): Reason | null {
  if (known === null || known === "refused" || known.breakerTriggered) return null;
  if (known.alarms.length > 0) {
    return {
      id: "alarm-triggered",
      what: "An alarm that watches the deployment went off.",
      fix: "Look at the metric of the alarm that is named below, since the deployment began.",
    };
  }
  const [first] = known.failedHooks;
  if (first === undefined) return null;
  return {
    id: "hook-failed",
    what: `A lifecycle hook of the service failed, was turned back, or was not answered in time: ${known.failedHooks.join(", ")}.`,
    fix: "A pause has to be continued by somebody before its time is over. Of any other, see what its function says of this deployment (a Lambda function has its log in CloudWatch); it answers SUCCEEDED, FAILED or IN_PROGRESS as `hookStatus`.",
  };
}

function decisionReason(track: Track): Reason {
  const { serviceDeployment, aim, stop, tasksRefused } = track;
  const known = serviceDeployment === "refused" ? null : serviceDeployment;
  if (tasksRefused !== null && (stop !== null || isStillOurs(track))) {
    return {
      id: "unexplained",
      what: `Tasks of ${showRevision(aim.to)} end as fast as ECS starts them; why cannot be seen: they may not be read.${ownStop(track)}`,
      fix: tasksMayBeRead,
    };
  }
  if (known !== null && !known.breakerTriggered && known.status.startsWith("ROLLBACK")) {
    return {
      id: "stopped-by-hand",
      what: isStaged(track.service.rollout)
        ? "Somebody stopped the deployment, or turned it back at a pause."
        : "Somebody stopped the deployment: StopServiceDeployment.",
      fix: "CloudTrail records StopServiceDeployment and ContinueServiceDeployment with their caller. Deploy again when it is settled who may.",
    };
  }
  return {
    id: "unexplained",
    what: `ECS gave up ${showRevision(aim.to)} and does not say why.`,
    fix: "Look at the service's events and its stopped tasks in the ECS console.",
  };
}

/** Tasks may have failed unseen. */
function blindReason({ tasksRefused, aim }: Track): Reason | null {
  if (tasksRefused === null) return null;
  return {
    id: "unexplained",
    what: `${showRevision(aim.to)} is not there yet, and whether its tasks fail cannot be seen: they may not be read.`,
    fix: tasksMayBeRead,
  };
}

const tasksMayBeRead = "Allow this job's role ecs:ListTasks and ecs:DescribeTasks.";

/** Nothing failed, and it is not done. */
function waitingReason(track: Track, now: number): Reason {
  const { aim, service, mine, seenAt, stale, isDoubtful } = track;
  const to = showRevision(aim.to);
  if (now - seenAt > 60_000 || isDoubtful) {
    return {
      id: "not-readable",
      what:
        stale > 0 || isDoubtful
          ? `ECS shows nothing but what was there before ${to}: how it does is not known.`
          : `ECS has not answered for ${Math.round((now - seenAt) / 1000)} s: how ${to} does is not known.`,
      fix: "Look at the service in the ECS console. When AWS throttles, let fewer jobs run at once.",
    };
  }
  const hook = awaitedHook(track.serviceDeployment);
  if (hook !== null) {
    const until =
      hook.expiresAt === null ? "" : ` until ${instant(hook.expiresAt)}, then ${hook.timeoutAction ?? "ECS decides"}`;
    return {
      id: "held-up",
      what: `The deployment of ${to} is paused: ${stageOf(track) ?? "a hook"} (waits${until}).`,
      fix: `Somebody has to continue it, or turn it back: aws ecs continue-service-deployment --service-deployment-arn ${aim.serviceDeploymentArn ?? "…"} --hook-id ${hook.id}. Deploy again afterwards; or give it more time (\`timeout\`).`,
    };
  }
  const stage = needsWord(track) ? stageOf(track) : null;
  if (stage !== null) {
    return {
      id: "slow",
      what: `The deployment of ${to} is not over after ${seconds(aim.deadline - aim.begun)} s: ${stage}.`,
      fix: "Traffic shifts, bake times and hooks take their time: give it more (`timeout`).",
    };
  }
  if (aim.toNothing) {
    return {
      id: "slow",
      what: `${track.liveTasks ?? service.runningCount + service.pendingCount} tasks have not ended within ${seconds(aim.deadline - aim.begun)} s.`,
      fix: "Task protection or a long stop timeout keeps them: end them with StopTask, or give them more time.",
    };
  }
  const old = service.others.filter(({ runningCount }) => runningCount > 0);
  if (mine !== null && mine.runningCount >= service.desiredCount && old.length > 0) {
    return {
      id: "old-tasks-remain",
      what: `All tasks of ${to} run, but old ones do not end: ${old.map(showDeployment).join(", ")}.`,
      fix: "Task protection, a long stop timeout or a long deregistration delay keeps them; the service's events name the first.",
    };
  }
  return {
    id: "slow",
    what: `${mine?.runningCount ?? 0} of ${service.desiredCount} tasks of ${to} run, and none has failed: it takes longer than ${seconds(aim.deadline - aim.begun)} s.`,
    fix: "Give it more time; or find what takes so long: pulling the image, the health check's start period, draining of old tasks.",
  };
}

/** What ECS did about it, and does. */
function whatEcsDoes(track: Track, ending: Ending, goesBack: boolean): string | null {
  const { service, mine, aim } = track;
  const { primary } = service;
  if (goesBack && primary !== null) {
    const target = primary.revision === null ? primary.id : showRevision(primary.revision);
    if (ending === "rollback-failed") return `ECS tried to go back to ${target}, and failed.`;
    return ending === "rolled-back"
      ? `ECS took the service back to ${target}.`
      : `ECS is taking the service back to ${target}: ${primary.runningCount} of ${service.desiredCount} run there.`;
  }
  switch (ending) {
    case "failed":
    case "rollback-failed":
      return primary?.state === "IN_PROGRESS"
        ? `ECS goes on with ${showDeployment(primary)} by itself.`
        : whatIsKept(service);
    case "unreadable":
    case "time-over":
    case "cancelled": {
      if (primary === null || aim.toNothing) return null;
      if (primary.state === "FAILED") return whatIsKept(service);
      const done = primary.state === "COMPLETED" && sameRevision(primary.revision, aim.to);
      const counts = `${mine?.runningCount ?? 0} of ${service.desiredCount} run, ${mine?.pendingCount ?? 0} pending`;
      return done
        ? `ECS calls it complete: ${counts}.`
        : `ECS goes on with ${showDeployment(primary)} by itself: ${counts}.`;
    }
    default:
      return null;
  }
}

function whatIsKept({ others }: ServiceObservation): string {
  const kept = others.filter(({ runningCount }) => runningCount > 0);
  return kept.length === 0
    ? "ECS has given it up and starts nothing more: no task of an older deployment runs."
    : `ECS has given it up and starts nothing more; still running: ${kept.map(showDeployment).join(", ")}.`;
}

function differences({ aim, digests }: Track): readonly string[] {
  return Object.entries(aim.digests)
    .filter(([container, digest]) => digests?.[container]?.every((seen) => seen === digest) !== true)
    .map(([container, digest]) => {
      const seen = digests?.[container] ?? [];
      return `container ${container} should be ${digest} and is ${seen.length === 0 ? "unknown" : seen.join(" and ")}`;
    });
}

/** What ECS does all day: it tells nothing about a failure. */
const routine =
  /has (started|stopped|begun draining)|(stopped \d+ pending|registered \d+ targets|deployment completed|steady state)/;

function eventsOf({ aim, events, serviceDeployment, mine }: Track): readonly Evidence[] {
  const special = events.filter(({ text }) => !routine.test(text.untrusted));
  const told = (special.length > 0 ? special : events)
    .slice(-shownEvents)
    .map(({ at, text }): Evidence => ({ kind: "event", at: instant(at), subject: `service ${aim.service}`, text }));
  const said: Evidence[] = [];
  if (mine !== null && mine.reason.untrusted !== "") {
    said.push({ kind: "event", at: instant(mine.updatedAt), subject: `deployment ${mine.id}`, text: mine.reason });
  }
  if (serviceDeployment !== null && serviceDeployment !== "refused" && serviceDeployment.reason.untrusted !== "") {
    const { arn, reason } = serviceDeployment;
    const subject = `service deployment ${arn.slice(arn.lastIndexOf("/") + 1)}`;
    said.push({ kind: "event", at: instant(mine?.updatedAt ?? aim.begun), subject, text: reason });
  }
  if (serviceDeployment !== null && serviceDeployment !== "refused" && serviceDeployment.alarms.length > 0) {
    const text = untrusted(serviceDeployment.alarms.join("\n"));
    said.push({ kind: "event", at: instant(mine?.updatedAt ?? aim.begun), subject: "alarms that went off", text });
  }
  return [...told, ...said];
}

function tasksOf({ aim, stopped, tasksRefused }: Track): readonly Evidence[] {
  const told = stopped.slice(-shownTasks).map(taskEvidence);
  if (tasksRefused === null) return told;
  return [...told, { kind: "call", at: instant(aim.begun), subject: "stopped tasks", text: tasksRefused }];
}

function taskEvidence(task: StoppedTask): Evidence {
  const containers = task.containers.map(({ name, exitCode, reason, unhealthy }) =>
    [
      `${name}:`,
      exitCode === null ? "never ran" : `exit code ${exitCode}`,
      unhealthy ? "unhealthy" : "",
      reason.untrusted === "" ? "" : `(${reason.untrusted})`,
    ]
      .filter((part) => part !== "")
      .join(" "),
  );
  const text = [`${task.code}: ${task.reason.untrusted}`, ...containers].join("\n");
  return { kind: "task", at: instant(task.at), subject: `task ${task.id}`, text: untrusted(text) };
}

function showDeployment({ id, revision }: Deployment): string {
  return revision === null ? id : `${showRevision(revision)} (${id})`;
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 1000);
}
