import type { AwsRequest, AwsResponse } from "./api.ts";
import type { Bed } from "./ecs/bed.ts";
import type { FaultKind } from "./faults.ts";
import { modelOf, speaksXml } from "./models/model.ts";

/**
 * What a client sees of a fault, as each service words it: the "Common errors" pages of their API references.
 * @returns null for a fault that lets the call go on
 */
export function faultAnswer(
  bed: Bed,
  { service, operation, caller }: AwsRequest,
  fault: FaultKind,
): AwsResponse | null {
  const requestId = bed.names.uuid();
  const json = !speaksXml(modelOf(service));
  const error = (name: string, message: string, status: number): AwsResponse => ({
    kind: "error",
    requestId,
    name,
    message,
    status,
  });
  switch (fault.kind) {
    case "throttle":
      if (service === "ec2") return error("RequestLimitExceeded", "Request limit exceeded.", 503);
      return error(json ? "ThrottlingException" : "Throttling", "Rate exceeded", 400);
    case "access-denied": {
      const user = `arn:aws:sts::${bed.account}:assumed-role/${caller}/session`;
      const action = `${service}:${operation}`;
      const {
        message = `User: ${user} is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`,
      } = fault;
      if (service === "ec2") return error("UnauthorizedOperation", message, 403);
      return json ? error("AccessDeniedException", message, 400) : error("AccessDenied", message, 403);
    }
    case "expired-token": {
      const message = "The security token included in the request is expired";
      return json ? error("ExpiredTokenException", message, 400) : error("ExpiredToken", message, 403);
    }
    case "error":
      return error(fault.name, fault.message, fault.status ?? 400);
    case "server-error":
      return error(json ? "ServerException" : "InternalFailure", "Service Unavailable", fault.status ?? 500);
    case "html":
      return {
        kind: "page",
        status: fault.status ?? 502,
        body: "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>",
      };
    case "reset":
      return { kind: "reset" };
    case "stale":
    case "no-capacity":
    case "latency":
      return null;
  }
}
