import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { DagsterStack } from "./bed.ts";

const infoSchema = z.object({ dagster_version: z.string() });

export async function serverInfo({ webserver }: DagsterStack): Promise<z.infer<typeof infoSchema>> {
  return infoSchema.parse(await (await fetch(`${webserver}/server_info`)).json());
}

/** What is kept in the database of the instance, as its webserver tells it. */
export interface Kept {
  /** Status by id. */
  readonly runs: Readonly<Record<string, string>>;
  readonly schedule: string;
}

const keptSchema = z.object({
  runsOrError: z.object({ results: z.array(z.object({ runId: z.string(), status: z.string() })) }),
  scheduleOrError: z.object({ scheduleState: z.object({ status: z.string() }) }),
});

const schedule = {
  selector: { repositoryLocationName: "small", repositoryName: "__repository__", scheduleName: "yearly" },
};

export async function kept(stack: DagsterStack): Promise<Kept> {
  const { runsOrError, scheduleOrError } = keptSchema.parse(
    await ask(
      stack,
      `query ($selector: ScheduleSelector!) {
        runsOrError { ... on Runs { results { runId status } } }
        scheduleOrError(scheduleSelector: $selector) { ... on Schedule { scheduleState { status } } } }`,
      schedule,
    ),
  );
  return {
    runs: Object.fromEntries(runsOrError.results.map(({ runId, status }) => [runId, status])),
    schedule: scheduleOrError.scheduleState.status,
  };
}

/** As somebody does in the UI. */
export async function turnScheduleOn(stack: DagsterStack): Promise<void> {
  const mutation = `mutation ($selector: ScheduleSelector!) {
    startSchedule(scheduleSelector: $selector) { ... on ScheduleStateResult { scheduleState { status } } } }`;
  await ask(stack, mutation, schedule);
}

/** As the page of a job does. @returns how the run ended */
export async function launchCanary(stack: DagsterStack): Promise<string> {
  const mutation = `mutation ($params: ExecutionParams!) {
    launchRun(executionParams: $params) { ... on LaunchRunSuccess { run { runId } } } }`;
  const selector = { repositoryLocationName: "small", repositoryName: "__repository__", jobName: "canary" };
  const { launchRun } = z
    .object({ launchRun: z.object({ run: z.object({ runId: z.string() }) }) })
    .parse(await ask(stack, mutation, { params: { selector, mode: "default" } }));
  for (let tries = 0; tries < 120; tries += 1) {
    const status = (await kept(stack)).runs[launchRun.run.runId] ?? "unknown";
    if (status === "SUCCESS" || status === "FAILURE") return status;
    await sleep(500);
  }
  return "not over after a minute";
}

async function ask({ webserver }: DagsterStack, query: string, variables: object): Promise<unknown> {
  const response = await fetch(`${webserver}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 300)}`);
  return z.object({ data: z.unknown() }).parse(JSON.parse(text)).data;
}
