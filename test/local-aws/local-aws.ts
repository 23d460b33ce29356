import type { Handle, RecordedCall, ServiceName } from "./api.ts";
import { createCalls } from "./calls.ts";
import type { BedClock } from "./clock.ts";
import { createTime, type Bed, type Operations } from "./ecs/bed.ts";
import { ecsOperations, wake } from "./ecs/ecs.ts";
import { createIdentifiers } from "./ecs/identifiers.ts";
import { registeredTargets, resolveName, type RegisteredInstance, type RegisteredTarget } from "./ecs/registered.ts";
import { createEcsState } from "./ecs/state.ts";
import { createFaults, type Faults } from "./faults.ts";
import { applicationAutoScalingOperations } from "./neighbours/application-auto-scaling.ts";
import { cloudMapOperations } from "./neighbours/cloud-map.ts";
import { ec2Operations } from "./neighbours/ec2.ts";
import { elasticLoadBalancingOperations } from "./neighbours/elastic-load-balancing.ts";
import { iamOperations } from "./neighbours/iam.ts";
import { stsOperations } from "./neighbours/sts.ts";
import { createNeighbours, type Neighbours } from "./neighbours/state.ts";
import { resolveRules, type Rules } from "./rules.ts";
import type { Runtime } from "./runtime.ts";

export type { AwsRequest, AwsResponse, RecordedCall, ServiceName } from "./api.ts";
export type { RegisteredInstance, RegisteredTarget } from "./ecs/registered.ts";
export { inProcessHandler } from "./wire/in-process.ts";

export interface LocalAws {
  readonly account: string;
  readonly region: string;
  readonly rules: Rules;
  readonly speed: number;
  readonly handle: Handle;
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

/** An AWS account of its own, in memory. Give it a clock and something that runs containers. */
export function createLocalAws(options: LocalAwsOptions): LocalAws {
  const { clock, runtime, speed = 1, region = "eu-central-1", account = "123456789012" } = options;
  const rules = resolveRules(options.rules);
  const faults = createFaults();
  const neighbours = createNeighbours();
  const bed: Bed = {
    account,
    region,
    rules,
    state: createEcsState(),
    neighbours,
    runtime,
    names: createIdentifiers({ region, account, seed: clock.now() }),
    time: createTime(clock, speed),
    before: null,
    wake: (service) => wake(bed, service),
  };
  const { handle, calls } = createCalls(bed, operations, faults);
  return {
    account,
    region,
    rules,
    speed,
    handle,
    calls,
    faults,
    neighbours,
    targets: (targetGroupArn) => registeredTargets(bed, targetGroupArn),
    resolve: (name) => resolveName(bed, name),
    close: async () => {
      bed.time.close();
      await runtime.close();
    },
  };
}

const operations: Readonly<Record<ServiceName, Operations>> = {
  ecs: ecsOperations,
  elasticloadbalancing: elasticLoadBalancingOperations,
  ec2: ec2Operations,
  "application-autoscaling": applicationAutoScalingOperations,
  servicediscovery: cloudMapOperations,
  iam: iamOperations,
  sts: stsOperations,
};
