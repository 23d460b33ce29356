import { GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { DescribeTaskDefinitionCommand, type Task } from "@aws-sdk/client-ecs";
import { nameOf } from "../aws/arn.ts";
import { logStreamPage, taskPage } from "../aws/console.ts";
import { isAwsError } from "../aws/error.ts";
import { logPlaceOf } from "../aws/log-place.ts";
import type { Dagster } from "../dagster/client.ts";
import { runStories, taskOfRun, type ToldRun } from "../dagster/run-story.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import { type Owner, webOf } from "../domain/journal.ts";
import { type DagsPart, imagesOf, type ImagePart, type Release, type Source } from "../domain/release.ts";
import { parseRevision, type Revision, sameRevision, showRevision } from "../domain/verdict.ts";
import { endOf, quoteEvents } from "../gates/canary/quote.ts";
import { containerOf, describeTask } from "../gates/canary/reads.ts";
import type { Stack } from "../stack/stack.ts";
import { compareDefinitions } from "../task-definitions/compare.ts";
import { showChanges } from "../task-definitions/explain.ts";
import { definitionOf } from "../task-definitions/observe.ts";
import type { Connections } from "./connections.ts";
import { locationsServedBy, runOf } from "./hosts.ts";
import { runIdPattern } from "./logs.ts";
import { openSession, type Session, type SessionRequest } from "./session.ts";
import { prefixIn, webserversOf } from "./webserver.ts";

/** What is known of a run, and of what it ran. */
export interface Why {
  readonly run: ToldRun;
  readonly location: string | null;
  /** What Dagster's own page of it is; null: no webserver has an address for people. */
  readonly page: string | null;
  readonly of: RanBy | null;
  /** Null: it lives, or lived, in a process of the stack. */
  readonly task: RunTask | null;
  /** Errors that Dagster has of it, then the last lines of its task. */
  readonly said: readonly { readonly from: string; readonly text: Untrusted }[];
  /** The last run of the same job before it that was good; null: there is none, or it is one itself. */
  readonly lastGood: { readonly run: ToldRun; readonly of: RanBy | null; readonly changes: readonly Changed[] } | null;
}

/** A release under which a run was made. */
export interface RanBy {
  readonly release: Release;
  readonly command: "deploy" | "rollback";
  readonly by: Owner;
  /** What the run's location is of; null: the stack file does not say it any more. */
  readonly image: ImagePart | null;
  /** As its task has it, or the release. */
  readonly definition: Revision | null;
  /** The version of its code in S3 that the release has; null: its code is in the image. */
  readonly dags: DagsPart | null;
}

/** The task of a run. */
export interface RunTask {
  readonly id: string;
  readonly page: string | null;
  /** Digest that its container ran, or why that is not known, as a clause. */
  readonly image: string;
  /** How it ended, text of ECS; null: it runs, ended well, or ECS has forgotten it. */
  readonly end: Untrusted | null;
  readonly log: string | null;
}

/** What another release has brought since. */
export interface Changed {
  /** `image code`, `service/code`, `run/shop` */
  readonly what: string;
  readonly from: string;
  readonly to: string;
  /** In more words, a line each: commits, members of a definition. */
  readonly details: readonly string[];
}

/** Releases before a run that are looked through for the one that it was of. */
const farthest = 20;
/** Good runs of a job's name that are looked through for one of the same location. */
const pastRuns = 20;
const lastLines = 20;

/**
 * Tells of a run what it ran, who had released that, how it ended, and what changed since the last good one. Changes nothing.
 * @throws UserError when there is no such run, or nobody to ask; AwsError
 */
export async function why(
  context: Context,
  connections: Connections,
  request: SessionRequest,
  id: string,
): Promise<Why> {
  if (!runIdPattern.test(id)) {
    const what = `${JSON.stringify(id.slice(0, 100))} is no whole id of a run.`;
    throw new UserError({
      what,
      where: "command line: <run-id>",
      fix: "Take it from the address of the run's page in Dagster.",
    });
  }
  const session = await openSession(context, connections, request);
  const { dagster } = session.webserver;
  if (dagster === null) {
    throw new UserError({
      what: "No webserver of the stack has an address: nobody can be asked for the run.",
      where: session.stack.file,
      fix: "Name it in the contract: `services: { webserver: { url: https://… } }`.",
    });
  }
  try {
    return await tell(context, session, dagster, await runOfId(dagster, session.stack, id));
  } finally {
    await session.webserver.close();
  }
}

async function tell(context: Context, session: Session, dagster: Dagster, run: ToldRun): Promise<Why> {
  const location = run.repositoryOrigin?.repositoryLocationName ?? null;
  const arn = taskOfRun(run);
  const seen =
    arn === null ? null : await known(describeTask(session.clients.ecs, session.stack.contract.cluster, arn));
  const of = await ranBy(session, run, revisionOf(seen));
  const [errors, task, lastGood] = await Promise.all([
    quoteEvents(dagster, run.runId, context.clock.now()),
    arn === null ? null : taskOf(session, arn, seen, of),
    run.status === "SUCCESS" ? null : lastGoodRun(session, dagster, run),
  ]);
  const url = webserversOf(session.stack).find((service) => service.url !== null)?.url ?? null;
  return {
    run,
    location,
    page: url === null ? null : `${new URL(url).origin}${prefixIn(url)}/runs/${run.runId}`,
    of,
    task: task?.task ?? null,
    said: [...errors.map(({ subject: from, text }) => ({ from, text })), ...(task?.said ?? [])],
    lastGood: lastGood === null ? null : { ...lastGood, changes: await changesBetween(session, lastGood.of, of) },
  };
}

async function runOfId(dagster: Dagster, { name, environment }: Stack, id: string): Promise<ToldRun> {
  const { runsOrError: answer } = await dagster.ask(runStories, { filter: { runIds: [id] }, limit: 1 });
  const [run] = "results" in answer ? answer.results : [];
  if (run !== undefined) return run;
  throw new UserError({
    what: `Dagster has no run ${id}.`,
    where: `stack ${name}, ${environment}`,
    fix: "Take the id from the address of the run's page; another environment has runs of its own: `--environment`.",
  });
}

async function lastGoodRun(
  session: Session,
  dagster: Dagster,
  { jobName: pipelineName, creationTime, repositoryOrigin: origin }: ToldRun,
): Promise<Omit<NonNullable<Why["lastGood"]>, "changes"> | null> {
  const filter = { pipelineName, statuses: ["SUCCESS"], createdBefore: creationTime };
  const { runsOrError: answer } = await dagster.ask(runStories, { filter, limit: pastRuns });
  const good = ("results" in answer ? answer.results : []).find(
    ({ repositoryOrigin: of }) => of?.repositoryLocationName === origin?.repositoryLocationName,
  );
  return good === undefined ? null : { run: good, of: await ranBy(session, good, null) };
}

/** By the definition that its task had; else what was current when it was made: a run in the queue keeps what it was made with. */
async function ranBy({ journal, stack }: Session, run: ToldRun, ran: Revision | null): Promise<RanBy | null> {
  const made = run.creationTime * 1000;
  const location = run.repositoryOrigin?.repositoryLocationName ?? null;
  const key = location === null ? null : (runOf(stack, location)?.key ?? null);
  const definitionIn = (release: Release): Revision | null => release.taskDefinitions[`run/${key ?? ""}`] ?? null;
  let current: RanBy | null = null;
  for (const id of await journal.newest(farthest, made)) {
    const outcome = await journal.outcome(id);
    if (outcome === null || outcome.outcome !== "committed" || Date.parse(outcome.at) > made) continue;
    const { release, command, owner: by } = outcome;
    const image = location === null ? null : imageIn(stack, release, location);
    const dags = location === null ? null : (release.dags[location] ?? null);
    const found = { release, command, by, image, definition: ran ?? definitionIn(release), dags };
    if (ran === null || sameRevision(definitionIn(release), ran)) return found;
    current ??= found;
  }
  return current;
}

function imageIn(stack: Stack, release: Release, location: string): ImagePart | null {
  const serving = Object.values(stack.services).find((service) => locationsServedBy(service).includes(location));
  const key = runOf(stack, location)?.image ?? serving?.image;
  return key === undefined ? null : (release.images[key] ?? null);
}

function revisionOf(task: Task | null): Revision | null {
  return task?.taskDefinitionArn === undefined ? null : parseRevision(task.taskDefinitionArn);
}

/** What may not be read, or is gone, is not known. */
async function known<T>(reading: Promise<T | null>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (isAwsError(error)) return null;
    throw error;
  }
}

async function taskOf(
  { clients: { ecs, logs } }: Session,
  arn: string,
  seen: Task | null,
  of: RanBy | null,
): Promise<{ readonly task: RunTask; readonly said: Why["said"] }> {
  const id = nameOf(arn);
  const container = seen === null ? null : seen.containers?.find(({ name }) => name === containerOf(seen, ""));
  const task = {
    id,
    page: taskPage(arn),
    image: container?.imageDigest ?? (seen === null ? "not known: ECS has forgotten the task" : "not known"),
    end: seen === null ? null : untrustedOr(endOf(seen)),
    log: null,
  };
  const definition = seen?.taskDefinitionArn ?? (of?.definition ? showRevision(of.definition) : null);
  if (definition === null) return { task, said: [] };
  const described = await known(ecs(new DescribeTaskDefinitionCommand({ taskDefinition: definition })));
  const name = container?.name ?? described?.taskDefinition?.containerDefinitions?.[0]?.name ?? "run";
  const place = logPlaceOf(described?.taskDefinition, name, id);
  if (typeof place === "string") return { task, said: [] };
  const { logGroupName, logStreamName, region } = place;
  const page = { group: logGroupName, stream: logStreamName, ...(region === null ? {} : { region }) };
  const tail = { logGroupName, logStreamName, startFromHead: false, limit: lastLines };
  const read = await known(logs(new GetLogEventsCommand(tail), { resource: `log group ${logGroupName}`, region }));
  const text = (read?.events ?? []).map(({ message = "" }) => message.trimEnd()).join("\n");
  const said = text === "" ? [] : [{ from: `last lines of task ${id.slice(0, 8)}`, text: untrusted(text) }];
  return { task: { ...task, log: logStreamPage(arn, page) }, said };
}

function untrustedOr(text: string | null): Untrusted | null {
  return text === null ? null : untrusted(text);
}

/** What the later release has otherwise; nothing when both are one. */
async function changesBetween(
  { clients: { ecs } }: Session,
  before: RanBy | null,
  after: RanBy | null,
): Promise<readonly Changed[]> {
  if (before === null || after === null || before.release.id === after.release.id) return [];
  const web = webOf(after.by) ?? webOf(before.by);
  const [old, now] = [imagesOf(before.release), imagesOf(after.release)];
  const images = Object.keys(now).flatMap((key): readonly Changed[] => {
    const [one, other] = [old[key], now[key]];
    if (one === undefined || other === undefined || one.digest === other.digest) return [];
    const details = commitsBetween(one.source, other.source, web);
    return [{ what: `image ${key}`, from: one.digest, to: other.digest, details }];
  });
  const definitions = Object.keys(after.release.taskDefinitions).map(async (key): Promise<readonly Changed[]> => {
    const [one, other] = [before.release.taskDefinitions[key], after.release.taskDefinitions[key]];
    if (key.startsWith("once/") || one === undefined || other === undefined || sameRevision(one, other)) return [];
    const contents = await Promise.all(
      [one, other].map(async (of) => (await known(definitionOf(ecs, of)))?.content ?? null),
    );
    const [was = null, is = null] = contents;
    const details = was === null || is === null ? [] : showChanges(compareDefinitions(was, is, []));
    return [{ what: key, from: showRevision(one), to: showRevision(other), details }];
  });
  const dags = Object.entries(after.release.dags).flatMap(([location, other]): readonly Changed[] => {
    const one = before.release.dags[location];
    if (one === undefined || one.version === other.version) return [];
    const details = commitsBetween(one.source, other.source, web);
    return [{ what: `DAGs of ${location}`, from: one.version, to: other.version, details }];
  });
  return [...images, ...dags, ...(await Promise.all(definitions)).flat()];
}

function commitsBetween(one: Source, other: Source, web: string | null): readonly string[] {
  if (one.repository !== other.repository || one.sha === other.sha) return [];
  const range = `${one.sha.slice(0, 12)}...${other.sha.slice(0, 12)}`;
  return [
    web === null
      ? `commits ${range} of ${other.repository}`
      : `${web}/${other.repository}/compare/${one.sha}...${other.sha}`,
  ];
}

/** For people. Foreign words stand behind a bar. */
export function wordsOfWhy({ run, location, page, of, task, said, lastGood }: Why): readonly string[] {
  return [
    `run ${run.runId} of job ${run.jobName}${location === null ? "" : ` in ${location}`}: ${run.status}, ${timesOf(run)}`,
    ...(page === null ? [] : [`  ${page}`]),
    ...(of === null ? ["  no release is known that it was of"] : wordsOfRelease(of)),
    ...(task === null ? ["  it had no task of its own"] : wordsOfTask(task)),
    ...said.flatMap(({ from, text }) => [`  ${from}:`, ...quoted(text)]),
    ...(lastGood === null ? [] : wordsOfGood(lastGood, of)),
  ];
}

function wordsOfRelease({ release, command, by, image, definition, dags }: RanBy): readonly string[] {
  const url = by.url === null ? "" : ` (${by.url})`;
  return [
    `  release ${release.id}, a ${command} by ${by.name}${url}`,
    ...(image === null
      ? []
      : [`  commit ${image.source.sha} of ${image.source.repository}`, `  image ${image.repository}@${image.digest}`]),
    ...(definition === null ? [] : [`  task definition ${showRevision(definition)}`]),
    ...(dags === null
      ? []
      : [`  DAGs version ${dags.version}, commit ${dags.source.sha} of ${dags.source.repository}, by that release`]),
  ];
}

function wordsOfTask({ id, page, image, end, log }: RunTask): readonly string[] {
  return [
    `  task ${id}, which ran ${image}`,
    ...(end === null ? [] : quoted(end)),
    ...[page, log].flatMap((link) => (link === null ? [] : [`    ${link}`])),
  ];
}

function wordsOfGood({ run, of, changes }: NonNullable<Why["lastGood"]>, now: RanBy | null): readonly string[] {
  const title = `since the last good run, ${run.runId} (${timesOf(run)})`;
  if (of === null || now === null) return [`${title}: no release is known that it was of`];
  if (of.release.id === now.release.id) return [`${title}: nothing was released in between`];
  if (changes.length === 0) return [`${title}: no image and no definition has changed`];
  return [
    `${title}, release ${of.release.id}:`,
    ...changes.flatMap(({ what, from, to, details }) => [
      `  ${what}: ${from} → ${to}`,
      ...details.map((line) => `    ${line}`),
    ]),
  ];
}

function quoted({ untrusted: text }: Untrusted): readonly string[] {
  return text.split(/\r\n|[\n\r\u2028\u2029]/).map((line) => `    │ ${line}`);
}

function timesOf({ creationTime, startTime, endTime }: ToldRun): string {
  const at = (seconds: number): string =>
    `${new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  const begun = startTime ?? creationTime;
  return endTime === null || endTime === undefined ? `begun ${at(begun)}` : `${at(begun)} to ${at(endTime)}`;
}
