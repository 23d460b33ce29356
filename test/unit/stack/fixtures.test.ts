import { contractReference, findings, parseStackFile, type Service, type Stack } from "../../../src/stack/index.ts";
import { contract, fixture, stackOf } from "./reading.ts";

const today = "2026-11-21";

function service<K extends Service["kind"]>(stack: Stack, key: string, kind: K): Extract<Service, { kind: K }> {
  const found = stack.services[key];
  if (found?.kind !== kind) throw new Error(`${key} is no ${kind}`);
  return found as Extract<Service, { kind: K }>;
}

function referenceOf(name: string, environment = "production", region = "eu-west-1") {
  const file = parseStackFile(fixture(name), `${name}.yml`);
  return contractReference(file, { environment, account: "123456789012", region, variables: {} });
}

describe("deal-flow: existing services made by a compose stack", () => {
  const stack = stackOf(fixture("deal-flow"));

  test("the contract is a mapping: the infrastructure exists and stays where it is", () => {
    expect(referenceOf("deal-flow")).toMatchObject({ kind: "mapping", contract: { cluster: "dealflow" } });
    expect(stack.contract.network).toEqual({ "like-service": "DagsterdaemonService-8KqX" });
    expect(stack.contract.bucket).toEqual({ name: "omvision-deploys", prefix: "deal-flow/" });
  });

  test("each process has the role of its kind, and all the log group of compose", () => {
    expect(Object.values(stack.services).map(({ taskRole }) => taskRole)).toEqual([
      "dealflow-code",
      "dealflow-daemon",
      "dealflow-web",
    ]);
    for (const { executionRole, logGroup } of Object.values(stack.services)) {
      expect({ executionRole, logGroup }).toEqual({
        executionRole: "dealflow-exec",
        logGroup: "/docker-compose/dealflow",
      });
    }
  });

  test("dagster.yaml and workspace are theirs, inside the image: named, not made", () => {
    expect(stack.instance.dagsterYaml).toMatchObject({ kind: "own", path: "docker/dagster-prod.yaml" });
    expect(stack.instance.workspace).toMatchObject({ kind: "own", path: "docker/workspace.yaml" });
  });

  test("the environment is for every service, run and migration", () => {
    const tasks = [
      ...Object.values(stack.services),
      ...(stack.runs.kind === "ecs" ? Object.values(stack.runs.definitions) : []),
      ...stack.migrations,
    ];
    expect(tasks).toHaveLength(6);
    for (const { variables } of tasks) {
      expect(variables.environment["DAGSTER_LOGS_PG_DB"]?.value).toBe("dagster");
      expect(variables.environment["GOOGLE_SEARCH_ENGINE_ID"]?.value).toBe("0123");
      expect(Object.keys(variables.secrets)).toHaveLength(9);
    }
  });

  test("secrets are named keys of one Secrets Manager secret", () => {
    expect(stack.variables.secrets["OPENAI_API_KEY"]?.secret).toEqual({
      kind: "secret",
      name: "dealflow/prod",
      key: "OPENAI_API_KEY",
    });
    expect(stack.variables.parameterPaths).toEqual([]);
  });

  test("a search engine's id is no secret, and nothing else in it is found", () => {
    expect(findings(stack, today)).toEqual([]);
  });

  test("the code image rides on a target of their Dockerfile", () => {
    expect(stack.images["code"]?.building).toEqual({
      kind: "layers",
      places: expect.anything() as unknown,
      base: {
        kind: "dockerfile",
        context: ".",
        dockerfile: "DockerfileAppCode",
        target: "system",
        arguments: {},
        secrets: {},
        cache: "off",
        provenance: "off",
        lock: null,
        place: expect.objectContaining({ line: 29 }) as unknown,
      },
      requirements: "poetry.lock",
      groups: [],
      python: null,
      environment: {},
      user: null,
      prepare: [],
      files: [
        { from: "app", to: "/app/app", place: expect.anything() as unknown },
        { from: "alembic", to: "/app/alembic", place: expect.anything() as unknown },
        { from: "alembic.ini", to: "/app/alembic.ini", place: expect.anything() as unknown },
      ],
      made: {},
      workdir: "/app",
    });
    expect(stack.images["host"]?.building).toMatchObject({
      kind: "dockerfile",
      context: ".",
      dockerfile: "DockerfileDagster",
      target: null,
    });
  });

  test("the code location keeps Dagster's name, and the names that AWS has for it today", () => {
    const code = service(stack, "code", "code-location");
    expect(code).toMatchObject({
      location: "DealFlow",
      module: "app.main",
      service: "DealflowcodeService-J2vB",
      address: "deal_flow_code.dealflow.local",
      port: 4000,
      movesWith: "image",
      rollout: "keep",
    });
    expect(code.definition).toEqual({
      kind: "generated",
      family: "dealflow-deal_flow_code",
      container: "deal_flow_code",
      size: { cpu: 512, memory: 2048 },
      mounts: [],
    });
  });

  test("a change of code moves neither daemon nor webserver", () => {
    expect(service(stack, "daemon", "daemon")).toMatchObject({ movesWith: "dagster", rollout: "apply", image: "host" });
    expect(service(stack, "webserver", "webserver")).toMatchObject({
      movesWith: "dagster",
      url: "http://internal-nlb:3000",
      port: 3000,
    });
  });

  test("runs of DealFlow have a definition of their own, from the code image", () => {
    expect(stack.runs).toMatchObject({
      kind: "ecs",
      definitions: {
        DealFlow: {
          location: "DealFlow",
          key: "DealFlow",
          image: "code",
          taskRole: "dealflow-run",
          definition: { kind: "generated", family: "deal-flow-run-DealFlow", size: { cpu: 512, memory: 2048 } },
        },
      },
    });
  });

  test("alembic migrates from the code image, before the instance from the host image", () => {
    expect(stack.migrations.map(({ name, tool, image, workdir }) => [name, tool, image, workdir])).toEqual([
      ["application", "alembic", "code", "/app"],
      ["instance", "dagster", "host", null],
    ]);
  });

  test("the webserver is asked from inside the VPC, though it has an address", () => {
    expect(stack.gates.reach).toBe("task");
  });

  test("the canary is a job; schedules stay as before, and their first tick is told", () => {
    expect(stack.gates.canary).toMatchObject({
      location: "DealFlow",
      target: { kind: "job", name: "canary" },
      partition: { kind: "none" },
    });
    expect(stack.gates.schedules).toEqual({ kind: "as-before" });
    expect(stack.gates.firstTick).toBe("report");
  });

  test("start-up errors in the logs are errors", () => expect(stack.gates.logScan.level).toBe("error"));

  test("a secret in plain text is a warning until the end of 2026, and an error after", () => {
    const text = fixture("deal-flow").replace("S3_BUCKET_NAME: omvision-io", "OPENAI_TOKEN: omvision-io");
    const levelOn = (day: string) => findings(stackOf(text), day).map(({ id, level }) => `${id} ${level}`);
    expect(levelOn("2026-12-31")).toEqual(["secret-in-environment warning"]);
    expect(levelOn("2027-01-01")).toEqual(["secret-in-environment error"]);
  });

  test("staging has a contract of its own and another database, and is otherwise the same", () => {
    expect(referenceOf("deal-flow", "staging")).toEqual({
      kind: "object",
      bucket: "omvision-deploys",
      key: "staging/contract.json",
    });
    const staging = stackOf(fixture("deal-flow"), { environment: "staging", contract: contract() });
    expect(staging.contract.cluster).toBe("main");
    expect(staging.variables.environment["DAGSTER_LOGS_PG_DB"]?.value).toBe("dagster_staging");
    expect(staging.variables.environment["S3_BUCKET_NAME"]?.value).toBe("omvision-io");
    expect(staging.images).toEqual(stack.images);
    expect(staging.services["code"]?.taskRole).toBeNull();
  });
});

describe("dynamic-dags: code from S3, no code server", () => {
  const stack = stackOf(fixture("dynamic-dags"), { contract: contract({ database: undefined }) });

  test("the contract's address is in a parameter", () => {
    expect(referenceOf("dynamic-dags")).toEqual({ kind: "parameter", name: "/dagster/dynamic-dags/contract" });
  });

  test("the bucket's name comes from the contract", () => {
    expect(stack.variables.environment["DAGSTER_S3_BUCKET"]?.value).toBe("stack-bucket");
  });

  test("both processes load the locations themselves, so both move with the image", () => {
    const daemon = service(stack, "daemon", "daemon");
    const webserver = service(stack, "webserver", "webserver");
    expect(daemon.locations).toEqual(["dagster_code", "my-pipeline"]);
    expect(webserver.locations).toEqual(["dagster_code", "my-pipeline"]);
    expect([daemon.movesWith, webserver.movesWith]).toEqual(["image", "image"]);
  });

  test("one image for arm64, from a stage of the Dockerfile", () => {
    expect(stack.images["runtime"]).toMatchObject({
      repository: "dagster-ecs",
      platform: "linux/arm64",
      building: { kind: "dockerfile", context: ".", dockerfile: "docker/Dockerfile", target: "production" },
    });
  });

  test("nginx asks for a login; the gates log in with the same secret", () => {
    expect(service(stack, "webserver", "webserver").auth).toMatchObject({
      kind: "basic",
      secret: "dagster/basic-auth",
    });
    expect(stack.gates.auth).toMatchObject({ kind: "basic", secret: "dagster/basic-auth" });
  });

  test("scaling is read, and the count stays one", () => {
    expect(service(stack, "webserver", "webserver")).toMatchObject({
      scaling: { min: 1, max: 2, cpu: 70, memory: 80 },
      count: 1,
    });
  });

  test("runs live in the daemon, and a deploy waits for them", () => {
    expect(stack.runs).toEqual({ kind: "in-process", place: expect.anything() as unknown, drainMinutes: 15 });
  });

  test("the other way is one line: runs as tasks, a definition for each location", () => {
    const other = fixture("dynamic-dags").replace(
      /^runs:.*$/m,
      "runs: { image: runtime, size: { cpu: 256, memory: 512 } }",
    );
    const { runs } = stackOf(other, { contract: contract() });
    expect(runs).toMatchObject({
      kind: "ecs",
      definitions: {
        dagster_code: { image: "runtime", definition: { family: "dynamic-dags-run-dagster_code", container: "run" } },
        "my-pipeline": { image: "runtime", definition: { family: "dynamic-dags-run-my-pipeline", container: "run" } },
      },
    });
  });

  test("one location is published from here, the other from its own repository below its own prefix", () => {
    expect(stack.dags["dagster_code"]).toMatchObject({
      directory: "dags",
      module: "dagster_code",
      bucket: "stack-bucket",
      prefix: "dags/main/",
      layout: "both",
      pollSeconds: 60,
      fallback: "image",
      source: null,
    });
    expect(stack.dags["my-pipeline"]).toMatchObject({
      directory: ".",
      module: "defs",
      prefix: "dags/my-pipeline/",
      layout: "versioned",
      fallback: "none",
      source: { repository: "user/repo", ref: "main" },
    });
  });

  test("locations come and go without a restart: the workspace is in S3", () => {
    expect(stack.instance.workspace).toEqual({ kind: "s3" });
  });

  test("each webserver task is asked by itself", () => expect(stack.gates.everyWebserver).toBe("required"));
});

describe("asset-manager: an existing account, definitions used as they are", () => {
  const stack = stackOf(fixture("asset-manager"), { variables: { ENVIRONMENT: "prod" } });

  test("subnets and VPC are found by tag, security groups by name", () => {
    expect(stack.contract.network).toEqual({
      subnets: { tags: { Type: "private" } },
      vpc: { tags: { Name: "fulcrum-vpc" } },
      "security-groups": ["asset-manager-services-sg"],
      "public-address": false,
    });
  });

  test("what their files call $account, $region, $app and $env is known", () => {
    expect(stack.placeholders).toEqual({
      account: "123456789012",
      region: "us-west-1",
      app: "asset_manager",
      env: "prod",
    });
  });

  test("their environment file replaces, and does not merge", () => {
    expect(stack.environmentFile).toMatchObject({ path: "asset_manager/deployment/ecs/env.json", mode: "replace" });
  });

  test.each([
    ["web", "asset_manager/deployment/ecs/web-task-definition.json", "asset-manager-web"],
    ["daemon", "asset_manager/deployment/ecs/daemon-task-definition.json", "asset-manager-daemon"],
  ])("%s has its definition from a file, in which the image goes into one container", (key, path, container) => {
    expect(stack.services[key]?.definition).toMatchObject({ kind: "file", path, container, family: null });
    expect(stack.services[key]?.service).toBe(`asset-manager-${key}`);
  });

  test("two webservers, one daemon, and both move with their code", () => {
    expect(service(stack, "web", "webserver")).toMatchObject({
      count: 2,
      movesWith: "image",
      url: "https://dg.example.com",
    });
    expect(service(stack, "daemon", "daemon")).toMatchObject({ count: 1, movesWith: "image", rollout: "apply" });
  });

  test("runs have their definition from a file, in the family of their location", () => {
    expect(stack.runs).toMatchObject({
      definitions: {
        asset_manager: {
          image: "app",
          definition: {
            kind: "file",
            path: "asset_manager/deployment/ecs/run-task-definition.json",
            container: "asset-manager-run",
            family: "asset-manager-run-asset_manager",
          },
        },
      },
    });
  });

  test("the instance is migrated with network, roles and secrets of the daemon", () => {
    expect(stack.migrations).toMatchObject([{ tool: "dagster", image: "app", likeService: "daemon" }]);
  });

  test("the canary materialises the latest partition, and its logs are looked for in both places", () => {
    expect(stack.gates.canary).toMatchObject({
      location: "asset_manager",
      target: { kind: "asset", key: "snowflake_cache" },
      partition: { kind: "latest" },
      logs: true,
      computeLogs: { bucket: "asset-manager-artifacts", prefix: "" },
    });
  });

  test("a schedule must run, a sensor must run and tick, targets and security groups must be right", () => {
    expect(stack.gates).toMatchObject({
      schedules: { kind: "named", states: { daily_snowflake_cache_schedule: { status: "RUNNING", tick: "any" } } },
      sensors: { kind: "named", states: { partition_sync_sensor: { status: "RUNNING", tick: "success" } } },
      targetHealth: "required",
      securityGroups: expect.objectContaining({ file: expect.any(String) as string }) as object,
      reach: "runner",
    });
  });
});

describe("data-platform: nothing deployed yet, one image", () => {
  const database = {
    host: "db.example",
    name: "dagster",
    user: { from: "secret:dagster/db#user" },
    password: "secret:dagster/db#password",
  };
  const stack = stackOf(fixture("data-platform"), {
    contract: contract({ efs: "fs-12345678", database, services: { "dagster-code": { address: "code.internal" } } }),
  });

  test("the image is layers on Python, prepared by dbt, with two folders of code", () => {
    expect(stack.images["app"]?.building).toEqual({
      kind: "layers",
      places: expect.anything() as unknown,
      base: { kind: "image", reference: "public.ecr.aws/docker/library/python:3.12-slim" },
      requirements: "infrastructure/data-platform/dagster/requirements.lock",
      groups: [],
      python: null,
      prepare: ["dbt parse --project-dir code/data-platform/core/processing/dbt"],
      files: [
        {
          from: "code/data-platform/core/orchestration/dagster",
          to: "/app/dagster",
          place: expect.anything() as unknown,
        },
        { from: "code/data-platform/core/processing/dbt", to: "/app/dbt", place: expect.anything() as unknown },
      ],
      made: {
        "/opt/dagster/dagster.yaml": expect.stringContaining("- key: duckdb\n        limit: 1\n") as unknown,
        "/opt/dagster/workspace.yaml": expect.stringContaining("location_name: data-platform\n") as unknown,
      },
      workdir: null,
      environment: {},
      user: null,
    });
  });

  test("the warehouse is on the contract's file system, for the code server and for runs only", () => {
    expect(stack.volumes["warehouse"]?.fileSystem).toBe("fs-12345678");
    const mounts = [{ volume: "warehouse", path: "/data" }];
    expect(stack.services["dagster-code"]?.definition).toMatchObject({ mounts });
    expect(stack.runs).toMatchObject({ definitions: { "data-platform": { definition: { mounts } } } });
    expect(stack.services["dagster-daemon"]?.definition).toMatchObject({ mounts: [] });
  });

  test("daemon and webserver share the image and stay put when only code changed", () => {
    const kinds = Object.values(stack.services).map(({ image, movesWith }) => [image, movesWith]);
    expect(kinds).toEqual([
      ["app", "image"],
      ["app", "dagster"],
      ["app", "dagster"],
    ]);
  });

  test("names nobody gave are made of stack and key; the address is the contract's", () => {
    expect(service(stack, "dagster-code", "code-location")).toMatchObject({
      service: "data-platform-dagster-code",
      definition: { family: "data-platform-dagster-code", container: "dagster-code" },
      pythonPath: "/app/dagster",
      module: "definitions",
      address: "code.internal",
    });
  });

  test("the webserver listens on 3001", () => {
    expect(service(stack, "dagster-webserver", "webserver").port).toBe(3001);
  });

  test("the contract's database is in every task, under Dagster's names, the user from its secret", () => {
    for (const { variables } of Object.values(stack.services)) {
      expect(variables.environment).toMatchObject({
        DAGSTER_PG_HOST: { value: "db.example" },
        DAGSTER_PG_PORT: { value: "5432" },
        DAGSTER_PG_DB: { value: "dagster" },
        DUCKDB_PATH: { value: "/data/warehouse.duckdb" },
      });
      expect(variables.secrets).toMatchObject({
        DAGSTER_PG_USER: { secret: { kind: "secret", name: "dagster/db", key: "user" } },
        DAGSTER_PG_PASSWORD: { secret: { kind: "secret", name: "dagster/db", key: "password" } },
      });
    }
  });

  test("DuckDB takes one writer", () => expect(stack.instance.concurrency).toEqual({ tag: "duckdb", limit: 1 }));

  test("without an address for people, the webserver is asked from inside the VPC", () => {
    expect(stack.gates.reach).toBe("task");
  });
});
