import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import { waitingRuns } from "../dagster/documents.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import { type Untrusted, untrusted } from "../domain/evidence.ts";
import type { Finding } from "../domain/finding.ts";
import { locationsServedBy } from "../releases/hosts.ts";
import type { Stack } from "../stack/index.ts";
import type { Definition } from "../task-definitions/definition.ts";
import { mapsIn } from "./kind.ts";

/** A run that waits, made by code that no release has told which definition its runs have. */
export interface WaitingRun {
  readonly id: Untrusted;
  readonly job: Untrusted;
  readonly location: string;
}

/** Runs that wait before the first release. */
export interface UnpinnedRuns {
  /** Newest first. */
  readonly runs: readonly WaitingRun[];
  /** Why they were not listed, or not to the end; null: they were, or nobody could be asked. */
  readonly why: Untrusted | null;
}

/** A queue this long is looked at in Dagster. */
const most = 500;

/**
 * Lists runs that wait and begin with what runs have when they begin, not with what their code was released with. Never throws for
 * what Dagster does not answer.
 * @param pinned locations whose runs carry a revision
 */
export async function observeUnpinned(dagster: Dagster, pinned: ReadonlySet<string>): Promise<UnpinnedRuns> {
  try {
    const filter = { statuses: ["QUEUED", "NOT_STARTED"] };
    const { runsOrError: answer } = await dagster.ask(waitingRuns, { filter, cursor: null, limit: most });
    if (!("results" in answer)) return { runs: [], why: untrusted(answer.__typename) };
    const runs = answer.results.map(({ runId, jobName, repositoryOrigin }) => ({
      id: untrusted(runId),
      job: untrusted(jobName),
      location: repositoryOrigin?.repositoryLocationName ?? "",
    }));
    const why = runs.length < most ? null : untrusted(`there are ${most} and more: these are the newest`);
    return { runs: runs.filter(({ location }) => !pinned.has(location)), why };
  } catch (error) {
    if (!(error instanceof DagsterUnreachable || error instanceof UserError)) throw error;
    return { runs: [], why: untrusted(messageOf(error)) };
  }
}

/** Locations whose code tells its runs a revision of a task definition: a run carries it from when it is made. */
export function pinnedLocations(
  { services }: Pick<Stack, "services">,
  ran: Readonly<Record<string, { readonly definition: Pick<Definition, "content"> }>>,
): ReadonlySet<string> {
  return new Set(
    Object.values(services).flatMap((service) => {
      const containers = mapsIn(ran[service.key]?.definition.content["containerDefinitions"]);
      const isPinned = containers
        .flatMap(({ environment }) => mapsIn(environment))
        .some(
          ({ name, value }) =>
            name === "DAGSTER_CONTAINER_CONTEXT" &&
            typeof value === "string" &&
            /task-definition\/[\w-]+:\d+"/.test(value),
        );
      return isPinned ? locationsServedBy(service) : [];
    }),
  );
}

/** What somebody should know of them before the first release. */
export function findingsOfUnpinned({ file, runs: { kind } }: Stack, { runs, why }: UnpinnedRuns): readonly Finding[] {
  if (runs.length === 0 && why === null) return [];
  const count = runs.length === 1 ? "1 run waits" : `${runs.length} runs wait`;
  const begins =
    kind === "ecs"
      ? "begins with the image that its code named when it was made: a tag of that name may mean another image by then"
      : "begins with the code that is there then";
  return [
    {
      id: "queued-runs",
      level: "warning",
      where: file,
      what: `${count} in the queue without a definition of its own, and ${begins}.${why === null ? "" : " Not all could be listed."}`,
      fix: "Let them come to their end before the first release, or cancel in Dagster those that must not run newer code.",
    },
  ];
}

/** For people, a run a line. */
export function wordsOfUnpinned({ runs, why }: UnpinnedRuns): readonly Untrusted[] {
  return [
    ...runs.map(({ id, job, location }) => untrusted(`${id.untrusted} of job ${job.untrusted} in ${location}`)),
    ...(why === null ? [] : [untrusted(`not all were listed: ${why.untrusted}`)]),
  ];
}
