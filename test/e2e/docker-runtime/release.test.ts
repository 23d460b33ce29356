import { appendFile, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { servedImage } from "../../../scripts/demo/served.ts";
import { openWorkplace, type Workplace } from "../../../scripts/demo/workplace.ts";
import { type Builder, startBuilder, whyNoBuilder } from "../../builder.ts";
import { type Engine, importDebian, startEngine, whyNoEngine } from "../../engine.ts";
import { query } from "../../local-aws/backing/postgresql-query.ts";
import { until } from "../process-runtime/stack.ts";
import { runJob } from "../../runner/run-job.ts";
import type { Step, StepResult } from "../../runner/run-step.ts";
import { type ActEnd, openAct, ownName, writeWorkflow } from "../../workflows/act.ts";
import { translated } from "../../workflows/translated.ts";

// deal-flow of images that Docker builds, run by an engine: no layer of ours, no lent Python, no path that is replaced.

const why = whyNoEngine() ?? whyNoBuilder();
if (why !== null) process.stderr.write(`not run: a release of images from a Dockerfile, in an engine: ${why}\n`);
const describeEngine = why === null ? describe : describe.skip;

describeEngine("deal-flow from a Dockerfile, in an engine", () => {
  let engine: Engine;
  let builder: Builder;
  let place: Workplace;
  let built: StepResult;
  let first: StepResult;
  let second: StepResult;

  beforeAll(async () => {
    [engine, builder] = [await startEngine(), await startBuilder()];
    place = await openWorkplace({ speed: 20, engine, shares: true });
    const base = `${new URL(place.bed.url).host}/deal-flow/base:debian`;
    await importDebian(engine, base);
    await engine.docker("push", "--quiet", base);
    await buildByDocker(place.folder, base);
    place.git("add", ".");
    place.git("commit", "--quiet", "--message=Build by Docker");
    built = await step({ action: "actions/build-push-image" });
    first = await step({ action: "." });
    const version = join(place.folder, "app/version.py");
    await writeFile(version, (await readFile(version, "utf8")).replace('"1"', '"2"'));
    place.git("commit", "--quiet", "--all", "--message=Say version 2");
    second = await step({ action: "." });
  }, 2_400_000); // the first time, a base is made, buildx and BuildKit are compiled, and packages are fetched

  afterAll(async () => {
    await place.close();
    await builder.close();
    await engine.close();
  }, 600_000); // what was built takes time to remove

  /** One step, in a job of its own. */
  async function step(one: Step): Promise<StepResult> {
    const job = place.job();
    const environment = { ...job.environment, ...builder.environment, PIP_CONF: pipConf };
    const { steps } = await runJob({ ...job, environment }, [{ ...one, with: { environment: "local" } }]);
    const [result] = steps;
    if (result?.exitCode !== 0) {
      const lines = await logLines(place, "");
      throw new Error([`${one.action} failed:`, ...(result?.log.slice(-60) ?? []), ...lines.slice(-60)].join("\n"));
    }
    return result;
  }

  test("is built by buildx, once: the release finds what the step before has pushed", () => {
    expect(built.log.join("\n")).toContain("RUN groupadd");
    expect(first.log.join("\n")).not.toContain("RUN groupadd");
    expect(digestsOf(first)).toEqual(digestsOf(built));
  });

  test("runs as containers of the engine, as whom the image says, and with the memory that the stack file says", async () => {
    const one = `10001:10001 ${2048 * 1024 * 1024} host`;
    const format = "--format={{.Config.User}} {{.HostConfig.Memory}} {{.HostConfig.NetworkMode}}";
    const running = async (): Promise<readonly string[]> => {
      const ids = (await engine.docker("ps", "--quiet")).split("\n");
      return Promise.all(ids.map((id) => engine.docker("inspect", format, id).catch(() => "gone meanwhile")));
    };
    // What a release has replaced is still stopping.
    const left = await until(running, ({ length }) => length === 3);
    expect(left).toEqual([one, one, one]);
  });

  test("is served by the webserver from the image of the newest commit", async () => {
    const { code } = digestsOf(second);
    expect(code).not.toBe(digestsOf(first).code);
    expect(await servedImage(place.webserverUrl, "DealFlow")).toBe(
      `${place.infrastructure.registry}/dealflow/code@${code}`,
    );
  });

  test("rolls hosts with code: what of the checkout is in an image of a Dockerfile is not known", () => {
    const updates = place.bed.aws.calls.flatMap(({ operation, caller, input }) =>
      operation === "UpdateService" && caller === "deploy" ? [(input as { readonly service: string }).service] : [],
    );
    expect(updates.toSorted()).toEqual(
      ["code", "daemon", "webserver"].flatMap((key) => [`deal-flow-${key}`, `deal-flow-${key}`]),
    );
  });

  test("runs its canaries as tasks of their own, which the daemon starts, each on the code of its release", async () => {
    const launched = place.bed.calls.filter(
      ({ operation, caller }) => operation === "RunTask" && caller === "deal-flow-daemon",
    );
    expect(launched.map(({ status }) => status)).toEqual([200, 200]);
    const said = await logLines(place, "canary of deal-flow");
    expect(said).toEqual([
      expect.stringContaining("canary of deal-flow 1"),
      expect.stringContaining("canary of deal-flow 2"),
    ]);
  });

  test("migrates the real database, in a container of the new image", async () => {
    const { host, port, user } = place.bed.postgresql;
    const connection = { host, port, user, database: "deal_flow_application" };
    expect(await query(connection, "SELECT version_num FROM alembic_version")).toEqual([["0002"]]);
  });

  test("is released by the workflow once its own tests are green in the image; while they are red, nothing moves", async () => {
    await writeWorkflow(place.folder, "called-deploy.yml", await calledDeploy());
    await writeWorkflow(place.folder, "release.yml", caller);
    await mkdir(join(place.folder, "tests"));
    place.git("remote", "add", "origin", "https://github.com/example/deal-flow.git");
    const checking = async (version: string): Promise<string> => {
      await writeFile(
        join(place.folder, "tests/check.py"),
        `from app.version import VERSION\nassert VERSION == "${version}", VERSION\n`,
      );
      place.git("add", ".");
      place.git("commit", "--quiet", `--message=Expect version ${version}`);
      return place.git("rev-parse", "HEAD");
    };
    const act = await openAct(place, {
      ...place.job().environment,
      ...builder.environment,
      PIP_CONF: pipConf,
      DOCKER_HOST: engine.socket,
      BUILDX_BUILDER: "test", // which one is in use, buildx notes by the engine's address
    });
    try {
      const push = (sha: string): Promise<ActEnd> =>
        act.run("push", "release.yml", { ref: "refs/heads/main", after: sha }, { commit: sha });
      const red = await push(await checking("3"));
      expect(red.output).toContain("AssertionError: 2");
      expect(red.output).toContain("The tests in image code are red");
      expect(endOf(red)).toEqual([1, ["Plan", "Build"]]);
      const green = await push(await checking("2"));
      expect(endOf(green)).toEqual([0, ["Plan", "Build", "Deploy"]]);
    } finally {
      await act.close();
    }
  }, 1_200_000);
});

const caller = `on: push
permissions: {}
jobs:
  release:
    uses: ./.github/workflows/called-deploy.yml
    permissions: { actions: read, contents: read, id-token: write }
    with:
      environment: local
      test-command: PYTHONPATH=/app python3 /checkout/tests/check.py
`;

async function calledDeploy(): Promise<string> {
  const text = await readFile(".github/workflows/deploy.yml", "utf8");
  return translated(text, (path) => `${ownName}/${path}@v1`);
}

const endOf = ({ exitCode, jobs }: ActEnd): readonly [number, readonly string[]] => [
  exitCode,
  jobs.map((name) => name.split("/").at(-1) ?? name),
];

/** What pip is told in a build: certificates that this machine trusts are in the base. */
const pipConf = "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n";

/** The stack's images from docker/Dockerfile, as its users copy it, and with what migrations need. */
async function buildByDocker(folder: string, base: string): Promise<void> {
  const dockerfile = join(folder, "docker/Dockerfile");
  await copyFile("docker/Dockerfile", dockerfile);
  const more = "\nFROM code AS migrating\nCOPY alembic.ini /app/\nCOPY alembic /app/alembic\n";
  await writeFile(dockerfile, (await readFile(dockerfile, "utf8")) + more);
  // It runs as nobody in particular, who cannot write beside dagster.yaml: as in docker/, logs of runs go to a bucket.
  const settings = await readFile("docker/dagster.yaml", "utf8");
  const elsewhere = settings.slice(settings.indexOf("compute_logs:"), settings.indexOf("telemetry:"));
  await appendFile(join(folder, "docker/dagster.yaml"), `\n${elsewhere}`);
  const stackFile = join(folder, "dagster-stack.yml");
  const text = (await readFile(stackFile, "utf8")).replace(
    /^( +)DEAL_FLOW_CODE_HOST: "\$\{.*$/m,
    '$&\n$1DAGSTER_S3_BUCKET: "${contract.bucket.name}"',
  );
  const at = text.lastIndexOf("\n      host:");
  const image = (key: string, target: string): string =>
    `\n      ${key}: { platform: "\${env.LOCAL_PLATFORM}", build: { dockerfile: docker/Dockerfile, target: ${target}, arguments: { BASE: "${base}" }, secrets: { pip: "env:PIP_CONF" } } }`;
  await writeFile(stackFile, `${text.slice(0, at)}${image("host", "host")}${image("code", "migrating")}\n`);
}

function digestsOf({ outputs }: StepResult): Readonly<Record<string, string>> {
  const images = JSON.parse(outputs["images"] ?? "{}") as Readonly<Record<string, { readonly digest: string }>>;
  return Object.fromEntries(Object.entries(images).map(([key, { digest }]) => [key, digest]));
}

async function logLines({ bed, infrastructure }: Workplace, words: string): Promise<readonly string[]> {
  const logs = new CloudWatchLogsClient({
    endpoint: bed.url,
    region: bed.region,
    credentials: { accessKeyId: "test", secretAccessKey: "secret" },
  });
  const logGroupName = infrastructure.contract["log-group"];
  const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName }));
  return events.flatMap(({ message = "" }) => (message.includes(words) ? [message] : []));
}
