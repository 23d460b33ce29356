import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonMap } from "../../../src/domain/json.ts";
import type { Plan } from "../../../src/domain/plan.ts";
import { definitionChanges } from "../../../src/releases/changes.ts";
import { beforeOf } from "../../../src/releases/observe/services.ts";
import { planRelease } from "../../../src/releases/plan.ts";
import type { Definition } from "../../../src/task-definitions/definition.ts";
import { environmentFile, existingFile } from "../../../src/task-definitions/existing.ts";
import { withDefaults } from "../../local-aws/ecs/definition-defaults.ts";
import { stackOf } from "../stack/reading.ts";
import { begin, carriedOut, serviceOf, shaOf, untouchedWorld, type World } from "./world.ts";

// examples/asset-manager: the files that they have, and services that run what their script has made of them.

const example = join(import.meta.dirname, "../../../examples/asset-manager");
const folder = "asset_manager/deployment/ecs";
const read = (path: string): string => readFileSync(join(example, path), "utf8");

const stack = stackOf(read("dagster-stack.yml"), { variables: { ENVIRONMENT: "production" } });
const { placeholders } = stack;

/** As their script does it: `sed` over the files, and the lists of env.json in the place of those of the definition. */
function registered(name: string): Definition {
  const replaced = (path: string): JsonMap => {
    const values = { account: "123456789012", region: "us-west-1", app: "asset_manager", env: "production" };
    const text = Object.entries(values).reduce((all, [key, value]) => all.replaceAll(`$${key}`, value), read(path));
    return JSON.parse(text) as JsonMap;
  };
  const definition = replaced(`${folder}/${name}-task-definition.json`);
  const [container] = definition["containerDefinitions"] as readonly JsonMap[];
  const content = {
    ...definition,
    containerDefinitions: [{ ...container, ...replaced(`${folder}/env.json`) }],
  };
  const stored = JSON.parse(JSON.stringify(withDefaults(content as never))) as JsonMap;
  const revision = { family: `asset-manager-${name}`, revision: 41 };
  const arn = `arn:aws:ecs:us-west-1:123456789012:task-definition/asset-manager-${name}:41`;
  return { revision, arn, active: true, contentHash: null, madeFor: null, content: stored };
}

function world(): World {
  const start = untouchedWorld(stack);
  const file = (name: string): string => `${folder}/${name}-task-definition.json`;
  const existing = Object.fromEntries(
    [
      ["service/web", "web"],
      ["service/daemon", "daemon"],
      ["run/asset_manager", "run"],
    ].map(([definition = "", name = ""]) => [definition, existingFile(read(file(name)), file(name), placeholders)]),
  );
  const running = { web: registered("web"), daemon: registered("daemon") };
  const definitions = Object.fromEntries(
    Object.entries(running).map(([key, one]) => [
      `service/${key}`,
      { running: one, newest: one, former: null, released: null },
    ]),
  );
  const run = registered("run");
  const services = {
    web: serviceOf("asset-manager-web", running.web.revision, 2),
    daemon: serviceOf("asset-manager-daemon", running.daemon.revision, 1),
  };
  return {
    ...start,
    observation: {
      ...start.observation,
      services,
      before: beforeOf(services, { unfinished: [] }),
      definitions: {
        ...definitions,
        "run/asset_manager": { running: null, newest: run, former: null, released: null },
      },
      existing,
      environmentFile: environmentFile(read(`${folder}/env.json`), `${folder}/env.json`, placeholders),
    },
  };
}

const plan = (of: World, sha = "a"): Plan => planRelease(stack, of.observation, begin(of, shaOf(sha)));
const changed = (of: World): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    definitionChanges(plan(of), of.observation).map(({ definition, changes }) => [
      definition,
      changes.map(({ path }) => path.join(".")),
    ]),
  );

describe("The first plan against the services that run", () => {
  const now = world();

  test("says image, two variables, and nothing else; of the runs' definition the image", () => {
    expect(changed(now)).toMatchObject({
      "service/web": [
        "containers.asset-manager-web.environment.DAGSTER_CONTAINER_CONTEXT",
        "containers.asset-manager-web.environment.DAGSTER_CURRENT_IMAGE",
        "containers.asset-manager-web.image",
      ],
      "service/daemon": [
        "containers.asset-manager-daemon.environment.DAGSTER_CONTAINER_CONTEXT",
        "containers.asset-manager-daemon.environment.DAGSTER_CURRENT_IMAGE",
        "containers.asset-manager-daemon.image",
      ],
    });
  });

  test("has no finding that stops it", () => {
    const errors = plan(now).findings.filter(({ level }) => level === "error");
    expect(errors.map(({ id, what }) => `${id}: ${what}`)).toEqual([]);
  });

  test("leaves their own definitions where they are: once carried out, the same commit makes nothing", () => {
    const after = carriedOut(stack, now, plan(now));
    expect(plan(after).steps).toEqual([]);
  });
});
