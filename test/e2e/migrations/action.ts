import { join } from "node:path";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { buildLayer } from "../../local-aws/infrastructure/layer.ts";
import { type Infrastructure, playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { createAgent } from "../../local-aws/runtimes/tasks/agent.ts";
import { type Job, runPost, runStep, type Step, type StepResult } from "../../runner/run-step.ts";
import { pushOnDagster } from "../process-runtime/images.ts";
import type { Files } from "./scene.ts";

/** A bed on which the committed bundle runs migrations as a process, as a workflow has it. */
export interface ActionScene {
  readonly bed: Bed;
  readonly infrastructure: Infrastructure;
  /** Makes an empty database, and a secret of its name that holds its URL. @returns its name */
  database(): Promise<string>;
  /** A stack of one migration and nothing else, in a repository of its own. */
  stack(name: string): Promise<MigrationStack>;
  close(): Promise<void>;
}

export interface MigrationStack {
  /** A job of a workflow run, or a further attempt of it. */
  job(runId: number, attempt?: number): Job;
  /**
   * Commits these files of the image, and one migration that runs them.
   * @param tool as the stack file has it: `tool: alembic`
   */
  write(database: string, files: Files, tool?: string): Promise<void>;
  /** Makes the image of what was committed. @returns the step that migrates with it */
  build(job: Job): Promise<Step>;
  /** The two steps of a job, and its post steps. @returns how the migrating one ended */
  run(job: Job): Promise<StepResult>;
}

/** What every task has from the secret of its database; `password` is in the URL. */
export const secrets = { TOKEN: "a-value-without-any-form", password: "hunter22" } as const;

export interface ActionSceneOptions {
  readonly speed?: number;
  /** Where its images are built on: tag in the repository `small/base`; pushed by whoever names one. Default alembic and its drivers. */
  readonly base?: (bed: Bed, infrastructure: Infrastructure) => Promise<string>;
}

export async function openActionScene({
  speed = 100,
  base = pushAlembic,
}: ActionSceneOptions = {}): Promise<ActionScene> {
  const bed = await startBed({ speed });
  const infrastructure = await playInfrastructure(bed, { stack: "small", repositories: ["small/app"], services: {} });
  const baseTag = await base(bed, infrastructure);
  const agent = createAgent(bed.url, bed.region, "infrastructure");
  const { host, port, user } = bed.postgresql;
  const checkouts: GitCheckout[] = [];
  let databases = 0;
  return {
    bed,
    infrastructure,
    database: async () => {
      databases += 1;
      const database = `action${databases}`;
      await bed.postgresql.createDatabase(database);
      const url = `postgresql+psycopg2://${user}:${secrets.password}@${host}:${port}/${database}`;
      const secret = { Name: database, SecretString: JSON.stringify({ TOKEN: secrets.TOKEN, DATABASE_URL: url }) };
      await agent("secretsmanager", "CreateSecret", secret);
      return database;
    },
    stack: async (name) => {
      const checkout = await newCheckout({});
      checkouts.push(checkout);
      return migrationStack(bed, name, baseTag, checkout);
    },
    close: async () => {
      await bed.close();
      for (const checkout of checkouts) await checkout.remove();
    },
  };
}

function migrationStack(bed: Bed, name: string, base: string, checkout: GitCheckout): MigrationStack {
  const build = async (job: Job): Promise<Step> => {
    const { exitCode, log, outputs } = await runStep(job, { action: "actions/build-push-image" });
    if (exitCode !== 0) throw new Error(log.join("\n"));
    return { action: "actions/run-migrations", with: { release: outputs["release"] ?? "" } };
  };
  return {
    job: (runId, attempt = 1) => ({
      workspace: checkout.folder,
      repository: `owner/${name}`,
      runId,
      attempt,
      environment: { ...bed.environment("deploy"), ...bed.mark },
    }),
    write: async (database, files, tool = "tool: alembic") => {
      checkout.git("rm", "-r", "--quiet", "--ignore-unmatch", ".");
      for (const [path, text] of Object.entries(files)) await checkout.write(`image/${path}`, text);
      await checkout.write("dagster.yaml", dagsterYaml);
      await checkout.write("workspace.yaml", "load_from: []\n");
      await checkout.write("dagster-stack.yml", stackFile(bed, name, base, database, tool));
      checkout.commit("Change");
    },
    build,
    run: async (job) => {
      const step = await build(job);
      const result = await runStep(job, step);
      await runPost(job, step, result);
      return result;
    },
  };
}

async function pushAlembic(bed: Bed, { base }: Infrastructure): Promise<string> {
  const nothing = await buildLayer(join(bed.folder, "nothing.tar.gz"), () => [{ kind: "folder", path: "app" }]);
  const image = { registry: bed.url, repository: "small/base", base, python: bed.python };
  await pushOnDagster(image, "alembic", nothing, []);
  return "alembic";
}

/** Nothing in it for a check to speak of. */
const dagsterYaml = `telemetry: { enabled: false }
run_monitoring: { enabled: true }
run_launcher: { module: dagster_aws.ecs, class: EcsRunLauncher }
`;

function stackFile({ region }: Bed, name: string, base: string, database: string, tool: string): string {
  return `name: ${name}
region: ${region}
contract: ssm:/dagster/small/contract
instance: { dagster-yaml: dagster.yaml, workspace: workspace.yaml }
secrets-from: [{ secret: ${database}, keys: [TOKEN, DATABASE_URL] }]
images:
  app:
    repository: small/app
    platform: linux/${process.arch === "arm64" ? "arm64" : "amd64"}
    layers: { base: "small/base:${base}", files: [{ from: image, to: /app }], workdir: /app }
migrations:
  - { name: application, image: app, ${tool} }
`;
}
