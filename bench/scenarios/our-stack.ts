import { repositories } from "./backing.ts";

export interface OurStack {
  readonly bucket: string;
  /** URL of Dagster's webserver. */
  readonly dagster: string;
  /** The task definition, as JSON. */
  readonly definition: string;
  /** Services that roll side by side with `app`. */
  readonly beside: readonly string[];
  /** `app` loads a location, and Dagster is asked whether it has. */
  readonly isGated: boolean;
}

/** The files of the repository that ours releases: one image, made of layers, and services that run it by a definition of their own. */
export function ourCheckout(stack: OurStack): Readonly<Record<string, string>> {
  return {
    "dagster-stack.yml": stackFile(stack),
    "definition.json": stack.definition,
    "app/main.py": "VERSION = 2\n",
    "dagster.yaml":
      "run_launcher: { module: dagster_aws.ecs, class: EcsRunLauncher }\nrun_monitoring: { enabled: true }\n",
    "workspace.yaml": "load_from: []\n",
  };
}

function stackFile({ bucket, dagster, beside, isGated }: OurStack): string {
  const services = ["app", ...beside];
  return `name: small
region: eu-central-1
contract:
  version: 1
  cluster: main
  network: { subnets: [subnet-1], security-groups: [sg-1] }
  bucket: { name: ${bucket} }
  roles: { execution: execution, run: run, webserver: web, daemon: daemon, code-location: code, task: migration }
  log-group: /app
  name-ttl-seconds: 1
  services:
${services.map((key) => `    ${key}: { service: ${key}, port: 3000, url: "${dagster}" }`).join("\n")}
  database: { host: db, name: dagster, user: dagster, password: "secret:small/database#password" }
instance: { dagster-yaml: dagster.yaml, workspace: workspace.yaml }
images:
  app:
    repository: ${repositories.image}
    layers:
      base: ${repositories.base}:python
      files: [{ from: app, to: /app/app }, { from: dagster.yaml, to: /opt/dagster/dagster.yaml }, { from: workspace.yaml, to: /opt/dagster/workspace.yaml }]
services:
${services.map((key) => `  ${key}: { kind: webserver, image: app, task-definition: definition.json, container: app, family: ${key}${isGated ? `, locations: [${key}]` : ""} }`).join("\n")}
checks:
  no-breaker: { level: "off", until: 2099-12-31, reason: "what happens without one is measured, too" }
gates:
  log-scan: { level: off, reason: what is measured is the rollout }
${isGated ? "" : ungated}`;
}

const ungated = `  levels:
    webserver: { level: "off", reason: "the containers are scripted" }
`;
