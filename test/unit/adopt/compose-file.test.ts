import { composeFacts, type ComposeService, isForEcs } from "../../../src/adopt/compose-file.ts";

/** As Docker's ECS integration was used for a Dagster: extensions, an anchor, an environment file. */
const text = `x-aws-cluster: "arn:aws:ecs:us-east-1:123456789012:cluster/dealflow"
x-common: &common
  env_file: [.env.prod]
  deploy: { resources: { limits: { cpus: "0.5", memory: 2048M } } }
services:
  deal_flow_code:
    <<: *common
    image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/dealflow/code:latest
    build: { context: .., dockerfile: docker/DockerfileAppCode, target: system }
    command: dagster api grpc -h 0.0.0.0 -p 4000 -m app.main
    x-aws-role: { Version: "2012-10-17", Statement: [] }
  dagster_webserver:
    <<: *common
    image: \${REGISTRY}/dealflow/webserver
    build: ../web
    entrypoint: [dagster-webserver, -p, "3000"]
    x-aws-autoscaling: { min: 1, max: 2, cpu: 70 }
    secrets: [{ source: pg, target: DAGSTER_PG_PASSWORD }, openai]
secrets: { pg: { external: true, name: "arn:aws:secretsmanager:us-east-1:1:secret:x" } }
`;

const service = (yaml: string): ComposeService | undefined =>
  composeFacts(`services: { one: ${yaml} }`, "compose.yaml")?.services[0];

test("A compose file for ECS tells images, Dockerfiles, commands, sizes, scaling and environment files", () => {
  const file = composeFacts(text, "docker/docker-compose.yml");
  expect(file).toEqual({
    path: "docker/docker-compose.yml",
    cluster: "dealflow",
    services: [
      {
        name: "deal_flow_code",
        repository: "dealflow/code",
        build: { context: ".", dockerfile: "docker/DockerfileAppCode", target: "system" },
        command: ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "app.main"],
        envFiles: ["docker/.env.prod"],
        scaling: null,
        size: { cpu: 512, memory: 2048 },
        secrets: [],
        unread: ["x-aws-role"],
      },
      {
        name: "dagster_webserver",
        repository: "dealflow/webserver",
        build: { context: "web", dockerfile: "web/Dockerfile", target: null },
        command: ["dagster-webserver", "-p", "3000"],
        envFiles: ["docker/.env.prod"],
        scaling: { min: 1, max: 2, cpu: 70, memory: null },
        size: { cpu: 512, memory: 2048 },
        secrets: ["pg", "openai"],
        unread: [],
      },
    ],
  });
  expect(file !== null && isForEcs(file)).toBe(true);
});

test.each([
  ["dealflow/code", "dealflow/code"],
  ["postgres:16", "postgres"],
  ["localhost:5000/x/y:1", "x/y"],
  ["ghcr.io/x/y@sha256:0", "x/y"],
  ["${REGISTRY}/x:${TAG}", "x"],
  ["${IMAGE}", null],
  ["${REGISTRY}/${NAME}:1", null],
])("The repository of %s is %s", (image, repository) => {
  expect(service(JSON.stringify({ image }))?.repository).toBe(repository);
});

test.each([
  ["512m", 512],
  ["2gb", 2048],
  ["1073741824", 1024],
  ["1.5G", 1536],
  ["much", null],
])("A limit of %s is %s MiB", (memory, expected) => {
  const size = service(JSON.stringify({ mem_limit: memory, cpus: 0.25 }))?.size;
  expect(size).toEqual({ cpu: 256, memory: expected });
});

test.each([["https://github.com/x/y.git"], ["../../elsewhere"]])(
  "A build of %s is nothing of this checkout",
  (context) => {
    expect(service(JSON.stringify({ build: { context } }))?.build).toBeNull();
  },
);

test.each([
  ["not YAML", "services: {"],
  ["a list", "- 1"],
  ["another file", "load_from: []"],
  [
    "aliases of aliases",
    `a: &a [1]\n${"bcdefghijklmnopqrs"
      .split("")
      .map((x, i, all) => `${x}: &${x} [*${all[i - 1] ?? "a"}, *${all[i - 1] ?? "a"}]`)
      .join("\n")}`,
  ],
])("%s is no compose file", (_what, file) => {
  expect(composeFacts(file, "compose.yaml")).toBeNull();
});

test("What is for a laptop only is told apart, and tags of compose are read past", () => {
  const file = composeFacts("services: { db: { image: postgres, ports: !reset [] } }", "compose.yaml");
  expect(file?.services).toHaveLength(1);
  expect(file !== null && isForEcs(file)).toBe(false);
});
