import { type Advice, UserError } from "../domain/errors.ts";
import { hidden } from "../domain/redaction.ts";
import { type Failure, type FailureKind, isUnknownCaller, SessionOver } from "./failure.ts";
import { denialOf, statementFor } from "./permission.ts";

/** A service as people and IAM policies call it. */
export interface Service {
  /** `ECS` */
  readonly name: string;
  /** Of its IAM actions: `ecs`. */
  readonly prefix: string;
}

/** A call that failed. */
export interface FailedCall {
  readonly service: Service;
  readonly operation: string;
  /** What it was about, in the words of whoever made the call; null when it was not said. */
  readonly resource: string | null;
  /** How often it was tried. */
  readonly attempts: number;
  readonly failure: Failure;
}

/** An AWS call that failed, and stays failed: what can be retried was. */
export class AwsError extends UserError {
  override readonly name = "AwsError";
  readonly failure: FailureKind;
  readonly service: string;
  readonly operation: string;
  readonly code: string;
  readonly requestId: string | null;
  readonly resource: string | null;
  /** False when the call may have taken effect although no good answer came. */
  readonly refused: boolean;

  constructor(call: FailedCall, cause: unknown) {
    super(advise(call, cause), { cause });
    this.failure = call.failure.kind;
    this.service = call.service.name;
    this.operation = call.operation;
    this.code = call.failure.code;
    this.requestId = call.failure.requestId;
    this.resource = call.resource;
    this.refused = call.failure.refused;
  }
}

/** Is this an AWS call that failed in one of these ways? */
export function isAwsError(error: unknown, ...kinds: readonly FailureKind[]): error is AwsError {
  return error instanceof AwsError && (kinds.length === 0 || kinds.includes(error.failure));
}

/** AWS or the network has a bad moment; whoever asks again and again may just ask again. */
export function isWeather(error: unknown): error is AwsError {
  return isAwsError(error, "throttled", "unavailable", "unreachable");
}

/** A call that took longer than a time-out of its own, `AbortSignal.timeout`. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function advise(call: FailedCall, cause: unknown): Advice {
  const { service, operation, resource, failure } = call;
  const request = failure.requestId === null ? "" : ` (request ${failure.requestId})`;
  return {
    where: `${service.name} ${operation}${resource === null ? "" : `, ${resource}`}${request}`,
    ...(cause instanceof SessionOver ? { what: cause.what, fix: cause.fix } : whatAndFix(call)),
  };
}

function whatAndFix({ service, operation, failure, attempts }: FailedCall): Pick<Advice, "what" | "fix"> {
  const said = `${failure.code}: ${quiet(failure.message)}`;
  const call = `${service.name} ${operation}`;
  switch (failure.kind) {
    case "denied":
      if (isUnknownCaller(failure.code)) return unknownCallerAdvice(said);
      return deniedAdvice(failure, service, operation);
    case "expired":
      return {
        what: `The AWS session of this job is over: ${said}.`,
        fix: "Let it be renewed: input `role-to-assume`. Or give the job a longer one: role-duration-seconds of aws-actions/configure-aws-credentials, up to the role's maximum session duration; a chained role has one hour at most.",
      };
    case "throttled":
      return {
        what: `AWS limits the rate of ${call}: refused ${attempts} times. ${said}.`,
        fix: "Run it again. When it happens often, let fewer jobs of this account and region run at once, or ask AWS for a higher quota.",
      };
    case "not-found":
      return {
        what: `${call} finds nothing: ${said}.`,
        fix: "Check the name, and that the job works in the account and the region where it is.",
      };
    case "conflict":
      return {
        what: `${call} does not fit what is there now: ${said}.`,
        fix: "Somebody else may be changing the same thing. Wait until that is done, and run it again.",
      };
    case "invalid":
      return { what: `${call} is refused: ${said}.`, fix: "Change what AWS names here, and run it again." };
    case "unavailable":
      return {
        what: `AWS answers ${call} with an error of its own, ${attempts} times: ${failure.code}.`,
        fix: "Look at https://health.aws.amazon.com, and at the proxy if the job uses one. Then run it again.",
      };
    case "unreachable":
      return {
        what: `No answer to ${call}, ${attempts} times: ${failure.code}.`,
        fix: "Check the runner's way to AWS: DNS, proxy, firewall, VPC endpoints, and AWS_ENDPOINT_URL and the region if they are set. Then run it again.",
      };
  }
}

function deniedAdvice(failure: Failure, service: Service, operation: string): Pick<Advice, "what" | "fix"> {
  const denial = denialOf(failure.message, service.prefix, operation);
  const who = denial.principal ?? "the role of this job";
  const where = denial.resource === "*" ? "" : ` on ${denial.resource}`;
  if (denial.deniedBy !== null) {
    return {
      what: `${denial.deniedBy} forbids ${who} ${denial.action}${where}.`,
      fix: "A statement that allows it would change nothing: whoever owns the policy that forbids it must except this role.",
    };
  }
  const narrow = denial.resource === "*" ? " Put the ARN of what it is about in the place of the asterisk." : "";
  return {
    what: `${who} may not do ${denial.action}${where}.`,
    fix: `Add this statement to a policy of ${who}:\n${statementFor(denial)}${narrow === "" ? "" : `\n${narrow.trim()}`}`,
  };
}

function unknownCallerAdvice(said: string): Pick<Advice, "what" | "fix"> {
  return {
    what: `AWS does not accept the credentials of this job: ${said}.`,
    fix: "Let the job get fresh ones: input `role-to-assume`, or aws-actions/configure-aws-credentials before this step, with the account and the partition that are meant. On a runner of your own, check its clock.",
  };
}

/** AWS's text in one line of bearable length. Validation messages repeat values of the request: those go. */
function quiet(message: string): string {
  const line = message.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
  const withoutValues = line.replaceAll(/\b([Vv]alue) '.*?' (at|for)\b/g, `$1 ${hidden} $2`);
  return withoutValues.length > 500 ? `${withoutValues.slice(0, 500)}…` : withoutValues;
}
