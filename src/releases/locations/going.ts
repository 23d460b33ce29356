import { DagsterUnreachable } from "../../dagster/client.ts";
import { waitingRuns } from "../../dagster/documents.ts";
import type { Context } from "../../domain/context.ts";
import { messageOf, UserError } from "../../domain/errors.ts";
import { type Untrusted, untrusted } from "../../domain/evidence.ts";
import type { ReleaseId } from "../../domain/identifiers.ts";
import type { Connections } from "../connections.ts";
import { locationsServedBy, runOf } from "../hosts.ts";
import { openSession, type Session, type SessionRequest } from "../session.ts";

/** What a location leaves behind that is taken out of the stack file. */
export interface Going {
  readonly location: string;
  /** Keys of webserver and daemon that load it. */
  readonly hosts: readonly string[];
  /** Its code server, and the ECS service of that; null: it has none. */
  readonly server: { readonly key: string; readonly service: string } | null;
  /** Where its code lies in S3, without `s3://`; none: it is in an image. */
  readonly objects: readonly string[];
  /** The repository that publishes it; null: this one. */
  readonly publisher: string | null;
  /** Where its code server and its runs write. */
  readonly logGroups: readonly string[];
  /** Of the newest releases those which have its code in S3: a rollback to one needs it. */
  readonly releases: readonly ReleaseId[];
  readonly runs: GoingRuns;
}

/** Runs of it that are not over. */
export interface GoingRuns {
  /** Newest first. */
  readonly found: readonly { readonly id: Untrusted; readonly job: Untrusted; readonly status: string }[];
  /** Why they were not listed, or not all; null: they were. */
  readonly why: Untrusted | null;
}

const notOver = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"];
/** As many as are looked at. */
const mostRuns = 500;
/** Releases whose records are read. */
const mostReleases = 10;

/** Looks at what a location is and has. Reads, and changes nothing. @throws UserError, AwsError */
export async function observeGoing(
  context: Context,
  connections: Connections,
  request: SessionRequest,
  location: string,
): Promise<Going> {
  const session = await openSession(context, connections, request);
  const { stack } = session;
  const services = Object.values(stack.services).filter((one) => locationsServedBy(one).includes(location));
  const server = services.find(({ kind }) => kind === "code-location") ?? null;
  const dags = stack.dags[location] ?? null;
  const run = server === null ? null : runOf(stack, location);
  const prefixes = dags === null ? [] : [dags.prefix, ...(dags.layout === "versioned" ? [] : [dags.mirrorPrefix])];
  return {
    location,
    hosts: services.filter(({ kind }) => kind !== "code-location").map(({ key }) => key),
    server: server === null ? null : { key: server.key, service: server.service },
    objects: [...new Set(prefixes)].map((prefix) => `${dags?.bucket ?? ""}/${prefix}`),
    publisher: dags?.source?.repository ?? null,
    logGroups: [...new Set([server?.logGroup ?? null, run?.logGroup ?? null].filter((group) => group !== null))],
    releases: dags === null ? [] : await releasesWith(session, location),
    runs: await runsOf(session, location),
  };
}

async function releasesWith({ journal }: Session, location: string): Promise<readonly ReleaseId[]> {
  const ids = await journal.newest(mostReleases);
  const outcomes = await Promise.all(ids.map((id) => journal.outcome(id)));
  return ids.filter((_, at) => outcomes[at]?.release.dags[location] !== undefined);
}

async function runsOf({ webserver: { forPlan } }: Session, location: string): Promise<GoingRuns> {
  if (forPlan === null) return { found: [], why: untrusted("no webserver has an address") };
  try {
    const filter = { statuses: notOver };
    const { runsOrError: answer } = await forPlan.ask(waitingRuns, { filter, cursor: null, limit: mostRuns });
    if (!("results" in answer)) return { found: [], why: untrusted(answer.__typename) };
    const found = answer.results.filter(({ repositoryOrigin: of }) => of?.repositoryLocationName === location);
    return {
      found: found.map(({ runId, jobName, status }) => ({ id: untrusted(runId), job: untrusted(jobName), status })),
      why: answer.results.length < mostRuns ? null : untrusted(`only the newest ${mostRuns} were looked at`),
    };
  } catch (error) {
    if (!(error instanceof DagsterUnreachable || error instanceof UserError)) throw error;
    return { found: [], why: untrusted(error instanceof UserError ? error.what : messageOf(error)) };
  }
}
