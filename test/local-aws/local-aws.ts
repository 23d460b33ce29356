import type { ECSClientConfig } from "@aws-sdk/client-ecs";
import type { BedClock } from "./clock.ts";
import { createFaults, type Faults } from "./faults.ts";
import { createNeighbours, type Neighbours } from "./neighbours/state.ts";
import { resolveRules, type Rules } from "./rules.ts";
import type { Runtime } from "./runtime.ts";

/** The services that this bed plays itself, by the name that requests are signed for. */
export type ServiceName =
  | "ecs"
  | "elasticloadbalancing"
  | "ec2"
  | "application-autoscaling"
  | "servicediscovery"
  | "iam";

export interface AwsRequest {
  readonly service: ServiceName;
  readonly operation: string;
  /** Members as the service model names them; times as `Date`. */
  readonly input: unknown;
  /** Access key id; in this bed the name of a role. */
  readonly caller: string;
}

export type AwsResponse =
  | { readonly kind: "output"; readonly requestId: string; readonly output: Readonly<Record<string, unknown>> }
  | {
      readonly kind: "error";
      readonly requestId: string;
      readonly name: string;
      readonly message: string;
      readonly status: number;
      /** Modelled members beside the message. */
      readonly members?: Readonly<Record<string, unknown>>;
    }
  /** Not from the service: a proxy's page. */
  | { readonly kind: "page"; readonly status: number; readonly body: string }
  | { readonly kind: "reset" };

export interface RecordedCall {
  readonly service: ServiceName;
  readonly operation: string;
  readonly input: unknown;
  readonly caller: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `ok`, or the error's name; `lost` when the answer never arrived, whether the call took effect or not. */
  readonly outcome: string;
}

/** A task behind a target group. */
export interface RegisteredTarget {
  readonly taskId: string;
  readonly address: string;
  readonly port: number;
  readonly state: "initial" | "healthy" | "unhealthy" | "draining";
}

/** A task behind a Cloud Map name. */
export interface RegisteredInstance {
  readonly taskId: string;
  readonly address: string;
  readonly healthy: boolean;
}

export interface LocalAws {
  readonly account: string;
  readonly region: string;
  readonly rules: Rules;
  readonly speed: number;
  /** One API call. Resolves late when a fault says so; never rejects. */
  handle(request: AwsRequest): Promise<AwsResponse>;
  /** Every call so far, oldest first. */
  readonly calls: readonly RecordedCall[];
  readonly faults: Faults;
  /** What stands around ECS. A test sets it; while a collection is empty, whatever is named exists. */
  readonly neighbours: Neighbours;
  /** What stands behind a target group now. */
  targets(targetGroupArn: string): readonly RegisteredTarget[];
  /** What answers to a Cloud Map name now: `code.deal-flow.local`. Null for a name that is not ours. */
  resolve(name: string): readonly RegisteredInstance[] | null;
  /** Stops every task and every timer. */
  close(): Promise<void>;
}

export interface LocalAwsOptions {
  readonly clock: BedClock;
  readonly runtime: Runtime;
  readonly rules?: Partial<Rules>;
  /**
   * Divides what AWS takes its time for: provisioning, settling, back-off, draining. Health check intervals, stop timeouts
   * and what runs in containers keep their pace. 1 unless told.
   */
  readonly speed?: number;
  readonly region?: string;
  readonly account?: string;
}

export function createLocalAws(options: LocalAwsOptions): LocalAws {
  const { runtime, speed = 1, region = "eu-central-1", account = "123456789012" } = options;
  const calls: RecordedCall[] = [];
  return {
    account,
    region,
    rules: resolveRules(options.rules),
    speed,
    calls,
    faults: createFaults(),
    neighbours: createNeighbours(),
    handle: () => {
      throw new Error("no operation is played yet");
    },
    targets: () => [],
    resolve: () => null,
    close: () => runtime.close(),
  };
}

/**
 * Reaches the bed without a socket: the `requestHandler` of any SDK client.
 * @param caller overrides the access key id that the client signs with.
 */
export function inProcessHandler(aws: LocalAws, caller?: string): NonNullable<ECSClientConfig["requestHandler"]> {
  return {
    handle: () => {
      throw new Error(`no call can be made to ${aws.region} yet${caller === undefined ? "" : ` by ${caller}`}`);
    },
    updateHttpClientConfig: () => undefined,
    httpHandlerConfigs: () => ({}),
  };
}
