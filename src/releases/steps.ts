import type { Dagster } from "../dagster/client.ts";
import { type Digests, roll, type ServiceNetwork, stop, takeBack } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { RolloutFailed, UserError } from "../domain/errors.ts";
import { canonicalJson, contentHash } from "../domain/json.ts";
import type { Evidence } from "../domain/evidence.ts";
import { type Later, resolve, resolveText, type Results } from "../domain/later.ts";
import type { Step } from "../domain/plan.ts";
import { imageOf, type ImagePart, keptName, type MigrationPart, type Release } from "../domain/release.ts";
import { type Cause, isGood, type Verdict } from "../domain/verdict.ts";
import { canaryGate } from "../gates/canary.ts";
import { daemonGate } from "../gates/daemon.ts";
import { drain } from "../gates/drain.ts";
import type { GateResult } from "../gates/gate.ts";
import { loadedGate } from "../gates/loaded.ts";
import { locationGate } from "../gates/location.ts";
import { webserverGate } from "../gates/webserver.ts";
import {
  applyCopy,
  applyImage,
  type CopyObservation,
  type ImageClients,
  type ImageObservation,
  planImage,
} from "../images/index.ts";
import type { MigrationTool } from "../migrations/command.ts";
import type { MigrationEnd } from "../migrations/judge.ts";
import { migrate } from "../migrations/migrate.ts";
import { type Migration, type Stack, withLevels } from "../stack/index.ts";
import { registerDefinition } from "../task-definitions/register.ts";
import { dayOf } from "./checks.ts";
import type { Clients } from "./connections.ts";
import { onceContainer, type ParameterNames, secretNames } from "./definitions.ts";
import { settingsOf } from "./plans/migrations.ts";
import { taskStart } from "./task-start.ts";
import {
  canaryTimeoutSeconds,
  gateTimeoutSeconds,
  migrationTimeoutSeconds,
  rollTimeoutSeconds,
  stopTimeoutSeconds,
} from "./time-outs.ts";

/** Everything a step may need. */
export interface Workshop {
  readonly stack: Stack;
  /** Before each write to ECS the lock is looked at. */
  readonly clients: Clients;
  readonly images: ImageClients;
  readonly imageObservations: Readonly<Record<string, ImageObservation>>;
  readonly copyObservations: Readonly<Record<string, CopyObservation>>;
  /** Content keys, by the key of the image. */
  readonly imageKeys: Readonly<Record<string, string>>;
  readonly context: Context;
  /** Names of SSM parameters, by the paths that the stack has its secrets from. */
  readonly parameters: ParameterNames;
  /** null: no webserver has an address that the runner reaches. */
  readonly dagster: Dagster | null;
  readonly network: () => Promise<ServiceNetwork>;
  readonly release: Release;
  readonly attempt: number;
  /** ECS services that this release has stopped, or the one that it goes on from, by the key of what takes their place. */
  readonly handedOver: Readonly<Record<string, string>>;
}

/** What images are made with: nothing that others share can be written with it. */
export type ImageWorkshop = Pick<Workshop, "stack" | "images" | "imageObservations" | "copyObservations" | "context">;

/** What a step gave. */
export interface Done {
  /** For the holes of later steps. */
  readonly results: Results[string];
  /** Parts of the release that are known now. */
  readonly parts: Partial<Pick<Release, "images" | "kept" | "taskDefinitions" | "migrations">>;
  /** For people: one line. */
  readonly said: string;
  readonly verdict?: Verdict;
  readonly gate?: GateResult;
}

/** A step that was carried out and did not do what it should. */
export class StepFailed extends RolloutFailed {
  override readonly name: string = "StepFailed";
  readonly failure: Cause;
  /** What stays of it all the same. */
  readonly parts: Done["parts"];

  constructor(failure: Cause, evidence: readonly Evidence[], verdict?: Verdict, parts: Done["parts"] = {}) {
    super(failure.what, verdict === undefined ? [] : [verdict], { evidence });
    this.failure = failure;
    this.parts = parts;
  }
}

/**
 * Carries one step out.
 * @param results of the steps before it
 * @throws StepFailed, UserError, AwsError, Cancelled
 */
export function carryOut(shop: Workshop, step: Step, results: Results): Promise<Done> {
  switch (step.kind) {
    case "image":
      return makeImage(shop, step);
    case "register":
      return register(shop, step, results);
    case "run-task":
      return runMigration(shop, step, results);
    case "drain":
      return awaitRuns(shop, step);
    case "roll":
      return rollService(shop, step, results);
    case "stop":
      return stopService(shop, step);
    case "put-back":
      return putBack(shop, step);
    case "gate":
      return askGate(shop, step, results);
  }
}

/**
 * Makes an image, or copies it.
 * @throws UserError, AwsError, Cancelled
 */
export async function makeImage(
  shop: ImageWorkshop,
  { image, keptBy, way }: Extract<Step, { kind: "image" }>,
): Promise<Done> {
  const [keeper] = keptBy;
  const part =
    way === "copy" ? await copied(shop, keeper === undefined ? image : keptName(keeper)) : await made(shop, image);
  const parts =
    keeper === undefined
      ? { images: { [image]: part } }
      : { kept: Object.fromEntries(keptBy.map((service) => [service, part])) };
  return { results: { digest: part.digest }, parts, said: `${part.repository}@${part.digest}` };
}

async function made({ images, imageObservations, context, stack }: ImageWorkshop, key: string): Promise<ImagePart> {
  const observation = imageObservations[key];
  if (observation === undefined) throw new Error(`image ${key} was not observed`);
  const { part, findings } = await applyImage(images, context, observation, planImage(observation));
  for (const finding of withLevels(findings, stack.checks, dayOf(context.clock.now()))) {
    if (finding.level === "error") throw new UserError(finding);
    context.report({ kind: "finding", finding });
  }
  return part;
}

function copied({ images, copyObservations, context }: ImageWorkshop, name: string): Promise<ImagePart> {
  const observation = copyObservations[name];
  if (observation === undefined) throw new Error(`image ${name} was not observed`);
  return applyCopy(images, context, observation);
}

async function register(
  { clients, stack, release }: Workshop,
  step: Extract<Step, { kind: "register" }>,
  results: Results,
): Promise<Done> {
  const tags = {
    "dagster-ecs:stack": stack.name,
    "dagster-ecs:environment": stack.environment,
    "dagster-ecs:definition": step.definition,
    "dagster-ecs:commit": release.source.sha,
  };
  const { arn, revision, contentHash, registered } = await registerDefinition(
    clients.ecs,
    step.family,
    resolve(step.content, results),
    tags,
  );
  if (contentHash === null) throw new Error(`${step.family} was registered without its tag`);
  const said = `${revision.family}:${revision.revision}${registered ? "" : ", which was there"}`;
  return { results: { arn }, parts: { taskDefinitions: { [step.definition]: { ...revision, contentHash } } }, said };
}

async function runMigration(
  shop: Workshop,
  step: Extract<Step, { kind: "run-task" }>,
  results: Results,
): Promise<Done> {
  const { clients, context, stack, release, attempt } = shop;
  const migration = stack.migrations.find(({ name }) => name === step.migration);
  if (migration === undefined) throw new Error(`migration ${step.migration} is not in the stack`);
  const contentKey = shop.imageKeys[migration.image];
  if (contentKey === undefined) throw new Error(`image ${migration.image} was not observed`);
  const end = await migrate(clients, context, {
    name: migration.name,
    tool: toolOf(migration),
    workdir: migration.workdir,
    secrets: secretNames(stack, migration.variables, shop.parameters),
    task: {
      cluster: stack.contract.cluster,
      taskDefinition: resolveText(step.definition, results),
      container: onceContainer,
      environment: {},
      network: await shop.network(),
      clientToken: contentHash([release.id, migration.name, attempt]).slice(0, 64),
      aloneIn: stack.images[migration.image]?.onceFamily ?? null,
      startedBy: startedBy(release),
      tags: { ...migration.tags, "dagster-ecs:release": release.id },
      timeoutSeconds: migrationTimeoutSeconds,
      log: migration.logGroup === null ? null : { group: migration.logGroup, prefix: onceContainer },
    },
  });
  const { cause, evidence, seconds, after, said } = end;
  const state = stateAfter(end);
  const heads = after === null ? null : [...after];
  // What was read of the revisions holds when they have brought the schema to where they end.
  const isAsRead = heads?.length === 1 && heads[0] === step.addsSince[0];
  const addsSince = isAsRead ? [...step.addsSince] : [];
  const part: MigrationPart = { state, contentKey, settings: settingsOf(migration), heads, addsSince };
  const parts = { migrations: { [migration.name]: part } };
  if (cause !== null) throw new StepFailed(cause, evidence, undefined, state === "partial" ? parts : {});
  return { results: {}, parts, said: `${said}, in ${Math.round(seconds)} s` };
}

/** One that failed has done something when the heads moved; and may have when it began revisions, and nobody knows the heads. */
function stateAfter({ cause, unchanged, before, after, applied }: MigrationEnd): MigrationPart["state"] {
  if (cause === null) return unchanged === true ? "none" : "done";
  const moved = after === null ? applied.length > 0 : before !== null && canonicalJson(after) !== canonicalJson(before);
  return moved ? "partial" : "none";
}

function toolOf({ name, tool, command, ...migration }: Migration): MigrationTool {
  const { lockTimeoutSeconds, statementTimeoutSeconds } = migration;
  switch (tool) {
    case "alembic":
      return { kind: tool, lockTimeoutSeconds, statementTimeoutSeconds };
    case "dagster":
      return { kind: tool, lockTimeoutSeconds };
    case "command":
      if (command === null) throw new Error(`migration ${name} has no command: the schema lets none pass`);
      return { kind: tool, command };
  }
}

/** By what the one-off tasks of a release are found again: the second it was begun in, and the begin of its SHA. */
export function startedBy({ id }: Pick<Release, "id">): string {
  return `dagster-ecs-${id}`.slice(0, 36);
}

async function rollService(
  { clients, context, stack, release }: Workshop,
  step: Extract<Step, { kind: "roll" }>,
  results: Results,
): Promise<Done> {
  const service = stack.services[step.service];
  if (service === undefined) throw new Error(`service ${step.service} is not in the stack`);
  const digest = imageOf(release, service)?.digest;
  const container = service.definition.container;
  const digests: Digests = digest === undefined || container === null ? {} : { [container]: digest };
  const verdict = await roll(clients, context, {
    cluster: stack.contract.cluster,
    service: service.service,
    taskDefinition: resolveText(step.to, results),
    desiredCount: step.count,
    timeoutSeconds: rollTimeoutSeconds,
    from: step.from,
    digests,
  });
  return doneOf(verdict);
}

async function stopService(
  { clients, context, stack }: Workshop,
  { name: service, from }: Extract<Step, { kind: "stop" }>,
): Promise<Done> {
  const { cluster } = stack.contract;
  const request = { cluster, service, from, timeoutSeconds: stopTimeoutSeconds };
  return doneOf(await stop(clients, context, request));
}

async function putBack(
  { clients, context, stack }: Workshop,
  { name: service, from, to, count }: Extract<Step, { kind: "put-back" }>,
): Promise<Done> {
  const { cluster } = stack.contract;
  const ours = from === null ? {} : { ours: from };
  return doneOf(
    await takeBack(clients, context, { cluster, service, to, count, timeoutSeconds: rollTimeoutSeconds, ...ours }),
  );
}

/** @throws StepFailed for a verdict that is not good */
function doneOf(verdict: Verdict): Done {
  if (isGood(verdict.verdict))
    return { results: {}, parts: {}, said: `${verdict.verdict} in ${Math.round(verdict.seconds)} s`, verdict };
  const { cause, evidence, service } = verdict;
  const unknown = { id: verdict.verdict, what: `Service ${service}: ${verdict.verdict}.`, fix: null };
  throw new StepFailed(cause ?? unknown, evidence, verdict);
}

async function awaitRuns(
  { dagster, context }: Workshop,
  { holders, minutes }: Extract<Step, { kind: "drain" }>,
): Promise<Done> {
  if (dagster === null) throw new Error("nobody can be asked for runs");
  const { cause, seen } = await drain(dagster, context, { holders, minutes });
  if (cause !== null) throw new StepFailed(cause, []);
  return { results: {}, parts: {}, said: seen };
}

async function askGate(shop: Workshop, step: Extract<Step, { kind: "gate" }>, results: Results): Promise<Done> {
  const gate = await ask(shop, step, (image) => resolveText(image, results));
  if (gate.cause !== null) throw new StepFailed(gate.cause, gate.evidence);
  return { results: {}, parts: {}, said: gate.seen, gate };
}

async function ask(
  { dagster, context, stack, clients, release, handedOver }: Workshop,
  step: Extract<Step, { kind: "gate" }>,
  text: (image: Later) => string,
): Promise<GateResult> {
  if (dagster === null) throw new Error(`gate ${step.id} has nobody to ask`);
  const timeoutSeconds = gateTimeoutSeconds;
  const { "name-ttl-seconds": nameTtlSeconds } = stack.contract;
  switch (step.gate) {
    case "location":
      return locationGate(dagster, context, {
        location: step.on,
        image: text(step.image),
        nameTtlSeconds,
        // Until every resolver has forgotten older addresses nothing is proved.
        timeoutSeconds: timeoutSeconds + nameTtlSeconds,
      });
    case "loaded":
      return loadedGate(dagster, context, { location: step.on, image: text(step.image), timeoutSeconds });
    case "daemon": {
      const startedAt = (): Promise<number | null> => taskStart(clients.ecs, stack, step.on);
      const handedOverFrom = handedOver[step.on] ?? null;
      return daemonGate(dagster, context, { service: step.on, startedAt, handedOverFrom, timeoutSeconds });
    }
    case "webserver":
      return webserverGate(dagster, context, { service: step.on, timeoutSeconds });
    case "canary":
      return canaryGate(dagster, clients.ecs, context, {
        location: step.on,
        job: step.job,
        cluster: stack.contract.cluster,
        image: text(step.image),
        tags: { "dagster-ecs/release": release.id, "dagster-ecs/commit": release.source.sha },
        timeoutSeconds: canaryTimeoutSeconds,
      });
  }
}
