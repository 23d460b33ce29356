import { S3Client, GetObjectCommand } from "@aws-sdk/client-s3";
import type { RequestSigner } from "@smithy/types";
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Context } from "../domain/context.ts";
import { hostOf, requestFor, type Unsigned } from "./s3.ts";
import { insisting } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/**
 * Writes and removes many small objects. The client of the SDK takes 0.9 ms of the processor for each, which bounds it; here the SDK
 * finds the endpoint and the credentials and signs, and the request goes out by itself: a quarter of that.
 * Both may be done again, and are, as every call is.
 */
export interface ObjectWriter {
  /** S3 refuses bytes that are not of this hash. @param sha256 in hex */
  put(object: ObjectName & { readonly bytes: Uint8Array; readonly sha256: string }, look?: Look): Promise<void>;
  /** What is not there is removed already. */
  remove(object: ObjectName, look?: Look): Promise<void>;
  /** Lets go of connections that are kept open. */
  close(): void;
}

/** Looks right before each request goes out; what it throws keeps it from that, and is not tried again. */
export type Look = () => void;

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

/** Requests that are under way at once, at most. */
export const objectsAtOnce = 64;

/** Opens S3 for many writes; region and credentials are looked up at the first one. */
export function objectWriter(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): ObjectWriter {
  const client = new S3Client(clientConfig(settings));
  const insist = insisting({ name: "S3", prefix: "s3" }, context, settings.observe);
  const options = { keepAlive: true, maxSockets: objectsAtOnce, timeout: silenceMilliseconds };
  const way: Way = {
    agents: { "http:": new HttpAgent(options), "https:": new HttpsAgent(options) },
    open: new Set(),
  };
  // One listener for all: that of a request each costs a tenth of it.
  const abort = (): void => {
    for (const request of way.open) request.destroy();
  };
  context.signal.addEventListener("abort", abort, { once: true });
  const targets = new Map<string, Promise<Target>>();
  const targetOf = (bucket: string): Promise<Target> => {
    const known = targets.get(bucket) ?? findTarget(client, bucket);
    targets.set(bucket, known);
    return known;
  };
  const call = (
    method: "PUT" | "DELETE",
    { bucket, key }: ObjectName,
    body: Uint8Array | null,
    sha256: string,
    look: Look = () => undefined,
  ) =>
    insist(
      method === "PUT" ? "PutObject" : "DeleteObject",
      { resource: `s3://${bucket}/${key}`, idempotent: true },
      async () => {
        const { unsigned, folder, signer } = await targetOf(bucket);
        const { hostname, port, protocol } = unsigned;
        const path = `${folder}${pathOf(key)}`;
        const headers = { host: hostOf(unsigned), "x-amz-content-sha256": sha256 };
        const bare = { method, protocol, hostname, path, headers, query: {}, ...(port === undefined ? {} : { port }) };
        const signed = await signer.sign(bare);
        look();
        await exchange({ ...bare, headers: signed.headers }, body, way);
      },
    );
  return {
    put: ({ bytes, sha256, ...object }, look) => call("PUT", object, bytes, sha256, look),
    remove: (object, look) => call("DELETE", object, null, hashOfNothing, look),
    close: () => {
      context.signal.removeEventListener("abort", abort);
      for (const agent of Object.values(way.agents)) agent.destroy();
      client.destroy();
    },
  };
}

const hashOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const silenceMilliseconds = 30_000;

/** Connections, and the requests that are under way on them. */
interface Way {
  readonly agents: { readonly "http:": HttpAgent; readonly "https:": HttpsAgent };
  readonly open: Set<ClientRequest>;
}

interface Target {
  readonly unsigned: Unsigned;
  /** Path before the key, which ends in a slash. */
  readonly folder: string;
  readonly signer: RequestSigner;
}

async function findTarget(client: S3Client, bucket: string): Promise<Target> {
  const unsigned = await requestFor(client, new GetObjectCommand({ Bucket: bucket, Key: "x" }));
  const signer: unknown = await client.config.signer(unsigned.scheme);
  if (!isSigner(signer)) throw new Error("the signer of S3 signs no requests");
  return { unsigned, folder: unsigned.path.slice(0, -1), signer };
}

function isSigner(signer: unknown): signer is RequestSigner {
  return typeof signer === "object" && signer !== null && "sign" in signer;
}

/** Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, UriEncode: a slash stays. */
function pathOf(key: string): string {
  return key
    .split("/")
    .map((name) =>
      encodeURIComponent(name).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join("/");
}

interface Signed {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws Error as the SDK's client does: with the name that S3 gives it, or the system's for a broken connection */
async function exchange(
  { method, protocol, hostname, port, path, headers }: Signed,
  body: Uint8Array | null,
  { agents, open }: Way,
): Promise<void> {
  const length = body === null ? {} : { "content-length": String(body.length) };
  const options = { method, hostname, port, path, headers: { ...headers, ...length } };
  const request =
    protocol === "http:"
      ? httpRequest({ ...options, agent: agents["http:"] })
      : httpsRequest({ ...options, agent: agents["https:"] });
  open.add(request);
  try {
    const { status, id, text } = await new Promise<Answer>((done, fail) => {
      const failed = (cause: NodeJS.ErrnoException): void =>
        fail(Object.assign(new Error(cause.message, { cause }), { code: cause.code }));
      request.once("error", failed);
      request.once("timeout", () => {
        const error = new Error(`no answer for ${silenceMilliseconds / 1000} s`);
        request.destroy(Object.assign(error, { code: "ETIMEDOUT" }));
      });
      request.once("response", (response) => {
        const { statusCode: status = 0 } = response;
        const chunks: Buffer[] = [];
        if (status < 300) response.resume();
        else response.on("data", (chunk: Buffer) => void (chunks.length < mostChunks && chunks.push(chunk)));
        response.once("error", failed);
        response.once("end", () => {
          done({ status, id: response.headers["x-amz-request-id"], text: Buffer.concat(chunks).toString() });
        });
      });
      request.end(body ?? undefined);
    });
    if (status >= 300) throw refusal(status, text, id);
  } finally {
    open.delete(request);
  }
}

interface Answer {
  readonly status: number;
  readonly id: string | readonly string[] | undefined;
  /** Of an error. */
  readonly text: string;
}

/** Of an error's text; S3's are of one. */
const mostChunks = 16;

function refusal(status: number, text: string, id: Answer["id"]): Error {
  const said = (element: string): string | undefined => new RegExp(`<${element}>([^<]*)</${element}>`).exec(text)?.[1];
  const error = new Error(said("Message") ?? `HTTP ${status}`);
  error.name = said("Code") ?? "Unknown";
  return Object.assign(error, { $metadata: { httpStatusCode: status, requestId: id ?? said("RequestId") } });
}
