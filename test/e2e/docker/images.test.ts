import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { render, type Role } from "../../../src/task-definitions/render.ts";
import { whyNoEngine } from "../../engine.ts";
import { buildImages, htpasswd, type Images } from "./stack.ts";

const why = whyNoEngine();
if (why !== null) process.stderr.write(`not run: the images of docker/: ${why}\n`);
const describeImages = why === null ? describe : describe.skip;

const password = { authorization: `Basic ${btoa("reader:secret")}` };

describeImages("the images of docker/", () => {
  let images: Images;
  let code: string;
  let daemon: string;
  let webserver: string;
  let nginx: string;
  let front: string;

  beforeAll(async () => {
    images = await buildImages();
    // Tables are made by the first who comes; before all others, as a release does it.
    const migration = await images.run("daemon", images.variables, "dagster", "instance", "migrate");
    if ((await images.engine.docker("wait", migration)) !== "0")
      throw new Error(await images.engine.docker("logs", migration));
    code = await images.run("code", images.variables);
    const host = `--env=DAGSTER_CODE_HOST=${await images.address(code)}`;
    await images.untilHealthy(code);
    daemon = await images.run("daemon", [...images.variables, host]);
    webserver = await images.run("webserver", [...images.variables, host]);
    nginx = await images.run("nginx", [`--network=container:${webserver}`, `--env=HTPASSWD=${htpasswd}\n\n`]);
    front = `http://${await images.address(webserver)}:8080`;
  }, 1_800_000); // the first time, a base is made, and packages are fetched

  afterAll(async () => {
    await images.close();
  });

  test.each(["dependencies", "code", "webserver", "daemon", "nginx"])(
    "%s holds no compiler, curl or AWS CLI, and runs as a number",
    async (image) => {
      const { engine } = images;
      const programs = "for one in cc gcc g++ make curl wget aws git; do command -v $one; done; id -u";
      expect(await engine.docker("run", "--rm", "--network=none", "--entrypoint=sh", image, "-c", programs)).toBe(
        "10001",
      );
      expect(await engine.docker("inspect", "--format={{.Config.User}}", image)).toBe("10001:10001");
    },
  );

  test.each<readonly [string, Role]>([
    ["webserver", { kind: "webserver", port: 3000, workspace: "/opt/dagster/workspace.yaml", code: null }],
    ["daemon", { kind: "daemon", workspace: "/opt/dagster/workspace.yaml", code: null }],
    ["code", { kind: "code-location", port: 4000, module: "app.main", pythonPath: null, workdir: null, context: null }],
  ])("%s starts with the command that a task of its kind gets, and asks as often how it is", async (image, role) => {
    const { Cmd, Healthcheck } = JSON.parse(
      await images.engine.docker("inspect", "--format={{json .Config}}", image),
    ) as Config;
    const { command, healthCheck } = containerOf(role);
    const seconds = 1_000_000_000;
    expect(Cmd).toEqual(command);
    expect(Healthcheck).toMatchObject({
      Interval: healthCheck.interval * seconds,
      Timeout: healthCheck.timeout * seconds,
      StartPeriod: healthCheck.startPeriod * seconds,
      Retries: healthCheck.retries,
    });
  });

  test("on a root that nobody may write, code, webserver and daemon become healthy", async () => {
    for (const container of [webserver, daemon]) await images.untilHealthy(container);
    const located = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }";
    expect(await graphql(located)).toContain('{"name":"DealFlow","loadStatus":"LOADED"}');
  }, 300_000);

  test("a run of the code image writes its logs to the bucket", async () => {
    const run = await images.run(
      "code",
      images.variables,
      "dagster",
      "job",
      "execute",
      "-m",
      "app.main",
      "-j",
      "canary",
    );
    const code = await images.engine.docker("wait", run);
    expect([code, await images.engine.docker("logs", run)]).toEqual(["0", expect.anything()]);
    expect(await images.objects()).toMatch(/<Key>compute-logs\/storage\/[0-9a-f-]{36}\/compute_logs\/\w+\.err<\/Key>/);
  });

  test("nginx says that Dagster is well, and nothing else of it, to who has no password", async () => {
    const answer = await fetch(`${front}/health`);
    expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
    expect(answer.headers.get("server")).toBe("nginx");
    expect((await fetch(`${front}/health`, { method: "POST" })).status).toBe(403);
  });

  test("nginx says that Dagster is not well when nothing answers it", async () => {
    const alone = await images.run("nginx", [`--env=HTPASSWD=${htpasswd}`, "--env=WEBSERVER=127.0.0.1:9"]);
    const health = `http://${await images.address(alone)}:8080/health`;
    let answer: Response | null = null;
    while (answer === null) answer = await fetch(health).catch(() => sleep(100, null)); // it starts
    expect([answer.status, await answer.text()]).toEqual([503, "Dagster's webserver does not answer.\n"]);
  });

  test.each<readonly [string, Record<string, string>, string, number]>([
    ["nobody", {}, "/", 401],
    ["a wrong password", { authorization: `Basic ${btoa("reader:Secret")}` }, "/graphql", 401],
    ["nobody who asks for versions", {}, "/server_info", 401],
    ["nobody who dresses it up", {}, "/health/../server_info", 401],
    ["the right password", password, "/server_info", 200],
  ])("%s gets its answer from nginx", async (_who, headers, path, status) => {
    expect(await statusOf(`${front}${path}`, headers)).toBe(status);
  });

  test("a WebSocket goes through nginx with the password, and not without", async () => {
    expect(await subscribe({})).toBe("401");
    expect(await subscribe(password)).toContain('{"type":"connection_ack"');
  });

  test.each<readonly [string, readonly string[], string]>([
    ["without users", [], "HTPASSWD is not set"],
    ["with no users", ["--env=HTPASSWD="], "HTPASSWD is not set"],
    ["with an empty line", ["--env=HTPASSWD=\n"], "HTPASSWD is empty"],
    ["with MD5", ["--env=HTPASSWD=reader:$apr1$8mEWYqzX$KLWgFfpSMvRGNoLHQmbJb/"], "no bcrypt"],
    ["with a plain password beside a bcrypt", [`--env=HTPASSWD=${htpasswd}\nother:secret`], "no bcrypt"],
  ])("nginx does not start %s", async (_how, options, words) => {
    const container = await images.run("nginx", options);
    expect(await images.engine.docker("wait", container)).toBe("1");
    expect(await images.engine.both("logs", container)).toContain(words);
  });

  test("all end by themselves when a task is stopped", async () => {
    const { engine } = images;
    await engine.docker("stop", "--time=60", nginx, webserver);
    await engine.docker("stop", "--time=120", daemon, code);
    for (const container of [webserver, nginx, daemon, code])
      expect(await engine.docker("inspect", "--format={{.State.ExitCode}} {{.State.OOMKilled}}", container)).toMatch(
        /^(0|143) false$/,
      );
  }, 300_000);

  async function graphql(query: string): Promise<string> {
    const headers = { "content-type": "application/json", ...password };
    return (await fetch(`${front}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) })).text();
  }

  /** The first frame of a GraphQL subscription, or the status that stands in its way. */
  function subscribe(headers: Readonly<Record<string, string>>): Promise<string> {
    const asked = request(`${front}/graphql`, {
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": btoa("a key of sixteen"),
        "sec-websocket-protocol": "graphql-ws",
        ...headers,
      },
    });
    asked.end();
    return new Promise((done, fail) => {
      asked.once("error", fail);
      asked.once("response", ({ statusCode }) => done(String(statusCode)));
      asked.once("upgrade", (_response, socket) => {
        const text = Buffer.from('{"type":"connection_init"}');
        socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text])); // one masked frame, its mask zero
        socket.once("data", (frame: Buffer) => {
          done(frame.subarray(2).toString());
          socket.destroy();
        });
      });
    });
  }
});

interface Config {
  readonly Cmd: readonly string[];
  readonly Healthcheck: Readonly<Record<string, unknown>>;
}

interface Container {
  readonly command: readonly string[];
  readonly healthCheck: Readonly<Record<"interval" | "timeout" | "startPeriod" | "retries", number>>;
}

/** As it is in a definition that we make. */
function containerOf(role: Role): Container {
  const { containerDefinitions } = render({
    kind: "generated",
    family: "family",
    container: "container",
    role,
    image: "image",
    dags: null,
    command: null,
    environment: {},
    secrets: {},
    size: { cpu: 512, memory: 1024 },
    platform: "linux/amd64",
    executionRoleArn: null,
    taskRoleArn: null,
    volumes: [],
    log: null,
    region: "us-east-1",
    labels: {},
    tags: {},
  }) as unknown as { readonly containerDefinitions: readonly [Container] };
  return containerDefinitions[0];
}

/** `fetch` would clean the path. */
function statusOf(url: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  const path = url.slice(url.indexOf("/", "http://".length));
  return new Promise((done, fail) => {
    request({ hostname, port, path, headers }, (response) => {
      response.resume();
      done(response.statusCode);
    })
      .once("error", fail)
      .end();
  });
}
