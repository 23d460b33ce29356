import { type Bucket, bucket } from "../aws/bucket.ts";
import type { Context } from "../domain/context.ts";
import type { Finding } from "../domain/finding.ts";
import { releaseId } from "../domain/identifiers.ts";
import { emptyRelease, type Release, type Source } from "../domain/release.ts";
import type { ImageClients, Registry } from "../images/index.ts";
import type { Clients } from "../releases/connections.ts";
import type { Observation } from "../releases/observation.ts";
import { observe, type Observed } from "../releases/observe.ts";
import { planWithContents } from "../releases/plan.ts";
import { withFindings } from "../releases/checks.ts";
import type { Stack } from "../stack/index.ts";
import type { Dagster } from "../dagster/client.ts";
import type { History } from "../releases/history.ts";
import { compareWithRunning, type Proof } from "./compare.ts";
import { releaseOf } from "./plan.ts";
import { readRunning, type RunningDefinition } from "./running-images.ts";

/** What runs, as a release, and what a stack file would make of it. */
export interface Proved {
  readonly proof: Proof;
  /** What a release of this stack would be told. */
  readonly findings: readonly Finding[];
  readonly release: Release;
  readonly ran: Readonly<Record<string, RunningDefinition>>;
  readonly observed: Observed;
}

const nothingReleased: Pick<History, "currentRelease" | "rolledIn" | "unfinished"> = {
  currentRelease: null,
  rolledIn: {},
  unfinished: [],
};

/**
 * Plans a release of the images that run, by the code that plans every release, and holds it against what runs. Reads only.
 * @param stack as its file was written
 * @param registry opens the registry that holds the images
 * @param dagster the webserver; null: it is not asked
 * @throws UserError when it is not known what runs; AwsError
 */
export async function prove(
  context: Context,
  clients: Clients,
  images: ImageClients,
  registry: () => Promise<Registry>,
  stack: Stack,
  checkout: { readonly root: string; readonly source: Source },
  dagster: Dagster | null,
  version: string | null,
): Promise<Proved> {
  const ran = await readRunning(clients, stack);
  const now = context.clock.now();
  const { name, environment } = stack;
  const begun = emptyRelease({
    id: releaseId(now, checkout.source.sha),
    stack: name,
    environment,
    base: null,
    source: checkout.source,
    contract: stack.contract.version ?? null,
  });
  const release = releaseOf(stack, begun, ran, version);
  const pointers = (below: string): Bucket => bucket(clients.s3, stack.contract.bucket.name, below);
  const promotion = { environment, release, unfinished: [], registry, pointers };
  const observed = await observe(
    clients,
    images,
    context,
    stack,
    checkout,
    { ...nothingReleased, releasing: null },
    { scope: stack, promotion, copyImages: false, isDirty: false },
    dagster,
  );
  const { observation } = observed;
  const planned = planWithContents(stack, observation, begun);
  const digests = Object.fromEntries(Object.entries(ran).map(([key, one]) => [key, one.digests]));
  return {
    proof: compareWithRunning(planned, observation, digests),
    findings: withFindings(stack, planned.plan, now).findings,
    release: { ...release, dags: servedDags(observation) },
    ran,
    observed,
  };
}

/** The versions of code in S3 that readers have now. */
function servedDags({ dags }: Pick<Observation, "dags">): Release["dags"] {
  return Object.fromEntries(
    Object.entries(dags).flatMap(([location, { prefix, releasedBy, pointer }]) => {
      if (pointer === null) return [];
      const { version, source } = pointer.value;
      return [[location, { prefix, version, source, releasedBy }] as const];
    }),
  );
}
