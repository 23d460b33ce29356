import {
  GetObjectCommand,
  S3Client,
  type S3ClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-s3";
import type { AuthScheme, EndpointV2, HttpRequest, RequestPresigner } from "@smithy/types";
import type { Context } from "../domain/context.ts";
import { type Send, sender } from "./send.ts";
import { type ClientSettings, clientConfig } from "./settings.ts";

/** Makes calls of S3. */
export type S3Send = Send<ServiceInputTypes, ServiceOutputTypes, S3ClientResolvedConfig>;

/** Opens S3; region and credentials are looked up at the first call. */
export function s3(context: Pick<Context, "clock" | "signal">, settings: ClientSettings = {}): S3Send {
  const client = new S3Client(clientConfig(settings));
  return sender(client, { name: "S3", prefix: "s3" }, context, settings.observe);
}

/**
 * Makes an address under which one object can be read, with nothing but the address, for so many seconds, and not longer than the
 * credentials last that it is signed with. No call is made.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html
 */
export type Linker = (object: {
  readonly bucket: string;
  readonly key: string;
  readonly seconds: number;
}) => Promise<string>;

/** Opens S3 to sign addresses. */
export function linker(settings: ClientSettings = {}): Linker {
  const client = new S3Client(clientConfig(settings));
  return async ({ bucket, key, seconds }) => {
    const { hostname, port, protocol, path, query, method, scheme } = await requestFor(
      client,
      new GetObjectCommand({ Bucket: bucket, Key: key }),
    );
    const host = hostOf({ hostname, port });
    const signer: unknown = await client.config.signer(scheme);
    if (!isPresigner(signer)) throw new Error("the signer of S3 signs no addresses");
    // S3 reads no body's hash from an address.
    const headers = { host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
    const bare = { method, protocol, hostname, path, headers, ...(port === undefined ? {} : { port }) };
    return addressOf(await signer.presign({ ...bare, query: query ?? {} }, { expiresIn: seconds }));
  };
}

/** Where a request goes, before it is signed, and how it is to be signed. */
export type Unsigned = Pick<HttpRequest, "hostname" | "port" | "protocol" | "path" | "query" | "method"> & {
  readonly scheme: AuthScheme | undefined;
};

/** The client finds the endpoint and writes the request, which is not sent. */
export async function requestFor(client: S3Client, command: GetObjectCommand): Promise<Unsigned> {
  const found: Unsigned[] = [];
  command.middlewareStack.add(
    (_next, context) =>
      ({ request }) => {
        const [scheme] = (context as { readonly endpointV2?: EndpointV2 }).endpointV2?.properties?.authSchemes ?? [];
        found.push({ ...(request as HttpRequest), scheme });
        return Promise.resolve({ output: { $metadata: {} }, response: null });
      },
    { step: "build", priority: "low" },
  );
  await client.send(command);
  const [request] = found;
  if (request === undefined) throw new Error("S3's client has written no request");
  return request;
}

export function hostOf({ hostname, port }: { readonly hostname: string; readonly port?: number | undefined }): string {
  return port === undefined ? hostname : `${hostname}:${port}`;
}

function isPresigner(signer: unknown): signer is RequestPresigner {
  return typeof signer === "object" && signer !== null && "presign" in signer;
}

function addressOf({ protocol, headers, path, query = {} }: HttpRequest): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    typeof value === "string" ? [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`] : [],
  );
  return `${protocol}//${headers["host"]}${path}?${parts.join("&")}`;
}
