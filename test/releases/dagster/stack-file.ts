import type { Contract } from "../../../src/domain/contract.ts";

/** What is committed of a stack, by path. */
export type Files = Readonly<Record<string, string>>;

/** The lock file of its one image; the files of code and instance beside it stay as they are through an upgrade. */
export const lockFile = "requirements.lock";

/** PostgreSQL, as the variables of the database name it. */
export const storageYaml = `storage:
  postgres:
    postgres_db:
      scheme: postgresql+psycopg2
      hostname: { env: DAGSTER_PG_HOST }
      port: { env: DAGSTER_PG_PORT }
      db_name: { env: DAGSTER_PG_DB }
      username: { env: DAGSTER_PG_USER }
      password: { env: DAGSTER_PG_PASSWORD }
`;

/** A stack of one image, whose instance is migrated by Dagster and whose hosts keep their image while only code changes. */
export function filesOf(contract: Contract, lock: string): Files {
  const { cluster: name } = contract;
  return {
    "dagster-stack.yml": `name: ${name}
region: ${contract.region}
contract: ${JSON.stringify(contract)}
instance: { dagster-yaml: dagster.yaml, workspace: workspace.yaml }
environment: { CODE_HOST: "${"${contract.services.code.address}"}" }
images:
  code:
    repository: small/code
    platform: ${process.arch === "arm64" ? "linux/arm64" : "linux/amd64"}
    layers:
      base: small/base:python
      requirements: ${lockFile}
      files:
        - { from: app, to: /app/app }
        - { from: dagster.yaml, to: /opt/dagster/dagster.yaml }
        - { from: workspace.yaml, to: /opt/dagster/workspace.yaml }
      workdir: /app
services:
  code: { kind: code-location, image: code, location: small, module: app.main, port: 4000 }
  daemon: { kind: daemon, image: code }
  webserver: { kind: webserver, image: code }
runs: { image: code }
migrations: [{ name: instance, tool: dagster, image: code }]
gates: { canary: { location: small, job: canary }, log-scan: { level: off, reason: nobody reads them here } }
`,
    "dagster.yaml": `${storageYaml}run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: { dequeue_interval_seconds: 1 }
run_launcher:
  module: dagster_aws.ecs
  class: EcsRunLauncher
  config: { secrets_tag: null }
telemetry: { enabled: false }
`,
    "workspace.yaml": "load_from:\n  - grpc_server: { host: { env: CODE_HOST }, port: 4000, location_name: small }\n",
    "app/__init__.py": "",
    "app/main.py": code,
    [lockFile]: lock,
  };
}

/** The schedule is off until somebody turns it on. */
const code = `from dagster import Definitions, ScheduleDefinition, in_process_executor, job, op


@op
def say():
    pass


@job(executor_def=in_process_executor)
def canary():
    say()


definitions = Definitions(
    jobs=[canary], schedules=[ScheduleDefinition(name="yearly", job=canary, cron_schedule="0 0 1 1 *")]
)
`;
