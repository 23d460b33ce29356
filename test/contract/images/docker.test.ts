import { jest } from "@jest/globals";
import { readdir } from "node:fs/promises";
import { type Builder, startBuilder, whyNoBuilder } from "../../builder.ts";
import { errorOf } from "../../error-of.ts";
import type { Finding } from "../../../src/domain/finding.ts";
import type { ImagePart } from "../../../src/domain/release.ts";
import {
  applyMaking,
  type DockerRequest,
  type ImageClients,
  type ImagePlan,
  type Inspect,
  type MakingRequest,
  observeMaking,
  openImages,
  planMaking,
} from "../../../src/images/index.ts";
import {
  change,
  checkout,
  context,
  copyOf,
  type Direct,
  folderFor,
  pull,
  pushBase,
  removeFolders,
  request,
  shaOf,
  type Told,
} from "./fixtures.ts";
import { onEachRegistry, type TestRegistry } from "./registries.ts";
import { shellTree } from "./shell-base.ts";

jest.setTimeout(600_000); // the first time, builder and buildx are compiled

const dockerfile = `ARG BASE
FROM \${BASE} AS base
USER 0
ARG GREETING=hello
RUN --mount=type=secret,id=token cat /run/secrets/token > /dev/null && echo "$GREETING" > /greeting
FROM base AS production
COPY app /app
WORKDIR /app
`;

const why = whyNoBuilder();
const onEach: typeof onEachRegistry = (title, tests) => {
  if (why === null) onEachRegistry(title, tests);
  else {
    const reason = `not run: ${title}: ${why}`;
    process.stderr.write(`${reason}\n`);
    test.skip(reason, () => undefined);
  }
};

onEach("images from a Dockerfile", (start) => {
  const before = { ...process.env };
  let registry: TestRegistry;
  let builder: Builder;
  let direct: Direct;
  let scratch: string;
  let root: string;
  let host: string;
  let repositories = 0;

  beforeAll(async () => {
    [registry, builder] = await Promise.all([start(), startBuilder()]);
    Object.assign(process.env, builder.environment, { BUILD_TOKEN: "s3cret-of-the-build" });
    host = new URL(registry.proxy.url).host;
    scratch = await folderFor("scratch");
    direct = await registry.letIn();
    root = await checkout({
      Dockerfile: dockerfile,
      "app/main.py": "print('one')\n",
      "app/secret.env": "TOKEN=1\n",
      ".git/HEAD": "ref: refs/heads/main\n",
      ".dockerignore": "**/*.env\n",
    });
    await registry.createRepository("base");
    await pushBase(direct, "base", "1", {
      folder: await shellTree(),
      environment: ["PATH=/bin", "PYTHON_VERSION=3.11.7"],
    });
  });

  afterAll(async () => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    await builder.close();
    await registry.close();
    await removeFolders();
  });

  afterEach(async () => {
    registry.proxy.inject(() => null);
    expect(await readdir(scratch)).toEqual([]); // neither the password nor the Dockerfile stays
  });

  /** A repository, a checkout and a request of its own for each test. */
  async function fresh(more: Partial<DockerRequest> = {}): Promise<DockerRequest> {
    repositories += 1;
    const repository = `app${repositories}`;
    await registry.createRepository(repository);
    return {
      way: "docker",
      repository,
      createRepository: null,
      isDirty: false,
      platform: "linux/amd64",
      source: { repository: "owner/app", sha: shaOf("a") },
      root: await copyOf(root),
      context: ".",
      dockerfile: "Dockerfile",
      target: null,
      arguments: { BASE: `${host}/base:1` },
      secrets: { token: { kind: "variable", name: "BUILD_TOKEN" } },
      cache: null,
      cacheFrom: [],
      cacheTo: [],
      noCache: false,
      provenance: "off",
      builder: null,
      place: null,
      ...more,
    };
  }

  interface Released {
    readonly part: ImagePart;
    readonly plan: ImagePlan;
    readonly told: Told;
    readonly findings: readonly { readonly id: string }[];
    readonly writes: readonly string[];
  }

  async function release(
    wanted: MakingRequest,
    released: ImagePart | null = null,
    inspect: Inspect = async () => [],
    weigh: (finding: Finding) => void = () => undefined,
  ): Promise<Released> {
    const told = context();
    const clients: ImageClients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    registry.proxy.seen.length = 0;
    const observation = await observeMaking(clients, told, wanted, released);
    const plan = planMaking(observation);
    const { part, findings } = await applyMaking(clients, told, observation, { inspect, weigh });
    const writes = registry.proxy.seen.flatMap(({ method, url }) =>
      method === "GET" || method === "HEAD" ? [] : [`${method} ${url}`],
    );
    return { part, plan, told, findings, writes };
  }

  test("the first image is built, pushed by its digest, and then named", async () => {
    const wanted = await fresh();
    const { part, plan, told, writes } = await release(wanted);
    expect(plan).toMatchObject({ way: "docker", digest: null, reasons: ["no image of this repository is released"] });
    const image = await pull(direct, wanted.repository, part.digest);
    expect(image?.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
    expect(image?.config).toMatchObject({ architecture: "amd64", config: { WorkingDir: "/app" } });
    for (const tag of [shaOf("a"), `src-${part.contentKey}`])
      expect((await pull(direct, wanted.repository, tag))?.bytes).toEqual(image?.bytes);
    const puts = writes.filter((write) => write.includes("/manifests/"));
    expect(puts).toEqual(
      [part.digest, `src-${part.contentKey}`, shaOf("a")].map(
        (name) => `PUT /v2/${wanted.repository}/manifests/${name}`,
      ),
    );
    expect(told.words()).not.toContain("s3cret-of-the-build");
    expect(JSON.stringify(plan)).not.toContain("s3cret-of-the-build");
    expect(JSON.stringify(image?.config)).not.toContain("s3cret-of-the-build");
  });

  test("the same content elsewhere is found and nothing is built, with another value of a secret, too", async () => {
    const wanted = await fresh();
    const first = await release(wanted);
    process.env["BUILD_TOKEN"] = "another-value";
    const root = await copyOf(wanted.root);
    await change(root, { "app/secret.env": "TOKEN=2\n", ".git/HEAD": "ref: refs/heads/other\n" });
    const again = await release({ ...wanted, root }, first.part);
    expect(again.plan).toMatchObject({ way: "reuse", digest: first.part.digest, tags: [] });
    expect(again.part).toEqual(first.part);
    expect(again.writes).toEqual([]);
  });

  test("another commit of the same content names the same image", async () => {
    const wanted = await fresh();
    const first = await release(wanted);
    const second = await release({ ...wanted, source: { ...wanted.source, sha: shaOf("b") } });
    expect(second.plan).toMatchObject({ way: "name", tags: [shaOf("b")] });
    expect(second.part.digest).toBe(first.part.digest);
    expect(second.writes).toEqual([`PUT /v2/${wanted.repository}/manifests/${shaOf("b")}`]);
  });

  test("what has changed is said: a file, an argument, the Dockerfile, the target", async () => {
    const wanted = await fresh();
    const first = await release(wanted);
    await change(wanted.root, { "app/main.py": "print('two')\n", Dockerfile: `${dockerfile}ENV A=1\n` });
    const { plan, part } = await release(
      {
        ...wanted,
        source: { ...wanted.source, sha: shaOf("b") },
        target: "production",
        arguments: { ...wanted.arguments, GREETING: "hi" },
      },
      first.part,
    );
    expect(plan.reasons).toEqual([
      "Dockerfile changed",
      "the target (the last stage) is now production",
      "argument GREETING is new",
      "Dockerfile changed",
      "app/main.py changed",
    ]);
    expect(part.digest).not.toBe(first.part.digest);
  });

  test("a base that moved is another content, and the digest that was looked up is what is built upon", async () => {
    const wanted = await fresh({ arguments: { BASE: `${host}/moving:1` } });
    await registry.createRepository(`moving`).catch(() => undefined);
    const folder = await shellTree();
    const old = await pushBase(direct, "moving", "1", { folder, environment: ["PATH=/bin", "GENERATION=old"] });
    const told = context();
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    const observation = await observeMaking(clients, told, wanted, null);
    // docker-registry lets it move; ministack does not, and then it is the same.
    await pushBase(direct, "moving", "1", { folder, environment: ["PATH=/bin", "GENERATION=new"] }).catch(
      () => undefined,
    );
    const { part } = await applyMaking(clients, told, observation);
    expect((await pull(direct, wanted.repository, part.digest))?.config.config.Env).toContain("GENERATION=old");
    const moved = (await pull(direct, "moving", "1"))?.digest !== old;
    const after = await observeMaking(clients, told, wanted, null);
    expect(after.contentKey === observation.contentKey).toBe(!moved);
  });

  test("a build that fails says its last error, and leaves no name", async () => {
    const wanted = await fresh();
    await change(wanted.root, { Dockerfile: `${dockerfile}COPY absent /x\n` });
    const error = (await errorOf(release(wanted))) as Error;
    expect(error.message).toMatch(/^The image could not be built: .*absent.*not found/s);
    expect(error.message).toContain("where: Dockerfile:9:1");
    expect(await pull(direct, wanted.repository, shaOf("a"))).toBeNull();
  });

  test("a secret that the step was not given stops before anything is built", async () => {
    const error = (await errorOf(
      release(await fresh({ secrets: { token: { kind: "variable", name: "NOT_GIVEN" } } })),
    )) as Error;
    expect(error.message).toMatch(
      /The secret token of the build is not there.*NOT_GIVEN: \$\{\{ secrets\.NOT_GIVEN \}\}/s,
    );
  });

  /** Refuses to take blobs of a repository, as ECR does when a password has expired. */
  const refuseBlobs = (repository: string, times: number, then: () => Promise<void> = async () => undefined) => {
    let refused = 0;
    registry.proxy.inject(async ({ method, url }) => {
      if (refused === times || method !== "POST" || !url.startsWith(`/v2/${repository}/blobs/uploads`)) return null;
      refused += 1;
      await then();
      const message = "Your authorization token has expired. Reauthenticate and try again.";
      return { kind: "answer", status: 403, body: JSON.stringify({ errors: [{ code: "DENIED", message }] }) };
    });
    return () => refused;
  };

  test("a login that expires within the push is renewed once, and the push goes on", async () => {
    const wanted = await fresh();
    refuseBlobs(wanted.repository, 1, () => registry.expireTokens());
    const { part, told } = await release(wanted);
    direct = await registry.letIn();
    expect((await pull(direct, wanted.repository, shaOf("a")))?.digest).toBe(part.digest);
    expect(told.words().match(/refuses the builder: once more, with a new login/g)).toHaveLength(1);
    expect(told.words()).not.toContain("second-password");
  });

  test("a login that is refused again is not tried a third time, and what the registry says is told", async () => {
    const wanted = await fresh();
    refuseBlobs(wanted.repository, Number.POSITIVE_INFINITY);
    const told = context();
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    const observation = await observeMaking(clients, told, wanted, null);
    const error = (await errorOf(applyMaking(clients, told, observation))) as Error;
    expect(error.message).toMatch(/^The image could not be built: .*(403 Forbidden|token has expired)/s);
    expect(error.message).toContain(`Let the role of this job push to ${wanted.repository}; in ECR that takes ecr:`);
    expect(told.words().match(/refuses the builder/g)).toHaveLength(1);
  });

  test("checks of BuildKit are said at the line of the Dockerfile", async () => {
    const wanted = await fresh();
    await change(wanted.root, { Dockerfile: `${dockerfile}ENV API_TOKEN=1\nMAINTAINER somebody\n` });
    const { findings } = await release(wanted);
    expect(findings).toContainEqual(
      expect.objectContaining({
        id: "dockerfile-check",
        level: "warning",
        where: { file: "Dockerfile", line: 10, column: 1 },
      }),
    );
  });

  test("of two that build one content the first counts, and its tag is not asked for again", async () => {
    const wanted = await fresh({ noCache: true });
    const told = context();
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    const [one, other] = [
      await observeMaking(clients, told, wanted, null),
      await observeMaking(clients, told, wanted, null),
    ];
    const first = await applyMaking(clients, told, one);
    registry.proxy.seen.length = 0;
    const second = await applyMaking(clients, told, other);
    expect(second.part).toEqual(first.part);
    // The registries of the tests never move a tag: one that does would have, had it been asked.
    expect(registry.proxy.seen.filter(({ method, url }) => method === "PUT" && url.includes("/src-"))).toEqual([]);
    expect(told.words()).toContain(`Somebody else has made the same content meanwhile: ${first.part.digest} counts`);
    expect((await pull(direct, wanted.repository, `src-${first.part.contentKey}`))?.digest).toBe(first.part.digest);
  });

  test("one that is not to be stops before the image has any name, and again the next time", async () => {
    const wanted = await fresh();
    await change(wanted.root, { Dockerfile: `${dockerfile}MAINTAINER somebody\n` });
    const weigh = ({ id }: Finding): void => {
      throw new Error(id);
    };
    for (const time of ["first", "second"]) {
      const error = (await errorOf(release(wanted, null, async () => [], weigh))) as Error;
      expect([time, error.message]).toEqual([time, "dockerfile-check"]);
    }
    expect((await release(wanted)).plan).toMatchObject({ way: "docker" });
  });

  test("what an inspection stops has no name of its commit, and is stopped again the next time", async () => {
    const wanted = await fresh();
    const stop: Inspect = async () => {
      throw new Error("vulnerable");
    };
    await expect(release(wanted, null, stop)).rejects.toThrow("vulnerable");
    expect(await pull(direct, wanted.repository, shaOf("a"))).toBeNull();
    await expect(release(wanted, null, stop)).rejects.toThrow("vulnerable");
    expect((await release(wanted)).plan).toMatchObject({ way: "name" });
  });

  test("an image upon a base of another architecture gets no name", async () => {
    const wanted = await fresh({ platform: "linux/arm64", arguments: { BASE: `${host}/base:1` } });
    await change(wanted.root, { Dockerfile: `ARG BASE\nFROM \${BASE}\nCOPY app /app\n` });
    const error = (await errorOf(release(wanted))) as Error;
    expect(error.message).toMatch(/not made for linux\/arm64, but for linux\/amd64.*Dockerfile:2:1/s);
    expect(await pull(direct, wanted.repository, shaOf("a"))).toBeNull();
  });

  test("a cache of all stages is kept under a tag of the repository that moves, in the form that ECR takes", async () => {
    const wanted = await fresh({ cache: { tag: "cache" } });
    await release(wanted);
    const answer = await fetch(`${direct.url}/v2/${wanted.repository}/manifests/cache`, {
      headers: { authorization: direct.authorization, accept: "application/vnd.oci.image.manifest.v1+json" },
    });
    expect(await answer.json()).toMatchObject({
      config: { mediaType: expect.stringContaining("buildkit.cacheconfig") as unknown },
    });
  });

  test("provenance makes an index of the image, which is found again", async () => {
    const wanted = await fresh({ provenance: "min" });
    const first = await release(wanted);
    const answer = await fetch(`${direct.url}/v2/${wanted.repository}/manifests/${first.part.digest}`, {
      headers: { authorization: direct.authorization, accept: "application/vnd.oci.image.index.v1+json" },
    });
    expect(((await answer.json()) as { manifests: unknown[] }).manifests).toHaveLength(2);
    expect((await release(wanted, first.part)).plan.way).toBe("reuse");
    await change(wanted.root, { "app/main.py": "print('two')\n" });
    const { plan } = await release({ ...wanted, source: { ...wanted.source, sha: shaOf("b") } }, first.part);
    expect(plan.reasons).toEqual(["app/main.py changed"]);
  });

  test("two images on one target, each in a repository of its own, have it built once", async () => {
    const bases = [await fresh({ target: "base" }), await fresh({ target: "base" })];
    const told = context();
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    const wanted = bases.map((base): MakingRequest => {
      const { repository } = base;
      return { ...request(base.root, { repository }), dockerBase: base };
    });
    const observed = await Promise.all(wanted.map((one) => observeMaking(clients, told, one, null)));
    const made = await Promise.all(observed.map((one) => applyMaking(clients, told, one)));
    expect(told.words().match(/load build definition/g)).toHaveLength(1);
    const images = await Promise.all(made.map(({ part }) => pull(direct, part.repository, part.digest)));
    expect(images[0]?.layers.length).toBeGreaterThan(1);
    expect(images[1]?.layers).toEqual(images[0]?.layers);
  });

  test("layers ride on a target of a Dockerfile, which is built once", async () => {
    const base = await fresh({ target: "base", dockerfile: "Dockerfile" });
    const wanted = (sha: string, more: Partial<DockerRequest> = {}): MakingRequest => ({
      ...request(base.root, { repository: base.repository, source: { repository: "owner/app", sha: shaOf(sha) } }),
      dockerBase: { ...base, ...more },
    });
    const first = await release(wanted("a"));
    expect(first.plan.reasons.at(-1)).toBe("its base is built from Dockerfile");
    const image = await pull(direct, base.repository, first.part.digest);
    expect(image?.config.config.WorkingDir).toBe("/app");
    await change(base.root, { "app/main.py": "print('two')\n" });
    // The code is in the context of the base, too: what the base is sent decides, so it is left out there.
    await change(base.root, { "Dockerfile.dockerignore": "app\n" });
    const second = await release(wanted("b"), first.part);
    await change(base.root, { "app/main.py": "print('three')\n" });
    const third = await release(wanted("c"), second.part);
    expect(third.plan.reasons).toEqual(["app/main.py changed"]);
    expect(third.plan.digest).toBe(third.part.digest);
    const layers = async (digest: string): Promise<readonly string[]> =>
      ((await pull(direct, base.repository, digest))?.layers ?? []).map((layer) => layer.digest);
    const [before, after] = [await layers(second.part.digest), await layers(third.part.digest)];
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
  });
});
