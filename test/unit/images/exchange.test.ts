import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Context, Progress } from "../../../src/domain/context.ts";
import { Cancelled, UserError } from "../../../src/domain/errors.ts";
import { openPublic } from "../../../src/images/access.ts";
import { uploadBlob } from "../../../src/images/blobs.ts";
import { digestOf } from "../../../src/images/manifest.ts";
import { type Access, openRegistry, type Registry, send } from "../../../src/images/registry.ts";
import type { Answer } from "../../../src/images/transport.ts";
import { type Listening, listen } from "../../loopback.ts";

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Listening[] = [];

/** @returns its address, without a slash at its end. */
async function open(serve: Serve): Promise<string> {
  const server = createServer(serve);
  const listening = await listen(server);
  servers.push(listening);
  return listening.url;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Pauses take no time. */
function context(signal: AbortSignal = new AbortController().signal) {
  const sleeps: number[] = [];
  const progress: Progress[] = [];
  const sleep = async (milliseconds: number): Promise<void> => void sleeps.push(milliseconds);
  const told: Context = { clock: { now: () => 0, sleep }, signal, report: (event) => progress.push(event) };
  return { ...told, sleeps, progress };
}

const known: Access = { first: "Basic secret", renew: async () => "Basic renewed" };
const bytes = Buffer.from("blob");
const blob = { digest: digestOf(bytes), content: { kind: "memory", bytes } } as const;

describe("An upload that goes on elsewhere", () => {
  test("is sent there, and nobody there is told who we are", async () => {
    const told: (string | undefined)[] = [];
    const elsewhere = await open((request, response) => {
      told.push(request.headers.authorization);
      request.resume().on("end", () => response.writeHead(201).end());
    });
    const endpoint = await open((request, response) => {
      told.push(request.headers.authorization);
      response.writeHead(202, { location: `${elsewhere}/upload?signature=1` }).end();
    });
    await uploadBlob(openRegistry(context(), endpoint, known), "app", blob, { ask: false });
    expect(told).toEqual(["Basic secret", undefined]);
  });

  test("is not sent there over plain HTTP when the registry speaks TLS", async () => {
    const asked: string[] = [];
    const registry: Registry = {
      endpoint: "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
      persist: (work) => work(0),
      exchange: async ({ method, path }, read) => {
        asked.push(`${method} ${path}`);
        const location = "http://bucket.example.com/upload?signature=1";
        return read({ status: 202, header: () => location } as unknown as Answer);
      },
    };
    await expect(uploadBlob(registry, "app", blob, { ask: false })).rejects.toThrow("over plain HTTP");
    expect(asked).toEqual(["POST /v2/app/blobs/uploads/"]);
  });
});

describe("A request", () => {
  const get = { method: "GET", path: "/v2/", expect: [200] } as const;
  const nothing = (): null => null;

  test("asks for a token again when asking for it has failed before", async () => {
    let asked = 0;
    const renew = async (): Promise<string> => {
      asked += 1;
      if (asked === 1) throw new UserError({ what: "no token.", where: "", fix: "" });
      return "Basic renewed";
    };
    const endpoint = await open((request, response) => {
      response.writeHead(request.headers.authorization === "Basic renewed" ? 200 : 401).end();
    });
    const registry = openRegistry(context(), endpoint, { first: "Basic old", renew });
    await expect(send(registry, get, nothing)).rejects.toThrow("no token");
    await send(registry, get, ({ status }) => expect(status).toBe(200));
    expect(asked).toBe(2);
  });

  test("that breaks because it was cancelled ends with the reason for that", async () => {
    const controller = new AbortController();
    const endpoint = await open((_, response) => {
      response.writeHead(200, { "content-length": 100 }).write("half");
      controller.abort(new Cancelled());
    });
    const registry = openRegistry(context(controller.signal), endpoint, known);
    const read = async ({ body }: Answer): Promise<void> => {
      for await (const chunk of body) expect(chunk).toBeDefined();
    };
    await expect(send(registry, get, read)).rejects.toBeInstanceOf(Cancelled);
  });

  test("that writes is sent nowhere else", async () => {
    let elsewhere = 0;
    const other = await open((_, response) => {
      elsewhere += 1;
      response.writeHead(201).end();
    });
    const endpoint = await open((_, response) => response.writeHead(307, { location: `${other}/x` }).end());
    const put = { method: "PUT", path: "/v2/app/manifests/1", body: blob.content, expect: [201] } as const;
    await expect(send(openRegistry(context(), endpoint, known), put, nothing)).rejects.toThrow("gave 307");
    expect(elsewhere).toBe(0);
  });

  test("whose answer nobody read leaves its connection to the next", async () => {
    const ports = new Set<number | undefined>();
    const endpoint = await open((request, response) => {
      ports.add(request.socket.remotePort);
      response.end("x".repeat(100_000));
    });
    const registry = openRegistry(context(), endpoint, known);
    for (let time = 0; time < 3; time += 1) {
      await send(registry, get, nothing);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(ports.size).toBe(1);
  });
});

describe("A token for nobody", () => {
  const withTokens = async (
    answer: Serve,
  ): Promise<ReturnType<typeof context> & { readonly read: () => Promise<unknown> }> => {
    const tokens = await open(answer);
    const challenge = `Bearer realm="${tokens}/token",service="public"`;
    const endpoint = await open((request, response) => {
      if (request.headers.authorization === "Bearer right") response.writeHead(200).end();
      else response.writeHead(401, { "www-authenticate": challenge }).end();
    });
    const told = context();
    const registry = openPublic(told, new URL(endpoint).host);
    return { ...told, read: () => send(registry, { method: "GET", path: "/v2/", expect: [200] }, () => "read") };
  };

  test.each([
    ["a page", 200, "<html>sign in</html>"],
    ["nothing", 200, "{}"],
    ["a denial", 403, ""],
    ["another address", 302, ""],
  ])("that is %s is an error at once, with what to do", async (_, status, body) => {
    const { read, sleeps } = await withTokens((__, response) => response.writeHead(status).end(body));
    const failure = await read().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(String(failure)).toContain(`/token, which answers ${status} and no token`);
    expect(sleeps).toEqual([]);
  });

  test("that is not to be had just now is asked for again", async () => {
    let asked = 0;
    const { read, sleeps } = await withTokens((_, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(503).end();
      else response.end(JSON.stringify({ access_token: "right" }));
    });
    expect(await read()).toBe("read");
    expect(sleeps).toHaveLength(1);
  });
});
