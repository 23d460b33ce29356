import { access, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type { Finding } from "../domain/finding.ts";
import { instant } from "../domain/identifiers.ts";
import type { Connections } from "../releases/connections.ts";
import { wrongAccount } from "../releases/open.ts";
import type { SessionRequest } from "../releases/session.ts";
import { contractReference, parseStackFile, resolveStack } from "../stack/index.ts";
import { askDagster } from "./ask-dagster.ts";
import { retiringSteps } from "./cloudformation.ts";
import type { ComposeFile } from "./compose-file.ts";
import type { Proof } from "./compare.ts";
import { type AdoptedStack, type Given, inferStack, type Omitted } from "./infer.ts";
import { findBucket, type FoundBucket } from "./find-bucket.ts";
import { observeDagster, type Wanted } from "./observe.ts";
import { prove } from "./prove.ts";
import { readCheckout } from "./read-checkout.ts";
import { findingsOfUnpinned, observeUnpinned, pinnedLocations, type UnpinnedRuns } from "./waiting-runs.ts";
import { stackFileText, workflowTexts } from "./write.ts";

/** What somebody adopts. */
export interface AdoptRequest extends SessionRequest {
  readonly wanted: Wanted;
  readonly given: Given;
  /** Files that are there are written over. */
  readonly force: boolean;
}

/** What was found, written and proved. */
export interface Adopted {
  readonly stack: AdoptedStack;
  /** The one for lock and records. */
  readonly bucket: FoundBucket;
  readonly omitted: readonly Omitted[];
  /** Paths in the checkout. */
  readonly files: readonly string[];
  /** Why Dagster told nothing; null: it did, or nobody asked. */
  readonly silent: string | null;
  readonly proof: Proof;
  /** Runs that wait; null: Dagster was not asked. */
  readonly waiting: UnpinnedRuns | null;
  readonly findings: readonly Finding[];
  /** How CloudFormation lets go of its services; empty: it has none. */
  readonly retiring: readonly string[];
}

/**
 * Finds a Dagster that runs on ECS, writes the stack file that describes it as it is, and holds what it wrote against what runs.
 * Writes into the checkout, and nowhere else.
 * @throws UserError when there is none, files are in the way, or it is not known what runs; AwsError
 */
export async function adopt(context: Context, connections: Connections, request: AdoptRequest): Promise<Adopted> {
  const { root, file, given, variables, environment } = request;
  const region = request.job.region;
  if (region === null)
    throw new UserError({
      what: "It is not known in which region to look.",
      where: "environment of this process",
      fix: "Set AWS_REGION, or a profile that has a region.",
    });
  const texts = workflowTexts();
  if (!request.force) await checkFree(root, [file, ...Object.keys(texts)]);
  const clients = connections.aws(context, region);
  const { account } = await connections.caller(context, region);
  if (request.allowedAccounts.length > 0 && !request.allowedAccounts.includes(account))
    throw wrongAccount(account, request.allowedAccounts);
  const dagster = given.url === null ? null : connections.webserver(context, { url: given.url, login: null });
  const files = await readCheckout(root);
  const [running, asked] = await Promise.all([
    observeDagster(clients.ecs, { ...request.wanted, cluster: request.wanted.cluster ?? clusterOf(files.compose) }),
    askDagster(dagster),
  ]);
  const { stack: adopted, omitted } = inferStack(running, files, asked.locations, given, { account, region });
  const now = context.clock.now();
  const text = stackFileText(adopted, instant(now).slice(0, 10));
  const stackFile = parseStackFile(text, file, { environment, variables });
  const asRead = { environment, account, region, variables };
  contractReference(stackFile, asRead);
  const stack = resolveStack(stackFile, { ...asRead, contract: null });
  const images = await connections.images(context, clients, request);
  const { head } = await connections.history.checkout(root);
  const source = { repository: request.repository, sha: head };
  const registry = () => connections.registryOf(context, clients, account);
  const reached = asked.silent === null ? dagster : null;
  const { proof, findings, ran } = await prove(
    context,
    clients,
    images,
    registry,
    stack,
    { root, source },
    reached,
    asked.version,
  );
  const bucket = await findBucket(clients.s3, adopted.bucket.value.name);
  const waiting = reached === null ? null : await observeUnpinned(reached, pinnedLocations(stack, ran));
  const all = [...findings, ...(waiting === null ? [] : findingsOfUnpinned(stack, waiting))];
  const retiring = retiringSteps(running.services);
  const written = { [file]: text, ...texts };
  for (const [path, content] of Object.entries(written)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return {
    stack: adopted,
    bucket,
    omitted,
    files: Object.keys(written),
    silent: asked.silent,
    proof,
    waiting,
    findings: all,
    retiring,
  };
}

/** `x-aws-cluster`, where it is no variable. */
function clusterOf(compose: ComposeFile | null): string | null {
  const cluster = compose?.cluster ?? null;
  return cluster === null || cluster.includes("$") ? null : cluster;
}

/** @throws UserError that names every file in the way */
async function checkFree(root: string, paths: readonly string[]): Promise<void> {
  const there = await Promise.all(
    paths.map((path) =>
      access(join(root, path)).then(
        () => [path],
        () => [],
      ),
    ),
  );
  const found = there.flat();
  if (found.length === 0) return;
  throw new UserError({
    what: `${found.join(", ")} ${found.length === 1 ? "is" : "are"} there already, and would be written over.`,
    where: root,
    fix: "Move what you want to keep, or give `--force`.",
  });
}
