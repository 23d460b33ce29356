import { isAwsError, isWeather } from "../aws/error.ts";
import type { Context } from "../domain/context.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { type Evidence, untrusted } from "../domain/evidence.ts";
import { instant } from "../domain/identifiers.ts";
import type { Verdict } from "../domain/verdict.ts";
import type { DeploymentClients } from "./clients.ts";
import { readLastLogLines } from "./stopped-tasks/log-tail.ts";
import { explain } from "./explain.ts";
import { mainFailure } from "./stopped-tasks/explain.ts";
import { type Ending, isGoingBack, judge, verdictOf } from "./judge.ts";
import { isOptionalCallRefused, observeDigests, observeServiceDeployment, observeServices } from "./observe.ts";
import { tellChange, tellStart } from "./progress.ts";
import type { ServiceObservation } from "./service.ts";
import { countLiveTasks, readStoppedTasks } from "./stopped-tasks/read.ts";
import { follow, type Track } from "./track.ts";

/** Milliseconds from one look to the next. It never grows: nobody is to wait for a back-off when ECS is done. */
const pace = 3_000;

/** A rollout that is being watched. */
interface Watched {
  track: Track;
  verdict: Verdict | null;
}

/**
 * Looks at rollouts until each has ended, its time is over, or the signal aborts.
 * @param tracks of different services
 * @returns their verdicts, in the order of the tracks
 * @throws AwsError when ECS may not be asked: denied, or an expired session. ECS goes on by itself.
 */
export async function watch(
  clients: DeploymentClients,
  context: Context,
  tracks: readonly Track[],
): Promise<readonly Verdict[]> {
  const all = tracks.map((track): Watched => ({ track, verdict: null }));
  for (const { track } of all) tellStart(context.report, track);
  try {
    for (let open = all; open.length > 0; open = all.filter(({ verdict }) => verdict === null)) {
      const begun = context.clock.now();
      for (const together of byCluster(open)) await look(clients, context, together);
      await rest(context, begun, all);
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
  return Promise.all(
    all.map(async ({ track, verdict }) => verdict ?? (await conclude(clients, context, track, "cancelled"))),
  );
}

/** One look at services of one cluster. */
async function look(clients: DeploymentClients, context: Context, open: readonly Watched[]): Promise<void> {
  const answers = await ask(clients, context, open);
  for (const watched of open) {
    const { track: before } = watched;
    const now = context.clock.now();
    let ending: Ending | null = null;
    if (answers !== null) {
      const seen = follow(before, answers[before.aim.service] ?? null, now);
      watched.track = await lookBehind(clients, context, seen);
      ending = await judged(clients, context, watched);
      tellChange(context.report, before, watched.track, now);
    }
    if (now >= before.aim.deadline) ending ??= "time-over";
    if (ending !== null) watched.verdict = await conclude(clients, context, watched.track, ending);
  }
}

/** @returns null when ECS cannot be read just now. */
async function ask(
  { ecs }: DeploymentClients,
  context: Context,
  open: readonly Watched[],
): Promise<Readonly<Record<string, ServiceObservation | null>> | null> {
  const cluster = open[0]?.track.aim.cluster ?? "";
  try {
    const names = open.map(({ track }) => track.aim.service);
    return await observeServices(ecs, cluster, names);
  } catch (error) {
    if (!isWeather(error)) throw error;
    context.report({ kind: "line", text: `ECS cannot be read just now, and is asked again: ${error.what}` });
    return null;
  }
}

/**
 * Reads what lies behind a service when something has changed: its service deployment, and tasks of ours that stopped. Once the
 * deployment is complete or replaced, its service deployment has the last word, and is asked until it says it.
 */
async function lookBehind(clients: DeploymentClients, context: Context, track: Track): Promise<Track> {
  const { service, mine } = track;
  const isChanged = track.readAt < track.changedAt;
  const isOnTheWay = mine?.state === "IN_PROGRESS" && service.primary?.id === mine.id;
  if (!isChanged && isOnTheWay) return track;
  try {
    const deployed = await readServiceDeployment(clients, context, track);
    const read = isChanged ? await readFailures(clients, context, deployed) : deployed;
    return { ...read, readAt: context.clock.now() };
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
    if (!isOptionalCallRefused(error)) throw error;
    const text = `${service}  ecs:DescribeServiceDeployments is not allowed: the service's own deployments must do`;
    report({ kind: "line", text });
    return { ...track, serviceDeployment: "refused" };
  }
}

async function readFailures({ ecs }: DeploymentClients, { report }: Context, track: Track): Promise<Track> {
  if (track.tasksRefused !== null || track.aim.toNothing) return track;
  try {
    return { ...track, stopped: await readStoppedTasks(ecs, track.aim, track.stopped) };
  } catch (error) {
    if (!isAwsError(error, "denied", "invalid", "not-found")) throw error;
    report({ kind: "line", text: `${track.aim.service}  stopped tasks cannot be read: ${error.what}` });
    return { ...track, tasksRefused: untrusted(error.message) };
  }
}

/** @returns null while it moves. */
async function judged(clients: DeploymentClients, context: Context, watched: Watched): Promise<Ending | null> {
  const now = context.clock.now();
  const judgement = judge(watched.track, now);
  switch (judgement.kind) {
    case "moving":
      return null;
    case "ended":
      return judgement.ending;
    case "look-at-digests":
      watched.track = await readDigests(clients, watched.track);
      break;
    case "look-at-tasks":
      watched.track = await readLiveTasks(clients, context, watched.track);
      break;
  }
  const closer = judge(watched.track, now);
  return closer.kind === "ended" ? closer.ending : null;
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
    return { ...track, digests: await observeDigests(ecs, aim.cluster, service, aim.to) };
  } catch (error) {
    if (isWeather(error)) return track;
    // What nobody asked for need not be proved.
    if (isOptionalCallRefused(error) && Object.keys(aim.digests).length === 0) return { ...track, digests: {} };
    throw error;
  }
}

/** Until the next look is due, or the first time is over. */
async function rest({ clock, signal }: Context, begun: number, all: readonly Watched[]): Promise<void> {
  const deadlines = all.flatMap(({ track, verdict }) => (verdict === null ? [track.aim.deadline] : []));
  if (deadlines.length === 0) return;
  const due = Math.min(begun + pace, ...deadlines);
  await clock.sleep(Math.max(0, due - clock.now()), signal);
}

/** Makes the verdict; one that is red with all that can be found out about it. */
async function conclude(clients: DeploymentClients, context: Context, track: Track, ending: Ending): Promise<Verdict> {
  const now = context.clock.now();
  const { aim } = track;
  const isRed = ending !== "complete" && ending !== "cancelled";
  const { last, logs } = isRed ? await inspect(clients, context, track) : { last: track, logs: [] };
  const goesBack = isGoingBack(last, now);
  return {
    service: aim.service,
    verdict: verdictOf(ending, last, goesBack),
    deploymentId: last.aim.deploymentId,
    from: aim.from,
    to: aim.toNothing ? null : aim.to,
    digests: last.digests ?? {},
    ...explain(last, ending, { goesBack, logs, now }),
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
    last = await readFailures(clients, context, track);
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

function byCluster(open: readonly Watched[]): readonly (readonly Watched[])[] {
  return [...Map.groupBy(open, ({ track }) => track.aim.cluster).values()];
}
