import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ListTaskDefinitionsCommand } from "@aws-sdk/client-ecs";
import { observeServices } from "../../deployments/index.ts";
import type { Context } from "../../domain/context.ts";
import { UserError } from "../../domain/errors.ts";
import type { Intent } from "../../domain/journal.ts";
import { parseRevision, type Revision } from "../../domain/verdict.ts";
import type { Connections } from "../../releases/connections.ts";
import { familiesOf } from "../../releases/definitions.ts";
import { openSession, type Session, type SessionRequest } from "../../releases/session.ts";
import { ecsName } from "../../stack/tasks.ts";
import { isMadeFor } from "../../task-definitions/definition.ts";
import { definitionOf } from "../../task-definitions/observe.ts";
import { type Leaving, type OurService, planLeaving, script } from "./plan.ts";

/** Where the commands and what they need are written, in the checkout. */
const folder = "dagster-leave";

/** Releases whose families are looked at: what S3 lists in one call. */
const mostReleases = 1000;

/** Definitions hold values of variables: only who has written them reads them. */
const mode = 0o600;

/** What was written, and what is to be run. */
export interface Left extends Leaving {
  readonly files: readonly string[];
}

/**
 * Writes the commands that give back what was there before the first release. They are for people to look at, and to run: nothing in
 * AWS is changed here.
 * @throws UserError when nothing is released, or something is under way; AwsError
 */
export async function leave(context: Context, connections: Connections, request: SessionRequest): Promise<Left> {
  const session = await openSession(context, connections, request);
  const { stack, records, currentRelease, unfinished } = session;
  if (currentRelease === null || unfinished.length > 0)
    throw new UserError({
      what:
        currentRelease === null
          ? `Nothing of ${stack.name} is released to ${stack.environment}: there is nothing to give back.`
          : `A release of ${stack.name} was begun, and has not come to its end.`,
      where: `s3://${records.name}/${records.prefix}`,
      fix: currentRelease === null ? "Nothing to do." : "Deploy, or roll back, so that it ends well; then leave.",
    });
  const intents = await readIntents(session);
  const [services, revisions] = await Promise.all([readServices(session, intents), readRevisions(session, intents)]);
  const repositories = [...new Set(Object.values(stack.images).map(({ repository }) => repository))];
  const where = { bucket: records.name, prefix: records.prefix };
  const ours = { cluster: stack.contract.cluster, services, revisions, repositories, records: where };
  const leaving = planLeaving(ours, folder);
  const title = `What gives ${stack.name} (${stack.environment}) back as it was before dagster-ecs.`;
  const files: Record<string, string> = { [`${folder}/leave.sh`]: script(leaving, title) };
  for (const { file, input } of leaving.calls) if (file !== null) files[file] = `${JSON.stringify(input, null, 2)}\n`;
  for (const [path, text] of Object.entries(files)) {
    const whole = join(request.root, path);
    await mkdir(dirname(whole), { recursive: true });
    // One that is there would keep its mode.
    await rm(whole, { force: true });
    await writeFile(whole, text, { mode });
  }
  return { ...leaving, files: Object.keys(files) };
}

/** What services were is noted in the oldest record. @param intents newest first */
async function readServices(
  { stack: { contract, services: all }, clients: { ecs } }: Session,
  intents: readonly Intent[],
): Promise<readonly OurService[]> {
  const first = intents.at(-1);
  const names = Object.values(all).map(({ service }) => service);
  const found = await observeServices(ecs, contract.cluster, names);
  const read = Object.values(all).map(async ({ key, service: name }): Promise<readonly OurService[]> => {
    const revision = found[name]?.revision ?? null;
    const running = revision === null ? null : await definitionOf(ecs, revision);
    if (running === null) return [];
    const then = Object.values(first?.before ?? {}).find(({ service }) => service === name)?.taskDefinition ?? null;
    return [{ key, name, running, former: then === null ? null : await definitionOf(ecs, then) }];
  });
  return (await Promise.all(read)).flat();
}

/** Newest first. */
async function readIntents({ journal }: Session): Promise<readonly Intent[]> {
  const intents: Intent[] = [];
  for (const id of await journal.newest(mostReleases)) {
    const intent = await journal.intent(id);
    if (intent !== null) intents.push(intent);
  }
  return intents;
}

/** Active ones of every family that a release has named, or would; ours by their tags. */
async function readRevisions(
  { stack, clients: { ecs }, currentRelease }: Session,
  intents: readonly Intent[],
): Promise<readonly Revision[]> {
  const releases = [...intents.map(({ release }) => release), ...(currentRelease === null ? [] : [currentRelease])];
  const families = new Set([
    ...releases.flatMap(({ taskDefinitions }) => Object.values(taskDefinitions).map(({ family }) => family)),
    ...familiesOf(stack).map(({ family }) => family),
    ...intents.flatMap(({ before }) =>
      Object.values(before).flatMap(({ taskDefinition }) => taskDefinition?.family ?? []),
    ),
    ecsName(`${stack.name}-once-asker`),
  ]);
  const found: Revision[] = [];
  for (const familyPrefix of families) {
    let nextToken: string | undefined;
    do {
      const page = await ecs(new ListTaskDefinitionsCommand({ familyPrefix, status: "ACTIVE", nextToken }), {
        resource: `task definition family ${familyPrefix}`,
      });
      for (const revision of (page.taskDefinitionArns ?? []).flatMap((arn) => parseRevision(arn) ?? [])) {
        const definition = revision.family === familyPrefix ? await definitionOf(ecs, revision) : null;
        if (definition !== null && isMadeFor(definition, stack)) found.push(revision);
      }
      ({ nextToken } = page);
    } while (nextToken !== undefined);
  }
  return found;
}

/** For people. */
export function wordsOfLeft({ calls, stays, files }: Left): readonly string[] {
  return [
    `Wrote ${files.join(", ")}. Nothing was changed in AWS. What the script would do:`,
    ...calls.map(({ service, operation, why, input }) => `  ${service} ${operation} ${aboutOf(input)}: ${why}`),
    ...stays.map((line) => `  ${line}`),
    `Look at it, then run it: sh ${folder}/leave.sh. Remove the stack file and the workflows before, so that nobody releases meanwhile.`,
  ];
}

function aboutOf(input: Left["calls"][number]["input"]): string {
  const named = ["family", "service", "taskDefinition", "bucket"].flatMap((member) => {
    const value = input[member];
    return typeof value === "string" ? [value] : [];
  });
  return named[0] ?? "";
}
