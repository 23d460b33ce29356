import type { Service as ServiceView } from "@aws-sdk/client-ecs";
import type { BedClock } from "../clock.ts";
import type { Neighbours } from "../neighbours/state.ts";
import type { Rules } from "../rules.ts";
import type { Runtime } from "../runtime.ts";
import type { Identifiers } from "./identifiers.ts";
import type { EcsState, Service } from "./state.ts";

/** What every part of the played ECS is given. */
export interface Bed {
  readonly account: string;
  readonly region: string;
  readonly rules: Rules;
  readonly state: EcsState;
  readonly neighbours: Neighbours;
  readonly runtime: Runtime;
  readonly names: Identifiers;
  readonly time: Time;
  /** What there was before the last write, for stale reads. */
  before: Before | null;
  /** Has the scheduler look at the service soon; many calls make one look. */
  wake(service: Service): void;
}

export interface Before {
  /** By the same keys as in the state. */
  readonly services: ReadonlyMap<string, ServiceView>;
  /** Service deployments, service revisions and tasks. */
  readonly arns: ReadonlySet<string>;
}

export interface Time {
  now(): number;
  /** Something that takes AWS its time: divided by the speed factor. @returns what takes it back */
  later(seconds: number, callback: () => void): () => void;
  /** Something that keeps its pace: health checks. @returns what takes it back */
  laterAtPace(seconds: number, callback: () => void): () => void;
  /** Takes back all that is still to come; from now on nothing comes. */
  close(): void;
}

export function createTime(clock: BedClock, speed: number): Time {
  const pending = new Set<() => void>();
  let closed = false;
  const after = (milliseconds: number, callback: () => void) => {
    if (closed) return () => undefined;
    const takeBack = clock.after(milliseconds, () => {
      pending.delete(takeBack);
      callback();
    });
    pending.add(takeBack);
    return () => {
      pending.delete(takeBack);
      takeBack();
    };
  };
  return {
    now: () => clock.now(),
    later: (seconds, callback) => after((seconds * 1000) / speed, callback),
    laterAtPace: (seconds, callback) => after(seconds * 1000, callback),
    close: () => {
      closed = true;
      for (const takeBack of pending) takeBack();
      pending.clear();
    },
  };
}

/** A refusal in the service's own words. */
export class Refusal extends Error {
  override readonly name: string;
  readonly status: number;

  /** @param name as the service model names it: `InvalidParameterException`. */
  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

/** What a call brings beside its input. */
export interface CallContext {
  /** Name of the role. */
  readonly caller: string;
  /** Name of the caller's session. */
  readonly session: string;
  /** The answer must be from before the last write. */
  readonly stale: boolean;
  /** RunTask finds no capacity, for this reason. */
  readonly noCapacity: string | null;
}

/** Input whose required members were checked against the service model. */
export type Given<Input, Required extends keyof Input> = Input & {
  readonly [Member in Required]-?: NonNullable<Input[Member]>;
};

/**
 * Operations by name. The input was held against the service model before, which is what lets each operation name the
 * type that it takes.
 */
export type Operations = Readonly<Record<string, (bed: Bed, input: never, call: CallContext) => object>>;
