import { listOf } from "../../../src/domain/dags-list.ts";
import { nextList } from "../../../src/releases/steps/list.ts";
import { readFileSync } from "node:fs";
import { type ServiceObservation, usualThreshold } from "../../../src/deployments/service.ts";
import { contractSchema } from "../../../src/domain/contract.ts";
import type { Digest, Sha } from "../../../src/domain/identifiers.ts";
import { instant, releaseId } from "../../../src/domain/identifiers.ts";
import { contentHash, type Json } from "../../../src/domain/json.ts";
import { resolve, resolveText, type Results } from "../../../src/domain/later.ts";
import { inOrder, type Plan, type Step } from "../../../src/domain/plan.ts";
import type { ImagePlan } from "../../../src/images/plan.ts";
import { emptyRelease, imageOf, imagesOf, type Release } from "../../../src/domain/release.ts";
import { parseRevision, type Revision } from "../../../src/domain/verdict.ts";
import type { KnownDefinition, Observation } from "../../../src/releases/observation.ts";
import { beforeOf } from "../../../src/releases/observe/services.ts";
import { parseStackFile, resolveStack, type Stack } from "../../../src/stack/index.ts";
import { type Definition, definitionHash } from "../../../src/task-definitions/definition.ts";

/** A world in which a plan can be carried out without anything but memory: what ECS and the registry would hold afterwards. */
export interface World {
  readonly observation: Observation;
  /**
   * What each image is made of now, by key: any text. `dagster 1.13.5` in it is what its lock pins; `instance 1` are its instance
   * files, which are all of it otherwise.
   */
  readonly contents: Readonly<Record<string, string>>;
}

const account = "123456789012";
const region = "eu-central-1";

/** The example's stack, in its environment for one machine. */
export function dealFlow(change: (text: string) => string = (text) => text): Stack {
  const text = change(readFileSync("examples/deal-flow/dagster-stack.yml", "utf8"));
  const contract = contractSchema.parse({
    version: 1,
    cluster: "deal-flow",
    network: { subnets: ["subnet-1"], "security-groups": ["sg-1"] },
    bucket: { name: "deploys" },
    roles: { execution: "execution", run: "run", webserver: "web", daemon: "daemon", "code-location": "code" },
    "log-group": "/dagster/deal-flow",
    services: {
      code: { service: "deal-flow-code", address: "code.deal-flow.local", port: 4000 },
      daemon: { service: "deal-flow-daemon" },
      webserver: { service: "deal-flow-webserver", port: 3000, url: "http://127.0.0.1:3000" },
    },
    database: { host: "10.0.0.5", name: "dagster", user: "dagster", password: "secret:deal-flow/database#password" },
  });
  const request = { environment: "local", account, region, variables: { LOCAL_PLATFORM: "linux/amd64" } };
  return resolveStack(parseStackFile(text, "dagster-stack.yml"), { ...request, contract });
}

export const shaOf = (letter: string): Sha => letter.repeat(40) as Sha;

export function begin({ observation }: World, sha: Sha, at = Date.parse("2026-11-21T10:00:00Z")): Release {
  const base = observation.current?.id ?? null;
  return emptyRelease({
    id: releaseId(at, sha),
    stack: "deal-flow",
    environment: "local",
    base,
    source: { repository: "owner/deal-flow", sha },
  });
}

/** Services as infrastructure leaves them: there, and running nothing. */
export function untouchedWorld(stack: Stack): World {
  const services = Object.fromEntries(
    Object.values(stack.services).map(({ key, service }) => [
      key,
      serviceOf(service, { family: `bootstrap-${key}`, revision: 1 }, 0),
    ]),
  );
  const contents = Object.fromEntries(Object.keys(stack.images).map((key) => [key, `${key} 1`]));
  const source = { repository: "owner/deal-flow", sha: shaOf("a") };
  const before = beforeOf(services, { unfinished: [] });
  return withContents(
    {
      observation: {
        source,
        releasing: null,
        current: null,
        rolledIn: {},
        services,
        before,
        definitions: {},
        images: {},
        tagged: [],
        keepable: {},
        parameters: {},
        existing: {},
        environmentFile: null,
        instanceFile: null,
        missingModules: {},
        promoted: null,
        scripts: {},
        sql: {},
        dagsterDefinitions: {},
        instigators: { locations: null, jobs: null, unknown: null },
        dags: {},
      },
      contents,
    },
    contents,
  );
}

/** The same world after a commit that changes what some images are made of. */
export function withContents(world: World, contents: Readonly<Record<string, string>>): World {
  const all = { ...world.contents, ...contents };
  const { current } = world.observation;
  const known = new Set(Object.values(current === null ? {} : imagesOf(current)).map(({ contentKey }) => contentKey));
  const images = Object.fromEntries(
    Object.entries(all).map(([key, content]) => {
      const contentKey = keyOf(content);
      const reuse = known.has(contentKey);
      const digest = reuse ? digestOf(content) : null;
      return [
        key,
        {
          way: reuse ? ("reuse" as const) : ("layers" as const),
          contentKey,
          digest,
          tags: [],
          reasons: [reuse ? "nothing changed" : "files changed"],
          dagster: versionOf(content),
          made: { of: inputsOf(content), lock: null },
          findings: [],
        },
      ];
    }),
  );
  return { observation: { ...world.observation, images }, contents: all };
}

/** What each service runs by a release: the registry has all of it. */
function keepableOf(stack: Stack, release: Release): Observation["keepable"] {
  return Object.fromEntries(
    Object.values(stack.services).flatMap((service) => {
      const part = imageOf(release, service);
      return part === undefined ? [] : [[service.key, part] as const];
    }),
  );
}

/** The same world once every image is in the registry. */
export function withImagesMade(world: World): World {
  const images = Object.entries(world.observation.images).map(([key, image]) => {
    const digest = digestOf(world.contents[key] ?? "");
    return [key, { ...image, way: "reuse" as const, digest, reasons: ["it is there"] }] as const;
  });
  return { ...world, observation: { ...world.observation, images: Object.fromEntries(images) } };
}

/** What the world is once every step of a plan is done, and the release is committed. */
export function carriedOut(stack: Stack, world: World, plan: Plan): World {
  const results: Record<string, Results[string]> = {};
  let { observation } = world;
  let release = plan.target;
  for (const step of inOrder(plan.steps)) {
    const after = once(stack, world, observation, release, step, results);
    observation = after.observation;
    release = after.release;
    results[step.id] = after.result;
  }
  const before = beforeOf(observation.services, { unfinished: [] });
  const keepable = keepableOf(stack, release);
  return withContents({ ...world, observation: { ...observation, before, keepable, current: release } }, {});
}

function once(
  stack: Stack,
  world: World,
  observation: Observation,
  release: Release,
  step: Step,
  results: Results,
): { readonly observation: Observation; readonly release: Release; readonly result: Results[string] } {
  switch (step.kind) {
    case "image": {
      const content = world.contents[step.image] ?? "";
      const image = stack.images[step.image];
      const digest = digestOf(content);
      if (image === undefined) throw new Error(`no image ${step.image}`);
      const part = {
        repository: image.repository,
        digest,
        contentKey: step.contentKey,
        platform: image.platform,
        source: observation.source,
        dagster: versionOf(content),
      };
      return {
        observation,
        release: { ...release, images: { ...release.images, [step.image]: part } },
        result: { digest },
      };
    }
    case "protect":
      return { observation: { ...observation, tagged: [] }, release, result: {} };
    case "register": {
      const content = resolve(step.content, results);
      const newest = observation.definitions[step.definition]?.newest?.revision.revision ?? 0;
      const definition = definitionOf(step.family, newest + 1, content);
      const known: KnownDefinition = {
        running: observation.definitions[step.definition]?.running ?? null,
        newest: definition,
        former: null,
        released: null,
      };
      const part = { ...definition.revision, contentHash: definition.contentHash ?? "" };
      return {
        observation: { ...observation, definitions: { ...observation.definitions, [step.definition]: known } },
        release: { ...release, taskDefinitions: { ...release.taskDefinitions, [step.definition]: part } },
        result: { arn: definition.arn },
      };
    }
    case "run-task": {
      const image = stack.migrations.find(({ name }) => name === step.migration)?.image ?? "";
      const contentKey = keyOf(world.contents[image] ?? "");
      return {
        observation,
        release: {
          ...release,
          migrations: {
            ...release.migrations,
            [step.migration]: {
              state: "done",
              contentKey,
              whole: true,
              runsOlder: null,
              settings: null,
              heads: null,
              addsSince: [],
            },
          },
        },
        result: {},
      };
    }
    case "roll": {
      const revision = parseRevision(resolveText(step.to, results));
      const service = observation.services[step.service];
      if (revision === null || service === null || service === undefined)
        throw new Error(`${step.id} rolls to nothing that can be named`);
      const key = `service/${step.service}`;
      const candidates = [observation.definitions[key]?.newest, observation.definitions[key]?.running];
      const running =
        candidates.find(
          (one) => one?.revision.revision === revision.revision && one.revision.family === revision.family,
        ) ?? null;
      const { rollout } = service;
      const rolled = serviceOf(service.name, revision, step.count ?? service.desiredCount, { rollout });
      return {
        observation: {
          ...observation,
          services: { ...observation.services, [step.service]: rolled },
          definitions: {
            ...observation.definitions,
            [key]: { newest: observation.definitions[key]?.newest ?? null, running, former: null, released: null },
          },
        },
        release,
        result: {},
      };
    }
    case "settings": {
      const service = observation.services[step.service];
      if (service === null || service === undefined) throw new Error(`${step.id} sets nothing that is there`);
      const { breaker: mode, ...percentages } = step.to;
      const breaker = mode === "off" ? null : { rollback: mode === "rolls-back", threshold: usualThreshold };
      const set = { ...service, rollout: { ...service.rollout, ...percentages, breaker } };
      return {
        observation: { ...observation, services: { ...observation.services, [step.service]: set } },
        release,
        result: {},
      };
    }
    case "stop": {
      const service = observation.services[step.service];
      if (service === null || service === undefined) throw new Error(`${step.id} stops nothing that is there`);
      const stopped = serviceOf(service.name, step.from, 0);
      return {
        observation: { ...observation, services: { ...observation.services, [step.service]: stopped } },
        release,
        result: {},
      };
    }
    case "put-back": {
      const service = observation.services[step.service];
      if (service === null || service === undefined || step.to === null)
        throw new Error(`${step.id} puts nothing back that is there`);
      const back = serviceOf(service.name, step.to, step.count ?? service.desiredCount);
      const services = { ...observation.services, [step.service]: back };
      return { observation: { ...observation, services }, release, result: {} };
    }
    case "publish":
      return { observation, release, result: {} };
    case "switch": {
      const seen = observation.dags[step.location];
      const part = release.dags[step.location];
      if (seen === undefined || part === undefined) throw new Error(`${step.id} switches nothing that is there`);
      const pointer = {
        schema: 1 as const,
        version: step.version,
        previous: step.from?.version ?? null,
        source: part.source,
        run: null,
        at: instant(0),
      };
      const stored = { value: pointer, etag: `"${step.version}"`, ageSeconds: 0 };
      const { schema: _, at: __, ...before } = pointer;
      const dags = { ...observation.dags, [step.location]: { ...seen, pointer: stored, before } };
      return { observation: { ...observation, dags }, release, result: {} };
    }
    case "list": {
      const locations = listOf(release);
      if (locations === null) throw new Error("the release has no list");
      const list = nextList(observation.list?.value ?? null, {
        locations,
        source: release.source,
        run: null,
        at: instant(0),
      });
      const stored = { value: list, etag: `"${list.version}"`, ageSeconds: 0 };
      return { observation: { ...observation, list: stored }, release, result: {} };
    }
    case "mirror": {
      const seen = observation.dags[step.location];
      if (seen?.plain === undefined) throw new Error(`${step.id} writes no plain files`);
      const plain = seen.plain.map((one) => (one.prefix === step.prefix ? { ...one, isServed: true } : one));
      const dags = { ...observation.dags, [step.location]: { ...seen, plain } };
      return { observation: { ...observation, dags }, release, result: {} };
    }
    case "drain":
    case "gate":
      return { observation, release, result: {} };
  }
}

export function serviceOf(
  name: string,
  revision: Revision,
  count: number,
  change: Partial<ServiceObservation> = {},
): ServiceObservation {
  return {
    name,
    arn: `arn:aws:ecs:${region}:${account}:service/deal-flow/${name}`,
    status: "ACTIVE",
    controller: "ECS",
    revision,
    desiredCount: count,
    runningCount: count,
    pendingCount: 0,
    primary: {
      id: "ecs-svc/1",
      revision,
      state: "COMPLETED",
      reason: { untrusted: "" },
      desiredCount: count,
      runningCount: count,
      pendingCount: 0,
      failedTasks: 0,
      createdAt: 0,
      updatedAt: 0,
    },
    others: [],
    serviceDeploymentArn: null,
    serviceRevisionArns: [],
    rollout: {
      minimumHealthyPercent: 0,
      maximumPercent: 100,
      breaker: { rollback: true, threshold: usualThreshold },
      alarmsRollBack: false,
      cleansUpLater: false,
      strategy: "ROLLING",
      hooks: 0,
      bakeMinutes: 0,
    },
    launchType: "FARGATE",
    capacityProviders: [],
    platformVersion: null,
    network: null,
    targetGroups: [],
    balanced: [],
    cloudFormationStack: null,
    events: [],
    ...change,
  };
}

function definitionOf(family: string, revision: number, content: Json): Definition {
  const arn = `arn:aws:ecs:${region}:${account}:task-definition/${family}:${revision}`;
  return {
    revision: { family, revision },
    arn,
    active: true,
    contentHash: definitionHash(content),
    madeFor: null,
    content: content as Definition["content"],
  };
}

function versionOf(content: string): string | null {
  return /dagster (\S+)/.exec(content)?.[1] ?? null;
}

function inputsOf(content: string): NonNullable<ImagePlan["made"]>["of"] {
  const file = `0644 ${contentHash(/instance \S+/.exec(content)?.[0] ?? content)}`;
  return {
    scheme: 4,
    groups: [],
    localPackages: {},
    prepare: [],
    user: null,
    platform: "linux/amd64",
    base: digestOf("base"),
    python: null,
    requirements: contentHash(versionOf(content)),
    workdir: "/app",
    environment: {},
    files: { "opt/dagster/dagster.yaml": file, "opt/dagster/workspace.yaml": file },
  };
}

export function keyOf(content: string): string {
  return contentHash(content).slice(0, 40);
}

export function digestOf(content: string): Digest {
  return `sha256:${contentHash(`image of ${content}`)}` as Digest;
}
