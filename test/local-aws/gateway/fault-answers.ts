import type { FaultKind } from "../faults.ts";
import type { HttpAnswer } from "../wire/route.ts";
import type { BackingCall, BackingProtocol } from "./backing-call.ts";

/** What a client behind the gateway sees of a fault; null when its connection is cut. */
export type FaultAnswer = HttpAnswer | null;

interface WireError {
  readonly name: string;
  readonly message: string;
  readonly status: number;
}

type Errors = Readonly<Record<"throttle" | "server-error" | "access-denied" | "expired-token", WireError>>;

/**
 * How each protocol says it. Sources: the "Common errors" page of each service's API reference, S3's list of error
 * codes, and for the registry the OCI distribution specification and ECR's own answers to docker.
 */
const errors: Readonly<Record<BackingProtocol, Errors>> = {
  json: {
    throttle: { name: "ThrottlingException", message: "Rate exceeded", status: 400 },
    "server-error": { name: "InternalFailure", message: "An internal error occurred.", status: 500 },
    "access-denied": { name: "AccessDeniedException", message: "", status: 400 },
    "expired-token": {
      name: "ExpiredTokenException",
      message: "The security token included in the request is expired",
      status: 400,
    },
  },
  s3: {
    throttle: { name: "SlowDown", message: "Please reduce your request rate.", status: 503 },
    "server-error": {
      name: "InternalError",
      message: "We encountered an internal error. Please try again.",
      status: 500,
    },
    "access-denied": { name: "AccessDenied", message: "", status: 403 },
    "expired-token": { name: "ExpiredToken", message: "The provided token has expired.", status: 400 },
  },
  registry: {
    throttle: { name: "TOOMANYREQUESTS", message: "Rate exceeded", status: 429 },
    "server-error": { name: "UNKNOWN", message: "An internal error occurred.", status: 500 },
    "access-denied": { name: "DENIED", message: "", status: 403 },
    "expired-token": {
      name: "DENIED",
      message: "Your authorization token has expired. Reauthenticate and try again.",
      status: 403,
    },
  },
};

/**
 * @param callerArn for the words of a denial.
 * @throws Error for what these services cannot be made to do: S3 reads are never stale.
 */
export function faultAnswer(fault: FaultKind, call: BackingCall, callerArn: string): FaultAnswer {
  const known = errors[call.protocol];
  switch (fault.kind) {
    case "reset":
      return null;
    case "html":
      return page(fault.status ?? 502);
    case "error":
      return write(call.protocol, { ...fault, status: fault.status ?? 400 });
    case "server-error":
      return write(call.protocol, { ...known[fault.kind], status: fault.status ?? 500 });
    case "access-denied":
      return write(call.protocol, { ...known[fault.kind], message: fault.message ?? denial(call, callerArn) });
    case "throttle":
    case "expired-token":
      return write(call.protocol, known[fault.kind]);
    case "stale":
    case "no-capacity":
    case "latency":
      throw new Error(`${fault.kind} is no answer of ${call.service}`);
  }
}

function denial({ service, operation, resource }: BackingCall, callerArn: string): string {
  const action = `${service}:${operation}`;
  const on = service === "s3" ? `"arn:aws:s3:::${resource}"` : "*";
  const why = `because no identity-based policy allows the ${action} action`;
  return `User: ${callerArn} is not authorized to perform: ${action} on resource: ${on} ${why}`;
}

function write(protocol: BackingProtocol, { name, message, status }: WireError): HttpAnswer {
  switch (protocol) {
    case "json":
      return {
        status,
        headers: { "content-type": "application/x-amz-json-1.1" },
        body: JSON.stringify({ __type: name, message }),
      };
    case "registry":
      return {
        status,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ errors: [{ code: name, message }] }),
      };
    case "s3":
      return xml(status, xmlError(name, message));
  }
}

function xml(status: number, body: string): HttpAnswer {
  return {
    status,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}

function xmlError(name: string, message: string): string {
  return `<Error><Code>${name}</Code><Message>${escape(message)}</Message></Error>`;
}

function page(status: number): HttpAnswer {
  return {
    status,
    headers: { "content-type": "text/html" },
    body: `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>`,
  };
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
