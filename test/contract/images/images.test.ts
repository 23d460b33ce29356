import { jest } from "@jest/globals";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../src/domain/errors.ts";
import type { Finding } from "../../../src/domain/finding.ts";
import type { ImagePart } from "../../../src/domain/release.ts";
import {
  applyImage,
  type ImageClients,
  type ImagePlan,
  type ImageRequest,
  observeImage,
  openImages,
  planImage,
} from "../../../src/images/index.ts";
import {
  change,
  checkout,
  context,
  copyOf,
  demoWheel,
  type Direct,
  folderFor,
  pull,
  pushBase,
  putManifest,
  removeFolders,
  request,
  shaOf,
  type Told,
  unpack,
  type Wheel,
  wheelhouse,
} from "./fixtures.ts";
import { startFaultProxy } from "./fault-proxy.ts";
import { onEachRegistry, type TestRegistry } from "./registries.ts";

jest.setTimeout(120_000); // a pip on a busy machine

const wheels: readonly Wheel[] = [
  demoWheel,
  ...["manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux2014_aarch64"].map((platform) => ({
    name: "native",
    version: "2.1",
    tag: `cp311-cp311-${platform}`,
    files: { "native/core.so": `built for ${platform}` },
  })),
];

onEachRegistry("images of layers", (start) => {
  let registry: TestRegistry;
  let direct: Direct;
  let scratch: string;
  let root: string;
  let repositories = 0;

  beforeAll(async () => {
    registry = await start();
    scratch = await folderFor("scratch");
    direct = await registry.letIn();
    root = await checkout({
      "app/main.py": "print('one')\n",
      "app/run.sh": { executable: "#!/bin/sh\n" },
      "app/nested/data.txt": "data\n",
      "app/nested/link": { link: "data.txt" },
      "app/__pycache__/main.cpython-311.pyc": "code",
      "app/secret.env": "TOKEN=1\n",
      ".dockerignore": "**/*.env\n",
    });
    await change(root, { "requirements.lock": await wheelhouse(root, wheels) });
    await registry.createRepository("base");
    await pushBase(direct, "base", "1");
  });

  afterAll(async () => {
    await registry.close();
    await removeFolders();
  });

  /** A repository, a checkout and a request of its own for each test. */
  async function fresh(more: Partial<ImageRequest> = {}): Promise<ImageRequest> {
    repositories += 1;
    const repository = `app${repositories}`;
    await registry.createRepository(repository);
    return request(await copyOf(root), { repository, ...more });
  }

  async function release(
    wanted: ImageRequest,
    released: ImagePart | null = null,
    told: Told = context(),
  ): Promise<{
    part: ImagePart;
    findings: readonly Finding[];
    plan: ImagePlan;
    told: Told;
    seen: TestRegistry["proxy"]["seen"];
  }> {
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    registry.proxy.seen.length = 0;
    const observation = await observeImage(clients, told, wanted, released);
    const plan = planImage(observation);
    const { part, findings } = await applyImage(clients, told, observation, plan);
    return { part, findings, plan, told, seen: [...registry.proxy.seen] };
  }

  const writes = (seen: TestRegistry["proxy"]["seen"]): number =>
    seen.filter(({ method }) => method !== "GET" && method !== "HEAD").length;

  afterEach(async () => {
    registry.proxy.inject(() => null);
    expect(await readdir(scratch)).toEqual([]);
  });

  test("the first image holds base, packages and code, and the registry has it under all its names", async () => {
    const wanted = await fresh({
      requirements: "requirements.lock",
      environment: { DAGSTER_HOME: "/app/home" },
      generated: { "/app/home/dagster.yaml": "storage: {}\n" },
    });
    const { part, plan } = await release(wanted);

    expect(plan).toMatchObject({ way: "layers", digest: null, reasons: ["no image of this repository is released"] });
    expect(plan.tags).toEqual([shaOf("a"), `src-${part.contentKey}`]);
    const image = await pull(direct, wanted.repository, part.digest);
    for (const tag of plan.tags) expect((await pull(direct, wanted.repository, tag))?.digest).toBe(part.digest);
    expect(image?.config).toMatchObject({
      architecture: "amd64",
      config: {
        Env: [
          "PATH=/opt/dependencies/bin:/usr/local/bin:/usr/bin",
          "PYTHON_VERSION=3.11.7",
          "LANG=C.UTF-8",
          "PYTHONPATH=/app:/opt/dependencies",
          "DAGSTER_HOME=/app/home",
        ],
        WorkingDir: "/app",
        User: "65534",
        Cmd: ["python3"],
      },
      "moby.unknown": { kept: true },
    });
    const [, packages, code] = image?.layers ?? [];
    expect(await unpack(direct, wanted.repository, code?.digest ?? "")).toEqual({
      "app/app/main.py": "644 print('one')\n",
      "app/app/run.sh": "755 #!/bin/sh\n",
      "app/app/nested/data.txt": "644 data\n",
      "app/app/nested/link": "-> data.txt",
      "app/home/dagster.yaml": "644 storage: {}\n",
    });
    const installed = await unpack(direct, wanted.repository, packages?.digest ?? "");
    expect(installed).toMatchObject({
      "opt/dependencies/bin/demo": expect.stringMatching(
        /^755 #!\/usr\/bin\/env python3\n[^]*__main__[^]*main\(\)/,
      ) as unknown,
      "opt/dependencies/bin/legacy": "755 #!/usr/bin/env python3\nprint('legacy')\n",
      "opt/dependencies/native/core.so": "644 built for manylinux2014_x86_64",
    });
    expect(installed["opt/dependencies/demo_pkg-1.0.dist-info/RECORD"]).toContain("bin/demo,,\nbin/legacy,,\n");
    expect(Object.keys(installed).filter((path) => path.includes("direct_url"))).toEqual([]);
  });

  test("the same commit again is found: three requests at most, and nothing is written", async () => {
    const wanted = await fresh({ requirements: "requirements.lock" });
    const first = await release(wanted);
    const again = await release({ ...wanted, root: await copyOf(wanted.root) }, first.part);
    expect(again.plan).toMatchObject({
      way: "reuse",
      contentKey: first.part.contentKey,
      digest: first.part.digest,
      dagster: null,
      tags: [],
      reasons: ["the registry has an image of this very content"],
      findings: [],
    });
    expect(again.part).toEqual(first.part);
    expect(again.seen.length).toBeLessThanOrEqual(3);
    expect(writes(again.seen)).toBe(0);
  });

  test("another commit of the same content names the same image, byte for byte", async () => {
    const wanted = await fresh();
    const first = await release(wanted);
    const second = await release({ ...wanted, source: { ...wanted.source, sha: shaOf("b") } });
    expect(second.plan).toMatchObject({ way: "name", tags: [shaOf("b")] });
    expect(second.part).toEqual({ ...first.part, source: { ...wanted.source, sha: shaOf("b") } });
    expect((await pull(direct, wanted.repository, shaOf("b")))?.bytes).toEqual(
      (await pull(direct, wanted.repository, shaOf("a")))?.bytes,
    );
    expect(writes(second.seen)).toBe(1);
  });

  test("while it is released it keeps the commit that it was made of, and nothing is written", async () => {
    const wanted = await fresh();
    const first = await release(wanted);
    const second = await release({ ...wanted, source: { ...wanted.source, sha: shaOf("b") } }, first.part);
    expect(second.plan).toMatchObject({ way: "reuse", tags: [] });
    expect(second.part).toEqual(first.part);
    expect(writes(second.seen)).toBe(0);
  });

  test("what an attempt pushed that was cut before the commit named it is named by the next one", async () => {
    const wanted = await fresh();
    registry.proxy.inject(({ method, url }) =>
      method === "PUT" && url.endsWith(shaOf("a"))
        ? { kind: "answer", status: 403, body: '{"errors":[{"code":"DENIED","message":"no"}]}' }
        : null,
    );
    await expect(release(wanted)).rejects.toThrow();
    registry.proxy.inject(() => null);
    const { plan, part } = await release(wanted);
    expect(plan).toMatchObject({ way: "name", tags: [shaOf("a")] });
    expect((await pull(direct, wanted.repository, shaOf("a")))?.digest).toBe(part.digest);
  });

  test("two images of one commit in one repository both get a tag of it, one after the other or side by side", async () => {
    for (const sideBySide of [false, true]) {
      const wanted = await fresh();
      const other = { ...wanted, workdir: "/srv" };
      const images = sideBySide
        ? await Promise.all([release(wanted), release(other)])
        : [await release(wanted), await release(other)];
      const digests = images.map(({ part }) => part.digest);
      const long = images.map(({ part }) => `${shaOf("a")}-${part.contentKey.slice(0, 12)}`);
      const named = await Promise.all(
        [shaOf("a"), ...long].map(async (tag) => (await pull(direct, wanted.repository, tag))?.digest),
      );
      expect(new Set(named.filter((digest) => digest !== undefined))).toEqual(new Set(digests));
      expect(named.filter((digest) => digest === undefined)).toHaveLength(1);
      for (const again of [await release(wanted), await release(other)]) {
        expect(again.plan).toMatchObject({ way: "reuse", findings: [] });
        expect(writes(again.seen)).toBe(0);
      }
    }
  });

  test("a change of code is one small layer: its digest is known before, and eleven requests do it", async () => {
    const pinned = `base@${(await pull(direct, "base", "1"))?.digest ?? ""}`;
    const wanted = await fresh({ requirements: "requirements.lock", base: pinned });
    const first = await release(wanted);
    await change(wanted.root, { "app/main.py": "print('two')\n", "app/new.py": "" });
    await rm(join(wanted.root, "app/run.sh"));
    const source = { ...wanted.source, sha: shaOf("b") };

    // Who asks what has changed asks two questions more: they are left out of this count.
    const second = await release({ ...wanted, source });
    expect(second.plan.digest).toBe(second.part.digest);
    expect(second.part.digest).not.toBe(first.part.digest);
    expect(second.seen.length).toBeLessThanOrEqual(11);
    const layer = (await pull(direct, wanted.repository, second.part.digest))?.layers.at(-1);
    const bytes = second.seen.reduce((sum, entry) => sum + entry.bytes, 0);
    expect(bytes).toBeLessThan((layer?.size ?? 0) + 20_000);

    await change(wanted.root, { "app/main.py": "print('three')\n" });
    const third = await release({ ...wanted, source: { ...source, sha: shaOf("c") } }, first.part);
    expect(third.plan.reasons).toEqual(["app/main.py changed", "app/new.py added", "app/run.sh removed"]);
    expect(third.seen.length).toBeLessThanOrEqual(13);
  });

  test("what has changed is said: packages, base, Python, settings", async () => {
    const wanted = await fresh({ requirements: "requirements.lock", environment: { LEVEL: "info" } });
    const { part } = await release(wanted);
    await pushBase(direct, "base", "2", { files: { "etc/other": "" } });
    const other: ImageRequest = {
      ...wanted,
      base: "base:2",
      python: "3.11",
      workdir: "/srv",
      environment: { LEVEL: "debug" },
      source: { ...wanted.source, sha: shaOf("b") },
    };
    await change(other.root, { "requirements.lock": `# a comment is a change\n${await wheelhouse(root, wheels)}` });
    const { plan } = await release(other, part);
    expect(plan.reasons).toEqual([
      expect.stringMatching(/^the base moved to sha256:[0-9a-f]{12}$/),
      "Python of the base is now 3.11",
      "the requirements changed",
      "the working folder is now /srv",
      "the environment changed",
    ]);
  });

  test("two checkouts, two masks, two attempts: one digest", async () => {
    const wanted = await fresh({ requirements: "requirements.lock" });
    const first = await release(wanted);
    const mask = process.umask(0o077);
    try {
      repositories += 1;
      const repository = `app${repositories}`;
      await registry.createRepository(repository);
      const second = await release({ ...wanted, repository, root: await copyOf(wanted.root) });
      expect(second.part.digest).toBe(first.part.digest);
      expect(second.part.contentKey).toBe(first.part.contentKey);
    } finally {
      process.umask(mask);
    }
  });

  test("an image for another processor gets that processor's wheels", async () => {
    await registry.createRepository("arm-base");
    await pushBase(direct, "arm-base", "1", { architecture: "arm64", form: "oci-index" });
    const wanted = await fresh({ platform: "linux/arm64", base: "arm-base:1", requirements: "requirements.lock" });
    const { part } = await release(wanted);
    const image = await pull(direct, wanted.repository, part.digest);
    expect(image?.config.architecture).toBe("arm64");
    expect(await unpack(direct, wanted.repository, image?.layers[1]?.digest ?? "")).toMatchObject({
      "opt/dependencies/native/core.so": "644 built for manylinux2014_aarch64",
    });
  });

  test.each(["oci", "docker", "oci-index", "docker-list"] as const)(
    "a base in the form %s gives an image of its kind",
    async (form) => {
      await registry.createRepository(`base-${form}`);
      await pushBase(direct, `base-${form}`, "1", { form });
      const wanted = await fresh({ base: `base-${form}:1` });
      const { part } = await release(wanted);
      const image = await pull(direct, wanted.repository, part.digest);
      const kind = form.startsWith("docker") ? "docker" : "oci";
      expect(image?.mediaType).toMatch(new RegExp(`${kind}.*manifest`));
      for (const { mediaType } of image?.layers ?? []) expect(mediaType).toContain(kind);
      expect(image?.layers).toHaveLength(2);
    },
  );

  test.each([
    ["an index without it", "oci-index", "linux/arm64, but for linux/amd64"],
    ["an image of another one", "oci", "linux/arm64, but for linux/amd64"],
  ] as const)("a platform that the base does not have stops before anything is written: %s", async (_, form, words) => {
    const name = `one-${form}`;
    await registry.createRepository(name);
    await pushBase(direct, name, "1", { form });
    const wanted = await fresh({ base: `${name}:1`, platform: "linux/arm64" });
    registry.proxy.seen.length = 0;
    await expect(release(wanted)).rejects.toThrow(words);
    expect(writes(registry.proxy.seen)).toBe(0);
  });

  test("layers of a base that cannot be linked are copied", async () => {
    const wanted = await fresh();
    registry.proxy.inject(({ url }) =>
      url.includes("mount=") ? { kind: "rewrite", url: url.replace(/\?.*/, "") } : null,
    );
    const { part, told } = await release(wanted);
    expect(told.words()).toContain("Copying sha256:");
    registry.proxy.inject(() => null);
    const linked = await release(await fresh());
    expect(part.digest).toBe(linked.part.digest);
    expect(linked.told.words()).not.toContain("Copying");
  });

  test("a base of another registry is read anonymously, and copied", async () => {
    const other = await startFaultProxy(direct.url, ({ url, authorization }) =>
      authorization === null
        ? { kind: "rewrite", url, authorization: direct.authorization }
        : { kind: "answer", status: 400, body: "nobody else's token" },
    );
    try {
      const wanted = await fresh({ base: `${new URL(other.url).host}/base:1` });
      const { part, told } = await release(wanted);
      expect(told.words()).toContain("Copying sha256:");
      expect(part.digest).toBe((await release(await fresh())).part.digest);
    } finally {
      await other.close();
    }
  });

  test("a repository that is not there is an error that names it, or is made: immutable, and scanned", async () => {
    const wanted = request(await copyOf(root), { repository: `made-${repositories}` });
    await expect(release(wanted)).rejects.toThrow(`There is no repository ${wanted.repository}`);
    const { part, plan } = await release({ ...wanted, createRepository: { scanOnPush: true, kmsKey: null } });
    expect(plan.reasons).toEqual([`the repository ${wanted.repository} is new`]);
    expect((await pull(direct, wanted.repository, shaOf("a")))?.digest).toBe(part.digest);
    const settings = await registry.settingsOf(wanted.repository);
    if (settings !== null) expect(settings).toEqual({ immutable: "IMMUTABLE_WITH_EXCLUSION", scanned: true });
  });

  /** Gives a tag to an image of another content, as somebody could by hand. */
  const spoil = async (repository: string, tag: string, from: string): Promise<void> => {
    const image = await pull(direct, repository, from);
    await putManifest(direct, repository, tag, image?.mediaType ?? "", image?.bytes ?? Buffer.alloc(0));
  };

  test("a commit whose tags both name other images is a conflict that shows both", async () => {
    const wanted = await fresh();
    const first = await release(wanted);
    await change(wanted.root, { "app/main.py": "print('changed, not committed')\n" });
    const told = context();
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    const { commitTag } = await observeImage(clients, told, wanted, first.part);
    expect(commitTag).toEqual({ name: expect.stringMatching(/^a{40}-[0-9a-f]{12}$/) as unknown, digest: null });
    await spoil(wanted.repository, commitTag.name, shaOf("a"));
    const observation = await observeImage(clients, told, wanted, first.part);
    const plan = planImage(observation);
    expect(plan.findings).toEqual([expect.objectContaining({ id: "commit-tag-taken", level: "error" })]);
    registry.proxy.seen.length = 0;
    const failure = await applyImage(clients, told, observation, plan).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(String(failure)).toContain(first.part.digest);
    expect(String(failure)).toContain(String(plan.digest));
    expect(writes(registry.proxy.seen)).toBe(0);
  });

  test("tags that are given between plan and push are a conflict, too", async () => {
    const wanted = await fresh();
    const { part } = await release(wanted);
    const other = { ...wanted, source: { ...wanted.source, sha: shaOf("b") } };
    await change(other.root, { "app/main.py": "print('b')\n" });
    const told = context();
    const { contentKey } = await observeImage(
      await openImages(told, registry.ecr(told), { scratch, kept: scratch }),
      told,
      other,
      null,
    );
    registry.proxy.inject(async ({ method, url }, before) => {
      const isFirst = !before.some((entry) => entry.method === "PUT" && entry.url.includes("/manifests/"));
      if (isFirst && method === "PUT" && url.includes("/manifests/")) {
        await spoil(wanted.repository, shaOf("b"), shaOf("a"));
        await spoil(wanted.repository, `${shaOf("b")}-${contentKey.slice(0, 12)}`, shaOf("a"));
      }
      return null;
    });
    await expect(release(other)).rejects.toThrow(`names another image: ${part.digest}`);
  });

  test("who is slower with the same content adopts what the faster one pushed", async () => {
    const wanted = await fresh();
    const told = context();
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    await release({ ...wanted, source: { ...wanted.source, sha: shaOf("b") }, workdir: "/other" });
    const observation = await observeImage(clients, told, wanted, null);
    const winner = await pull(direct, wanted.repository, shaOf("b")); // equal key, other bytes: a zlib of another kind
    const name = `src-${observation.contentKey}`;
    await putManifest(direct, wanted.repository, name, winner?.mediaType ?? "", winner?.bytes ?? Buffer.alloc(0));
    const { part } = await applyImage(clients, told, observation, planImage(observation));
    expect(part.digest).toBe(winner?.digest);
    expect((await pull(direct, wanted.repository, shaOf("a")))?.digest).toBe(winner?.digest);
    expect((await pull(direct, wanted.repository, name))?.digest).toBe(winner?.digest);
    expect(told.words()).toContain("Somebody else has made the same content");
  });

  test("who is slower with the same packages lays his code upon what the faster one pushed", async () => {
    const wanted = await fresh({ requirements: "requirements.lock" });
    const bare = await pull(direct, "base", "1"); // an image without packages tells the faster one's from ours
    registry.proxy.inject(async ({ method, url }) => {
      const tag = /\/manifests\/(deps-\w+)$/.exec(url)?.[1];
      if (method !== "PUT" || tag === undefined) return null;
      await putManifest(direct, wanted.repository, tag, bare?.mediaType ?? "", bare?.bytes ?? Buffer.alloc(0));
      return null;
    });
    const { part } = await release(wanted);
    expect((await pull(direct, wanted.repository, part.digest))?.layers).toHaveLength(2);
  });

  test("a checkout that differs from its commit gets a tag of both, and never the bare SHA", async () => {
    const wanted = await fresh({ isDirty: true });
    const { part, plan } = await release(wanted);
    const tag = `${shaOf("a")}-dirty-${part.contentKey.slice(0, 8)}`;
    expect(plan.tags).toEqual([tag, `src-${part.contentKey}`]);
    expect((await pull(direct, wanted.repository, tag))?.digest).toBe(part.digest);
    expect(await pull(direct, wanted.repository, shaOf("a"))).toBeNull();
    const clean = await release({ ...wanted, isDirty: false }); // the same content, committed as it is
    expect(clean.plan).toMatchObject({ way: "name", tags: [shaOf("a")], digest: part.digest });
  });

  test("two images of one job on the same packages put them together once", async () => {
    const wanted = await fresh({ requirements: "requirements.lock" });
    await change(wanted.root, { "other/a.py": "" });
    const told = context();
    const clients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    const other = { ...wanted, files: [{ from: "other", to: "/app" }] };
    const observed = await Promise.all([wanted, other].map((one) => observeImage(clients, told, one, null)));
    const made = await Promise.all(observed.map((one) => applyImage(clients, told, one, planImage(one))));
    expect(new Set(made.map(({ part }) => part.digest)).size).toBe(2);
    expect(
      told.progress.filter(
        (said) => said.kind === "line" && /installing \d+ packages|compiling what is installed/.test(said.text),
      ),
    ).toHaveLength(2);
    expect(made[0]?.sizes).toMatch(/^\d+ kB: base .*, packages .* \(unpacked demo-pkg 1\.0 .*\), code/);
  });

  test("whatever an attempt that was cut has pushed is found again", async () => {
    const wanted = await fresh({ requirements: "requirements.lock" });
    const expected = await release({ ...wanted, ...(await fresh({ requirements: "requirements.lock" })) });
    for (let cut = 1; cut < 40; cut += 1) {
      const controller = new AbortController();
      let count = 0;
      registry.proxy.inject(() => {
        count += 1;
        if (count >= cut) controller.abort(new Error("cut"));
        return null;
      });
      const outcome = await release(wanted, null, context(controller.signal)).catch((error: unknown) => error);
      if (!(outcome instanceof Error)) break;
      expect(outcome.message).toBe("cut");
      expect(await readdir(scratch)).toEqual([]);
    }
    registry.proxy.inject(() => null);
    const { part } = await release(wanted);
    expect(part.digest).toBe(expected.part.digest);
  });

  test("code too large for memory goes through a file, and gives the same image as any", async () => {
    const wanted = await fresh({ base: "base:1" });
    await release(wanted);
    const block = Buffer.alloc(33 * 1024 * 1024, "0123456789").toString();
    await change(wanted.root, { "app/large.bin": block });
    const { plan, part } = await release({ ...wanted, source: { ...wanted.source, sha: shaOf("b") } });
    expect(plan.digest).toBeNull();
    expect((await pull(direct, wanted.repository, shaOf("b")))?.digest).toBe(part.digest);
  });

  test("a base that floats is said to", async () => {
    await pushBase(direct, "base", "latest");
    const { plan } = await release(await fresh({ base: "base" }));
    expect(plan.findings).toEqual([
      expect.objectContaining({
        id: "base-floats",
        level: "error",
        fix: expect.stringMatching(/^Pin it: base@sha256:[0-9a-f]{64}$/) as unknown,
      }),
    ]);
  });

  test("a base that is not there is an error", async () => {
    await expect(release(await fresh({ base: "base:none" }))).rejects.toThrow("The base image base:none is not there");
    const absent = `base@sha256:${"0".repeat(64)}`;
    await expect(release(await fresh({ base: absent }))).rejects.toThrow(`The base image ${absent} is not there`);
  });

  test("what is wrong with base or lock file is told at their places in the stack file, if there is one", async () => {
    const [base, requirements] = [9, 10].map((line) => ({ file: "dagster-stack.yml", line, column: 13 }));
    if (base === undefined || requirements === undefined) throw new Error("two places");
    const places = { base, requirements, prepare: base };
    await expect(release(await fresh({ base: "base:none", places }))).rejects.toMatchObject({
      where: base,
      what: expect.stringMatching(/^The base image base:none is not there \(http.*\)\.$/) as unknown,
    });
    await expect(release(await fresh({ requirements: "none.lock", places }))).rejects.toMatchObject({
      where: requirements,
    });
  });

  test("an image that has as many tags as it may is released all the same, with a warning", async () => {
    const wanted = await fresh();
    const first = await release(wanted);
    registry.proxy.inject(({ method, url }) =>
      method === "PUT" && url.endsWith(shaOf("b"))
        ? {
            kind: "answer",
            status: 403,
            body: '{"errors":[{"code":"DENIED","message":"would have exceeded a service limit"}]}',
          }
        : null,
    );
    const second = await release({ ...wanted, source: { ...wanted.source, sha: shaOf("b") } });
    expect(second.part.digest).toBe(first.part.digest);
    expect(second.findings).toEqual([expect.objectContaining({ id: "image-tags-full", level: "warning" })]);
  });

  test("a registry that stores nothing is not taken for one in which an image has all its tags", async () => {
    const wanted = await fresh();
    registry.proxy.inject(({ method, url }) =>
      method === "PUT" && url.includes("/manifests/")
        ? {
            kind: "answer",
            status: 403,
            body: '{"errors":[{"code":"DENIED","message":"would have exceeded a service limit"}]}',
          }
        : null,
    );
    await expect(release(wanted)).rejects.toThrow(UserError);
  });

  test("the token is a secret before it is used, and never a word", async () => {
    const told = context();
    const clients: ImageClients = await openImages(told, registry.ecr(told), { scratch, kept: scratch });
    const secrets = told.progress.flatMap((said) => (said.kind === "secret" ? [said.value] : []));
    expect(secrets).toHaveLength(2);
    const wanted = await fresh();
    const observation = await observeImage(clients, told, wanted, null);
    await applyImage(clients, told, observation, planImage(observation));
    for (const secret of secrets) expect(told.words()).not.toContain(secret);
    expect(JSON.stringify(planImage(observation))).not.toContain(secrets[0]);
  });
});
