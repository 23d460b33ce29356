import { join } from "node:path";
import { type GitCheckout, newCheckout } from "../../checkout.ts";
import { type Bed, startBed } from "../../local-aws/bed.ts";
import { buildLayer } from "../../local-aws/infrastructure/layer.ts";
import { playInfrastructure } from "../../local-aws/infrastructure/play.ts";
import { createAgent } from "../../local-aws/runtimes/process/agent.ts";
import { type Job, runStep, type Step } from "../../runner/run-step.ts";
import { pushOnDagster } from "../process-runtime/images.ts";
import type { Files } from "./scene.ts";

/** A stack of migrations alone, which the committed bundle runs as a process: as a workflow has it. */
export interface ActionScene {
  readonly bed: Bed;
  /** A job of a workflow run, or a further attempt of it. */
  job(runId: number, attempt?: number): Job;
  /** Makes an empty database, and the secret that its URL is. @returns its name */
  database(): Promise<string>;
  /**
   * Commits these files of the image, and one migration that runs them.
   * @param tool as the stack file has it: `tool: alembic`
   */
  write(database: string, files: Files, tool?: string): Promise<void>;
  /** Makes the image of what was committed. @returns the step that migrates with it */
  build(job: Job): Promise<Step>;
  close(): Promise<void>;
}

/** Variables of every task that are secrets of Secrets Manager, by name; the URL of the database has `password` in it. */
export const secrets = { TOKEN: "a-value-without-any-form", password: "hunter22" } as const;

const stack = "small";

export async function openActionScene(): Promise<ActionScene> {
  const bed = await startBed({ speed: 100 });
  const { base } = await playInfrastructure(bed, { stack, repositories: ["small/app"], services: {} });
  const image = { registry: bed.url, repository: "small/base", base, python: bed.python };
  const nothing = await buildLayer(join(bed.folder, "nothing.tar.gz"), () => [{ kind: "folder", path: "app" }]);
  await pushOnDagster(image, "alembic", nothing, []);
  const checkout: GitCheckout = await newCheckout({});
  const infrastructure = createAgent(bed.url, bed.region, "infrastructure");
  const { host, port, user } = bed.postgresql;
  let databases = 0;
  return {
    bed,
    job: (runId, attempt = 1) => ({
      workspace: checkout.folder,
      repository: "owner/small",
      runId,
      attempt,
      environment: { ...bed.environment("deploy"), ...bed.mark },
    }),
    database: async () => {
      databases += 1;
      const database = `action${databases}`;
      await bed.postgresql.createDatabase(database);
      const url = `postgresql+psycopg2://${user}:${secrets.password}@${host}:${port}/${database}`;
      const secret = { Name: database, SecretString: JSON.stringify({ TOKEN: secrets.TOKEN, DATABASE_URL: url }) };
      await infrastructure("secretsmanager", "CreateSecret", secret);
      return database;
    },
    write: async (database, files, tool = "tool: alembic") => {
      checkout.git("rm", "-r", "--quiet", "--ignore-unmatch", ".");
      for (const [path, text] of Object.entries(files)) await checkout.write(`image/${path}`, text);
      await checkout.write("dagster.yaml", "telemetry: { enabled: false }\n");
      await checkout.write("workspace.yaml", "load_from: []\n");
      await checkout.write("dagster-stack.yml", stackFile(bed, database, tool));
      checkout.commit("Change");
    },
    build: async (job) => {
      const { exitCode, log, outputs } = await runStep(job, { action: "actions/build-push-image" });
      if (exitCode !== 0) throw new Error(log.join("\n"));
      return { action: "actions/run-migrations", with: { release: outputs["release"] ?? "" } };
    },
    close: async () => {
      await bed.close();
      await checkout.remove();
    },
  };
}

function stackFile({ region }: Bed, database: string, tool: string): string {
  return `name: ${stack}
region: ${region}
contract: ssm:/dagster/small/contract
instance: { dagster-yaml: dagster.yaml, workspace: workspace.yaml }
secrets-from: [{ secret: ${database}, keys: [TOKEN, DATABASE_URL] }]
images:
  app:
    repository: small/app
    platform: linux/${process.arch === "arm64" ? "arm64" : "amd64"}
    layers: { base: "small/base:alembic", files: [{ from: image, to: /app }], workdir: /app }
migrations:
  - { name: application, image: app, ${tool} }
`;
}
