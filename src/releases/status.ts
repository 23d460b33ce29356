import { isAwsError } from "../aws/error.ts";
import type { Stored } from "../aws/bucket.ts";
import type { DagsList } from "../domain/dags-list.ts";
import type { ServiceObservation } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import type { Finding } from "../domain/finding.ts";
import type { Release } from "../domain/release.ts";
import { sameRevision, showRevision } from "../domain/verdict.ts";
import { code, heading, list, type Markdown, markdown, paragraphs, table, type Text } from "../markdown/markdown.ts";
import { withLevels } from "../stack/index.ts";
import { dayOf } from "./checks.ts";
import type { Connections } from "./connections.ts";
import { type Drift, driftOf, ownershipFindings, showDrift } from "./drift.ts";
import { explainAbout, explainFindings } from "./explain.ts";
import { type KnownDefinition, type Observation, shownName } from "./observation.ts";
import { observeList } from "./observe/list.ts";
import { observePointers, type SeenDags } from "./observe/dags.ts";
import { definitionsOfService } from "./observe/definitions.ts";
import { observeBefore, observeServicesByKey } from "./observe/services.ts";
import { type Holder, holderOf, type PastRelease, pastReleases, underWayOf } from "./past.ts";
import { openSession, type Session, type SessionRequest } from "./session.ts";

/** What runs, what should run, and what happened lately. */
export interface Status {
  readonly stack: string;
  readonly environment: string;
  readonly current: Release | null;
  /** By key. */
  readonly services: Readonly<Record<string, ServiceObservation | null>>;
  /** What readers of code in S3 have, by location. */
  readonly dags: Readonly<Record<string, SeenDags>>;
  /** What runs and is not what the current release says. */
  /** What webserver and daemon load by their list; null: there is none; absent: they need none, or it may not be read. */
  readonly list?: Stored<DagsList> | null;
  readonly drift: readonly Drift[];
  /** What else is to be known of the services: who owns them beside us. */
  readonly findings: readonly Finding[];
  /** Newest first. */
  readonly history: readonly PastRelease[];
  /** Who may write now; null: nobody. */
  readonly holder: Holder | null;
}

const shownReleases = 10;

/** Reads, and changes nothing. @throws UserError, AwsError */
export async function status(context: Context, connections: Connections, request: SessionRequest): Promise<Status> {
  const session = await openSession(context, connections, request);
  const { stack, clients, currentRelease: current, lock } = session;
  const holder = holderOf(lock);
  const underWay = underWayOf(session, holder);
  const [services, history, dags, listed] = await Promise.all([
    observeServicesByKey(clients, stack, session),
    pastReleases(session, underWay, shownReleases),
    observePointers(clients.s3, stack, session),
    observeList(clients.s3, stack, current).catch((error: unknown) => {
      if (!isAwsError(error, "denied")) throw error;
      return {};
    }),
  ]);
  const before = await observeBefore(clients, services, session);
  const definitions = await foreignDefinitions(clients, current, services, before);
  return {
    stack: stack.name,
    environment: stack.environment,
    current,
    services,
    dags,
    ...listed,
    drift: driftOf(stack, {
      releasing: underWay === null ? null : (holder?.owner.name ?? null),
      current,
      services,
      before,
      definitions,
      dags: knownOf(dags),
      ...listed,
    }),
    findings: withLevels(ownershipFindings(stack, services), stack.checks, dayOf(context.clock.now())),
    history,
    holder,
  };
}

/** What may not be read has not drifted as far as anybody knows. */
function knownOf(dags: Status["dags"]): Status["dags"] {
  return Object.fromEntries(Object.entries(dags).filter(([, { unknown }]) => unknown === null));
}

/** Definitions are read only where another one runs than was released. */
async function foreignDefinitions(
  { ecs }: Session["clients"],
  current: Release | null,
  services: Status["services"],
  before: Observation["before"],
): Promise<Readonly<Record<string, KnownDefinition>>> {
  const read = Object.entries(services).map(async ([key, service]): Promise<[string, KnownDefinition][]> => {
    const definition = `service/${key}`;
    const pinned = current?.taskDefinitions[definition];
    if (service === null || pinned === undefined || sameRevision(service.revision, pinned)) return [];
    const known = await definitionsOfService(ecs, service, before[key], pinned);
    return [[definition, { ...known, newest: null }]];
  });
  return Object.fromEntries((await Promise.all(read)).flat());
}

/** For the log. */
export function wordsOfStatus({
  stack,
  environment,
  current,
  services,
  dags,
  list: listed,
  drift,
  holder,
  history,
}: Status): readonly string[] {
  const open = history.flatMap(({ id, next }) => (next === null ? [] : [`  release ${id}: ${next}`]));
  return [
    current === null
      ? `${stack}, ${environment}: nothing is released yet`
      : `${stack}, ${environment}: release ${current.id} is current`,
    ...Object.entries(services).map(([key, service]) =>
      service === null
        ? `  ${key}: does not exist`
        : `  ${shownName(key, service.name)}: ${service.revision === null ? "nothing" : showRevision(service.revision)}, ${service.runningCount} of ${service.desiredCount} running`,
    ),
    ...Object.entries(dags).map(([location, seen]) => `  DAGs of ${location}: ${wordsOfDags(seen)}`),
    ...(listed === undefined ? [] : [`  list of locations: ${wordsOfList(listed)}`]),
    ...wordsOfUnderWay(history, holder),
    ...drift.map((one) => `  ${whyDiffers(one, holder)}: ${showDrift(one)}`),
    ...open,
    ...(holder === null ? [] : [`  ${holder.owner.name} holds the lock since ${holder.since}`]),
  ];
}

function wordsOfUnderWay(history: Status["history"], holder: Status["holder"]): readonly string[] {
  const underWay = history.find(({ ended }) => ended === "under way");
  return underWay === undefined || holder === null
    ? []
    : [`  ${underWay.id} is being released by ${holder.owner.name}`];
}

/** A release moves services before it is current. */
function whyDiffers({ kind }: Drift, holder: Status["holder"]): string {
  if (kind !== "unfinished") return "not as the release says";
  return holder === null ? "left by a release that did not end" : "on its way";
}

function wordsOfDags({ pointer, unknown, releasedBy, plain }: SeenDags): string {
  if (unknown !== null) return `not known; ${unknown}`;
  const files = plain === null ? "" : `; ${wordsOfPlain(plain)}`;
  if (pointer === null) return `nothing is served${files}`;
  const { version, source, at } = pointer.value;
  const own = releasedBy === "itself" ? ", which releases it itself" : "";
  return `version ${version.slice(0, 12)} of ${source.repository}@${source.sha.slice(0, 12)}, since ${minuteOf(at)} UTC${own}${files}`;
}

function wordsOfList(listed: Stored<DagsList> | null): string {
  if (listed === null) return "there is none yet";
  const { locations, at } = listed.value;
  return `${Object.keys(locations).join(", ")}, since ${minuteOf(at)} UTC`;
}

function wordsOfPlain(plain: NonNullable<SeenDags["plain"]>): string {
  if ("unknown" in plain) return `of its plain files nothing is known; ${plain.unknown}`;
  const { version, writing, late } = plain;
  const name = version.slice(0, 12);
  if (writing !== null)
    return `its plain files are mixed, those of version ${name} among them: a run writes them since ${minuteOf(writing.at)} UTC, or was cut${writing.run === null ? "" : ` (${writing.run})`}`;
  if (late !== undefined)
    return `its plain files are those of version ${name}, but for ${late.paths.length} that a run may have written too late: the next release writes them anew`;
  return `its plain files are those of version ${name}`;
}

function minuteOf(at: string): string {
  return at.slice(0, 16).replace("T", " ");
}

/** For the job summary. */
export function explainStatus({
  stack,
  environment,
  current,
  services,
  dags,
  list: listed,
  drift,
  findings,
  history,
  holder,
}: Status): Markdown {
  return paragraphs(
    heading(2, markdown`${stack}, ${environment}`),
    current === null
      ? markdown`Nothing is released yet.`
      : markdown`Release ${code(current.id)} of commit ${code(current.source.sha.slice(0, 12))} is current.`,
    current === null ? null : explainAbout(current),
    holder === null ? null : explainHolder(holder),
    table(
      ["Service", "Runs", "Tasks", "Deployment"],
      Object.entries(services).map(([key, service]) =>
        service === null
          ? [key, "does not exist", "", ""]
          : [
              shownName(key, service.name),
              service.revision === null ? "nothing" : showRevision(service.revision),
              `${service.runningCount}/${service.desiredCount}`,
              service.primary?.state ?? "",
            ],
      ),
    ),
    list(Object.entries(dags).map(([location, seen]) => markdown`DAGs of ${location}: ${wordsOfDags(seen)}`)),
    listed === undefined ? null : markdown`List of locations: ${wordsOfList(listed)}.`,
    explainDrift(markdown`Moved by a release that has not ended:`, drift, true),
    explainDrift(markdown`Not as the release says:`, drift, false),
    explainFindings(findings),
    table(["Release", "Did", "Ended", "By", "At (UTC)"], history.map(historyRow)),
    list(history.flatMap(({ id, next }) => (next === null ? [] : [markdown`What becomes of ${code(id)}: ${next}`]))),
  );
}

function explainDrift(title: Markdown, drift: readonly Drift[], isUnfinished: boolean): Markdown | null {
  const found = drift.filter(({ kind }) => (kind === "unfinished") === isUnfinished);
  return found.length === 0
    ? null
    : paragraphs(title, list(found.map((one) => markdown`${showDrift(one)}. ${one.remedy}`)));
}

function explainHolder({ owner, since, leftSeconds }: NonNullable<Status["holder"]>): Markdown {
  const url = owner.url === null ? "" : ` (${owner.url})`;
  return markdown`**${owner.name}**${url} holds the lock since ${since}; unless renewed, for ${Math.ceil(leftSeconds / 60)} min.`;
}

function historyRow({
  id,
  command,
  commit,
  ended,
  cause,
  by,
  at,
  isCurrent,
}: PastRelease): readonly (Text | Markdown)[] {
  const sha = code(commit.slice(0, 12));
  return [
    isCurrent ? markdown`${code(id)}, **current**` : code(id),
    command === null ? "" : command === "rollback" ? markdown`rollback to ${sha}` : markdown`deploy of ${sha}`,
    cause === null ? ended : `${ended}: ${cause}`,
    by ?? "",
    at.slice(0, 19).replace("T", " "),
  ];
}
