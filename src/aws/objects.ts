import { S3Client, GetObjectCommand } from "@aws-sdk/client-s3";
import type { RequestSigner } from "@smithy/types";
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
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
  put(object: ObjectName & { readonly bytes: Uint8Array; readonly sha256: string }): Promise<void>;
  /** What is not there is removed already. */
  remove(object: ObjectName): Promise<void>;
  /** Lets go of connections that are kept open. */
  close(): void;
}

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
  const options = { keepAlive: true, maxSockets: objectsAtOnce };
  const agents = { "http:": new HttpAgent(options), "https:": new HttpsAgent(options) };
  const targets = new Map<string, Promise<Target>>();
  const targetOf = (bucket: string): Promise<Target> => {
    const known = targets.get(bucket) ?? findTarget(client, bucket);
    targets.set(bucket, known);
    return known;
  };
  const call = (method: "PUT" | "DELETE", { bucket, key }: ObjectName, body: Uint8Array | null, sha256: string) =>
    insist(
      method === "PUT" ? "PutObject" : "DeleteObject",
      { resource: `s3://${bucket}/${key}`, idempotent: true },
      async (signal) => {
        const { unsigned, folder, signer } = await targetOf(bucket);
        const { hostname, port, protocol } = unsigned;
        const path = `${folder}${pathOf(key)}`;
        const headers = { host: hostOf(unsigned), "x-amz-content-sha256": sha256 };
        const bare = { method, protocol, hostname, path, headers, query: {}, ...(port === undefined ? {} : { port }) };
        const signed = await signer.sign(bare);
        await exchange(protocol === "http:" ? "http:" : "https:", agents, { ...bare, ...signed }, body, signal);
      },
    );
  return {
    put: ({ bytes, sha256, ...object }) => call("PUT", object, bytes, sha256),
    remove: (object) => call("DELETE", object, null, hashOfNothing),
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy();
      client.destroy();
    },
  };
}

const hashOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const silenceMilliseconds = 30_000;
const mostOfAnError = 1 << 16;

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
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws Error as the SDK's client does: with the name that S3 gives it, or the system's for a broken connection */
async function exchange(
  protocol: "http:" | "https:",
  agents: { readonly "http:": HttpAgent; readonly "https:": HttpsAgent },
  { method, hostname, port, path, headers }: Signed,
  body: Uint8Array | null,
  signal: AbortSignal,
): Promise<void> {
  const response = await new Promise<IncomingMessage>((done, fail) => {
    const length = body === null ? {} : { "content-length": String(body.length) };
    const options = { method, hostname, port, path, headers: { ...headers, ...length }, signal };
    const request =
      protocol === "http:"
        ? httpRequest({ ...options, agent: agents["http:"] }, done)
        : httpsRequest({ ...options, agent: agents["https:"] }, done);
    request.setTimeout(silenceMilliseconds, () => {
      request.destroy(Object.assign(new Error(`no answer for ${silenceMilliseconds / 1000} s`), { code: "ETIMEDOUT" }));
    });
    request.once("error", (cause: NodeJS.ErrnoException) => {
      fail(Object.assign(new Error(cause.message, { cause }), { code: cause.code }));
    });
    request.end(body ?? undefined);
  });
  const text = await textOf(response);
  const { statusCode = 0 } = response;
  if (statusCode < 300) return;
  const said = (element: string): string | undefined => new RegExp(`<${element}>([^<]*)</${element}>`).exec(text)?.[1];
  const requestId = response.headers["x-amz-request-id"] ?? said("RequestId");
  const error = new Error(said("Message") ?? `HTTP ${statusCode}`);
  error.name = said("Code") ?? "Unknown";
  throw Object.assign(error, { $metadata: { httpStatusCode: statusCode, requestId } });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (size < mostOfAnError) chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks).toString();
}
