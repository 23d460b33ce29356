import type { Digest } from "../../../src/domain/identifiers.ts";
import { observeHold, openImages, protectImage } from "../../../src/images/index.ts";
import { manifestTypes } from "../../../src/images/manifest.ts";
import { protectingTag } from "../../../src/images/protect.ts";
import { errorOf } from "../../error-of.ts";
import {
  type BaseOptions,
  context,
  type Direct,
  folderFor,
  pull,
  pushBase,
  putManifest,
  removeFolders,
} from "./fixtures.ts";
import { onEachRegistry, type TestRegistry } from "./registries.ts";

onEachRegistry("an image that runs by a tag", (start) => {
  let registry: TestRegistry;
  let direct: Direct;
  let count = 0;

  beforeAll(async () => {
    registry = await start();
    direct = await registry.letIn();
    await registry.createRepository("app");
  });
  afterAll(async () => {
    await registry.close();
    await removeFolders();
  });
  afterEach(() => registry.proxy.inject(() => null));

  const told = context();
  const clients = async (): ReturnType<typeof openImages> => {
    const scratch = await folderFor("scratch");
    return openImages(told, registry.ecr(told), { scratch, kept: scratch });
  };

  /** An image that only this test has, under a tag of its own. */
  async function image(options: BaseOptions = {}): Promise<{ readonly repository: string; readonly digest: Digest }> {
    count += 1;
    const files = { number: `${count}\n` };
    const digest = (await pushBase(direct, "app", `latest-${count}`, { files, ...options })) as Digest;
    return { repository: "app", digest };
  }

  test.each<[NonNullable<BaseOptions["form"]>]>([["oci"], ["docker"], ["oci-index"], ["docker-list"]])(
    "gets a tag for the very bytes that it has: %s",
    async (form) => {
      const running = await image({ form });
      expect(await observeHold(await clients(), running)).toBe("loose");
      const tag = await protectImage(await clients(), told, running);
      expect(tag).toBe(protectingTag(running.digest));
      expect(await observeHold(await clients(), running)).toBe("protected");
      const { url, authorization } = direct;
      const bytes = async (name: string): Promise<string> => {
        const headers = { authorization, accept: manifestTypes.join(", ") };
        return (await fetch(`${url}/v2/app/manifests/${name}`, { headers })).text();
      };
      expect(await bytes(tag)).toBe(await bytes(running.digest));
    },
  );

  test("keeps it when somebody else was faster", async () => {
    const running = await image();
    const tag = protectingTag(running.digest);
    registry.proxy.inject(async ({ method, url }) => {
      if (method !== "PUT" || !url.endsWith(tag)) return null;
      registry.proxy.inject(() => null);
      await protectImage(await clients(), told, running);
      const errors = [{ code: "TAG_INVALID", message: `The image tag '${tag}' already exists, and is immutable.` }];
      return { kind: "answer", status: 400, body: JSON.stringify({ errors }) };
    });
    expect(await protectImage(await clients(), told, running)).toBe(tag);
    expect(await observeHold(await clients(), running)).toBe("protected");
  });

  test("is not taken for another one that somebody has given that tag", async () => {
    const [running, other] = [await image(), await image()];
    const { digest } = other;
    const { mediaType, bytes } = (await pull(direct, "app", digest)) ?? { mediaType: "", bytes: Buffer.alloc(0) };
    await putManifest(direct, "app", protectingTag(running.digest), mediaType, bytes);
    expect(await observeHold(await clients(), running)).toBe("loose");
    expect(await errorOf(protectImage(await clients(), told, running))).toMatchObject({
      what: `The tag that is to keep ${running.digest} names another image: ${digest}.`,
    });
    expect((await pull(direct, "app", protectingTag(running.digest)))?.digest).toBe(digest);
  });

  test("is gone when the registry does not have it, or its repository", async () => {
    const lost = { repository: "app", digest: `sha256:${"0".repeat(64)}` as Digest };
    expect(await observeHold(await clients(), lost)).toBe("gone");
    expect(await observeHold(await clients(), { ...lost, repository: "none" })).toBe("gone");
    expect(await errorOf(protectImage(await clients(), told, lost))).toMatchObject({
      what: "An image that runs is not in the registry any more.",
    });
  });
});
