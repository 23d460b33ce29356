import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { ECRClient, GetAuthorizationTokenCommand } from "@aws-sdk/client-ecr";
import { type Builder, startBuilder, whyNoBuilder } from "../../builder.ts";
import type { Job, Step, StepResult } from "../../runner/run-step.ts";
import { type Direct, pull, pushBase, removeFolders } from "../images/fixtures.ts";
import { shellTree } from "../images/shell-base.ts";
import {
  type Checkout,
  checkOut,
  readLock,
  type SmallStack,
  startSmallStack,
  stackFile,
  writesOf,
} from "./small-stack.ts";

const why = whyNoBuilder();
if (why !== null) process.stderr.write(`not run: images from a Dockerfile through the bundle: ${why}\n`);
const describeBuilt = why === null ? describe : describe.skip;

let small: SmallStack;
let checkout: Checkout;

beforeAll(async () => {
  small = await startSmallStack();
});
afterAll(async () => {
  await small.bed.close();
  await removeFolders();
});
beforeEach(async () => {
  // An image without a stack file has a role of the user's own; here, bases are named by the address of the bed, which no policy knows.
  checkout = await checkOut(small, "all");
});
afterEach(() => checkout.remove());

const dockerfile = `ARG BASE
FROM \${BASE} AS base
USER 0
ARG GREETING=hello
RUN --mount=type=secret,id=token,required=false cp /run/secrets/token /token 2>/dev/null || echo none > /token
RUN echo "$GREETING" > /greeting
FROM base AS production
COPY app /app
FROM base
COPY app /other
`;

function build(inputs: Step["with"] = {}, environment: Readonly<Record<string, string>> = {}): Promise<StepResult> {
  return checkout.run({ action: "actions/build-push-image", with: { repository: "small", ...inputs } }, environment);
}

const errorsOf = (result: StepResult): string =>
  result.annotations
    .filter(({ level }) => level === "error")
    .map(({ message }) => message)
    .join("\n");

describe("inputs that cannot be", () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ["repository", { repository: "Small" }, /Input repository is the name of an ECR repository/],
    [
      "repository",
      { repository: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/small" },
      /Input repository .* without its registry/,
    ],
    ["platform", { platform: "linux/arm" }, /Input platform is one of linux\/amd64, linux\/arm64, not "linux\/arm"/],
    ["build-args", { "build-args": "A=1\nA=2" }, /Input build-args names each only once/],
    ["build-args", { "build-args": "A=1\nB" }, /Input build-args has one NAME=value a line/],
    ["secrets", { secrets: "=x" }, /Input secrets has one id=value a line/],
    ["secret-envs", { "secret-envs": "token" }, /Input secret-envs has one id=NAME a line/],
    ["secret-files", { "secret-files": "a b=c" }, /Input secret-files has one id=path a line/],
    ["cache", { cache: "gha" }, /Input cache is one of off, registry/],
    ["no-cache", { "no-cache": "yes" }, /Input no-cache is `true` or `false`/],
    ["provenance", { provenance: "true" }, /Input provenance is one of off, min, max/],
    ["scan", { scan: "on" }, /Input scan is one of off, report, gate/],
    ["create-repository", { "create-repository": "1" }, /Input create-repository/],
    ["push", { push: "yes" }, /Input push is one of auto, true, false/],
  ])("%s: %j", async (_name, inputs, words) => {
    const result = await build(inputs);
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toMatch(words);
  });

  test("a value of a secret is not shown, even when it is in the wrong form", async () => {
    const result = await build({ secrets: "no-id-and-a-s3cret" });
    expect(result.exitCode).toBe(1);
    expect(JSON.stringify(result)).not.toContain("a-s3cret");
  });

  test.each<[string, Record<string, string>]>([
    ["target", { target: "production" }],
    ["build-args", { "build-args": "A=1" }],
    ["secrets", { secrets: "a=b" }],
    ["secret-envs", { "secret-envs": "a=B" }],
    ["secret-files", { "secret-files": "a=b" }],
    ["cache-from", { "cache-from": "type=gha" }],
    ["cache-to", { "cache-to": "type=gha" }],
    ["builder", { builder: "b" }],
    ["context", { context: "src" }],
    ["file", { file: "docker/Dockerfile" }],
    ["file", { file: "Dockerfile" }],
    ["platform", { platform: "linux/arm64" }],
    ["cache", { cache: "registry" }],
    ["no-cache", { "no-cache": "true" }],
    ["provenance", { provenance: "max" }],
    ["scan", { scan: "gate" }],
    ["create-repository", { "create-repository": "true" }],
  ])("%s, where the images are those of a stack", async (name, inputs) => {
    const result = await build({ ...inputs, repository: "" });
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toMatch(new RegExp(`Without \`repository\`.*${name} would mean nothing`));
  });

  test.each<[string, Record<string, string>]>([
    ["only", { only: "app" }],
    ["from", { from: "staging" }],
    ["copy-images", { "copy-images": "true" }],
  ])("%s, where one image is built", async (name, inputs) => {
    const result = await build(inputs);
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toMatch(new RegExp(`With \`repository\`.*${name} would mean nothing`));
  });

  test("a secret that two inputs give", async () => {
    const result = await build({ secrets: "token=a-s3cret", "secret-envs": "token=TOKEN" });
    expect(errorsOf(result)).toMatch(/The secret token of the build is given twice/);
    expect(JSON.stringify(result)).not.toContain("a-s3cret");
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      "a Dockerfile that is not there",
      { file: "docker/Dockerfile" },
      /The Dockerfile docker\/Dockerfile cannot be read/,
    ],
    ["a context that is not there", { context: "src" }, /There is no folder src/],
    [
      "a stage that is not there",
      { target: "prod", "build-args": "BASE=HOST/small/base:python" },
      /no stage "prod".*Its stages are base, production/s,
    ],
    [
      "an image that is not there",
      { "build-args": "BASE=HOST/small/base:absent" },
      /The image .*small\/base:absent is not there.*Dockerfile:2:1/s,
    ],
    [
      "a repository that is not there",
      { repository: "absent", "build-args": "BASE=HOST/small/base:python" },
      /There is no repository absent.*`create-repository: true`/s,
    ],
    ["an account that is not allowed", { "allowed-account-ids": "210987654321" }, /210987654321/],
  ])("%s", async (_name, inputs, words) => {
    await checkout.write("Dockerfile", dockerfile);
    checkout.commit("Dockerfile");
    const { url } = await registryOf();
    const given = Object.fromEntries(
      Object.entries(inputs).map(([name, text]) => [name, text.replace("HOST", new URL(url).host)]),
    );
    const since = small.bed.calls.length;
    const result = await build(given);
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toMatch(words);
    expect(writesOf(small, since)).toEqual([]);
  });

  test("without docker, what is missing is said, and what brings it; nothing is written", async () => {
    await checkout.write("Dockerfile", "FROM scratch\nCOPY app /app\n");
    checkout.commit("Dockerfile");
    const result = await build({}, { DOCKER_CONFIG: "/nonexistent", DOCKER_HOST: "unix:///nonexistent" });
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toMatch(/(no docker|no buildx|No builder answers).*docker\/setup-buildx-action/s);
  });
});

describe("the images of a stack", () => {
  const forPullRequest = { name: "pull_request", payload: {} };
  const make = async (event: NonNullable<Job["event"]>, inputs: Step["with"] = {}): Promise<StepResult> => {
    const step = { action: "actions/build-push-image", with: inputs };
    return (await import("../../runner/run-step.ts")).runStep({ ...checkout.job(), event }, step);
  };

  test.each<[string, NonNullable<Job["event"]>, Record<string, string>]>([
    ["on a pull request", forPullRequest, {}],
    ["with push: false", { name: "push", payload: {} }, { push: "false" }],
  ])(
    "%s are not pushed: what would be made is said, and neither lock nor intent is written",
    async (_name, ...asked) => {
      await checkout.write("app/main.py", `definitions = None # ${asked[0].name}\n`);
      checkout.commit("Change");
      const since = small.bed.calls.length;
      const result = await make(...asked);
      expect(errorsOf(result)).toBe("");
      expect(result.exitCode).toBe(0);
      expect(result.outputs).toMatchObject({ changed: "true", outcome: "" });
      expect(result.summary).toContain("make image `app` of layers");
      expect(writesOf(small, since)).toEqual([]);
      expect(await readLock(small)).toBe(null);
    },
  );

  test("on a pull request with push: true they are pushed", async () => {
    const since = small.bed.calls.length;
    const result = await make(forPullRequest, { push: "true" });
    expect(errorsOf(result)).toBe("");
    expect(writesOf(small, since)).not.toEqual([]);
    expect(JSON.parse(result.outputs["images"] ?? "")).toMatchObject({ app: { repository: "small" } });
  });

  test("a pull request from a fork, whose jobs get no credentials, is told so and passes", async () => {
    const repository = (full_name: string) => ({ repo: { full_name } });
    const pull_request = { number: 7, base: repository("owner/small"), head: repository("mona/small") };
    const none = { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_SESSION_TOKEN: "" };
    const { runStep } = await import("../../runner/run-step.ts");
    const job = { ...checkout.job(none), event: { name: "pull_request", payload: { pull_request } } };
    const result = await runStep(job, { action: "actions/build-push-image" });
    expect(errorsOf(result)).toBe("");
    expect(result.exitCode).toBe(0);
    expect(result.summary).toContain("Not planned");
  });
});

describeBuilt("an image without a stack file", () => {
  let builder: Builder;
  let base: string;
  let direct: Direct;
  let docker: Readonly<Record<string, string>>;

  beforeAll(async () => {
    builder = await startBuilder();
    docker = builder.environment;
    direct = await registryOf();
    base = `${new URL(direct.url).host}/small/base:shell`;
    await pushBase(direct, "small/base", "shell", { folder: await shellTree(), environment: ["PATH=/bin"] });
  }, 600_000);
  afterAll(() => builder.close());

  beforeEach(async () => {
    await checkout.write("Dockerfile", dockerfile);
    checkout.commit("Dockerfile");
  });

  const args = (): string => `BASE=${base}`;

  test("is built, and by its outputs it is known; the second time nothing is", async () => {
    const first = await build({ target: "production", "build-args": args() }, docker);
    expect(errorsOf(first)).toBe("");
    const { outputs } = first;
    expect(outputs).toMatchObject({ "build-result": "built", changed: "true" });
    expect(outputs["image-uri"]).toBe(`${new URL(direct.url).host}/small@${outputs["digest"]}`);
    expect(JSON.parse(outputs["tags"] ?? "")).toEqual([
      checkout.git("rev-parse", "HEAD").trim(),
      `src-${outputs["content-key"]}`,
    ]);
    expect(first.summary).toContain(outputs["digest"]);
    // An engine that is not there is not missed: nothing is to be built.
    const again = await build({ target: "production", "build-args": args() }, { DOCKER_CONFIG: "/nonexistent" });
    expect(errorsOf(again)).toBe("");
    expect(again.outputs).toMatchObject({
      "build-result": "reused",
      changed: "false",
      digest: outputs["digest"],
      tags: "[]",
    });
  });

  test("target, arguments, context and file are what is built", async () => {
    await checkout.write("inner/app/x", "1\n");
    await checkout.write("inner/Own.Dockerfile", `${dockerfile}WORKDIR /inner\n`);
    checkout.commit("Inner");
    const { outputs } = await build(
      { context: "inner", file: "inner/Own.Dockerfile", "build-args": `${args()}\nGREETING=hi there = you` },
      docker,
    );
    const image = await pull(direct, "small", outputs["digest"] ?? "");
    expect(image?.config.config.WorkingDir).toBe("/inner");
    expect(JSON.stringify(image?.config.history)).toContain("hi there = you");
  });

  test.each<[string, (value: string) => Promise<[Record<string, string>, Record<string, string>]>]>([
    ["secrets", async (value) => [{ secrets: `token=${value}` }, {}]],
    ["secret-envs", async (value) => [{ "secret-envs": "token=MY_TOKEN" }, { MY_TOKEN: value }]],
    [
      "secret-files",
      async (value) => {
        await checkout.write(".gitignore", "token.txt\n");
        checkout.commit("Ignore");
        await checkout.write("token.txt", value);
        return [{ "secret-files": "token=token.txt" }, {}];
      },
    ],
  ])("%s reach the build, and neither log, summary, outputs nor key", async (_name, give) => {
    const value = `value-of-${Math.random().toString(36).slice(2)}`;
    const [inputs, environment] = await give(value);
    const result = await build(
      { "build-args": `${args()}\nGREETING=${createHash("sha256").update(value).digest("hex")}`, ...inputs },
      { ...docker, ...environment },
    );
    expect(errorsOf(result)).toBe("");
    expect(result.outputs["build-result"]).toBe("built");
    expect(JSON.stringify(result)).not.toContain(value);
    const image = await pull(direct, "small", result.outputs["digest"] ?? "");
    expect(JSON.stringify(image?.config)).not.toContain(value);
    // The Dockerfile of the test copies it: so it was there. No cache knows values of secrets, hence the argument.
    expect(await layersHold(direct, image?.layers ?? [], value)).toBe(true);
  });

  test("on a pull request nothing is pushed, and what would be done is said", async () => {
    await checkout.write("app/main.py", "other\n");
    checkout.commit("Other");
    const since = small.bed.calls.length;
    const job = checkout.job(docker);
    const { runStep } = await import("../../runner/run-step.ts");
    const step = { action: "actions/build-push-image", with: { repository: "small", "build-args": args() } };
    const result = await runStep({ ...job, event: { name: "pull_request", payload: {} } }, step);
    expect(errorsOf(result)).toBe("");
    expect(result.outputs).toMatchObject({
      "build-result": "not-pushed",
      changed: "true",
      digest: "",
      "image-uri": "",
    });
    expect(result.summary).toContain("would be built");
    expect(writesOf(small, since)).toEqual([]);
    const never = await build({ "build-args": args(), push: "false" }, docker);
    expect(never.outputs).toMatchObject({ "build-result": "not-pushed" });
    const always = await runStep(
      { ...job, event: { name: "pull_request", payload: {} } },
      { ...step, with: { ...step.with, push: "true" } },
    );
    expect(always.outputs).toMatchObject({ "build-result": "built" });
  });

  test("a checkout that differs from its commit is refused", async () => {
    await checkout.write("app/main.py", "uncommitted\n");
    const result = await build({ "build-args": args() }, docker);
    expect(errorsOf(result)).toMatch(/differs from its commit in a file: app\/main.py/);
  });

  test("with allow-dirty it is built, and bears no bare SHA", async () => {
    await checkout.write("app/main.py", "uncommitted\n");
    const result = await build({ "build-args": args(), "allow-dirty": "true" }, docker);
    expect(errorsOf(result)).toBe("");
    const sha = checkout.git("rev-parse", "HEAD").trim();
    const key = result.outputs["content-key"] ?? "";
    expect(JSON.parse(result.outputs["tags"] ?? "")).toEqual([`${sha}-dirty-${key.slice(0, 8)}`, `src-${key}`]);
    expect((await fetchManifest(direct, "small", sha)).status).toBe(404);
    expect((await fetchManifest(direct, "small", `${sha}-dirty-${key.slice(0, 8)}`)).status).toBe(200);
  });

  test("caches are kept and taken where it is told, and no-cache takes none", async () => {
    const folder = `${checkout.folder}/.git/cache`; // nowhere that is sent or committed
    await checkout.write("app/main.py", "cached\n");
    checkout.commit("Cache");
    const given = { "build-args": `${args()}\nGREETING=cached`, cache: "registry" };
    const kept = await build({ ...given, "cache-to": `type=local,dest=${folder}` }, docker);
    expect(errorsOf(kept)).toBe("");
    expect(await readdir(folder)).toContain("index.json");
    expect((await fetchManifest(direct, "small", "cache")).status).toBe(200);
    const fresh = await startBuilder();
    try {
      for (const inputs of [{ "cache-from": `type=local,src=${folder}`, cache: "off" }, { cache: "registry" }]) {
        await checkout.write("app/main.py", `cached ${JSON.stringify(inputs)}\n`);
        checkout.commit("Change");
        const taken = await build({ ...given, ...inputs }, fresh.environment);
        expect(taken.log.filter((line) => /CACHED/.test(line)).length).toBeGreaterThan(0);
      }
      await checkout.write("app/main.py", "not cached\n");
      checkout.commit("Change");
      const run = await build({ ...given, "no-cache": "true", builder: "test" }, fresh.environment);
      expect(run.log.filter((line) => /CACHED/.test(line))).toEqual([]);
      expect(run.outputs["build-result"]).toBe("built");
    } finally {
      await fresh.close();
    }
  });

  test("a builder that is not there is named", async () => {
    await checkout.write("app/main.py", "builder\n");
    checkout.commit("Builder");
    const result = await build({ "build-args": args(), builder: "nobody" }, docker);
    expect(errorsOf(result)).toMatch(/No builder answers.*nobody.*docker buildx inspect nobody/s);
  });

  test("the repository is made when asked, and provenance makes an index", async () => {
    const result = await build(
      { repository: "small/new", "create-repository": "true", provenance: "max", "build-args": args() },
      docker,
    );
    expect(errorsOf(result)).toBe("");
    const answer = await fetchManifest(direct, "small/new", result.outputs["digest"] ?? "");
    expect(answer.headers.get("content-type")).toBe("application/vnd.oci.image.index.v1+json");
  });

  test("an image for arm64 is one, although nothing of it can be run here", async () => {
    await checkout.write("Dockerfile", "FROM scratch\nCOPY app /app\n");
    checkout.commit("Scratch");
    const { outputs } = await build({ platform: "linux/arm64" }, docker);
    expect((await pull(direct, "small", outputs["digest"] ?? ""))?.config.architecture).toBe("arm64");
  });

  test("a scan that cannot be had stops a gate before the commit names the image", async () => {
    await checkout.write("app/main.py", "scanned\n");
    checkout.commit("Scan");
    const result = await build({ "build-args": args(), scan: "gate" }, docker);
    // The ECR of the tests knows no scans: it answers as to a call that is none.
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toMatch(/DescribeImageScanFindings/);
    expect((await fetchManifest(direct, "small", checkout.git("rev-parse", "HEAD").trim())).status).toBe(404);
  });
});

describeBuilt("an image of a stack, from a Dockerfile", () => {
  let builder: Builder;
  beforeAll(async () => {
    builder = await startBuilder();
    const direct = await registryOf();
    await pushBase(direct, "small/base", "shell2", { folder: await shellTree(), environment: ["PATH=/bin"] });
  }, 600_000);
  afterAll(() => builder.close());

  test("is planned, built, found again, and told by what has changed", async () => {
    const { host } = new URL((await registryOf()).url);
    const text = stackFile((layers) =>
      layers.replace(
        /layers:[^]*?(?=services:)/,
        `build: { dockerfile: docker/Dockerfile, target: production, arguments: { BASE: "${host}/small/base:shell2" }, secrets: { token: "env:STACK_TOKEN" } }\n`,
      ),
    );
    await checkout.write("dagster-stack.yml", text);
    await checkout.write("docker/Dockerfile", dockerfile);
    checkout.commit("Build");
    const environment = { ...builder.environment, STACK_TOKEN: "token-of-the-stack" };
    const plan = await checkout.run({ with: { command: "plan" } }, { DOCKER_CONFIG: "/nonexistent" });
    expect(errorsOf(plan)).toBe("");
    expect(plan.summary).toContain("build image `app` from its Dockerfile");
    const made = await checkout.run({ action: "actions/build-push-image" }, environment);
    expect(errorsOf(made)).toBe("");
    expect(JSON.parse(made.outputs["images"] ?? "")).toEqual({
      app: { repository: "small", digest: expect.stringMatching(/^sha256:/) as unknown },
    });
    const again = await checkout.run({ action: "actions/build-push-image" }, { DOCKER_CONFIG: "/nonexistent" });
    expect(errorsOf(again)).toBe("");
    expect(again.outputs).toMatchObject({ images: made.outputs["images"], changed: "false" });
  });
});

async function registryOf(): Promise<Direct> {
  const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "" } = small.bed.environment("deploy");
  const client = new ECRClient({
    endpoint: AWS_ENDPOINT_URL ?? "",
    region: "eu-central-1",
    credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
  });
  const { authorizationData } = await client.send(new GetAuthorizationTokenCommand({}));
  const { authorizationToken = "", proxyEndpoint = "" } = authorizationData?.[0] ?? {};
  return { url: proxyEndpoint, authorization: `Basic ${authorizationToken}` };
}

function fetchManifest({ url, authorization }: Direct, repository: string, reference: string): Promise<Response> {
  const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
  return fetch(`${url}/v2/${repository}/manifests/${reference}`, { headers: { authorization, accept } });
}

async function layersHold(
  { url, authorization }: Direct,
  layers: readonly { readonly digest: string }[],
  value: string,
): Promise<boolean> {
  const { gunzipSync } = await import("node:zlib");
  for (const { digest } of layers) {
    const answer = await fetch(`${url}/v2/small/blobs/${digest}`, { headers: { authorization } });
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(`sha256:${createHash("sha256").update(bytes).digest("hex")}`).toBe(digest);
    if (gunzipSync(bytes).includes(value)) return true;
  }
  return false;
}
