import { randomBytes } from "node:crypto";
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Engine, importDebian, startEngine } from "../../engine.ts";
import { machinePython } from "../../local-aws/backing/machine-python.ts";
import { startMinistack } from "../../local-aws/backing/ministack.ts";
import { startPostgresql } from "../../local-aws/backing/postgresql.ts";
import { openProcesses } from "../../local-aws/backing/processes.ts";

/** As `htpasswd -nbB -C 5 reader secret` prints it. */
export const htpasswd = "reader:$2y$05$4tFrlDpN.OHrpXvgX8WMjehVf7d0xp38zTAmRW1Hu28/RTHBdAj/i";

/** The images of docker/, built in an engine of their own, and what runs from them. */
export interface Images {
  readonly engine: Engine;
  /** The variables that dagster.yaml and workspace.yaml name, as options of `docker run`. */
  readonly variables: readonly string[];
  /** Starts a container as a task does at its strictest: nothing may be written but /tmp, nothing is allowed. @returns its id */
  run(image: string, options: readonly string[], ...command: readonly string[]): Promise<string>;
  address(container: string): Promise<string>;
  /** Waits until its own health check says so. @throws Error with its log when it ends, or is not within two minutes */
  untilHealthy(container: string): Promise<void>;
  /** What the bucket lists. */
  objects(): Promise<string>;
  close(): Promise<void>;
}

/** Builds each target in a checkout of the example deal-flow, into which docker/ was copied as its users do. */
export async function buildImages(): Promise<Images> {
  const engine = await startEngine();
  try {
    return await buildIn(engine);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function buildIn(engine: Engine): Promise<Images> {
  const folder = await mkdtemp(join(tmpdir(), "docker-"));
  await chmod(folder, 0o755); // PostgreSQL may run as somebody else, who must get at what is below
  await importDebian(engine, "base");
  const checkout = join(folder, "checkout");
  await cp("examples/deal-flow", checkout, { recursive: true });
  await cp("docker", join(checkout, "docker"), { recursive: true });
  const workspace = join(checkout, "docker/workspace.yaml");
  await writeFile(workspace, (await readFile(workspace, "utf8")).replace("my-location", "DealFlow"));
  for (const target of ["dependencies", "code", "webserver", "daemon"])
    await engine.build(
      target,
      checkout,
      "--build-arg=BASE=base",
      `--target=${target}`,
      `--file=${join(checkout, "docker/Dockerfile")}`,
    );
  await engine.build("nginx", "docker/nginx", "--build-arg=BASE=base");

  const network = `stack-${randomBytes(4).toString("hex")}`;
  await engine.docker("network", "create", network);
  const host = await engine.docker("network", "inspect", "--format={{(index .IPAM.Config 0).Gateway}}", network);
  const processes = await openProcesses(folder);
  const database = await startPostgresql({
    processes,
    host: `${processes.block}.0.2`,
    folder: join(folder, "postgresql"),
  });
  await database.createDatabase("dagster");
  // PostgreSQL lets in who comes from this machine only, and containers do not.
  const relay = createServer((from) => {
    const to = connect(database.port, database.host);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const)
      one.on("error", () => other.destroy()).pipe(other);
  });
  await new Promise<void>((done) => relay.listen(database.port, host, done));
  const aws = { account: "111122223333", region: "us-east-1" };
  const python = await machinePython();
  const ministack = await startMinistack({ processes, python, host, folder: join(folder, "ministack"), ...aws });
  const bucket = `http://${host}:${ministack.port}/stack-bucket`;
  await fetch(bucket, { method: "PUT" });

  const inspect = (container: string, format: string): Promise<string> =>
    engine.docker("inspect", `--format=${format}`, container);
  return {
    engine,
    variables: [
      `DAGSTER_PG_HOST=${host}`,
      `DAGSTER_PG_PORT=${database.port}`,
      "DAGSTER_PG_DB=dagster",
      `DAGSTER_PG_USER=${database.user}`,
      "DAGSTER_PG_PASSWORD=any",
      "DAGSTER_S3_BUCKET=stack-bucket",
      `AWS_DEFAULT_REGION=${aws.region}`,
      `AWS_ENDPOINT_URL=http://${host}:${ministack.port}`,
      "AWS_ACCESS_KEY_ID=test",
      "AWS_SECRET_ACCESS_KEY=test",
    ].map((variable) => `--env=${variable}`),
    run: (image, options, ...command) => {
      const inOwn = options.some((option) => option.startsWith("--network=")) ? [] : [`--network=${network}`];
      const strict = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"];
      return engine.docker("run", "--detach", ...inOwn, ...strict, ...options, image, ...command);
    },
    address: (container) => inspect(container, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"),
    untilHealthy: async (container) => {
      const end = Date.now() + 120_000;
      for (let status = ""; status !== "healthy"; await sleep(200)) {
        status = await inspect(container, "{{if .State.Running}}{{.State.Health.Status}}{{else}}ended{{end}}");
        if (status === "ended" || Date.now() > end)
          throw new Error(`${status}: ${await engine.both("logs", "--tail=30", container)}`);
      }
    },
    objects: async () => (await fetch(`${bucket}?list-type=2`)).text(),
    close: async () => {
      await engine.close();
      relay.close();
      await database.stop();
      await processes.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
