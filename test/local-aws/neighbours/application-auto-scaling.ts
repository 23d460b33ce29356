import type { Operations } from "../ecs/bed.ts";

/** Which services are scaled by somebody else. */
export const applicationAutoScalingOperations = {
  DescribeScalableTargets: (
    bed,
    input: { readonly ServiceNamespace: string; readonly ResourceIds?: readonly string[] },
  ) => ({
    ScalableTargets:
      input.ServiceNamespace === "ecs"
        ? [...bed.neighbours.scalableTargets.values()]
            .filter(({ resourceId }) => input.ResourceIds === undefined || input.ResourceIds.includes(resourceId))
            .map(({ resourceId, minimum, maximum }) => ({
              ServiceNamespace: "ecs",
              ResourceId: resourceId,
              ScalableDimension: "ecs:service:DesiredCount",
              MinCapacity: minimum,
              MaxCapacity: maximum,
              RoleARN: `arn:aws:iam::${bed.account}:role/application-autoscaling`,
              CreationTime: new Date(bed.time.now()),
            }))
        : [],
  }),
} satisfies Operations;
