import { parse } from "yaml";
import type { Stack } from "../../../src/stack/index.ts";
import { contract, stackOf, withTop } from "./reading.ts";

const dagsterYaml = "/opt/dagster/dagster.yaml";
const workspaceYaml = "/opt/dagster/workspace.yaml";
const images = `images:
  app: { repository: shop/app, layers: { base: b } }
  code: { repository: shop/code, layers: { base: b } }
`;
const hosts = "web: { kind: webserver, image: app, url: http://web }, daemon: { kind: daemon, image: app }";
const code = "code: { kind: code-location, image: code, location: shop, module: m, address: code.internal }";

function resolved(text: string, services = `${code}, ${hosts}`): Stack {
  return stackOf(withTop(`${images}services: { ${services} }\n${text}`), { contract: contract() });
}

/** Files that are made for an image, by their paths, as YAML says them. */
function madeFor(stack: Stack, image: string): Readonly<Record<string, unknown>> {
  const building = stack.images[image]?.building;
  if (building?.kind !== "layers") return {};
  return Object.fromEntries(Object.entries(building.made).map(([path, text]) => [path, parse(text) as unknown]));
}

test("who brings no instance files has them made, in the images that read them and in no other", () => {
  const stack = resolved("");
  expect(Object.keys(madeFor(stack, "app"))).toEqual([dagsterYaml, workspaceYaml]);
  expect(madeFor(stack, "code")).toEqual({});
});

test("an image that migrates Dagster's own schema has the instance, and no workspace", () => {
  const stack = resolved("migrations: [{ name: instance, tool: dagster, image: code }]\n");
  expect(Object.keys(madeFor(stack, "code"))).toEqual([dagsterYaml]);
});

test("the instance has the database's variables, tasks for runs that are watched over, and logs in the bucket", () => {
  const stack = resolved("instance: { database: { host: PGHOST } }\n");
  expect(madeFor(stack, "app")[dagsterYaml]).toEqual({
    storage: {
      postgres: {
        postgres_db: {
          scheme: "postgresql+psycopg2",
          hostname: { env: "PGHOST" },
          port: { env: "DAGSTER_PG_PORT" },
          db_name: { env: "DAGSTER_PG_DB" },
          username: { env: "DAGSTER_PG_USER" },
          password: { env: "DAGSTER_PG_PASSWORD" },
        },
      },
    },
    run_coordinator: { module: "dagster.core.run_coordinator", class: "QueuedRunCoordinator" },
    run_launcher: { module: "dagster_aws.ecs", class: "EcsRunLauncher", config: { secrets_tag: null } },
    run_monitoring: { enabled: true },
    compute_logs: {
      module: "dagster_aws.s3",
      class: "S3ComputeLogManager",
      config: {
        bucket: { env: "DAGSTER_S3_BUCKET" },
        prefix: "compute-logs",
        local_dir: "/tmp/compute-logs",
      },
    },
    local_artifact_storage: {
      module: "dagster.core.storage.root",
      class: "LocalArtifactStorage",
      config: { base_dir: "/tmp/dagster" },
    },
    telemetry: { enabled: false },
  });
  for (const { variables } of [...Object.values(stack.services), ...Object.values(runsOf(stack))])
    expect(variables.environment).toMatchObject({
      DAGSTER_S3_BUCKET: { value: "stack-bucket" },
    });
});

test("a limit of runs with a tag is the queue's", () => {
  expect(madeFor(resolved("instance: { concurrency: { tag: 'a: b', limit: 2 } }\n"), "app")[dagsterYaml]).toMatchObject(
    {
      run_coordinator: { config: { tag_concurrency_limits: [{ key: "a: b", limit: 2 }] } },
    },
  );
});

test("runs that live in their process have no launcher of tasks; with code from S3 the one that keeps their version", () => {
  const inProcess = "runs: { launcher: in-process }\n";
  const plain = resolved(inProcess);
  expect(madeFor(plain, "app")[dagsterYaml]).not.toHaveProperty("run_launcher");
  expect(madeFor(plain, "app")[dagsterYaml]).not.toHaveProperty("compute_logs");
  expect(plain.variables.environment).not.toHaveProperty("DAGSTER_S3_BUCKET");
  const loading = "web: { kind: webserver, image: app, url: http://web, locations: [shop] }";
  const dags = resolved(`${inProcess}dags: { shop: { directory: dags, module: m } }\n`, loading);
  expect(madeFor(dags, "app")).toMatchObject({
    [dagsterYaml]: { run_launcher: { module: "dag_reader.launcher", class: "PlannedCodeRunLauncher" } },
  });
  expect(madeFor(dags, "app")).not.toHaveProperty(workspaceYaml); // the reader writes that
  const mirror = resolved(`${inProcess}dags: { shop: { directory: dags, module: m, layout: mirror } }\n`, loading);
  expect(madeFor(mirror, "app")[dagsterYaml]).not.toHaveProperty("run_launcher"); // plain files have no version
});

test("the workspace asks the environment for the address of each code server; hosts are told it", () => {
  const other =
    `"code.b": { kind: code-location, image: code, location: "a 'b'", module: m, address: b.internal, port: 4001 }, ` +
    "CODE: { kind: code-location, image: code, location: c, module: m, address: c.internal }";
  const stack = resolved("", `${code}, ${other}, ${hosts}`);
  expect(madeFor(stack, "app")[workspaceYaml]).toEqual({
    load_from: [
      ["CODE", "c"],
      ["CODE_2", "shop"],
      ["CODE_B", "a 'b'"],
    ].map(([name, location]) => ({
      grpc_server: {
        host: { env: `DAGSTER_CODE_${name}_HOST` },
        port: { env: `DAGSTER_CODE_${name}_PORT` },
        location_name: location,
      },
    })),
  });
  for (const key of ["web", "daemon"])
    expect(stack.services[key]?.variables.environment).toMatchObject({
      DAGSTER_CODE_CODE_HOST: { value: "c.internal" },
      DAGSTER_CODE_CODE_PORT: { value: "4000" },
      DAGSTER_CODE_CODE_2_HOST: { value: "code.internal" },
      DAGSTER_CODE_CODE_B_HOST: { value: "b.internal" },
      DAGSTER_CODE_CODE_B_PORT: { value: "4001" },
    });
  expect(stack.services["code"]?.variables.environment).not.toHaveProperty("DAGSTER_CODE_CODE_HOST");
});

test("a variable that the stack file sets is the user's", () => {
  const own =
    "web: { kind: webserver, image: app, url: http://web, environment: { DAGSTER_CODE_CODE_HOST: elsewhere } }";
  const stack = resolved("environment: { DAGSTER_S3_BUCKET: mine }\n", `${code}, ${own}`);
  expect(stack.services["web"]?.variables.environment).toMatchObject({
    DAGSTER_CODE_CODE_HOST: { value: "elsewhere" },
    DAGSTER_S3_BUCKET: { value: "mine" },
  });
});

test("a stack whose definitions are the user's own, or that brings both files, has nothing made", () => {
  const own = "web: { kind: webserver, image: app, url: http://web, task-definition: live }";
  const written = resolved("migrations: [{ name: instance, tool: dagster, image: app }]\n", `${code}, ${own}`);
  expect(madeFor(written, "app")).toEqual({});
  expect(written.variables.environment).toEqual({});
  const brought = resolved("instance: { dagster-yaml: d/dagster.yaml, workspace: d/workspace.yaml }\n");
  expect(madeFor(brought, "app")).toEqual({});
  expect(brought.variables.environment).toEqual({});
});

const runsOf = ({ runs }: Stack) => (runs.kind === "ecs" ? runs.definitions : {});
