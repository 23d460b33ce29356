import { jest } from "@jest/globals";
import { UserError } from "../../../src/domain/errors.ts";
import type { Digest } from "../../../src/domain/identifiers.ts";
import type { ImagePart } from "../../../src/domain/release.ts";
import { openEcr } from "../../../src/images/access.ts";
import { applyCopy, type CopyObservation, observeCopy } from "../../../src/images/copy.ts";
import { type ImageClients, openImages } from "../../../src/images/index.ts";
import type { Registry } from "../../../src/images/registry.ts";
import {
  type BaseOptions,
  context,
  type Direct,
  folderFor,
  pull,
  pushBase,
  removeFolders,
  shaOf,
  type Told,
} from "./fixtures.ts";
import { onEachRegistry, type TestRegistry } from "./registries.ts";

jest.setTimeout(60_000); // a busy machine

onEachRegistry("copying an image", (start) => {
  let [there, here]: TestRegistry[] = [];
  let [from, to]: Direct[] = [];
  let told: Told;
  let clients: ImageClients;
  let source: Registry;
  let images = 0;

  beforeAll(async () => {
    [there, here] = [await start(), await start()];
    await opened(there).createRepository("app");
    for (const name of ["app", "other"]) await opened(here).createRepository(name);
    [from, to] = [await opened(there).letIn(), await opened(here).letIn()];
  });

  afterAll(async () => {
    await there?.close();
    await here?.close();
    await removeFolders();
  });

  beforeEach(async () => {
    told = context();
    source = await openEcr(told, opened(there).ecr(told));
    const scratch = await folderFor("scratch");
    clients = await openImages(told, opened(here).ecr(told), { scratch, kept: scratch });
    opened(here).proxy.seen.length = 0;
  });

  afterEach(() => here?.proxy.inject(() => null));

  /** An image that only this test has. */
  async function image(at: Direct | undefined, options: BaseOptions = {}): Promise<ImagePart> {
    images += 1;
    const digest = await pushBase(opened(at), "app", `${images}`, { files: { number: `${images}\n` }, ...options });
    return {
      repository: "app",
      digest: digest as Digest,
      contentKey: images.toString(16).padStart(40, "0"),
      platform: "linux/amd64",
      source: { repository: "owner/app", sha: shaOf("a") },
      dagster: null,
    };
  }

  const look = (part: ImagePart, repository = "app", registry = source): Promise<CopyObservation> =>
    observeCopy(clients, () => Promise.resolve(registry), {
      image: part,
      repository,
      platform: "linux/amd64",
      mayCopy: true,
    });
  const sent = (): readonly string[] =>
    opened(here).proxy.seen.flatMap(({ method, url, status }) =>
      method === "PUT" && status === 201 ? [url.replace(/\?.*/, "").replace(/uploads\/.*/, "uploads/…")] : [],
    );

  test.each<[NonNullable<BaseOptions["form"]>]>([["oci"], ["docker"]])(
    "brings every blob and the very bytes of the manifest: %s",
    async (form) => {
      const part = await image(from, { form });
      const observation = await look(part);
      expect(observation).toMatchObject({ from: source });
      expect(await applyCopy(clients, told, observation)).toEqual(part);
      const [was, is] = [await pull(opened(from), "app", part.digest), await pull(opened(to), "app", part.digest)];
      expect(is).toEqual(was);
      expect((await pull(opened(to), "app", `src-${part.contentKey}`))?.digest).toBe(part.digest);
    },
  );

  test.each<[NonNullable<BaseOptions["form"]>]>([["oci-index"], ["docker-list"]])(
    "brings an index with all that it names: %s",
    async (form) => {
      const part = await image(from, { form });
      await applyCopy(clients, told, await look(part));
      const bytes = async (at: Direct | undefined, reference: string): Promise<string> => {
        const { url, authorization } = opened(at);
        const headers = {
          authorization,
          accept: "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json",
        };
        const answer = await fetch(`${url}/v2/app/manifests/${reference}`, { headers });
        expect(answer.status).toBe(200);
        return answer.text();
      };
      const index = await bytes(to, part.digest);
      expect(index).toBe(await bytes(from, part.digest));
      const { manifests } = JSON.parse(index) as { readonly manifests: readonly { readonly digest: string }[] };
      for (const { digest } of manifests) expect(await pull(opened(to), "app", digest)).not.toBeNull();
    },
  );

  test("sends nothing when the image is here", async () => {
    const part = await image(from);
    await applyCopy(clients, told, await look(part));
    opened(here).proxy.seen.length = 0;
    const again = await look(part);
    expect(again).toMatchObject({ from: null });
    expect(await applyCopy(clients, told, again)).toEqual(part);
    expect(sent()).toEqual([]);
  });

  test("goes on where an attempt was cut: blobs that are here are not sent again", async () => {
    const part = await image(from);
    opened(here).proxy.inject(({ method, url }) =>
      method === "PUT" && url.includes("/manifests/") ? { kind: "answer", status: 403, body: "no" } : null,
    );
    await expect(applyCopy(clients, told, await look(part))).rejects.toThrow(UserError);
    opened(here).proxy.inject(() => null);
    opened(here).proxy.seen.length = 0;
    await applyCopy(clients, told, await look(part));
    expect(sent()).toEqual([`/v2/app/manifests/src-${part.contentKey}`]);
  });

  test("leaves no image without a tag, wherever it is cut", async () => {
    const part = await image(from);
    opened(here).proxy.inject(({ method, url }) =>
      method === "PUT" && url.includes("/manifests/src-") ? { kind: "answer", status: 403, body: "no" } : null,
    );
    await expect(applyCopy(clients, told, await look(part))).rejects.toThrow(UserError);
    opened(here).proxy.inject(() => null);
    const again = await look(part);
    expect(again.from).not.toBeNull();
    await applyCopy(clients, told, again);
    expect((await pull(opened(to), "app", `src-${part.contentKey}`))?.digest).toBe(part.digest);
  });

  test("gives a tag of its own to an image whose content another one has here: no tag moves", async () => {
    const mine = await image(to);
    await applyCopy(clients, told, await look(mine, "other", clients.registry));
    const part = { ...(await image(from)), contentKey: mine.contentKey };
    await applyCopy(clients, told, await look(part, "other"));
    const tag = `src-${mine.contentKey}`;
    expect((await pull(opened(to), "other", tag))?.digest).toBe(mine.digest);
    expect((await pull(opened(to), "other", `${tag}-${part.digest.slice(7, 19)}`))?.digest).toBe(part.digest);
  });

  test("within a registry mounts the blobs: no byte of them is sent", async () => {
    const part = await image(to);
    const observation = await look(part, "other", clients.registry);
    expect(await applyCopy(clients, told, observation)).toEqual({ ...part, repository: "other" });
    expect(sent().filter((url) => url.includes("/blobs/"))).toEqual([]);
    expect(await pull(opened(to), "other", part.digest)).not.toBeNull();
  });

  test("says that the image is nowhere, and that a repository is missing", async () => {
    const lost = { ...(await image(from)), digest: `sha256:${"0".repeat(64)}` as Digest };
    await expect(look(lost)).rejects.toThrow("No registry has the image any more");
    await expect(look(lost, "none")).rejects.toThrow("There is no repository none.");
  });
});

function opened<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("it is not open");
  return value;
}
