import { DescribeTasksCommand, ListTasksCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../aws/ecs.ts";
import type { Dagster } from "../dagster/client.ts";
import { type Digests, observeServices, roll, type ServiceNetwork, takeDown } from "../deployments/index.ts";
import type { Context } from "../domain/context.ts";
import { RolloutFailed, UserError } from "../domain/errors.ts";
import { contentHash } from "../domain/json.ts";
import type { Evidence } from "../domain/evidence.ts";
import { type Later, resolve, resolveText, type Results } from "../domain/later.ts";
import type { Step } from "../domain/plan.ts";
import type { Release } from "../domain/release.ts";
import { type Cause, isGood, sameRevision, showRevision, type Verdict } from "../domain/verdict.ts";
import { canaryGate } from "../gates/canary.ts";
import { daemonGate } from "../gates/daemon.ts";
import { drain } from "../gates/drain.ts";
import type { GateResult } from "../gates/gate.ts";
import { handover } from "../gates/handover.ts";
import { loadedGate } from "../gates/loaded.ts";
import { locationGate } from "../gates/location.ts";
import { webserverGate } from "../gates/webserver.ts";
import { applyImage, type ImageClients, type ImageObservation, planImage } from "../images/index.ts";
import { migrate } from "../migrations/migrate.ts";
import type { Stack } from "../stack/index.ts";
import { registerDefinition } from "../task-definitions/register.ts";
import type { Clients } from "./connections.ts";
import { onceContainer } from "./definitions.ts";

/** Everything a step may need. */
export interface Workshop {
  readonly stack: Stack;
  /** Before each write to ECS the lock is looked at. */
  readonly clients: Clients;
  readonly images: ImageClients;
  readonly imageObservations: Readonly<Record<string, ImageObservation>>;
  /** Content keys, by the key of the image. */
  readonly imageKeys: Readonly<Record<string, string>>;
  readonly context: Context;
  /** null: no webserver has an address that the runner reaches. */
  readonly dagster: Dagster | null;
  readonly network: () => Promise<ServiceNetwork>;
  readonly release: Release;
  readonly attempt: number;
  /** ECS services that this release has stopped, or the one that it goes on from, by the key of what takes their place. */
  readonly handedOver: Readonly<Record<string, string>>;
}

/** What a step gave. */
export interface Done {
  /** For the holes of later steps. */
  readonly results: Results[string];
  /** Parts of the release that are known now. */
  readonly parts: Partial<Pick<Release, "images" | "taskDefinitions" | "migrations">>;
  /** For people: one line. */
  readonly said: string;
  readonly verdict?: Verdict;
  readonly gate?: GateResult;
}

/** A step that was carried out and did not do what it should. */
export class StepFailed extends RolloutFailed {
  override readonly name: string = "StepFailed";
  readonly failure: Cause;
  readonly evidence: readonly Evidence[];

  constructor(failure: Cause, evidence: readonly Evidence[], verdict?: Verdict) {
    super(failure.what, verdict === undefined ? [] : [verdict]);
    this.failure = failure;
    this.evidence = evidence;
  }
}

/** Minutes that a thing of each kind may take until it counts as failed. */
const rollTimeoutSeconds = 30 * 60;
const migrationTimeoutSeconds = 60 * 60;
const gateTimeoutSeconds = 3 * 60;
const canaryTimeoutSeconds = 10 * 60;

/**
 * Carries one step out.
 * @param results of the steps before it
 * @throws StepFailed, UserError, AwsError, Cancelled
 */
export function carryOut(shop: Workshop, step: Step, results: Results): Promise<Done> {
  switch (step.kind) {
    case "image":
      return makeImage(shop, step.image);
    case "register":
      return register(shop, step, results);
    case "run-task":
      return runMigration(shop, step, results);
    case "drain":
      return awaitRuns(shop, step);
    case "stop":
      return stopReplaced(shop, step);
    case "roll":
      return rollService(shop, step, results);
    case "gate":
      return askGate(shop, step, results);
  }
}

async function makeImage({ images, imageObservations, context }: Workshop, key: string): Promise<Done> {
  const observation = imageObservations[key];
  if (observation === undefined) throw new Error(`image ${key} was not observed`);
  const part = await applyImage(images, context, observation, planImage(observation));
  return {
    results: { digest: part.digest },
    parts: { images: { [key]: part } },
    said: `${part.repository}@${part.digest}`,
  };
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
  const { cause, evidence, seconds } = await migrate(clients, context, {
    name: migration.name,
    tool: { kind: migration.tool },
    workdir: migration.workdir,
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
  if (cause !== null) throw new StepFailed(cause, evidence);
  return {
    results: {},
    parts: { migrations: { [migration.name]: { state: "done", contentKey, heads: null } } },
    said: `done in ${Math.round(seconds)} s`,
  };
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
  const digest = release.images[service.image]?.digest;
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
  if (isGood(verdict.verdict))
    return { results: {}, parts: {}, said: `${verdict.verdict} in ${Math.round(verdict.seconds)} s`, verdict };
  throw verdictFailed(verdict);
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

/** @throws UserError when it runs something else than was planned on; AwsError */
async function stopReplaced(
  { clients, context, stack }: Workshop,
  { service: key, replaced: service, from }: Extract<Step, { kind: "stop" }>,
): Promise<Done> {
  const { cluster } = stack.contract;
  const now = (await observeServices(clients.ecs, cluster, [service]))[service]?.revision ?? null;
  if (!sameRevision(now, from)) {
    const [runs, ran] = [now, from].map((one) => (one === null ? "nothing" : showRevision(one)));
    throw new UserError({
      what: `Service ${service}, which ${key} replaces, runs ${runs}; when this was planned it ran ${ran}: somebody else has deployed to it.`,
      where: `service ${service} in cluster ${cluster}`,
      fix: "Run it again: it is planned anew, on what runs now.",
    });
  }
  const verdict = await takeDown(clients, context, { cluster, service, timeoutSeconds: rollTimeoutSeconds });
  if (!isGood(verdict.verdict)) throw verdictFailed(verdict);
  return { results: {}, parts: {}, said: `no task is left, after ${Math.round(verdict.seconds)} s`, verdict };
}

function verdictFailed(verdict: Verdict): StepFailed {
  const { cause, evidence, service } = verdict;
  const unknown = { id: verdict.verdict, what: `Service ${service}: ${verdict.verdict}.`, fix: null };
  return new StepFailed(cause ?? unknown, evidence, verdict);
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
      const gate = await daemonGate(dagster, context, { service: step.on, startedAt, timeoutSeconds });
      const from = handedOver[step.on];
      return gate.cause !== null || from === undefined ? gate : tellHandover(dagster, gate, from, startedAt);
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

/** What is told here stands in no way: a handover that is over is not judged by it. */
async function tellHandover(
  dagster: Dagster,
  gate: GateResult,
  from: string,
  startedAt: () => Promise<number | null>,
): Promise<GateResult> {
  const started = await startedAt();
  const told = started === null ? null : await handover(dagster, { from, startedAt: started });
  return told === null ? gate : { ...gate, seen: `${gate.seen}; ${told}` };
}

/** When the newest task of a service was started, in milliseconds since 1970; null when ECS does not say yet. */
async function taskStart(ecs: EcsSend, { contract, services }: Stack, key: string): Promise<number | null> {
  const service = services[key]?.service ?? key;
  const resource = `service ${service} in cluster ${contract.cluster}`;
  const { taskArns = [] } = await ecs(new ListTasksCommand({ cluster: contract.cluster, serviceName: service }), {
    resource,
  });
  const { tasks = [] } =
    taskArns.length === 0
      ? {}
      : await ecs(new DescribeTasksCommand({ cluster: contract.cluster, tasks: taskArns }), { resource });
  const starts = tasks.flatMap(({ startedAt }) => startedAt?.getTime() ?? []);
  return starts.length === 0 || starts.length < tasks.length ? null : Math.max(...starts);
}
