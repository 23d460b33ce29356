import type { AccountOptions } from "./account.ts";
import type { FoundService } from "./found.ts";

// deal-flow's way: compose made families and service names, an init container that writes search domains, plain text of an
// environment file, and images by `latest`. One image serves the code, another one webserver and daemon.

const variables = [
  { name: "DAGSTER_HOME", value: "/opt/dagster" },
  { name: "DAGSTER_LOGS_PG_HOST", value: "db.example" },
  { name: "DAGSTER_LOGS_PG_PASSWORD", value: "correct horse battery" },
  { name: "GOOGLE_SEARCH_ENGINE_ID", value: "0123" },
];

const log = (prefix: string): object => ({
  logDriver: "awslogs",
  options: {
    "awslogs-group": "/docker-compose/dealflow",
    "awslogs-region": "eu-central-1",
    "awslogs-stream-prefix": prefix,
  },
});

const init = (of: string): object => ({
  name: `${of}_ResolvConf_InitContainer`,
  image: "docker/ecs-searchdomain-sidecar:1.0",
  essential: false,
  command: ["eu-central-1.compute.internal", "dealflow.local"],
});

const after = (of: string): object => ({
  dependsOn: [{ containerName: `${of}_ResolvConf_InitContainer`, condition: "SUCCESS" }],
  logConfiguration: log("dealflow"),
  environment: variables,
  stopTimeout: 120,
});

/** What compose made of three services. */
export const composed: { readonly services: readonly FoundService[]; readonly options: AccountOptions } = {
  services: [
    {
      service: "small-code",
      family: "dealflow-deal_flow_code",
      image: "small/code:latest",
      others: [init("Dealflowcode")],
      container: {
        name: "deal_flow_code",
        command: ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "app.main"],
        portMappings: [{ containerPort: 4000 }],
        ...after("Dealflowcode"),
        environment: [...variables, { name: "DAGSTER_CURRENT_IMAGE", value: "small/code:latest" }],
      },
    },
    {
      service: "small-daemon",
      family: "dealflow-dagster_daemon",
      image: "small/host:latest",
      others: [init("Dagsterdaemon")],
      container: { name: "dagster_daemon", entryPoint: ["dagster-daemon", "run"], ...after("Dagsterdaemon") },
    },
    {
      service: "small-webserver",
      family: "dealflow-dagster_webserver",
      image: "small/host:latest",
      others: [init("Dagsterwebserver")],
      container: {
        name: "dagster_webserver",
        entryPoint: ["dagster-webserver", "-h", "0.0.0.0", "-p", "3000", "-w", "workspace.yaml"],
        portMappings: [{ containerPort: 3000 }],
        ...after("Dagsterwebserver"),
      },
    },
  ],
  options: {
    files: {
      DockerfileDagster: "FROM python:3.12\n",
      DockerfileAppCode: "FROM python:3.12\n",
      "dagster.yaml":
        "run_launcher: { module: dagster_aws.ecs, class: EcsRunLauncher }\nrun_monitoring: { enabled: true }\n",
    },
  },
};
