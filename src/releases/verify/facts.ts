import type { Advice } from "../../domain/errors.ts";
import type { Kind } from "./needs.ts";

/** What AWS says of needs: what is not in it is not there. */
export interface Facts {
  /** ARNs of parameters that are there. */
  readonly parameters: ReadonlySet<string>;
  readonly secrets: ReadonlyMap<string, SecretFacts>;
  /** By the role's name. */
  readonly roles: ReadonlyMap<string, RoleFacts>;
  /** By {@link keyOf} of the need. */
  readonly rights: ReadonlyMap<string, Decision>;
  readonly logGroups: ReadonlySet<string>;
  /** Platforms that an image is made for, by {@link imageKey}. */
  readonly images: ReadonlyMap<string, readonly string[]>;
  readonly targetGroups: ReadonlyMap<string, TargetGroupFacts>;
  /** Ways by which everybody on the internet reaches a target group without a login, by its ARN: `port 80 of load balancer shop`. */
  readonly openWays: ReadonlyMap<string, readonly string[]>;
  /** Free addresses, by the subnet's id. */
  readonly subnets: ReadonlyMap<string, number>;
  /** Why something was not looked at, by {@link keyOf} of the need. */
  readonly unlooked: ReadonlyMap<string, Pick<Advice, "what" | "fix">>;
}

export interface SecretFacts {
  /** With the characters that AWS appends to its name: policies name it so. */
  readonly arn: string;
  readonly isDeleted: boolean;
  /** Keys of its value; `no-object`: it has none; null: nobody has looked. */
  readonly keys: readonly string[] | "no-object" | null;
}

export interface RoleFacts {
  /** Tasks of ECS may take it on. */
  readonly isForTasks: boolean;
}

export interface TargetGroupFacts {
  /** `ip`, `instance`, `lambda` or `alb` */
  readonly type: string;
  readonly hasBalancer: boolean;
}

/** `implicitDeny`: no policy of the role allows it, and none forbids it. */
export type Decision = "allowed" | "explicitDeny" | "implicitDeny";

/** One name for what is the same image, on whatever platform it is to run. */
export function imageKey({ repository, reference }: Pick<Kind<"image">, "repository" | "reference">): string {
  return `${repository}@${reference}`;
}
