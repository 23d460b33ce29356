import {
  DescribeTasksCommand,
  ListServicesCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
} from "@aws-sdk/client-ecs";
import { nameOf } from "../../aws/arn.ts";
import { batches } from "../../aws/batches.ts";
import type { EcsSend } from "../../aws/ecs.ts";
import type { Dagster } from "../../dagster/client.ts";
import { waitingRuns } from "../../dagster/documents.ts";
import { observeServices } from "../../deployments/index.ts";
import type { Release } from "../../domain/release.ts";
import { parseRevision, type Revision, showRevision } from "../../domain/verdict.ts";
import { definitionNamed } from "../../task-definitions/observe.ts";
import type { Session } from "../session.ts";
import type { KnownRevisions } from "./plan.ts";

/** Pages of a list that are read: a hundred elements each. Where there are more, nothing is known to be unnamed. */
const mostPages = 10;

/** Different definitions whose text is read, and as many at once as leave others their share of the calls that ECS answers. */
const mostRead = 1000;
const readAtOnce = 10;

/**
 * Reads which revisions there are, and who names which: services of the cluster with their deployments, tasks that run, what stands in
 * the definitions of both, releases, files of the checkout.
 * @throws AwsError; Error when there is more than can be looked at
 */
export async function observeRevisions(
  ecs: EcsSend,
  session: Session,
  release: Release,
  keep: number,
  families: readonly string[],
): Promise<KnownRevisions> {
  const { cluster } = session.stack.contract;
  const { connections, request } = session;
  const [active, services, tasks, releases, files] = await Promise.all([
    Promise.all(families.map(async (family) => [family, await activeRevisions(ecs, family)] as const)),
    revisionsOfServices(ecs, cluster),
    revisionsOfTasks(ecs, cluster),
    revisionsOfReleases(session, release, keep),
    connections.history.mentionedRevisions(request.root, families),
  ]);
  const used = [...new Set([...services, ...tasks].map(showRevision))];
  const inside = await revisionsInside(ecs, cluster, used, families);
  return {
    active: Object.fromEntries(active),
    named: new Set([...used, ...releases.map(showRevision), ...inside, ...files]),
  };
}

/** What definitions name: a code server's says by which one its runs start. @param used `family:revision` */
async function revisionsInside(
  ecs: EcsSend,
  cluster: string,
  used: readonly string[],
  families: readonly string[],
): Promise<readonly string[]> {
  if (families.length === 0) return [];
  if (used.length > mostRead) throw tooMany(mostRead, "different task definitions in use", cluster);
  const mention = new RegExp(`(?:${families.join("|")}):\\d+`, "g");
  const found: string[] = [];
  for (const some of batches(used, readAtOnce)) {
    const definitions = await Promise.all(some.map((name) => definitionNamed(ecs, name)));
    found.push(...definitions.flatMap((one) => JSON.stringify(one?.content ?? null).match(mention) ?? []));
  }
  return found;
}

/**
 * Does a run wait that has no task yet? Which definition it is pinned to, only Dagster's database knows.
 * @throws as Dagster's client does; Error when Dagster does not list them
 */
export async function doRunsWait(dagster: Dagster): Promise<boolean> {
  const filter = { statuses: ["QUEUED", "NOT_STARTED", "STARTING"] };
  const { runsOrError: answer } = await dagster.ask(waitingRuns, { filter, cursor: null, limit: 1 });
  if (!("results" in answer)) throw new Error(`Dagster does not list its runs: ${answer.__typename}`);
  return answer.results.length > 0;
}

/** The newest thousand of a family. */
async function activeRevisions(ecs: EcsSend, familyPrefix: string): Promise<readonly Revision[]> {
  const resource = `task definition family ${familyPrefix}`;
  const { found } = await pages(async (nextToken) => {
    const command = new ListTaskDefinitionsCommand({ familyPrefix, status: "ACTIVE", sort: "DESC", nextToken });
    const { taskDefinitionArns = [], nextToken: next } = await ecs(command, { resource });
    return { page: taskDefinitionArns, next };
  });
  return revisionsIn(found);
}

async function revisionsOfServices(ecs: EcsSend, cluster: string): Promise<readonly Revision[]> {
  const { found, isAll } = await pages(async (nextToken) => {
    const command = new ListServicesCommand({ cluster, maxResults: 100, nextToken });
    const { serviceArns = [], nextToken: next } = await ecs(command, { resource: `cluster ${cluster}` });
    return { page: serviceArns, next };
  });
  if (!isAll) throw tooMany(mostPages * 100, "services", cluster);
  const services = await observeServices(ecs, cluster, found.map(nameOf));
  return Object.values(services).flatMap((service) =>
    service === null
      ? []
      : [service, ...(service.primary === null ? [] : [service.primary]), ...service.others].flatMap(
          ({ revision }) => revision ?? [],
        ),
  );
}

async function revisionsOfTasks(ecs: EcsSend, cluster: string): Promise<readonly Revision[]> {
  const revisions: Revision[] = [];
  const { isAll } = await pages(async (nextToken) => {
    const resource = `tasks of cluster ${cluster}`;
    const { taskArns = [], nextToken: next } = await ecs(new ListTasksCommand({ cluster, nextToken }), { resource });
    if (taskArns.length > 0) {
      const { tasks = [] } = await ecs(new DescribeTasksCommand({ cluster, tasks: taskArns }), { resource });
      revisions.push(...revisionsIn(tasks.flatMap(({ taskDefinitionArn }) => taskDefinitionArn ?? [])));
    }
    return { page: taskArns, next };
  });
  if (!isAll) throw tooMany(mostPages * 100, "tasks", cluster);
  return revisions;
}

/** Of this release, of as many before it as are kept, and of those that have not come to their end. */
async function revisionsOfReleases(
  { journal, unfinished }: Session,
  release: Release,
  keep: number,
): Promise<readonly Revision[]> {
  const kept = [release, ...unfinished.map(({ intent }) => intent.release)];
  let base = release.base;
  for (let before = 0; base !== null && before < keep; before += 1) {
    const former = (await journal.outcome(base))?.release ?? null;
    if (former !== null) kept.push(former);
    base = former?.base ?? null;
  }
  const noted = unfinished.flatMap(({ intent }) => Object.values(intent.before));
  return [
    ...kept.flatMap(({ taskDefinitions }) => Object.values(taskDefinitions)),
    ...noted.flatMap(({ taskDefinition }) => taskDefinition ?? []),
  ];
}

async function pages<T>(
  read: (nextToken: string | undefined) => Promise<{ readonly page: readonly T[]; readonly next: string | undefined }>,
): Promise<{ readonly found: readonly T[]; readonly isAll: boolean }> {
  const found: T[] = [];
  let nextToken: string | undefined;
  for (let count = 0; count < mostPages; count += 1) {
    const { page, next } = await read(nextToken);
    found.push(...page);
    if (next === undefined) return { found, isAll: true };
    nextToken = next;
  }
  return { found, isAll: false };
}

function revisionsIn(arns: readonly string[]): readonly Revision[] {
  return arns.flatMap((arn) => parseRevision(arn) ?? []);
}

function tooMany(most: number, what: string, cluster: string): Error {
  return new Error(`cluster ${cluster} has more than ${most} ${what}: who names a revision is not known`);
}
