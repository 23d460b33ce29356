import type { Json, JsonMap } from "../../../src/domain/json.ts";
import { showAll } from "../../../src/domain/later.ts";
import { inOrder, type Plan } from "../../../src/domain/plan.ts";
import { onceDefinitions, secretNames } from "../../../src/releases/definitions.ts";
import { definitionChanges } from "../../../src/releases/changes.ts";
import { explainPlan } from "../../../src/releases/explain.ts";
import { existingProblems, liveDefinitions, withNames } from "../../../src/releases/existing.ts";
import { readInstanceFile } from "../../../src/releases/observe/instance.ts";
import { beforeOf } from "../../../src/releases/observe/services.ts";
import { planRelease } from "../../../src/releases/plan.ts";
import type { Stack } from "../../../src/stack/index.ts";
import { compareDefinitions } from "../../../src/task-definitions/compare.ts";
import type { Definition } from "../../../src/task-definitions/definition.ts";
import { environmentFile, existingFile } from "../../../src/task-definitions/existing.ts";
import { render } from "../../../src/task-definitions/render.ts";
import { withDefaults } from "../../local-aws/ecs/definition-defaults.ts";
import { contract, stackOf, withTop } from "../stack/reading.ts";
import { begin, carriedOut, dealFlow, serviceOf, shaOf, untouchedWorld, type World, withContents } from "./world.ts";

/** As asset-manager has it: three files with one environment file, services that run them, and no code server. */
function stackWith(daemon = "deploy/daemon.json", more = ""): Stack {
  return stackOf(
    withTop(`
placeholders: { account: "\${account}", app: shop }
environment-file: { path: deploy/env.json, mode: replace }
images: { app: { repository: shop, layers: { base: b } } }
services:
  web: { kind: webserver, image: app, task-definition: deploy/web.json, service: shop-web, container: web, locations: [shop], url: "http://web", environment: { LOG_LEVEL: debug } }
  daemon: { kind: daemon, image: app, task-definition: ${daemon}, service: shop-daemon, locations: [shop] }
runs: { image: app, task-definition: deploy/run.json }
migrations: [{ name: instance, tool: dagster, image: app, like-service: daemon }]
${more}`),
    { contract: contract() },
  );
}

const roles = {
  executionRoleArn: "arn:aws:iam::$account:role/exec",
  taskRoleArn: "arn:aws:iam::$account:role/$app-task",
};
const log = {
  logDriver: "awslogs",
  options: { "awslogs-group": "/ecs/$app", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "lines" },
};
const file = (name: string, command: readonly string[], sidecars: readonly object[] = []): string =>
  JSON.stringify({
    family: `shop-${name}`,
    networkMode: "awsvpc",
    requiresCompatibilities: ["FARGATE"],
    cpu: "1 vCPU",
    memory: "2 GB",
    ...roles,
    containerDefinitions: [
      {
        name,
        image: "$account.dkr.ecr.eu-west-1.amazonaws.com/shop:latest",
        command,
        logConfiguration: log,
        environment: [{ name: "GONE", value: "x" }],
      },
      ...sidecars,
    ],
  });
const files: Readonly<Record<string, string>> = {
  web: file(
    "web",
    ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000"],
    [{ name: "nginx", image: "nginx:1", essential: false }],
  ),
  daemon: file("daemon", ["dagster-daemon", "run"]),
  run: file("run", []),
};
const env = JSON.stringify({
  environment: [
    { name: "DAGSTER_HOME", value: "/opt/dagster" },
    { name: "LOG_LEVEL", value: "info" },
  ],
  secrets: [{ name: "DAGSTER_PG_PASSWORD", valueFrom: "arn:aws:ssm:eu-west-1:$account:parameter/$app/password" }],
});

/** The world with the files of a stack read, and services that run what their own tool has registered of them. */
function world(stack: Stack): World {
  const read = (name: string) => existingFile(files[name] ?? "", `deploy/${name}.json`, stack.placeholders);
  const all = { "service/web": read("web"), "run/shop": read("run"), "service/daemon": read("daemon") };
  const environment = environmentFile(env, "deploy/env.json", stack.placeholders);
  const start = untouchedWorld(stack);
  const definitions = Object.fromEntries(
    ["web", "daemon"].map((name) => {
      const running = registered(`shop-${name}`, 7, asTheirs(all[`service/${name}` as "service/web"].content));
      return [`service/${name}`, { running, newest: running, former: null, released: null }] as const;
    }),
  );
  const services = Object.fromEntries(
    ["web", "daemon"].map((name) => [name, serviceOf(`shop-${name}`, { family: `shop-${name}`, revision: 7 }, 1)]),
  );
  const existing = { ...all, ...liveDefinitions(stack, definitions) };
  const before = beforeOf(services, { unfinished: [] });
  return {
    ...start,
    observation: { ...start.observation, services, before, definitions, existing, environmentFile: environment },
  };
}

/** Their script puts the lists of the environment file into each definition. */
function asTheirs(content: JsonMap): JsonMap {
  const lists = JSON.parse(env.replaceAll("$account", "123456789012").replaceAll("$app", "shop")) as JsonMap;
  const [first, ...others] = content["containerDefinitions"] as readonly JsonMap[];
  return { ...content, containerDefinitions: [{ ...first, ...lists }, ...others] };
}

function registered(family: string, revision: number, content: JsonMap): Definition {
  const stored = JSON.parse(JSON.stringify(withDefaults(content as never))) as JsonMap;
  const arn = `arn:aws:ecs:eu-central-1:123456789012:task-definition/${family}:${revision}`;
  return {
    revision: { family, revision },
    arn,
    active: true,
    contentHash: null,
    madeFor: null,
    content: { ...stored, revision, status: "ACTIVE", taskDefinitionArn: arn },
  };
}

const plan = (stack: Stack, of: World, sha = "a"): Plan => planRelease(stack, of.observation, begin(of, shaOf(sha)));
const content = (of: Plan, definition: string): Json => {
  const step = of.steps.find((one) => one.kind === "register" && one.definition === definition);
  if (step?.kind !== "register") throw new Error(`${definition} is not registered`);
  return showAll(step.content);
};
const changed = (stack: Stack, of: World, key: string): readonly string[] =>
  compareDefinitions(
    of.observation.definitions[`service/${key}`]?.running?.content ?? null,
    content(plan(stack, of), `service/${key}`),
  ).map(({ path }) => path.join("."));

describe("services that run definitions of the user's own", () => {
  const stack = stackWith();
  const now = world(stack);

  test("are changed in their image and in what tells Dagster of it, and in what the stack file says; nothing else", () => {
    expect(changed(stack, now, "daemon")).toEqual([
      "containers.daemon.environment.DAGSTER_CONTAINER_CONTEXT",
      "containers.daemon.environment.DAGSTER_CURRENT_IMAGE",
      "containers.daemon.image",
    ]);
    expect(changed(stack, now, "web")).toEqual([
      "containers.web.environment.DAGSTER_CONTAINER_CONTEXT",
      "containers.web.environment.DAGSTER_CURRENT_IMAGE",
      "containers.web.environment.LOG_LEVEL",
      "containers.web.image",
    ]);
  });

  test("name the container that runs start in, by the definition of the runs", () => {
    const [daemon] = (content(plan(stack, now), "service/daemon") as { containerDefinitions: readonly JsonMap[] })
      .containerDefinitions;
    const context = ((daemon?.["environment"] ?? []) as { name: string; value: string }[]).find(
      ({ name }) => name === "DAGSTER_CONTAINER_CONTEXT",
    );
    expect(JSON.parse(context?.value ?? "")).toEqual({
      ecs: { task_definition_arn: "(known after apply)", container_name: "run" },
    });
    expect(content(plan(stack, now), "run/shop")).toMatchObject({ family: "shop-run-shop" });
  });

  test("are registered once: the same commit again makes nothing", () => {
    const after = carriedOut(stack, now, plan(stack, now));
    expect(plan(stack, after).steps).toEqual([]);
  });

  test("a definition that their own tool registered, and that says the same, is not registered again", () => {
    const after = carriedOut(stack, now, plan(stack, now));
    const { definitions } = after.observation;
    const foreign = Object.entries(definitions).map(([name, known]) => {
      const { revision, content: text } = known.newest ??
        known.running ?? { revision: { family: "", revision: 0 }, content: {} };
      const one = registered(revision.family, revision.revision, text);
      return [name, { ...known, running: known.running === null ? null : one, newest: one }] as const;
    });
    const observation = { ...after.observation, definitions: Object.fromEntries(foreign) };
    expect(plan(stack, { ...after, observation }).steps).toEqual([]);
  });

  test("a change of code rolls both, since both load it, and registers three", () => {
    const after = withContents(carriedOut(stack, now, plan(stack, now)), { app: "app 2" });
    const registers = inOrder(plan(stack, after, "b").steps).filter(({ kind }) => kind === "register");
    expect(registers.map(({ id }) => id).sort()).toEqual([
      "register/once/app",
      "register/run/shop",
      "register/service/daemon",
      "register/service/web",
    ]);
  });

  test("give a migration that is like them their roles, variables, secrets and log", () => {
    const named = withNames(stack, now.observation);
    const [once] = onceDefinitions(named, { app: "image" }, now.observation);
    expect(once?.request).toMatchObject({
      executionRoleArn: "arn:aws:iam::123456789012:role/exec",
      taskRoleArn: "arn:aws:iam::123456789012:role/shop-task",
      environment: { DAGSTER_HOME: "/opt/dagster", LOG_LEVEL: "info" },
      secrets: { DAGSTER_PG_PASSWORD: "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/password" },
      log: { group: "/ecs/shop" },
    });
    const [migration] = named.migrations;
    if (migration === undefined) throw new Error("no migration");
    expect(secretNames(named, migration, now.observation)).toEqual(["DAGSTER_PG_PASSWORD"]);
    expect(migration.logGroup).toBe("/ecs/shop");
  });

  test("give such a migration their files of variables in S3: the database may be in one", () => {
    const environmentFiles = [{ type: "s3", value: "arn:aws:s3:::shop/prod.env" }];
    const text = (files["daemon"] ?? "").replace(
      '"environment":',
      `"environmentFiles":${JSON.stringify(environmentFiles)},$&`,
    );
    const daemon = existingFile(text, "deploy/daemon.json", stack.placeholders);
    const existing = { ...now.observation.existing, "service/daemon": daemon };
    const [once] = onceDefinitions(
      withNames(stack, now.observation),
      { app: "image" },
      { ...now.observation, existing },
    );
    if (once === undefined) throw new Error("no definition");
    expect(showAll(render(once.request))).toMatchObject({ containerDefinitions: [{ environmentFiles }] });
  });

  test("have their names and the place of their lines from them", () => {
    const { services } = withNames(stack, now.observation);
    expect(services["daemon"]?.definition).toMatchObject({
      family: "shop-daemon",
      container: "daemon",
      log: { group: "/ecs/shop", prefix: "lines" },
    });
    // A rollback reads no files: what runs tells as much.
    const without = withNames(stack, { ...now.observation, existing: {} });
    expect(without.services["daemon"]?.definition).toMatchObject({ container: "daemon", log: { prefix: "lines" } });
  });
});

describe("what is wrong with definitions of the user's own", () => {
  const stack = stackWith();
  const secret = { name: "OPENAI_API_KEY", value: "hunter2" };

  test("is said at its line in the file", () => {
    const text = JSON.stringify(JSON.parse((files["web"] ?? "").replace('"x"', '"0123456789abcdef"')), null, 2).replace(
      '"GONE"',
      '"API_TOKEN"',
    );
    const now = world(stack);
    const existing = {
      ...now.observation.existing,
      "service/web": existingFile(text, "deploy/web.json", stack.placeholders),
    };
    const merging = { ...stack, environmentFile: null };
    const observation = { ...now.observation, existing, environmentFile: null };
    const [found, ...others] = plan(merging, { ...now, observation }).findings.filter(
      ({ id }) => id === "secret-in-environment",
    );
    const line = text.split("\n").findIndex((one) => one.includes("API_TOKEN"));
    expect(others).toEqual([]);
    expect(found?.where).toEqual({ file: "deploy/web.json", line, column: expect.any(Number) as number });
    expect(JSON.stringify(found)).not.toContain("0123456789abcdef");
  });

  test("is said once of the environment file, whose variables all of them have", () => {
    const now = world(stack);
    const text = JSON.stringify({ environment: [{ name: "A", value: "1" }, secret] }, null, 2);
    const observation = { ...now.observation, environmentFile: environmentFile(text, "deploy/env.json", {}) };
    const found = plan(stack, { ...now, observation }).findings.filter(({ id }) => id === "secret-in-environment");
    expect(found.map(({ where }) => where)).toEqual([
      { file: "deploy/env.json", line: 7, column: expect.any(Number) as number },
    ]);
  });

  test("is said of what runs by its revision", () => {
    const live = stackWith("live");
    const now = world(live);
    const known = now.observation.existing["service/daemon"];
    if (known === undefined) throw new Error("nothing runs");
    const { taskRoleArn, ...content } = known.content;
    expect(taskRoleArn).toBeDefined();
    const existing = { ...now.observation.existing, "service/daemon": { ...known, content } };
    const found = plan(live, { ...now, observation: { ...now.observation, existing } }).findings;
    expect(found).toContainEqual(
      expect.objectContaining({ id: "task-role-missing", level: "error", where: "shop-daemon:7" }),
    );
  });

  test("is nothing in definitions that are in order, nor in those that we make", async () => {
    const ids = ["service-missing", "no-breaker", "stop-timeout", "placeholder-unused", "not-in-this-version"];
    const left = (of: Plan): readonly string[] => of.findings.map(({ id }) => id).filter((id) => !ids.includes(id));
    expect(left(plan(stack, world(stack)))).toEqual(["log-missing", "image-by-tag"]); // of the sidecar
    const example = dealFlow();
    const { observation, contents } = untouchedWorld(example);
    const instanceFile = await readInstanceFile(example, "examples/deal-flow");
    expect(instanceFile?.tree).not.toBeNull();
    expect(left(plan(example, { contents, observation: { ...observation, instanceFile } }))).toEqual([]);
  });
});

describe("what people and machines see of a change", () => {
  const stack = { ...stackWith(), shownVariables: ["LOG_LEVEL"] };
  const now = world(stack);
  const planned = plan(stack, now);

  test("holds values of variables only where the stack file shows them", () => {
    const [web] = definitionChanges(planned, now.observation).filter(({ definition }) => definition === "service/web");
    expect(web).toMatchObject({ family: "shop-web", from: "shop-web:7" });
    expect(web?.changes.find(({ path }) => path.at(-1) === "LOG_LEVEL")).toMatchObject({
      from: "info",
      to: "debug",
      hidden: false,
    });
    const [run] = definitionChanges(planned, now.observation).filter(({ definition }) => definition === "run/shop");
    expect(run).toMatchObject({ from: null });
    expect(run?.changes.find(({ path }) => path.at(-1) === "DAGSTER_HOME")?.to).toBe("/opt/dagster");
  });

  test("names images by their digest, and by their commit where that is known", () => {
    const after = withContents(carriedOut(stack, now, planned), { app: "app 2" });
    const { markdown } = explainPlan(plan(stack, after, "b"), after.observation);
    expect(markdown).toMatch(
      /- containers\.daemon\.image: \S+@sha256:[0-9a-f]{64} \(commit aaaaaaaaaaaa\)\n\+ containers\.daemon\.image: \S+@\(known after apply\)/,
    );
    expect(markdown).not.toContain("containers.daemon.logConfiguration");
  });
});

describe("with `task-definition: live`", () => {
  const stack = stackWith("live");

  test("what runs is edited, whatever others have changed in it, and then left alone", () => {
    const now = world(stack);
    expect(changed(stack, now, "daemon")).toHaveLength(3);
    const after = carriedOut(stack, now, plan(stack, now));
    const existing = { ...after.observation.existing, ...liveDefinitions(stack, after.observation.definitions) };
    expect(plan(stack, { ...after, observation: { ...after.observation, existing } }).steps).toEqual([]);
  });
});

test("the environment file goes into definitions that we make, too, below the stack file", () => {
  const stack = dealFlow((text) => `${text}\nenvironment-file: { path: env.json }\n`);
  const start = untouchedWorld(stack);
  const lists = {
    environment: [
      { name: "DAGSTER_LOGS_PG_DB", value: "of the file" },
      { name: "ADDED", value: "x" },
    ],
    secrets: [{ name: "TOKEN", valueFrom: "arn:token" }],
  };
  const file = environmentFile(JSON.stringify(lists), "env.json", {});
  const planned = plan(stack, { ...start, observation: { ...start.observation, environmentFile: file } });
  for (const definition of ["service/code", "service/daemon", "run/DealFlow", "once/host"]) {
    const [container] = (content(planned, definition) as { containerDefinitions: readonly [JsonMap] })
      .containerDefinitions;
    expect(container["environment"]).toContainEqual({ name: "ADDED", value: "x" });
    expect(container["environment"]).toContainEqual({ name: "DAGSTER_LOGS_PG_DB", value: "dagster" });
    expect(container["secrets"]).toContainEqual({ name: "TOKEN", valueFrom: "arn:token" });
  }
});

describe("an edit that would have no effect is refused", () => {
  const problems = (stack: Stack): readonly string[] =>
    existingProblems(stack, world(stack).observation.existing).map(({ what, fix }) => `${what} ${fix}`);

  test.each([
    [
      "a container that is not there",
      (text: string) => text.replace("container: web", "container: webb"),
      'has no container "webb": its image would not be set. Did you mean `web`?',
    ],
    [
      "a container to be chosen among several",
      (text: string) => text.replace("container: web, ", ""),
      "has 2 containers, and services.web does not say which of them runs Dagster. Add `container`: Use one of `web`, `nginx`.",
    ],
    [
      "one family for two",
      (text: string) => text.replace("deploy/web.json,", "deploy/web.json, family: shop-daemon,"),
      'have one family, "shop-daemon"',
    ],
  ])("%s", (_, change, what) => {
    const text = change(`
images: { app: { repository: shop, layers: { base: b } } }
services:
  web: { kind: webserver, image: app, task-definition: deploy/web.json, container: web, locations: [shop], url: "http://web" }
  daemon: { kind: daemon, image: app, task-definition: deploy/daemon.json, locations: [shop] }
runs: { image: app, task-definition: deploy/run.json }
`);
    expect(problems(stackOf(withTop(text), { contract: contract() }))).toEqual([expect.stringContaining(what)]);
  });

  test("a placeholder that stands nowhere is said", () => {
    const stack = { ...stackWith(), placeholders: { account: "1", app: "shop", nowhere: "x" } };
    const found = plan(stack, world(stack)).findings.filter(({ id }) => id === "placeholder-unused");
    expect(found.map(({ what }) => what)).toEqual([expect.stringContaining('"nowhere"')]);
  });
});
