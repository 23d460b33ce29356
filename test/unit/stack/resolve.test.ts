import type { Stack } from "../../../src/stack/index.ts";
import { defaultSize } from "../../../src/stack/tasks.ts";
import { type Asked, at, contract, mistakesIn, stackOf, withTop } from "./reading.ts";

const images = "images: { app: { repository: shop/app, build: { dockerfile: Dockerfile } } }\n";
const addressed = contract({ services: { code: { address: "code.internal" } } });

/** Below three lines of top and one of images, the text begins on line 5. */
function resolved(text: string, asked: Asked = {}): Stack {
  return stackOf(withTop(images + text), { contract: addressed, ...asked });
}

function mistakes(text: string, asked: Asked = {}): readonly string[] {
  return mistakesIn(() => resolved(text, asked)).map((problem) => `${at(problem)} ${problem.what} ${problem.fix}`);
}

const code = "code: { kind: code-location, image: app, location: shop, module: shop.defs }";

describe("names", () => {
  test("of a service: the contract's, then the file's, then stack and key", () => {
    const text = `services:
  a: { kind: webserver, image: app, service: from-file }
  b: { kind: webserver, image: app, service: from-file-too }
  c.d: { kind: webserver, image: app }
`;
    const { services } = resolved(text, { contract: contract({ services: { a: { service: "from-contract" } } }) });
    expect(Object.values(services).map(({ service }) => service)).toEqual([
      "from-contract",
      "from-file-too",
      "shop-c-d",
    ]);
  });

  test("of families: what the file says, else stack and key; runs by location, one-off tasks by image", () => {
    const stack = resolved(`services:
  ${code}
  daemon: { kind: daemon, image: app, family: old-daemon }
`);
    expect(stack.services["code"]?.definition.family).toBe("shop-code");
    expect(stack.services["daemon"]?.definition.family).toBe("old-daemon");
    expect(stack.runs).toMatchObject({ definitions: { shop: { definition: { family: "shop-run-shop" } } } });
    expect(stack.images["app"]?.onceFamily).toBe("shop-once-app");
  });

  test("of a definition of the user's own stay what the definition says", () => {
    const { services } = resolved(`services:
  a: { kind: daemon, image: app, task-definition: live }
  b: { kind: webserver, image: app, task-definition: ecs/web.json, family: web, container: main }
`);
    expect(services["a"]?.definition).toMatchObject({ kind: "live", family: null, container: null });
    expect(services["b"]?.definition).toMatchObject({
      kind: "file",
      path: "ecs/web.json",
      family: "web",
      container: "main",
      place: { line: 7, column: 54 },
    });
  });

  test.each([
    ["family:web", "web"],
    ["family:web:7", "web:7"],
    [
      "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
      "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
    ],
  ])("of one that ECS has, %s, are what ECS takes", (from, name) => {
    const { services } = resolved(`services:
  a: { kind: daemon, image: app, task-definition: "${from}" }
`);
    expect(services["a"]?.definition).toMatchObject({ kind: "registered", name, family: null });
  });

  test("of a location that Dagster made are kept, and written for ECS and for a release as those allow", () => {
    const stack = resolved(
      'services: { code: { kind: code-location, image: app, location: "grpc:host:4000", module: m } }',
    );
    expect(stack.runs).toMatchObject({
      definitions: {
        "grpc:host:4000": {
          location: "grpc:host:4000",
          key: "grpc-host-4000",
          definition: { family: "shop-run-grpc-host-4000" },
        },
      },
    });
  });

  test.each([
    [
      "services: { a.b: { kind: webserver, image: app }, a-b: { kind: webserver, image: app } }",
      [
        '5:51 A second ECS service would be called "shop-a-b". Rename one: names differ only in characters that ECS does not allow, or one is written twice.',
        '5:51 A second family would be called "shop-a-b". Rename one: names differ only in characters that ECS does not allow, or one is written twice.',
      ],
    ],
    [
      "services: { a: { kind: webserver, image: app, service: x }, b: { kind: webserver, image: app, service: x } }",
      [
        '5:61 A second ECS service would be called "x". Rename one: names differ only in characters that ECS does not allow, or one is written twice.',
      ],
    ],
    [
      "services: { a: { kind: webserver, image: app, family: shop-once-app } }",
      [
        '4:11 A second family would be called "shop-once-app". Rename one: names differ only in characters that ECS does not allow, or one is written twice.',
      ],
    ],
    [
      "services: { a: { kind: webserver, image: app }, b: { kind: daemon, image: app, replaces: shop-a } }",
      [
        '5:90 services.b replaces "shop-a", which is the ECS service of services.a. Name a service outside of this stack; or remove `replaces`.',
      ],
    ],
    [
      "services: { a: { kind: webserver, image: app, replaces: x }, b: { kind: daemon, image: app, replaces: x } }",
      [
        '5:103 services.b and services.a replace the same ECS service, "x". Let the one replace it that takes over its work.',
      ],
    ],
  ])("that would be one are a mistake: %s", (text, expected) => expect(mistakes(text)).toEqual(expected));
});

describe("what moves a host", () => {
  const host = (services: string) =>
    resolved(`services: { w: { kind: webserver, image: app${services} }`).services["w"];

  test.each([
    ["Dagster, where a code server exists", ` }, ${code}`, "dagster"],
    ["its image, where none exists", " }", "image"],
    ["its image, when it loads a location itself", `, locations: [other] }, ${code}`, "image"],
    ["its image, when it says so", `, moves-with: image }, ${code}`, "image"],
    ["Dagster, when it says so", ", moves-with: dagster }", "dagster"],
  ])("%s", (_name, services, expected) => expect(host(services)?.movesWith).toBe(expected));

  test("a code server moves with its image", () => {
    expect(resolved(`services: { ${code} }`).services["code"]?.movesWith).toBe("image");
  });
});

describe("variables", () => {
  const database = { host: "db", name: "dagster", user: "admin", password: "ssm:/db/password" };
  const withDatabase = contract({ database, services: { code: { address: "code" } } });

  test("the narrower wins: database, then the top, then the service, also over the other sort", () => {
    const { services } = resolved(
      `environment: { DAGSTER_PG_HOST: proxy, LEVEL: info, KEY: plain }
secrets: { TOKEN: "ssm:/token" }
services:
  ${code}
  daemon: { kind: daemon, image: app, environment: { LEVEL: debug, TOKEN: none }, secrets: { KEY: "secret:shop#key" } }
`,
      { contract: withDatabase },
    );
    const plain = (key: string) =>
      Object.fromEntries(
        Object.entries(services[key]?.variables.environment ?? {}).map(([name, { value }]) => [name, value]),
      );
    const database = {
      DAGSTER_PG_HOST: "proxy",
      DAGSTER_PG_PORT: "5432",
      DAGSTER_PG_DB: "dagster",
      DAGSTER_PG_USER: "admin",
      DAGSTER_S3_BUCKET: "stack-bucket",
    };
    expect(plain("code")).toEqual({ ...database, LEVEL: "info", KEY: "plain" });
    const addresses = { DAGSTER_CODE_CODE_HOST: "code", DAGSTER_CODE_CODE_PORT: "4000" };
    expect(plain("daemon")).toEqual({ ...database, ...addresses, LEVEL: "debug", TOKEN: "none" });
    expect(Object.keys(services["code"]?.variables.secrets ?? {})).toEqual(["DAGSTER_PG_PASSWORD", "TOKEN"]);
    expect(services["daemon"]?.variables.secrets).toMatchObject({
      DAGSTER_PG_PASSWORD: { secret: { kind: "parameter", name: "/db/password" } },
      KEY: { secret: { kind: "secret", name: "shop", key: "key" } },
    });
    expect(services["daemon"]?.variables.secrets).not.toHaveProperty("TOKEN");
  });

  test("each knows where it was written, what comes from the contract where the contract is named", () => {
    const { variables } = resolved("environment: { LEVEL: info }", { contract: withDatabase });
    expect(variables.environment["LEVEL"]?.place).toEqual({ file: "dagster-stack.yml", line: 5, column: 23 });
    expect(variables.environment["DAGSTER_PG_HOST"]?.place).toEqual({ file: "dagster-stack.yml", line: 3, column: 1 });
  });

  test("the database has the names that the instance gives it", () => {
    const { variables, instance } = resolved("instance: { database: { host: PGHOST, password: PGPASSWORD } }", {
      contract: withDatabase,
    });
    expect(Object.keys(variables.environment)).toEqual([
      "PGHOST",
      "DAGSTER_PG_PORT",
      "DAGSTER_PG_DB",
      "DAGSTER_PG_USER",
    ]);
    expect(Object.keys(variables.secrets)).toEqual(["PGPASSWORD"]);
    expect(instance.database).toEqual({
      host: "PGHOST",
      port: "DAGSTER_PG_PORT",
      name: "DAGSTER_PG_DB",
      user: "DAGSTER_PG_USER",
      password: "PGPASSWORD",
    });
  });

  test("many secrets at once: keys of one secret by name, parameters by their path", () => {
    const { variables } = resolved(`secrets: { B: "ssm:/own/b" }
secrets-from: [ssm:/shop/prod/, { secret: shop/prod, keys: [A, B] }]
`);
    expect(variables.secrets).toMatchObject({
      A: { secret: { kind: "secret", name: "shop/prod", key: "A" } },
      B: { secret: { kind: "parameter", name: "/own/b" } },
    });
    expect(variables.parameterPaths).toMatchObject([{ path: "/shop/prod/", place: { line: 6, column: 16 } }]);
  });

  test("a whole secret has no key", () => {
    expect(resolved("secrets: { A: secret:shop/prod }").variables.secrets["A"]?.secret).toEqual({
      kind: "secret",
      name: "shop/prod",
      key: null,
    });
  });

  test("runs have their own; a migration has those of the service it is like, else the stack's", () => {
    const stack = resolved(`environment: { A: top }
services:
  ${code}
  daemon: { kind: daemon, image: app, environment: { A: daemon } }
runs: { environment: { A: run } }
migrations:
  - { name: one, tool: dagster, image: app, like-service: daemon }
  - { name: two, tool: dagster, image: app }
`);
    const value = (task: { readonly variables: Stack["variables"] }) => task.variables.environment["A"]?.value;
    expect(stack.migrations.map(value)).toEqual(["daemon", "top"]);
    expect(stack.runs.kind === "ecs" ? Object.values(stack.runs.definitions).map(value) : []).toEqual(["run"]);
  });
});

describe("tags", () => {
  test("of a service stand beside those of the stack, and win over them", () => {
    const { services, tags } = resolved(`tags: { team: data, stage: all }
services: { daemon: { kind: daemon, image: app, tags: { stage: one } } }
`);
    expect(tags).toEqual({ team: "data", stage: "all" });
    expect(services["daemon"]?.tags).toEqual({ team: "data", stage: "one" });
  });
});

describe("roles and log groups", () => {
  const services = `services:
  ${code}
  daemon: { kind: daemon, image: app }
  web: { kind: webserver, image: app }
`;

  test("of a service: what the contract says of it, else its key's, else its kind's, else the role of all tasks", () => {
    const stack = resolved(services, {
      contract: contract({
        roles: { execution: "exec", task: "any", daemon: "daemon-kind", web: "web-key", webserver: "web-kind" },
        "log-group": "/shop",
        services: { code: { address: "code", "task-role": "own", "log-group": "/shop/code" } },
      }),
    });
    expect(Object.values(stack.services).map(({ taskRole, logGroup }) => [taskRole, logGroup])).toEqual([
      ["own", "/shop/code"],
      ["daemon-kind", "/shop"],
      ["web-key", "/shop"],
    ]);
    expect(stack.runs).toMatchObject({ definitions: { shop: { taskRole: "any", executionRole: "exec" } } });
  });

  test("of runs: their location's own, where the contract names one", () => {
    const { runs } = resolved(
      `services:
  ${code}
  other: { kind: code-location, image: app, location: "other one", module: other }
`,
      {
        contract: contract({
          roles: { "run-other-one": "run-of-other", run: "run-of-all" },
          services: { code: { address: "code" }, other: { address: "other" } },
        }),
      },
    );
    expect(runs).toMatchObject({
      definitions: { shop: { taskRole: "run-of-all" }, "other one": { taskRole: "run-of-other" } },
    });
  });

  test("are null where the contract names none", () => {
    const { services: found } = resolved(services);
    for (const service of Object.values(found)) {
      expect(service).toMatchObject({ taskRole: null, executionRole: null, logGroup: null });
    }
  });

  test("of runs and migrations", () => {
    const stack = resolved(
      `${services}migrations: [{ name: a, tool: dagster, image: app }, { name: b, tool: dagster, image: app, like-service: daemon }]`,
      {
        contract: contract({
          roles: { run: "run", task: "any", daemon: "daemon" },
          services: { code: { address: "code" } },
        }),
      },
    );
    expect(stack.runs).toMatchObject({ definitions: { shop: { taskRole: "run" } } });
    expect(stack.migrations.map(({ taskRole }) => taskRole)).toEqual(["any", "daemon"]);
  });
});

test("webserver and daemon mount volumes as code locations do", () => {
  const { services } = resolved(`volumes: { data: { efs: fs-12345678 } }
services:
  code: { kind: code-location, image: app, location: shop, module: shop.defs, mounts: { data: /data } }
  daemon: { kind: daemon, image: app, mounts: { data: /data } }
  web: { kind: webserver, image: app, mounts: { data: /data } }
`);
  for (const service of Object.values(services)) {
    expect(service).toMatchObject({ definition: { mounts: [{ volume: "data", path: "/data" }] } });
  }
});

describe("defaults", () => {
  test("of each kind", () => {
    const { services, gates, runs } = resolved(`services:
  ${code}
  daemon: { kind: daemon, image: app }
  web: { kind: webserver, image: app }
`);
    for (const service of Object.values(services)) {
      expect(service).toMatchObject({
        count: 1,
        rollout: "keep",
        tags: {},
        definition: { size: defaultSize, mounts: [] },
      });
    }
    expect(services["code"]).toMatchObject({ port: 4000, pythonPath: null, workdir: null });
    expect(services["web"]).toMatchObject({ port: 3000, url: null, auth: null, scaling: null, locations: [] });
    expect(runs).toMatchObject({
      kind: "ecs",
      definitions: { shop: { image: "app", definition: { container: "run" } } },
    });
    expect(gates).toEqual({
      reach: "task",
      reachPlace: services["web"]?.place,
      canary: null,
      restore: false,
      schedules: { kind: "as-before" },
      sensors: { kind: "as-before" },
      assets: {},
      firstTick: "off",
      targetHealth: "where-there-are",
      securityGroups: null,
      levels: {},
      logScan: { level: "warning", reason: null },
      everyWebserver: "where-reached",
      auth: null,
    });
  });

  test("the runner asks where there is an address for people, and logs in as people do", () => {
    const { gates } = resolved(
      'services: { web: { kind: webserver, image: app, url: "https://dagster.example", auth: { basic: "secret:login" } } }',
    );
    expect(gates.reach).toBe("runner");
    expect(gates.auth).toMatchObject({ kind: "basic", secret: "login", place: { line: 5 } });
  });

  test("the gates log in by headers of their own, each from its secret", () => {
    const text = `gates: { auth: { headers: { CF-Access-Client-Id: "secret:shop/access#id", Authorization: "ssm:/shop/token" } } }`;
    expect(resolved(text).gates.auth).toMatchObject({
      kind: "headers",
      headers: {
        "CF-Access-Client-Id": { kind: "secret", name: "shop/access", key: "id" },
        Authorization: { kind: "parameter", name: "/shop/token" },
      },
    });
  });

  test("a code server of DAGs has its module from them", () => {
    const { services, dags } = resolved(`services: { code: { kind: code-location, image: app, location: shop } }
dags: { shop: { directory: dags, module: dag_defs } }
`);
    expect(services["code"]).toMatchObject({ module: "dag_defs" });
    expect(dags["shop"]).toMatchObject({
      prefix: "dags/shop/",
      layout: "versioned",
      pollSeconds: 60,
      fallback: "none",
    });
  });

  test("runs of a location start from the image that serves it, of several from each its own", () => {
    const text = `images: { a: { repository: a, build: { dockerfile: D } }, b: { repository: b, build: { dockerfile: D } } }
services:
  daemon: { kind: daemon, image: a, locations: [in-daemon] }
  web: { kind: webserver, image: b, locations: [in-daemon, in-web] }
  code: { kind: code-location, image: b, location: served, module: m }
`;
    const { runs } = stackOf(withTop(text), { contract: addressed });
    expect(runs).toMatchObject({
      definitions: { "in-daemon": { image: "a" }, "in-web": { image: "b" }, served: { image: "b" } },
    });
  });
});

describe("what the contract knows of a service", () => {
  test("wins over the file: address, port, url", () => {
    const { services } = resolved(
      `services:
  code: { kind: code-location, image: app, location: shop, module: m, address: old, port: 1 }
  web: { kind: webserver, image: app, url: "https://old.example", port: 2 }
`,
      {
        contract: contract({
          services: {
            code: { address: "code.internal", port: 4001 },
            web: { url: "https://new.example", port: 3001 },
          },
        }),
      },
    );
    expect(services["code"]).toMatchObject({ address: "code.internal", port: 4001 });
    expect(services["web"]).toMatchObject({ url: "https://new.example", port: 3001 });
  });
});

describe("what cannot be reached", () => {
  const withHost = `services: { ${code}, daemon: { kind: daemon, image: app } }`;

  test("a code server without an address, where a workspace must name it", () => {
    expect(mistakes(withHost, { contract: contract() })).toEqual([
      "5:13 services.code has no `address`, here or in the contract, so no workspace can name it. " +
        "Add its DNS name as `address`, here or in the contract's `services`.",
    ]);
    expect(mistakes(`${withHost}\ninstance: { workspace: workspace.yaml }`, { contract: contract() })).toEqual([]);
    expect(mistakes(`services: { ${code} }`, { contract: contract() })).toEqual([]);
  });

  test("a webserver that the runner shall ask, and that has no address for it", () => {
    expect(mistakes("services: { web: { kind: webserver, image: app } }\ngates: { reach: runner }")).toEqual([
      "6:17 The runner shall ask the webserver (`reach: runner`), and no webserver has a `url`. " +
        "Add the webserver's `url`, or ask from inside the VPC with `reach: task`.",
    ]);
  });
});

describe("the account and the region", () => {
  test("that the job is signed in to must be those of the file and of the contract", () => {
    const elsewhere = contract({ account: "999999999999", region: "us-east-1" });
    expect(mistakes("", { contract: elsewhere, region: "eu-west-1" })).toEqual([
      "3:1 This is for the region us-east-1, and you are signed in to eu-west-1. Use the role and region of this environment, or name the right environment.",
      "3:1 This is for the account 999999999999, and you are signed in to 123456789012. Use the role and region of this environment, or name the right environment.",
    ]);
    expect(mistakes("", { region: "eu-central-1" })).toEqual([
      "2:9 This is for the region eu-west-1, and you are signed in to eu-central-1. Use the role and region of this environment, or name the right environment.",
    ]);
  });
});

describe("a stack", () => {
  test("cannot be resolved before its contract was read", () => {
    expect(() => resolved("", { contract: null })).toThrow("ssm:/dagster/shop/contract was not read");
  });

  test("is the same whenever it is resolved from the same", () => {
    const text = `services: { ${code}, daemon: { kind: daemon, image: app } }`;
    expect(resolved(text)).toEqual(resolved(text));
  });

  test("does not take what every object has for a name", () => {
    const stack = resolved("services: { constructor: { kind: webserver, image: app } }");
    expect(stack.services["constructor"]).toMatchObject({ service: "shop-constructor", taskRole: null, port: 3000 });
    expect(mistakes("services: { d: { kind: daemon, image: toString } }")).toHaveLength(1);
  });
});

test("migrations have the limits and the policy that the file gives them, or those that hurt least", () => {
  const { migrations } = resolved(`migrations:
  - { name: a, tool: alembic, image: app }
  - { name: b, tool: alembic, image: app, lock-timeout: 5, statement-timeout: 90, policy: allow-destructive }
  - { name: c, tool: command, image: app, command: [python, -m, app.migrate] }
  - { name: d, tool: alembic, image: app, preview: sql, check-models: true }
`);
  expect(migrations).toMatchObject([
    {
      lockTimeoutSeconds: 60,
      statementTimeoutSeconds: null,
      policy: "expand-only",
      command: null,
      preview: "revisions",
      checkModels: false,
    },
    { lockTimeoutSeconds: 5, statementTimeoutSeconds: 90, policy: "allow-destructive" },
    { tool: "command", command: ["python", "-m", "app.migrate"] },
    { preview: "sql", checkModels: true },
  ]);
});
