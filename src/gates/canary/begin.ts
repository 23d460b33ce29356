import { DagsterUnreachable } from "../../dagster/client.ts";
import { launchRun, newestRun } from "../../dagster/documents.ts";
import { showTarget } from "../../domain/canary.ts";
import type { Cause } from "../../domain/verdict.ts";
import type { Attempt } from "../gate.ts";
import { refused } from "./causes.ts";
import type { CanaryExpectation } from "./expectation.ts";
import { findTarget, settingsOf, type Tag, wordsOf } from "./launch.ts";
import { holderTasks, imagesOf } from "./reads.ts";
import { type Asking, ofPartition } from "./state.ts";

/** So long a run whose launch was not answered may take to appear, before it is launched again; milliseconds. */
const lostPatience = 20_000;

/** Launches the run, once: one of this release that is there already is followed. @throws as the gate does */
export async function begin({ dagster, clients, context, expected, progress }: Asking): Promise<Attempt> {
  const { location, target } = expected;
  const { clock } = context;
  const shown = showTarget(target);
  const found = await findTarget(dagster, expected);
  if (found.kind === "waiting") return { waiting: found.why };
  if (found.kind === "never") return final(found.cause);
  const { job, assets } = found.value;

  const { runsOrError: known } = await dagster.ask(newestRun, {
    filter: { pipelineName: job.pipelineName, tags: tagsOf(expected) },
  });
  if (!("results" in known)) return { waiting: `the runs of ${shown} cannot be listed: ${known.__typename}` };
  const [former] = known.results;
  if (former !== undefined && former.runId !== progress.passedOver) {
    const isOfEarlierAttempt = progress.lostSince === null && ["FAILURE", "CANCELED"].includes(former.status);
    if (!isOfEarlierAttempt) {
      const origin = progress.lostSince === null ? "found" : "launched";
      progress.run = { id: former.runId, origin, partition: null };
      return { waiting: `run ${former.runId} of ${shown} was launched before` };
    }
    progress.passedOver = former.runId;
  }
  if (progress.lostSince !== null && clock.now() < progress.lostSince + lostPatience) {
    return { waiting: `the launch of ${shown} was not answered: looking for its run` };
  }

  const settings = await settingsOf(dagster, expected, found.value);
  if (settings.kind === "waiting") return { waiting: settings.why };
  if (settings.kind === "never") return final(settings.cause);
  const { config, tags, partition } = settings.value;
  if (expected.holders.length > 0) progress.before = (await holderTasks(clients.ecs, expected)).map(imagesOf);

  const selector = {
    repositoryLocationName: location,
    repositoryName: job.repositoryName,
    jobName: job.pipelineName,
    ...(assets === null ? {} : { assetSelection: assets }),
  };
  const params = { selector, runConfigData: config, executionMetadata: { tags: [...tags, ...tagsOf(expected)] } };
  const { launchRun: answer } = await dagster.ask(launchRun, { params }).catch((error: unknown) => {
    if (error instanceof DagsterUnreachable) progress.lostSince = clock.now();
    throw error;
  });
  if ("run" in answer) {
    progress.run = { id: answer.run.runId, origin: "launched", partition };
    return { waiting: `run ${answer.run.runId} of ${shown}${ofPartition(partition)} is launched` };
  }
  const errors = answer.errors?.map(({ message }) => message).join("; ");
  const why = wordsOf({ __typename: answer.__typename, message: errors ?? answer.message });
  // The code server went away between two questions: the location is not loaded in a moment, or is there again.
  if (answer.className === "DagsterUserCodeUnreachableError") return { waiting: `${shown} is not launched: ${why}` };
  return final(refused(expected, why));
}

function final(cause: Cause): Attempt {
  return { seen: cause.what, cause, evidence: [] };
}

/** Two locations of one release may have a job of the same name. */
function tagsOf({ tags, location }: CanaryExpectation): readonly Tag[] {
  return Object.entries({ ...tags, "dagster-ecs/canary": location }).map(([key, value]) => ({ key, value }));
}
