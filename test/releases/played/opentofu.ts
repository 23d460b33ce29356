import type { AccountOptions } from "./account.ts";
import type { FoundService } from "./found.ts";
import { hostsStack } from "./stacks.ts";

// dynamic-dags' way: OpenTofu made two services on Arm, nginx and supervisord inside the container, no code server, no launcher of
// runs, and a daemon that may run beside its successor.

const service = (name: string, ports: readonly number[]): FoundService => ({
  service: `small-${name}`,
  family: `dagster-${name}`,
  image: "small/code:latest",
  container: {
    name: `dagster-${name}`,
    command: ["supervisord", "-c", `/etc/supervisor/${name}.conf`],
    portMappings: ports.map((containerPort) => ({ containerPort })),
    environment: [
      { name: "DAGSTER_S3_BUCKET", value: "dags" },
      { name: "DAGSTER_HOME", value: "/opt/dagster" },
    ],
    secrets: [
      {
        name: "DAGSTER_PG_PASSWORD",
        valueFrom: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:dagster/database-AbC12d:password::",
      },
    ],
  },
  more: {
    cpu: "256",
    memory: "512",
    runtimePlatform: { cpuArchitecture: "ARM64", operatingSystemFamily: "LINUX" },
  },
});

/** What OpenTofu made of two services. */
export const opentofu: { readonly services: readonly FoundService[]; readonly options: AccountOptions } = {
  services: [service("webserver", [80, 3000]), service("daemon", [])],
  options: {
    stack: hostsStack,
    loads: "small-webserver",
    files: { "docker/Dockerfile": "FROM python:3.12\n", "dagster.yaml": "telemetry: { enabled: false }\n" },
  },
};
