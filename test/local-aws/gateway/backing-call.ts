import type { Headers } from "../wire/route.ts";

/** How a service behind the gateway writes its errors. */
export type BackingProtocol = "json" | "s3" | "registry";

/** A call to one of the services that are not ours. */
export interface BackingCall {
  /** As requests are signed for it; `registry` for the registry that ECR keeps images in. */
  readonly service: string;
  /** As the service model names it. A registry has no model: method and kind, `PUT manifests`. */
  readonly operation: string;
  /** Bucket and key, or the path within the registry; empty for all others. */
  readonly resource: string;
  readonly protocol: BackingProtocol;
}

export interface RequestLine {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Headers;
}

const jsonServices: Readonly<Record<string, string>> = {
  AmazonEC2ContainerRegistry_V20150921: "ecr",
  AmazonSSM: "ssm",
  secretsmanager: "secretsmanager",
  Logs_20140328: "logs",
};

/** What a request asks for, told by its first line and headers. */
export function readBackingCall({ method, url, headers }: RequestLine): BackingCall {
  const { pathname, searchParams } = new URL(url, "http://gateway");
  if (pathname === "/v2" || pathname.startsWith("/v2/")) {
    return {
      service: "registry",
      protocol: "registry",
      resource: pathname,
      operation: registryOperation(method, pathname),
    };
  }
  const [prefix = "", target] = String(headers["x-amz-target"] ?? "").split(".");
  if (target !== undefined) {
    return { service: jsonServices[prefix] ?? prefix, protocol: "json", resource: "", operation: target };
  }
  const resource = decodeURIComponent(pathname).replace(/^\/([^/]*)\/?$|^\//, "$1");
  return { service: "s3", protocol: "s3", resource, operation: s3Operation(method, resource, searchParams, headers) };
}

function registryOperation(method: string, path: string): string {
  const kind = /\/(manifests|blobs\/uploads|blobs|tags|referrers)(?=\/|$)/.exec(path)?.[1] ?? "ping";
  return `${method} ${kind === "blobs/uploads" ? "uploads" : kind}`;
}

/** The operations of S3 that anybody here uses; others are called by their method. */
function s3Operation(method: string, resource: string, query: URLSearchParams, headers: Headers): string {
  const [bucket = "", key = ""] = resource.split(/\/(.*)/s);
  if (bucket === "") return "ListBuckets";
  if (key === "") return bucketOperation(method, query);
  switch (method) {
    case "GET":
      return query.has("uploadId") ? "ListParts" : "GetObject";
    case "HEAD":
      return "HeadObject";
    case "DELETE":
      return query.has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
    case "PUT":
      if (query.has("partNumber")) return "UploadPart";
      return headers["x-amz-copy-source"] === undefined ? "PutObject" : "CopyObject";
    case "POST":
      return query.has("uploads") ? "CreateMultipartUpload" : "CompleteMultipartUpload";
    default:
      return method;
  }
}

function bucketOperation(method: string, query: URLSearchParams): string {
  switch (method) {
    case "GET":
      if (query.has("versions")) return "ListObjectVersions";
      return query.get("list-type") === "2" ? "ListObjectsV2" : "ListObjects";
    case "HEAD":
      return "HeadBucket";
    case "PUT":
      return query.size === 0 ? "CreateBucket" : "PutBucketSetting";
    case "DELETE":
      return "DeleteBucket";
    case "POST":
      return "DeleteObjects";
    default:
      return method;
  }
}
