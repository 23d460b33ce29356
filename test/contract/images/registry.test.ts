import { jest } from "@jest/globals";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { Cancelled, UserError } from "../../../src/domain/errors.ts";
import type { Digest } from "../../../src/domain/identifiers.ts";
import { openEcr, openPublic } from "../../../src/images/access.ts";
import { type BlobContent, downloadBlob, hasBlob, mountBlob, readBlob, uploadBlob } from "../../../src/images/blobs.ts";
import { digestOf, manifestTypes, readManifest, type StoredManifest } from "../../../src/images/manifest.ts";
import { getManifest, headManifest, putManifest } from "../../../src/images/manifests.ts";
import type { Registry } from "../../../src/images/registry.ts";
import type { Fault } from "./fault-proxy.ts";
import {
  context,
  type Direct,
  digestOf as independentDigestOf,
  folderFor,
  pull,
  pushBase,
  removeFolders,
  type Told,
} from "./fixtures.ts";
import { onEachRegistry, type TestRegistry } from "./registries.ts";
import { listen } from "../../loopback.ts";

jest.setTimeout(60_000); // a busy machine

onEachRegistry("the registry client", (start) => {
  let registry: TestRegistry;
  let direct: Direct;
  let told: Told;
  let client: Registry;
  let base: StoredManifest;
  let blobs = 0;

  beforeAll(async () => {
    registry = await start();
    await registry.createRepository("base");
    await registry.createRepository("app");
    direct = await registry.letIn();
    const digest = await pushBase(direct, "base", "1");
    const pulled = await pull(direct, "base", "1");
    base = {
      digest: digest as Digest,
      mediaType: manifestTypes[0],
      bytes: new Uint8Array(pulled?.bytes ?? []),
    };
    await pushBase(direct, "app", "1");
  });

  afterAll(async () => {
    await registry.close();
    await removeFolders();
  });

  beforeEach(async () => {
    told = context();
    client = await openEcr(told, registry.ecr(told));
    registry.proxy.seen.length = 0;
  });

  afterEach(() => registry.proxy.inject(() => null));

  const newBlob = (): BlobContent & { readonly text: string; readonly size: number } => {
    blobs += 1;
    const text = `blob ${blobs}`;
    const bytes = Buffer.from(text);
    return { digest: digestOf(bytes), content: { kind: "memory", bytes }, text, size: bytes.length };
  };
  const once = (fault: Fault, matches: (method: string, url: string) => boolean = () => true): void => {
    let done = false;
    registry.proxy.inject(({ method, url }) => {
      if (done || !matches(method, url)) return null;
      done = true;
      return fault;
    });
  };
  const path = (): readonly string[] => registry.proxy.seen.map(({ method, status }) => `${method} ${status}`);

  test("reads a manifest byte for byte, by tag and by digest", async () => {
    for (const reference of ["1", base.digest]) {
      const found = await getManifest(client, "base", reference);
      if (found.kind !== "found") throw new Error(found.kind);
      expect(Buffer.from(found.manifest.bytes).equals(base.bytes)).toBe(true);
      expect(found.manifest).toMatchObject({ digest: independentDigestOf(base.bytes), mediaType: base.mediaType });
    }
    expect(await headManifest(client, "base", "1")).toBe(base.digest);
  });

  test("tells a tag that is not there from a repository that is not there", async () => {
    expect(await getManifest(client, "app", "none")).toEqual({ kind: "no-image" });
    expect(await getManifest(client, "none", "none")).toEqual({ kind: "no-repository" });
    expect(await headManifest(client, "app", "none")).toBeNull();
  });

  test("a tag is given once, again to the same, and never to another", async () => {
    const [one, two] = [
      await getManifest(client, "app", "1"),
      await pushBase(direct, "app", "2", { environment: ["A=1"] }),
    ];
    const other = await getManifest(client, "app", two);
    if (one.kind !== "found" || other.kind !== "found") throw new Error("not there");
    expect(await putManifest(client, "app", "name", one.manifest)).toEqual({ kind: "stored" });
    expect(await putManifest(client, "app", "name", one.manifest)).toEqual({ kind: "stored" });
    expect(await putManifest(client, "app", "name", other.manifest)).toEqual({
      kind: "taken",
      by: one.manifest.digest,
    });
    expect(await headManifest(client, "app", "name")).toBe(one.manifest.digest);
  });

  test("a manifest that was stored as something else is an error", async () => {
    once({ kind: "answer", status: 201, headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` } });
    await expect(putManifest(client, "base", "3", base)).rejects.toThrow(`holds sha256:${"0".repeat(64)} after`);
  });

  test("a registry that does not say what it stored is asked", async () => {
    once({ kind: "answer", status: 201 });
    await expect(putManifest(client, "base", "never-stored", base)).rejects.toThrow("holds nothing after");
  });

  test("uploads a blob without asking, or asks first; and reads it back", async () => {
    const blob = newBlob();
    await uploadBlob(client, "app", blob, { ask: false });
    expect(path()).toEqual(["POST 202", "PUT 201"]);
    await uploadBlob(client, "app", blob, { ask: true });
    expect(path()).toEqual(["POST 202", "PUT 201", "HEAD 200"]);
    const bytes = await readBlob(client, "app", blob);
    expect(Buffer.from(bytes).toString()).toBe(blob.text);
    const file = join(await folderFor("blob"), "blob");
    const downloaded = await downloadBlob(client, "app", blob, file, told.signal);
    expect(downloaded).toEqual({ digest: blob.digest, content: { kind: "file", path: file, size: blob.size } });
    expect(await readFile(file, "utf8")).toBe(blob.text);
  });

  test("a blob that lies in a file is sent from there, again when it must be", async () => {
    const path = join(await folderFor("blob"), "blob");
    const bytes = Buffer.alloc(3_000_000, `large ${Math.random()}`);
    await writeFile(path, bytes);
    const blob = { digest: digestOf(bytes), content: { kind: "file", path, size: bytes.length } as const };
    once({ kind: "reset" }, (method) => method === "PUT");
    await uploadBlob(client, "app", blob, { ask: true });
    expect(digestOf(await readBlob(client, "app", { digest: blob.digest, size: bytes.length }))).toBe(blob.digest);
  });

  test("links a blob of another repository", async () => {
    const { config } = readManifest(base);
    const blob = newBlob();
    await uploadBlob(client, "base", blob, { ask: false });
    expect(await mountBlob(client, "app", "base", blob.digest)).toBe(true);
    expect(await hasBlob(client, "app", blob.digest)).toBe(true);
    expect(await mountBlob(client, "app", "base", `sha256:${"1".repeat(64)}` as Digest)).toBe(false);
    expect(config.size).toBeGreaterThan(0);
  });

  test.each<[string, Fault]>([
    ["401", { kind: "answer", status: 401, headers: { "www-authenticate": 'Basic realm="x"' } }],
    [
      "403, as ECR says it",
      {
        kind: "answer",
        status: 403,
        body: '{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}',
      },
    ],
  ])("a token that is not taken any more is renewed once: %s", async (_, fault) => {
    once(fault);
    expect(await headManifest(client, "base", "1")).toBe(base.digest);
    expect(registry.proxy.seen).toHaveLength(2);
    expect(told.progress.filter(({ kind }) => kind === "secret")).toHaveLength(4);
  });

  test("requests that meet an expired token together renew it once", async () => {
    registry.proxy.inject(({ url }, before) =>
      before.some((entry) => entry.url === url) ? null : { kind: "answer", status: 401 },
    );
    await Promise.all(["1", "2", "3"].map((tag) => headManifest(client, "base", tag)));
    expect(registry.proxy.seen).toHaveLength(6);
    expect(told.progress.filter(({ kind }) => kind === "secret")).toHaveLength(4);
  });

  test("a new token that is not taken either is a denial", async () => {
    registry.proxy.inject(() => ({
      kind: "answer",
      status: 403,
      body: '{"errors":[{"code":"DENIED","message":"no"}]}',
    }));
    const failure = await getManifest(client, "base", "1").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(String(failure)).toContain("403 DENIED");
    expect(registry.proxy.seen).toHaveLength(2);
  });

  test.each<[string, Fault, number]>([
    ["429 with the pause it wants", { kind: "answer", status: 429, headers: { "retry-after": "7" } }, 7_000],
    ["429", { kind: "answer", status: 429 }, 0],
    ["500 with a page", { kind: "answer", status: 500, body: "<html>oops</html>" }, 0],
    ["503", { kind: "answer", status: 503 }, 0],
    ["a reset", { kind: "reset" }, 0],
    ["an answer that breaks off", { kind: "torn" }, 0],
    ["an answer that is lost", { kind: "lost" }, 0],
  ])("goes on after %s", async (_, fault, atLeast) => {
    once(fault);
    const found = await getManifest(client, "base", "1");
    expect(found.kind).toBe("found");
    expect(told.sleeps).toHaveLength(1);
    expect(told.sleeps[0]).toBeGreaterThanOrEqual(atLeast);
  });

  test.each<[string, Fault, string]>([
    ["a reset at its beginning", { kind: "reset" }, "POST"],
    ["a reset at its end", { kind: "reset" }, "PUT"],
    ["500 at its end", { kind: "answer", status: 500 }, "PUT"],
  ])("an upload goes on after %s", async (_, fault, at) => {
    const blob = newBlob();
    once(fault, (method) => method === at);
    await uploadBlob(client, "app", blob, { ask: false });
    expect(await hasBlob(client, "app", blob.digest)).toBe(true);
  });

  test("an upload whose last answer is lost is not sent again: it is there", async () => {
    const blob = newBlob();
    once({ kind: "lost" }, (method) => method === "PUT");
    await uploadBlob(client, "app", blob, { ask: false });
    expect(registry.proxy.seen.map(({ method }) => method)).toEqual(["POST", "PUT", "HEAD"]);
  });

  test("a manifest whose answer is lost is put again", async () => {
    once({ kind: "lost" }, (method) => method === "PUT");
    expect(await putManifest(client, "base", "again", base)).toEqual({ kind: "stored" });
  });

  test("gives up after five times, and says what it was", async () => {
    registry.proxy.inject(() => ({ kind: "answer", status: 503 }));
    const failure = await headManifest(client, "base", "1").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(String(failure)).toContain("5 times: HEAD /v2/base/manifests/1 gave 503");
    expect(told.sleeps).toHaveLength(4);
  });

  test("a refusal is an error with the registry's code; its words are foreign text", async () => {
    once({ kind: "answer", status: 405, body: '{"errors":[{"code":"UNSUPPORTED","message":"<b>words</b>"}]}' });
    await expect(putManifest(client, "base", "x", base)).rejects.toThrow(
      "PUT /v2/base/manifests/x gave 405 UNSUPPORTED",
    );
    once({ kind: "answer", status: 418, body: "words" });
    await expect(getManifest(client, "base", "1")).rejects.toThrow("gave 418");
    expect(told.progress).toContainEqual({ kind: "foreign", from: client.endpoint, text: { untrusted: "words" } });
  });

  test("a manifest whose bytes are not its digest is refused", async () => {
    once({ kind: "answer", status: 200, body: "{}", headers: { "docker-content-digest": base.digest } });
    await expect(getManifest(client, "base", "1")).rejects.toThrow(`should be ${base.digest}`);
    once({ kind: "answer", status: 200, body: "{}" });
    await expect(getManifest(client, "base", base.digest)).rejects.toThrow(`should be ${base.digest}`);
  });

  test("a blob whose bytes are not its digest is refused", async () => {
    const blob = newBlob();
    await uploadBlob(client, "app", blob, { ask: false });
    const other: Fault = { kind: "answer", status: 200, body: "something else" };
    once(other);
    await expect(readBlob(client, "app", blob)).rejects.toThrow("is not");
    once(other);
    const file = join(await folderFor("blob"), "blob");
    await expect(downloadBlob(client, "app", blob, file, told.signal)).rejects.toThrow("is not");
  });

  test("a blob that is elsewhere is fetched there, and nobody there is told who we are", async () => {
    const blob = newBlob();
    const asked: (string | undefined)[] = [];
    const elsewhere = await listen(
      createServer(({ headers, url }, response) => {
        asked.push(headers.authorization, url);
        response.end(blob.text);
      }),
    );
    try {
      once({ kind: "answer", status: 307, headers: { location: `${elsewhere.url}/blob?signature=1` } });
      const bytes = await readBlob(client, "app", blob);
      expect(Buffer.from(bytes).toString()).toBe(blob.text);
      expect(asked).toEqual([undefined, "/blob?signature=1"]);
    } finally {
      await elsewhere.close();
    }
  });

  test("who is sent round in circles gives up", async () => {
    registry.proxy.inject(({ url }) => ({ kind: "answer", status: 307, headers: { location: url } }));
    await expect(hasBlob(client, "app", base.digest)).rejects.toThrow("was sent on more than 5 times");
  });

  test("a cancelled request ends at once, with the reason it was cancelled for", async () => {
    const controller = new AbortController();
    const cancelled = context(controller.signal);
    const own = await openEcr(cancelled, registry.ecr(cancelled));
    registry.proxy.inject(() => {
      controller.abort(new Cancelled());
      return new Promise<null>(() => undefined);
    });
    await expect(headManifest(own, "base", "1")).rejects.toBeInstanceOf(Cancelled);
  });

  test("another registry is read with a token for nobody, from where it says", async () => {
    const tokens = await listen(
      createServer(({ url }, response) => {
        const query = new URL(url ?? "", "http://x").searchParams;
        const isRight = query.get("service") === "public" && query.get("scope") === "repository:base:pull";
        response.writeHead(isRight ? 200 : 400).end(JSON.stringify({ token: "token-for-nobody" }));
      }),
    );
    const challenge = `Bearer realm="${tokens.url}/token",service="public",scope="repository:base:pull"`;
    registry.proxy.inject(({ authorization }) => {
      if (authorization === "Bearer token-for-nobody") {
        const headers = { "docker-content-digest": base.digest, "content-type": base.mediaType };
        return { kind: "answer", status: 200, headers, body: Buffer.from(base.bytes).toString() };
      }
      return { kind: "answer", status: 401, headers: { "www-authenticate": challenge } };
    });
    try {
      const open = openPublic(told, new URL(registry.proxy.url).host);
      expect(await getManifest(open, "base", "1")).toMatchObject({ kind: "found", manifest: { digest: base.digest } });
      expect(told.progress).toContainEqual({ kind: "secret", value: "token-for-nobody" });
    } finally {
      await tokens.close();
    }
  });

  test("another registry that wants an account says what to do instead", async () => {
    registry.proxy.inject(() => ({ kind: "answer", status: 401, headers: { "www-authenticate": 'Basic realm="x"' } }));
    const open = openPublic(told, new URL(registry.proxy.url).host);
    await expect(getManifest(open, "base", "1")).rejects.toThrow("pull-through cache");
  });

  // The last one: from here on, the registry takes another password.
  test("work goes on over a token that expires in its midst", async () => {
    const blob = newBlob();
    await headManifest(client, "base", "1");
    await registry.expireTokens();
    await uploadBlob(client, "app", blob, { ask: true });
    expect(await hasBlob(client, "app", blob.digest)).toBe(true);
  });
});
