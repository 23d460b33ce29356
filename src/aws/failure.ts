import { UserError } from "../domain/errors.ts";

/**
 * What went wrong with a call.
 * - `denied`: the caller may not do this, or AWS does not know the caller.
 * - `expired`: the caller's session is over.
 * - `throttled`: too many calls; AWS did nothing.
 * - `not-found`, `conflict`: the thing is not there; or is not as the call wants it.
 * - `invalid`: the service refuses the request as it is.
 * - `unavailable`: AWS, or somebody in front of it, answered with an error of its own. Whether it acted is unknown.
 * - `unreachable`: no answer at all.
 */
export type FailureKind =
  | "denied"
  | "expired"
  | "throttled"
  | "not-found"
  | "conflict"
  | "invalid"
  | "unavailable"
  | "unreachable";

/** What an SDK client threw, in our words. */
export interface Failure {
  readonly kind: FailureKind;
  /** AWS's name for it, or the system's for a broken connection: `AccessDeniedException`, `ECONNRESET`. */
  readonly code: string;
  /** AWS's text. It may repeat values of the request. */
  readonly message: string;
  readonly requestId: string | null;
  /** The service did nothing: it said so, or never heard of the call. */
  readonly refused: boolean;
}

/** A session that has ended, and that could not be renewed: no call can be made any more. */
export class SessionOver extends UserError {
  override readonly name = "SessionOver";
}

/**
 * Source: `THROTTLING_ERROR_CODES` of @smithy/core, without its LimitExceededException, which is a quota in ECR, ECS and SSM,
 * and without TransactionInProgressException of DynamoDB.
 */
const throttled = new Set([
  "BandwidthLimitExceeded",
  "EC2ThrottledException",
  "PriorRequestNotComplete",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "ThrottledException",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
]);

const expired = new Set(["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"]);

/** Of STS, when it could not reach GitHub to verify a token: "often a transient error". Source: API reference, AssumeRoleWithWebIdentity. */
const passing = new Set(["IDPCommunicationError"]);

const denied = /^(AccessDenied\w*|UnauthorizedOperation|UnauthorizedException|Unauthorized|AuthFailure|Forbidden)$/;

/** The session is not one that AWS knows: revoked, of another partition, mistyped, or signed by a clock that is off. */
const unknownCaller = new Set([
  "IncompleteSignature",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "InvalidToken",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "NotSignedUp",
  "OptInRequired",
  "RequestTimeTooSkewed",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

const notFound = /NotFound|^NoSuch|^ClusterNotFound|DoesNotExist/;
const conflict = /Conflict|AlreadyExists|InUse|PreconditionFailed|UpdateInProgress|NotActive|^OperationAborted$/;

const connectionError =
  /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_\w+|EHOST\w+|ENET\w+|EPROTO|ERR_TLS\w+|CERT_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_\w+)$/;

/** Errors of a connection that never came about. */
const neverConnected = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** @returns null for what no call has thrown: a bug, an abort, a configuration that is missing, credentials that cannot be had. */
export function classify(thrown: unknown): Failure | null {
  if (!(thrown instanceof Error)) return null;
  if (thrown instanceof SessionOver)
    return { kind: "expired", code: thrown.name, message: thrown.what, requestId: null, refused: true };
  if (thrown instanceof UserError) return null;
  const { code, status, requestId } = partsOf(thrown);
  const kind = kindOf(thrown, code, status);
  if (kind === null) return null;
  const refused = kind === "unreachable" ? neverConnected.has(code) : kind !== "unavailable";
  return { kind, code, message: thrown.message, requestId, refused };
}

/** Is the caller itself unknown, rather than one right missing? */
export function isUnknownCaller(code: string): boolean {
  return unknownCaller.has(code);
}

function kindOf(thrown: Error, code: string, status: number | null): FailureKind | null {
  if (expired.has(code)) return "expired";
  if (throttled.has(code) || status === 429) return "throttled";
  if (denied.test(code) || unknownCaller.has(code)) return "denied";
  if (status === null) return isConnectionError(thrown, code) ? "unreachable" : null;
  // A page where JSON or XML was due: a proxy's, or a load balancer's of AWS.
  if (status >= 500 || passing.has(code) || thrown instanceof SyntaxError) return "unavailable";
  if (notFound.test(code) || status === 404) return "not-found";
  if (conflict.test(code) || status === 409 || status === 412) return "conflict";
  if (status === 401 || status === 403) return "denied";
  return status >= 400 ? "invalid" : "unavailable";
}

function isConnectionError(thrown: Error, code: string): boolean {
  return thrown.name === "TimeoutError" || connectionError.test(code);
}

function partsOf(thrown: Error): {
  readonly code: string;
  readonly status: number | null;
  readonly requestId: string | null;
} {
  const { $metadata, code } = thrown as Error & {
    readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
    readonly code?: unknown;
  };
  const status = $metadata?.httpStatusCode ?? null;
  const unnamed = thrown.name === "Unknown" || thrown.name === "SyntaxError";
  return {
    code: typeof code === "string" ? code : unnamed ? `HTTP ${status ?? "?"}` : thrown.name,
    status,
    requestId: $metadata?.requestId ?? null,
  };
}
