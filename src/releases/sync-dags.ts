import { type Bucket, bucket } from "../aws/bucket.ts";
import {
  type Contents,
  contentsOfFolder,
  contentsOfVersion,
  type DagsFolder,
  type DagsPlan,
  type DagsRequest,
  type MirrorPlan,
  observeDags,
  observeReturn,
  planDags,
  planReturn,
  publishDags,
  type RetentionRequest,
  type ReturnTo,
  switchDags,
} from "../dags/index.ts";
import { type Dagster, DagsterUnreachable } from "../dagster/client.ts";
import { locations } from "../dagster/documents.ts";
import type { Context } from "../domain/context.ts";
import { dagsKeys, type DagsPointer, type DagsVersion } from "../domain/dags.ts";
import { messageOf, UserError } from "../domain/errors.ts";
import type { Evidence } from "../domain/evidence.ts";
import type { Finding } from "../domain/finding.ts";
import type { Cause } from "../domain/verdict.ts";
import { versionGate } from "../gates/version.ts";
import type { Clients, Connections } from "./connections.ts";
import { type Compare, follows } from "./follows.ts";
import { basicLogin } from "./login.ts";
import { lookAtMirror, mirrorAlone, type Mirrored } from "./sync-mirror.ts";
import { type Retained, retainVersions } from "./sync-retention.ts";

/** The code of one location, which is brought to S3 without a stack file. */
export interface SyncRequest {
  readonly dags: DagsRequest;
  /** Its folder, when that is being read already. */
  readonly folder?: Promise<DagsFolder> | null;
  /** Name of the bucket. */
  readonly bucket: string;
  /** Ends in a slash. */
  readonly prefix: string;
  /** A version that was served before; null: the one of the checkout. */
  readonly to: ReturnTo | null;
  /** false: only the plan. */
  readonly writes: boolean;
  /** Checks whose findings stop nothing. */
  readonly allowed: readonly string[];
  /** Who is asked what is loaded; `secret` holds its login. Null: nobody is. */
  readonly webserver: { readonly url: string; readonly secret: string | null } | null;
  /** `versions` for the reader of this suite, `mirror` as plain files for any other, or both. */
  readonly layout: "versions" | "mirror" | "both";
  /** Of the plain files. */
  readonly mirrorPrefix: string;
  /** Null: every version stays. */
  readonly retention: RetentionRequest | null;
  readonly timeoutSeconds: number;
  readonly allowDivergent: boolean;
  readonly compare: Compare | null;
}

/** What was to be done, and what came of it. */
export interface Synced {
  readonly plan: DagsPlan;
  /** Of the plain files; null: there are to be none. */
  readonly mirror: MirrorPlan | null;
  readonly outcome: SyncOutcome;
  /** Null: every version stays. */
  readonly retained: Retained | null;
}

/**
 * - `planned`: nothing was written.
 * - `unchanged`: it was served before; `served`: it is now, and loaded; `switched`: nobody was asked whether it is loaded.
 * - `taken-back`: it was not loaded, and readers are to have what they had before; `failed`: they are to have it still.
 */
export type SyncOutcome =
  | { readonly kind: "planned" | "unchanged" | "served" | "switched" }
  | (Failure & { readonly kind: "failed" | "taken-back"; readonly left: string });

interface Failure {
  readonly cause: Cause;
  readonly evidence: readonly Evidence[];
}

/**
 * Brings a location to a version of its code: publishes it, lets readers have it, and waits until Dagster has loaded it; when it does
 * not, readers get what they had before. Plain files come after that, and versions go last. Cut anywhere, it is finished by doing it again.
 * @throws UserError when something stops it, before its first write.
 */
export async function syncDags(
  context: Context,
  connections: Connections,
  clients: Clients,
  request: SyncRequest,
): Promise<Synced> {
  if (request.layout === "mirror") return syncMirror(context, connections, clients, request);
  const store = bucket(clients.s3, request.bucket, request.prefix);
  const { plan, publish, contents, version } = await prepare(store, context, request);
  const mirror =
    request.layout === "both" ? await lookAtMirror(context, clients.s3, request, version, request.prefix) : null;
  const findings = levelled([...plan.findings, ...(mirror?.plan.findings ?? [])], request);
  for (const finding of findings) context.report({ kind: "finding", finding });
  const dagster = openWebserver(context, connections, clients, request);
  const given = { plan: { ...plan, findings }, mirror: mirror?.plan ?? null };
  const retain = (writes: boolean): Promise<Retained | null> =>
    request.retention === null
      ? Promise.resolve(null)
      : retainVersions(store, context, dagster, request.dags.location, { ...request.retention, writes });
  if (!request.writes) return { ...given, outcome: { kind: "planned" }, retained: await retain(false) };
  stopFor(findings);
  await checkForward(connections, request, plan);
  if (dagster !== null && plan.served !== null) await checkReached(dagster, request);

  if (plan.publishes) {
    await publish();
    context.report({ kind: "line", text: `version ${short(plan.version)} is published` });
  }
  const outcome = await bring(store, context, dagster, request, plan, publish);
  if (outcome.kind === "failed" || outcome.kind === "taken-back") return { ...given, outcome, retained: null };
  if (mirror !== null && !mirror.plan.isServed) {
    await mirror.write(await contents(), clients.objects);
    context.report({ kind: "line", text: `plain files are those of version ${short(plan.version)}` });
  }
  const retained = await retain(true);
  if (retained !== null) tellRetained(context, retained);
  return { ...given, outcome, retained };
}

/** Plain files alone: there is no pointer, no version to go back to, and nobody who says what is loaded. */
async function syncMirror(
  context: Context,
  connections: Connections,
  clients: Clients,
  request: SyncRequest,
): Promise<Synced> {
  const { plan, mirror, write } = await mirrorAlone(context, clients, request);
  const findings = levelled(plan.findings, request);
  for (const finding of findings) context.report({ kind: "finding", finding });
  const given = { plan: { ...plan, findings }, mirror, retained: null };
  if (!request.writes) return { ...given, outcome: { kind: "planned" } };
  stopFor(findings);
  await checkForward(connections, request, plan);
  if (mirror.isServed) return { ...given, outcome: { kind: "unchanged" } };
  await write();
  context.report({ kind: "line", text: `plain files are those of version ${short(plan.version)}` });
  return { ...given, outcome: { kind: "switched" } };
}

/** Lets readers have a version that is published. */
async function bring(
  store: Bucket,
  context: Context,
  dagster: Dagster | null,
  request: SyncRequest,
  plan: DagsPlan,
  publish: () => Promise<void>,
): Promise<SyncOutcome> {
  if (plan.switches === null) {
    const failure = dagster === null ? null : await askLoaded(dagster, context, request, plan.version);
    if (failure === null) return { kind: "unchanged" };
    const left = `Readers keep version ${short(plan.version)}, which they had before this run.`;
    return { kind: "failed", ...failure, left };
  }
  const etag = await switchDags(store, context, plan.switches);
  context.report({ kind: "line", text: `readers are to have version ${short(plan.version)}` });
  // Somebody who removes old versions may have looked at the pointer of before.
  if (!plan.publishes && !(await store.has(dagsKeys.manifest(plan.version)))) {
    try {
      await publish();
    } catch (error) {
      if (plan.served !== null && etag !== null)
        await switchBack(store, context, plan.served, { version: plan.version, etag });
      throw error;
    }
  }
  if (dagster === null) return { kind: "switched" };
  const failure = await askLoaded(dagster, context, request, plan.version);
  if (failure === null) return { kind: "served" };
  return { ...failure, ...(await takeBack(store, context, dagster, request, plan, etag)) };
}

function levelled(findings: readonly Finding[], { allowed }: SyncRequest): readonly Finding[] {
  return findings.map((finding): Finding => (allowed.includes(finding.id) ? { ...finding, level: "notice" } : finding));
}

/** @throws UserError for the first of what stops it */
function stopFor(findings: readonly Finding[]): void {
  const [stop] = findings.filter(({ level }) => level === "error");
  if (stop !== undefined) throw new UserError(stop);
}

function tellRetained(context: Context, { removed, why }: Retained): void {
  const text = why ?? (removed.length === 0 ? null : `${removed.length} old versions are removed`);
  if (text !== null) context.report({ kind: "line", text });
}

interface Prepared {
  readonly plan: DagsPlan;
  readonly version: Mirrored;
  readonly publish: () => Promise<void>;
  readonly contents: () => Promise<Contents>;
}

async function prepare(store: Bucket, context: Context, { dags, folder, to }: SyncRequest): Promise<Prepared> {
  if (to !== null) {
    const observation = await observeReturn(store, dags, to);
    const { wanted } = observation;
    return {
      plan: planReturn(observation),
      version: wanted,
      publish: () => Promise.reject(versionGone(store, wanted.version)),
      contents: () => contentsOfVersion(store, wanted),
    };
  }
  const observation = await observeDags(store, context, dags, folder ?? null);
  return {
    plan: planDags(observation),
    version: observation,
    publish: () => publishDags(store, context, observation),
    contents: () => Promise.resolve(contentsOfFolder(observation.entries)),
  };
}

function versionGone(store: Bucket, version: DagsVersion): UserError {
  return new UserError({
    what: `Version ${version} was removed while it was switched to: readers stay with what they have.`,
    where: `s3://${store.name}/${store.prefix}${dagsKeys.manifest(version)}`,
    fix: "Publish it anew: check its commit out, and run this without `to`. Or go back to another one.",
  });
}

/** Going forward never goes back. @throws UserError `superseded`, or when the history does not tell */
async function checkForward(
  connections: Pick<Connections, "history">,
  { dags, to, allowDivergent, compare }: SyncRequest,
  { served, switches }: DagsPlan,
): Promise<void> {
  if (to !== null || allowDivergent || served === null || switches === null) return;
  const { repository, sha } = dags.source;
  const where = `location ${dags.location}, version ${served.version}`;
  if (served.source.repository !== repository) {
    throw new UserError({
      what: `What is served of it is of ${served.source.repository}, and this checkout of ${repository}: two repositories would take turns.`,
      where,
      fix: "Give this location a `prefix` of its own. If it has moved to this repository: `allow-divergent: true`, once.",
    });
  }
  const historian = { request: { root: dags.root, repository, compare }, connections };
  if (await follows(historian, repository, served.source.sha, sha)) return;
  throw new UserError(
    {
      what: `Commit ${sha} does not contain ${served.source.sha}, whose code is served: publishing it would go back.`,
      where,
      fix: "Publish a commit that contains what is served. To go back, name the version in `to`. When history was rewritten (force push, squash), `allow-divergent: true` publishes it.",
    },
    { kind: "superseded" },
  );
}

function openWebserver(
  context: Context,
  connections: Pick<Connections, "webserver">,
  clients: Clients,
  { webserver }: SyncRequest,
): Dagster | null {
  if (webserver === null) return null;
  const { url, secret } = webserver;
  const login = secret === null ? null : basicLogin(clients, context, { secret, place: "input auth" });
  return connections.webserver(context, { url, login });
}

/** Who cannot be asked now could not be asked afterwards. Before a first version nobody may be up. */
async function checkReached(dagster: Dagster, { dags, webserver }: SyncRequest): Promise<void> {
  try {
    await dagster.ask(locations);
  } catch (cause) {
    if (!(cause instanceof DagsterUnreachable)) throw cause;
    throw new UserError(
      {
        what: `Dagster cannot be asked whether location ${dags.location} is loaded, so nothing was written: ${cause.message}`,
        where: webserver?.url,
        fix: "Its webserver must run, and be reachable from this runner. Without `webserver-url` nobody is asked, and readers follow by themselves.",
      },
      { cause },
    );
  }
}

/** @returns null: it is loaded */
async function askLoaded(
  dagster: Dagster,
  context: Context,
  { dags: { location }, timeoutSeconds }: SyncRequest,
  version: DagsVersion,
): Promise<Failure | null> {
  try {
    const { cause, evidence } = await versionGate(dagster, context, { location, version, timeoutSeconds });
    return cause === null ? null : { cause, evidence };
  } catch (error) {
    const text = `whether version ${short(version)} is loaded was not seen to the end; readers keep it`;
    context.report({ kind: "line", text });
    throw error;
  }
}

/** @param etag of the pointer as this run has written it; null: somebody else has switched to the same version */
async function takeBack(
  store: Bucket,
  context: Context,
  dagster: Dagster,
  request: SyncRequest,
  { served, version }: DagsPlan,
  etag: string | null,
): Promise<{ readonly kind: "failed" | "taken-back"; readonly left: string }> {
  if (served === null || etag === null) {
    const why = served === null ? "there is none before it" : "another run has switched to it as well";
    return { kind: "failed", left: `Readers keep version ${short(version)}: ${why}.` };
  }
  try {
    const to = await switchBack(store, context, served, { version, etag });
    const again = await askLoaded(dagster, context, request, to);
    const isLoaded = again === null ? ", and it is loaded." : `. ${again.cause.what}`;
    return { kind: "taken-back", left: `Readers are to have version ${short(to)} again${isLoaded}` };
  } catch (error) {
    if (context.signal.aborted || (error instanceof UserError && error.kind === "superseded")) throw error;
    // The first cause stays the story.
    const why = messageOf(error);
    return {
      kind: "failed",
      left: `Readers were to have version ${short(served.version)} again, and that was not seen to its end: ${why}`,
    };
  }
}

/** @returns the version that readers have again */
async function switchBack(
  store: Bucket,
  context: Context,
  served: DagsPointer,
  ours: { readonly version: DagsVersion; readonly etag: string },
): Promise<DagsVersion> {
  const { schema: _, at: __, until, ...to } = served;
  await switchDags(store, context, { key: dagsKeys.pointer, from: { ...ours, until }, to });
  context.report({ kind: "line", text: `readers are to have version ${short(to.version)} again` });
  return to.version;
}

function short(version: DagsVersion): string {
  return version.slice(0, 12);
}
