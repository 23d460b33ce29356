import type { Fault, FaultKind } from "../../../local-aws/faults.ts";
import { caller, type World } from "./world.ts";

function strike(world: World, operation: string, what: FaultKind, more: Partial<Fault> = {}): () => void {
  return world.aws.faults.inject({ on: `ecs:${operation}`, caller, what, ...more });
}

function refuse(...operations: readonly string[]): (world: World) => void {
  return (world) => {
    for (const operation of operations) strike(world, operation, { kind: "access-denied" });
  };
}

/** What befalls the calls of whoever deploys. */
export const faults = {
  none: () => undefined,
  throttling: (world) => {
    strike(world, "*", { kind: "throttle" }, { times: 4 });
    world.later(20, () => strike(world, "*", { kind: "throttle" }, { times: 20 }));
  },
  "errors, a proxy's pages and cut lines": (world) => {
    for (const operation of ["DescribeServices", "DescribeServiceDeployments", "DescribeServiceRevisions"]) {
      strike(world, operation, { kind: "server-error" }, { times: 1 });
      strike(world, operation, { kind: "html" }, { times: 2 });
      strike(world, operation, { kind: "reset" }, { times: 3 });
    }
  },
  "no answers for four minutes": (world) =>
    world.later(10, () => world.later(240, strike(world, "DescribeServices", { kind: "server-error" }))),
  "no answers any more": (world) => world.later(10, () => strike(world, "DescribeServices", { kind: "server-error" })),
  "answers about the service alone, for 200 s": (world) => {
    for (const operation of ["DescribeServiceDeployments", "ListTasks"])
      world.later(200, strike(world, operation, { kind: "throttle" }));
  },
  "old answers": (world) => void strike(world, "DescribeServices", { kind: "stale" }, { times: 6 }),
  "a start whose answer is lost": (world) =>
    void strike(world, "UpdateService", { kind: "reset" }, { times: 1, when: "after" }),
  "a start that is lost": (world) => void strike(world, "UpdateService", { kind: "server-error" }, { times: 1 }),
  "a session that expires": (world) => world.later(30, () => strike(world, "*", { kind: "expired-token" })),
  "no right to read service deployments": refuse("DescribeServiceDeployments", "DescribeServiceRevisions"),
  "no right to read tasks": refuse("ListTasks"),
  "no right but to update and describe services": refuse(
    "DescribeServiceDeployments",
    "DescribeServiceRevisions",
    "DescribeTaskDefinition",
    "ListTasks",
    "DescribeTasks",
  ),
  "no right to stop deployments": refuse("StopServiceDeployment"),
} as const satisfies Readonly<Record<string, (world: World) => void>>;
