import { AwsError } from "../../../src/aws/error.ts";
import type { FailureKind } from "../../../src/aws/failure.ts";

/** A call that failed, as a client of ours throws it. */
export function failed(kind: FailureKind, code: string, message: string): AwsError {
  const service = { name: "AWS", prefix: "aws" };
  const failure = { kind, code, message, requestId: null, refused: true };
  return new AwsError({ service, operation: "Call", resource: "it", attempts: 1, failure }, null);
}
