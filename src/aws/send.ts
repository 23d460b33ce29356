import type { Client, Command, MetadataBearer } from "@smithy/types";
import type { Clock, Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import { AwsError, type Service } from "./error.ts";
import { classify, type Failure } from "./failure.ts";

/** One attempt of one call, for benches and tests. Inputs are not part of it. */
export interface Call {
  readonly service: string;
  readonly operation: string;
  readonly milliseconds: number;
  /** Counts from 1. */
  readonly attempt: number;
  readonly outcome: "ok" | Failure["kind"];
}

export interface CallOptions {
  /** What the call is about, for the error: `service webserver in cluster prod`. */
  readonly resource?: string;
  /**
   * Doing it twice is doing it once, so that it may be repeated although the first answer was lost. True for reads, and
   * false for all else unless told.
   */
  readonly idempotent?: boolean;
  /** In the place of the context's: for what must be done although that one has aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Makes a call of one service and gives its output. It is repeated, within bounds, while AWS throttles, errs or cannot be reached.
 * A body that is a stream cannot be repeated: give text or bytes.
 * @throws AwsError, UserError when region or credentials are missing or cannot be had, and the signal's reason when it aborts.
 */
export type Send<Inputs extends object, Outputs extends MetadataBearer, Config, Options = CallOptions> = <
  Input extends Inputs,
  Output extends Outputs,
>(
  command: Command<Inputs, Input, Outputs, Output, Config>,
  options?: Options,
) => Promise<Output>;

/** The clients' own retries are off: they can be neither cancelled nor timed by a clock that is passed in. */
export function sender<Inputs extends object, Outputs extends MetadataBearer, Config>(
  client: Pick<Client<Inputs, Outputs, Config>, "send">,
  service: Service,
  context: Pick<Context, "clock" | "signal">,
  observe: (call: Call) => void = () => undefined,
): Send<Inputs, Outputs, Config> {
  const insist = insisting(service, context, observe);
  return (command, options = {}) => {
    const operation = operationOf(command);
    return insist(operation, options, (signal) => client.send(command, { abortSignal: signal }));
  };
}

/** Makes a call by whatever way, and repeats it as {@link Send} does. */
export type Insist = <Output>(
  operation: string,
  options: CallOptions,
  attempt: (signal: AbortSignal) => Promise<Output>,
) => Promise<Output>;

/** What repeats the calls of one service, and tells how they failed. */
export function insisting(
  service: Service,
  context: Pick<Context, "clock" | "signal">,
  observe: (call: Call) => void = () => undefined,
): Insist {
  const { clock } = context;
  return async (operation, { resource, idempotent, signal = context.signal }, call) => {
    const repeatable = idempotent ?? isRead(operation);
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      const begun = clock.now();
      const tell = (outcome: Call["outcome"]): void =>
        observe({ service: service.name, operation, milliseconds: clock.now() - begun, attempt, outcome });
      try {
        const output = await call(signal);
        tell("ok");
        return output;
      } catch (error) {
        signal.throwIfAborted();
        const failure = classify(error);
        if (failure === null) throw configurationError(error) ?? error;
        tell(failure.kind);
        if (attempt === mostAttempts || !isWorthAnother(failure, repeatable)) {
          throw new AwsError({ service, operation, resource: resource ?? null, attempts: attempt, failure }, error);
        }
        await pauseBefore(attempt, clock, signal);
      }
    }
  };
}

/** The same, but that something is looked at before each call that is not a read: it throws what keeps it from being made. */
export function guarded<Inputs extends object, Outputs extends MetadataBearer, Config>(
  send: Send<Inputs, Outputs, Config>,
  look: () => Promise<void>,
): Send<Inputs, Outputs, Config> {
  return async (command, options) => {
    if (!isRead(operationOf(command))) await look();
    return send(command, options);
  };
}

const mostAttempts = 6;
const firstPause = 500;
const longestPause = 8_000;

/**
 * Milliseconds to wait after a failed attempt: full jitter over an exponential backoff.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * @param attempt the one that failed; counts from 1.
 * @param random in [0, 1)
 */
export function pauseAfter(attempt: number, random: number): number {
  return random * Math.min(longestPause, firstPause * 2 ** (attempt - 1));
}

async function pauseBefore(attempt: number, clock: Clock, signal: AbortSignal): Promise<void> {
  await clock.sleep(pauseAfter(attempt, Math.random()), signal);
}

function isWorthAnother({ kind, refused }: Failure, repeatable: boolean): boolean {
  switch (kind) {
    case "throttled":
      return true;
    case "unavailable":
    case "unreachable":
      return repeatable || refused;
    case "denied":
    case "expired":
    case "not-found":
    case "conflict":
    case "invalid":
      return false;
  }
}

/** The third member of an operation's schema; a class name would not survive a minifier. */
function operationOf({ schema }: { readonly schema?: unknown }): string {
  const name: unknown = Array.isArray(schema) ? schema[2] : undefined;
  if (typeof name !== "string") throw new Error("a command of the AWS SDK without the schema of its operation");
  return name;
}

/** Reads change nothing, so asking twice is asking once. */
function isRead(operation: string): boolean {
  return /^(BatchCheck|BatchGet|Describe|Get|Head|List|Simulate)/.test(operation);
}

/** What the SDK throws before any call, when it does not know where to call or as whom. */
function configurationError(error: unknown): UserError | null {
  if (!(error instanceof Error)) return null;
  if (error.message === "Region is missing") {
    return new UserError(
      {
        what: "No AWS region is set.",
        fix: "Set AWS_REGION in the job, or aws-region of aws-actions/configure-aws-credentials before this step.",
      },
      { cause: error },
    );
  }
  if (error.name === "CredentialsProviderError" || error.name === "TokenProviderError") {
    return new UserError(
      {
        what: "This job has no AWS credentials.",
        fix: "Give this step the input `role-to-assume`, or put aws-actions/configure-aws-credentials before it; and give the job the permission id-token: write. On your own machine, log in first: aws sso login.",
      },
      { kind: "no-credentials", cause: error },
    );
  }
  return null;
}
