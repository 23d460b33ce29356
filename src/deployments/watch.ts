import { deploymentsPage } from "../aws/console.ts";
import { isAwsError, isWeather } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { type Evidence, untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { DeploymentClients } from "./clients.ts";
import { readLastLogLines } from "./stopped-tasks/log-tail.ts";
import { mayBeCrashLoop } from "./crash-loop.ts";
import { comparable, mayBeSecond, mayOnlyRepeat, wordsToRead } from "./repeated-failure.ts";
import { explain } from "./explain.ts";
import { mainFailure } from "./stopped-tasks/explain.ts";
import { type Ending, isGoingBack, judge, verdictOf } from "./judge.ts";
import {
  isOptionalCallRefused,
  onlyServiceDeployment,
  observeDigests,
  observeServiceDeployment,
  observeServices,
} from "./observe.ts";
import { tellChange, tellStart } from "./progress.ts";
import type { Digests, SeenDigests, ServiceObservation } from "./service.ts";
import { stopServiceDeployment } from "./start.ts";
import { needsWord } from "./strategies.ts";
import { storyOf } from "./story.ts";
import { countLiveTasks, readStoppedTasks, readSurvivor } from "./stopped-tasks/read.ts";
import { follow, staleMost, type Track } from "./track.ts";

/** Milliseconds from one look to the next. It never grows: nobody is to wait for a back-off when ECS is done. */
const pace = 3_000;

/**
 * Looks at a rollout until it has ended, its time is over, or the signal aborts.
 * @returns its verdict; also when ECS may not be asked any more (denied, or an expired session): what was begun goes on, and
 * whoever began it must know its id.
 */
export async function watch(clients: DeploymentClients, context: Context, begun: Track): Promise<Verdict> {
  let track = begun;
  tellStart(context.report, track);
  try {
    for (;;) {
      const at = context.clock.now();
      const { seen, ending } = await look(clients, context, track);
      track = seen;
      if (ending !== null) return await conclude(clients, context, track, ending);
      await rest(clients, context, at, track);
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
  return conclude(clients, context, track, "cancelled");
}

interface Look {
  readonly seen: Track;
  /** Null while it moves. */
  readonly ending: Ending | null;
}

async function look(clients: DeploymentClients, context: Context, before: Track): Promise<Look> {
  let seen = before;
  try {
    const answer = await ask(clients, context, before);
    if (answer !== "unknown") {
      seen = await lookBehind(clients, context, follow(before, answer, context.clock.now()));
      const judged = await closerLook(clients, context, seen);
      seen = judged.seen;
      tellChange(context.report, before, seen, context.clock.now());
      if (judged.ending !== null) return judged;
    }
  } catch (error) {
    if (!isAwsError(error)) throw error;
    return { seen: { ...seen, refusal: error }, ending: "unreadable" };
  }
  return { seen, ending: context.clock.now() >= before.aim.deadline ? "time-over" : null };
}

/** @returns `unknown` when ECS cannot be read just now; null when it has no such service. */
async function ask(
  { ecs, looks }: DeploymentClients,
  { clock, report }: Context,
  { aim }: Track,
): Promise<ServiceObservation | "unknown" | null> {
  try {
    if (looks !== undefined) return await looks.look(aim.cluster, aim.service, clock.now());
    return (await observeServices(ecs, aim.cluster, [aim.service]))[aim.service] ?? null;
  } catch (error) {
    if (!isWeather(error)) throw error;
    report({ kind: "line", text: `ECS cannot be read just now, and is asked again: ${error.what}` });
    return "unknown";
  }
}

/**
 * Reads what lies behind a service when something has changed: its service deployment, and tasks of ours that stopped. Once the
 * deployment is complete or replaced, its service deployment has the last word, and is asked until it says it.
 */
async function lookBehind(clients: DeploymentClients, context: Context, track: Track): Promise<Track> {
  const { service, mine } = track;
  const isChanged = track.readAt < track.changedAt;
  const isSecond = track.aim.failEarly && mayBeSecond(track);
  const isOnTheWay = mine?.state === "IN_PROGRESS" && service.primary?.id === mine.id;
  // Where the service shows nothing but what was before, its service deployment may tell.
  const isAwaited = awaitsWords(track, context.clock.now());
  const isStagedNow = needsWord(track);
  if (!isChanged && !isSecond && !isAwaited && !isStagedNow && isOnTheWay && track.stale < staleMost) return track;
  try {
    const isUnnamed = isStagedNow && track.aim.serviceDeploymentArn === null;
    const deployed = isUnnamed
      ? await findServiceDeployment(clients, context, track)
      : await readServiceDeployment(clients, context, track);
    const read = isChanged || isSecond ? await readFailures(clients, context, deployed) : deployed;
    const heard = read.aim.failEarly ? await readLastWords(clients, read) : read;
    return { ...heard, readAt: context.clock.now() };
  } catch (error) {
    if (isWeather(error)) return track;
    throw error;
  }
}

async function readServiceDeployment({ ecs }: DeploymentClients, { report }: Context, track: Track): Promise<Track> {
  const { serviceDeploymentArn: arn, service } = track.aim;
  if (arn === null || track.serviceDeployment === "refused") return track;
  try {
    return { ...track, serviceDeployment: (await observeServiceDeployment(ecs, arn)) ?? track.serviceDeployment };
  } catch (error) {
    // One bad answer is no denial: what it is about may not have reached every part of ECS.
    if (isAwsError(error, "invalid", "not-found")) return track;
    if (!isAwsError(error, "denied")) throw error;
    const text = `${service}  ecs:DescribeServiceDeployments is not allowed: the service's own deployments must do`;
    report({ kind: "line", text });
    return { ...track, serviceDeployment: "refused" };
  }
}

async function readFailures({ ecs }: DeploymentClients, { report }: Context, track: Track): Promise<Track> {
  if (track.tasksRefused !== null || track.aim.toNothing) return track;
  try {
    const stopped = await readStoppedTasks(ecs, track.aim, track.stopped);
    const matters = mayBeCrashLoop({ ...track, stopped }) || (track.aim.failEarly && mayOnlyRepeat({ stopped }));
    const survivor = matters ? await readSurvivor(ecs, track.aim) : null;
    return { ...track, stopped, survivor };
  } catch (error) {
    if (!isAwsError(error, "denied", "invalid", "not-found")) throw error;
    report({ kind: "line", text: `${track.aim.service}  stopped tasks cannot be read: ${error.what}` });
    return { ...track, tasksRefused: untrusted(error.message) };
  }
}

/** Milliseconds after which a log has what its container wrote, if it wrote anything. */
const logsComeWithin = 15_000;

/** Do two tasks seem to have failed alike, and may their logs still come? */
function awaitsWords(track: Track, now: number): boolean {
  return track.aim.failEarly && now - track.changedAt < logsComeWithin && wordsToRead(track).length > 0;
}

async function readLastWords(clients: DeploymentClients, track: Track): Promise<Track> {
  const heard: Record<string, string> = { ...track.lastWords };
  try {
    for (const task of wordsToRead(track)) {
      const evidence = await readLastLogLines(clients, track.aim.to, task);
      const logs = evidence.flatMap(({ kind, text }) => (kind === "log" ? [text.untrusted] : []));
      heard[task.id] = comparable(logs.join("\n"));
    }
  } catch (error) {
    // A log is a help here, and no more.
    if (!isAwsError(error)) throw error;
  }
  return { ...track, lastWords: heard };
}

async function closerLook(clients: DeploymentClients, context: Context, seen: Track): Promise<Look> {
  const now = context.clock.now();
  const judgement = judge(seen, now);
  switch (judgement.kind) {
    case "moving":
      return { seen, ending: null };
    case "ended":
      return { seen, ending: judgement.ending };
    case "look-at-digests":
      return judged(await readDigests(clients, seen), now);
    case "look-at-tasks":
      return judged(await readLiveTasks(clients, context, seen), now);
    case "stop":
      return judged(await stopLoop(clients, context, seen), now);
  }
}

function judged(seen: Track, now: number): Look {
  const judgement = judge(seen, now);
  return { seen, ending: judgement.kind === "ended" ? judgement.ending : null };
}

/** The service is one that ECS takes back; what ECS does not count as a failure it would go on with for ever. */
async function stopLoop(clients: DeploymentClients, context: Context, begun: Track): Promise<Track> {
  const { clock, report } = context;
  const { ecs } = clients;
  const track = await findServiceDeployment(clients, context, begun);
  const { service, serviceDeploymentArn } = track.aim;
  if (serviceDeploymentArn === null) return { ...track, stop: "refused" };
  report({ kind: "line", text: `${service}  fails over and over, and ECS has not ended it: it is told to go back` });
  try {
    await stopServiceDeployment(ecs, track.aim, serviceDeploymentArn);
    return { ...track, stop: "asked", stopAt: clock.now() };
  } catch (error) {
    if (isWeather(error)) return track;
    // It has ended, or turned back by itself, in the meantime.
    if (isAwsError(error, "conflict")) return { ...track, stop: "asked", stopAt: clock.now() };
    if (!isAwsError(error, "denied", "invalid", "not-found")) throw error;
    report({ kind: "line", text: `${service}  cannot be stopped: ${error.what}` });
    return { ...track, stop: "refused" };
  }
}

async function readLiveTasks({ ecs }: DeploymentClients, { report }: Context, track: Track): Promise<Track> {
  try {
    return { ...track, liveTasks: await countLiveTasks(ecs, track.aim) };
  } catch (error) {
    if (isWeather(error)) return track;
    if (!isAwsError(error, "denied")) throw error;
    report({ kind: "line", text: `${track.aim.service}  tasks that still end cannot be seen: ${error.what}` });
    return { ...track, liveTasks: 0 };
  }
}

async function readDigests({ ecs }: DeploymentClients, track: Track): Promise<Track> {
  const { aim, service } = track;
  try {
    return { ...track, digests: await observeDigests(ecs, aim.cluster, service, aim.to, Object.keys(aim.digests)) };
  } catch (error) {
    if (isWeather(error)) return track;
    // What nobody asked for need not be proved.
    if (isOptionalCallRefused(error) && Object.keys(aim.digests).length === 0) return { ...track, digests: {} };
    throw error;
  }
}

/** Until the next look is due, or its time is over. */
async function rest(
  { looks }: DeploymentClients,
  { clock, signal }: Context,
  looked: number,
  { aim }: Track,
): Promise<void> {
  const now = clock.now();
  const latest = Math.max(now, Math.min(looked + pace, aim.deadline));
  const due = looks?.next(aim.cluster, aim.service, now, latest) ?? latest;
  await clock.sleep(due - now, signal);
}

/** Makes the verdict; one that is red with all that can be found out about it. */
async function conclude(clients: DeploymentClients, context: Context, track: Track, ending: Ending): Promise<Verdict> {
  const now = context.clock.now();
  const { aim } = track;
  const isToLearn = ending !== "complete" && ending !== "cancelled" && ending !== "unreadable";
  const { last, logs } = isToLearn ? await inspect(clients, context, track) : { last: track, logs: [] };
  const goesBack = isGoingBack(last, now);
  return {
    service: aim.service,
    verdict: verdictOf(ending, last, goesBack),
    deploymentId: last.aim.deploymentId,
    from: aim.from,
    to: aim.toNothing ? null : aim.to,
    digests: agreed(last.digests ?? {}),
    ...explain(last, ending, { goesBack, logs, now }),
    story: storyOf(last, ending, now),
    page: deploymentsPage(last.service.arn),
    seconds: (now - aim.begun) / 1000,
  };
}

/** What AWS does not let us read must not hide what is known: it becomes evidence too. */
async function inspect(
  clients: DeploymentClients,
  context: Context,
  track: Track,
): Promise<{ readonly last: Track; readonly logs: readonly Evidence[] }> {
  let last = track;
  try {
    last = await readFailures(clients, context, await findServiceDeployment(clients, context, track));
    const main = mainFailure(last.stopped);
    if (main === null) return { last, logs: [] };
    return { last, logs: await readLastLogLines(clients, last.aim.to, main.task) };
  } catch (error) {
    if (!(error instanceof UserError) && !context.signal.aborted) throw error;
    const at = instant(context.clock.now());
    const subject = `what stopped in service ${track.aim.service}`;
    return { last, logs: [{ kind: "call", at, subject, text: untrusted(messageOf(error)) }] };
  }
}

/** Where ECS does not name the service deployment with the service, it lists it: the cause may be known there only. */
async function findServiceDeployment(clients: DeploymentClients, context: Context, track: Track): Promise<Track> {
  const { aim } = track;
  if (aim.serviceDeploymentArn !== null || aim.deploymentId === null || !aim.moves || aim.toNothing) return track;
  try {
    const arn = await onlyServiceDeployment(clients.ecs, aim.cluster, aim.service, aim.since);
    return await readServiceDeployment(clients, context, { ...track, aim: { ...aim, serviceDeploymentArn: arn } });
  } catch (error) {
    if (isOptionalCallRefused(error) || isWeather(error)) return track;
    throw error;
  }
}

/** A verdict names one digest a container; where tasks differ, its cause names them all. */
function agreed(digests: SeenDigests): Digests {
  return Object.fromEntries(
    Object.entries(digests).flatMap(([container, [one, ...more]]) =>
      one === undefined || more.length > 0 ? [] : [[container, one]],
    ),
  );
}
