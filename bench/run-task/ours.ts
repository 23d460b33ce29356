import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import * as z from "zod";
import { newCheckout } from "../../test/checkout.ts";
import { readAction, runStep } from "../../test/runner/run-step.ts";
import { forward } from "../forward.ts";
import type { Prepared } from "../run-task.ts";
import { listen } from "../../test/loopback.ts";

export interface OursRequest {
  readonly folder: string;
  /** Of the account of `test/releases/processes`. */
  readonly url: string;
  /** Of the stack, of the caller, and of its files. */
  readonly name: string;
  readonly hasSidecar: boolean;
}

/** A stack of one migration, whose image is made: what is left is the step `run-migrations`, from `dist/`. */
export async function prepareOurs({ folder, url, name, hasSidecar }: OursRequest): Promise<Prepared> {
  const checkout = await newCheckout({
    "dagster-stack.yml": stackFile(name),
    "dagster.yaml": dagsterYaml,
    "workspace.yaml": "load_from: []\n",
    "app/main.py": "",
  });
  const sidecars = hasSidecar ? await addingSidecar(url) : null;
  const aws = {
    AWS_ENDPOINT_URL: sidecars?.url ?? url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: name,
    AWS_SECRET_ACCESS_KEY: "secret",
  };
  const job = { workspace: checkout.folder, repository: `owner/${name}`, runId: 1, name: "migrate", environment: aws };
  const built = await runStep(job, { action: "actions/build-push-image" });
  if (built.exitCode !== 0) throw new Error(built.log.join("\n"));
  const action = "actions/run-migrations";
  const { inputs, runs } = await readAction(action);
  const values = Object.entries(inputs).map(
    ([input, { default: value = "" }]) =>
      [`INPUT_${input.toUpperCase()}`, value.startsWith("${{") ? "" : value] as const,
  );
  const own = join(folder, name);
  await mkdir(own);
  const files = ["OUTPUT", "STEP_SUMMARY", "STATE", "ENV", "PATH"].map(
    (file) => [`GITHUB_${file}`, join(own, file)] as const,
  );
  for (const [, file] of files) await writeFile(file, "");
  return {
    main: resolve(action, runs.main),
    family: `${name}-once-app`,
    container: "once",
    environment: {
      ...aws,
      GITHUB_ACTIONS: "true",
      GITHUB_REPOSITORY: job.repository,
      GITHUB_WORKSPACE: checkout.folder,
      GITHUB_RUN_ID: String(job.runId),
      GITHUB_RUN_ATTEMPT: "1",
      GITHUB_JOB: job.name,
      GITHUB_EVENT_NAME: "push",
      RUNNER_TEMP: own,
      ...Object.fromEntries([...files, ...values]),
      INPUT_RELEASE: built.outputs["release"] ?? "",
    },
    close: async () => {
      await sidecars?.close();
      await checkout.remove();
    },
  };
}

const definitionSchema = z.looseObject({ containerDefinitions: z.array(z.unknown()) });

/** The account, in which each definition gets one container more, in the first place: ours have none but that of the program. */
async function addingSidecar(to: string): Promise<{ readonly url: string; close(): Promise<unknown> }> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    if (!String(request.headers["x-amz-target"]).endsWith(".RegisterTaskDefinition"))
      return forward(to, request, body, response);
    const { containerDefinitions, ...rest } = definitionSchema.parse(JSON.parse(body.toString()));
    const sidecar = { name: "side", image: "app:1", essential: false };
    const changed = Buffer.from(JSON.stringify({ ...rest, containerDefinitions: [sidecar, ...containerDefinitions] }));
    request.headers["content-length"] = String(changed.length);
    return forward(to, request, changed, response);
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  return listen(server);
}

/** Nothing in it for a check to speak of. */
const dagsterYaml = `telemetry: { enabled: false }
run_monitoring: { enabled: true }
run_launcher: { module: dagster_aws.ecs, class: EcsRunLauncher }
`;

function stackFile(name: string): string {
  return `name: ${name}
region: eu-central-1
contract:
  version: 1
  cluster: small
  network: { subnets: [subnet-1], security-groups: [sg-1] }
  bucket: { name: deploys }
  roles: { execution: execution, run: run, webserver: web, daemon: daemon, code-location: code, task: migration }
  log-group: /dagster/small
  services: {}
instance: { dagster-yaml: dagster.yaml, workspace: workspace.yaml }
images:
  app:
    repository: small/code
    platform: linux/amd64
    layers: { base: small/base:python, files: [{ from: app, to: /app/app }] }
migrations:
  - { name: application, image: app, tool: command, command: [migrate] }
`;
}
