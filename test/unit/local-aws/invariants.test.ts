import type {
  DescribeServicesResponse,
  DescribeTasksResponse,
  ListServiceDeploymentsResponse,
  ListTasksResponse,
  Service,
  ServiceDeploymentBrief,
  Task,
} from "@aws-sdk/client-ecs";
import fc from "../../properties.ts";
import { breakerThreshold } from "../../local-aws/ecs/breaker.ts";
import type { Rules } from "../../local-aws/rules.ts";
import type { Behaviour } from "../../local-aws/runtimes/scripted.ts";
import { existing, openStage, readPastClient, type Stage } from "./stage.ts";

/** What happens to a service, in any order. */
type Move =
  | { readonly kind: "deploy"; readonly behaviour: Behaviour }
  | { readonly kind: "force" }
  | { readonly kind: "scale"; readonly count: number }
  | { readonly kind: "bound"; readonly maximumPercent: number; readonly minimumHealthyPercent: number }
  | { readonly kind: "stop deployment" }
  | { readonly kind: "stop task" };

interface Step {
  readonly move: Move;
  readonly thenSeconds: number;
}

const harmless: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.record({ kind: fc.constant("healthy" as const), healthyAfterSeconds: fc.integer({ min: 0, max: 60 }) }),
  fc.record({ kind: fc.constant("healthy" as const), startsAfterSeconds: fc.integer({ min: 0, max: 300 }) }),
  fc.constant<Behaviour>({ kind: "never-starts", reason: "CannotPullContainerError: not found" }),
);
const behaviours: fc.Arbitrary<Behaviour> = fc.oneof(
  harmless,
  fc.record({
    kind: fc.constant("exits" as const),
    code: fc.constant(1),
    afterSeconds: fc.integer({ min: 0, max: 90 }),
  }),
  fc.record({ kind: fc.constant("unhealthy" as const), healthySeconds: fc.integer({ min: 1, max: 60 }) }),
  fc.constant<Behaviour>({ kind: "unhealthy" }),
  fc.record({ kind: fc.constant("flapping" as const), everySeconds: fc.integer({ min: 5, max: 40 }) }),
);
const percentages = fc
  .record({
    maximumPercent: fc.constantFrom(100, 134, 150, 200),
    minimumHealthyPercent: fc.constantFrom(0, 34, 50, 100),
  })
  .filter(({ maximumPercent, minimumHealthyPercent }) => maximumPercent > 100 || minimumHealthyPercent < 100);
const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("deploy" as const), behaviour: behaviours }) },
  { weight: 1, arbitrary: fc.constant<Move>({ kind: "force" }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("scale" as const), count: fc.nat(5) }) },
  { weight: 1, arbitrary: percentages.map((percent): Move => ({ kind: "bound", ...percent })) },
  { weight: 1, arbitrary: fc.constant<Move>({ kind: "stop deployment" }) },
  { weight: 2, arbitrary: fc.constant<Move>({ kind: "stop task" }) },
);
const stepsOf = (move: fc.Arbitrary<Move>) =>
  fc.array(fc.record({ move, thenSeconds: fc.integer({ min: 1, max: 200 }) }), { minLength: 1, maxLength: 7 });
const breakers = fc.record({
  enable: fc.boolean(),
  rollback: fc.boolean(),
  resetOnHealthyTask: fc.boolean(),
});
/** The switches that change which tasks there are. */
const rules: fc.Arbitrary<Partial<Rules>> = fc.record({
  rollbackDeploymentId: fc.constantFrom("new", "same"),
  rollbackStartsNewTasks: fc.boolean(),
  stopsToMinimumAtOnce: fc.boolean(),
  replacesFromOwnRevision: fc.boolean(),
  stoppingTasksCount: fc.boolean(),
  completionWaitsForStopped: fc.boolean(),
  supersededStatus: fc.constantFrom("STOPPED", "STOP_REQUESTED"),
});

interface Seen {
  readonly service: Service;
  readonly serviceDeployments: readonly ServiceDeploymentBrief[];
  readonly tasks: readonly Task[];
}

describe("whatever happens to a service", () => {
  test("its counts, states and events stay true", async () => {
    const settings = { breaker: breakers, desiredCount: fc.integer({ min: 0, max: 4 }), rules, steps: stepsOf(moves) };
    await fc.assert(
      fc.asyncProperty(fc.record(settings), async ({ breaker, desiredCount, rules: given, steps }) => {
        const stage = await openStage({ rules: given });
        await stage.create(await stage.register({ healthCheck: true }), {
          desiredCount,
          deploymentConfiguration: { deploymentCircuitBreaker: breaker },
        });
        let before: Seen | null = null;
        await play(stage, steps, (seen) => {
          checkTruth(stage, seen);
          if (before !== null) checkProgress(before, seen);
          before = seen;
        });
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  test("a rollout of tasks that do not die never takes healthy ones below the minimum", async () => {
    const deploys = fc.oneof(
      fc.record({ kind: fc.constant("deploy" as const), behaviour: harmless }),
      fc.constant<Move>({ kind: "force" }),
      fc.constant<Move>({ kind: "stop deployment" }),
    );
    const settings = {
      percent: percentages,
      desiredCount: fc.integer({ min: 1, max: 5 }),
      rules,
      steps: stepsOf(deploys),
    };
    await fc.assert(
      fc.asyncProperty(fc.record(settings), async ({ percent, desiredCount, rules: given, steps }) => {
        const stage = await openStage({ rules: given });
        await stage.create(await stage.register({ healthCheck: true }), {
          desiredCount,
          deploymentConfiguration: percent,
        });
        await stage.untilSettled();
        const least = Math.ceil((desiredCount * percent.minimumHealthyPercent) / 100);
        await play(stage, steps, ({ tasks }) => {
          const healthy = tasks.filter(
            (task) =>
              task.lastStatus === "RUNNING" && task.healthStatus === "HEALTHY" && task.desiredStatus === "RUNNING",
          );
          expect(healthy.length).toBeGreaterThanOrEqual(least);
        });
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

/** What must hold of any one look. */
function checkTruth(stage: Stage, { service, tasks }: Seen): void {
  const deployments = service.deployments ?? [];
  expect(deployments.filter(({ status }) => status === "PRIMARY")).toHaveLength(1);
  expect(deployments[0]?.status).toBe("PRIMARY");
  expect(new Set(deployments.map(({ id }) => id)).size).toBe(deployments.length);
  const sum = (count: (deployment: (typeof deployments)[number]) => number | undefined) =>
    deployments.reduce((total, deployment) => total + (count(deployment) ?? 0), 0);
  expect(sum(({ runningCount }) => runningCount)).toBe(service.runningCount);
  expect(sum(({ pendingCount }) => pendingCount)).toBe(service.pendingCount);
  expect(tasks.filter(({ lastStatus }) => lastStatus === "RUNNING")).toHaveLength(service.runningCount ?? -1);
  if (service.deploymentConfiguration?.deploymentCircuitBreaker?.enable === true) {
    // The threshold follows the desired count; five is the most that a test asks for.
    const threshold = breakerThreshold(stage.aws.rules, service.deploymentConfiguration, 5);
    expect(Math.max(...deployments.map(({ failedTasks = 0 }) => failedTasks))).toBeLessThanOrEqual(threshold);
  }
}

/** What must hold between one look and the next. */
function checkProgress(before: Seen, now: Seen): void {
  const live = ({ service }: Seen) => (service.runningCount ?? 0) + (service.pendingCount ?? 0);
  const { maximumPercent = 200 } = now.service.deploymentConfiguration ?? {};
  const most = Math.floor(((now.service.desiredCount ?? 0) * maximumPercent) / 100);
  // Bounds that were lowered are reached by stopping, never exceeded by starting.
  expect(live(now)).toBeLessThanOrEqual(Math.max(most, live(before)));

  const ids = (now.service.events ?? []).map(({ id }) => id);
  const kept = (before.service.events ?? []).map(({ id }) => id);
  const added = kept.length === 0 ? ids.length : ids.indexOf(kept[0]);
  expect(ids.slice(added)).toEqual(kept.slice(0, 100 - added));

  for (const { serviceDeploymentArn, status = "" } of before.serviceDeployments) {
    const later = now.serviceDeployments.find((one) => one.serviceDeploymentArn === serviceDeploymentArn);
    expect(later).toBeDefined();
    if (/^(SUCCESSFUL|STOPPED|ROLLBACK_SUCCESSFUL|ROLLBACK_FAILED)$/.test(status)) expect(later?.status).toBe(status);
  }
}

async function play(stage: Stage, steps: readonly Step[], check: (seen: Seen) => void): Promise<void> {
  for (const { move, thenSeconds } of steps) {
    await act(stage, move);
    for (let second = 0; second < thenSeconds; second += 2) {
      await stage.pass(2);
      check(await lookAt(stage));
    }
  }
}

async function act(stage: Stage, move: Move): Promise<void> {
  switch (move.kind) {
    case "deploy": {
      const revision = await stage.register({ healthCheck: true });
      stage.runtime.script(revision, move.behaviour);
      await stage.update({ taskDefinition: revision });
      return;
    }
    case "force":
      await stage.update({ forceNewDeployment: true });
      return;
    case "scale":
      await stage.update({ desiredCount: move.count });
      return;
    case "bound": {
      const { maximumPercent, minimumHealthyPercent } = move;
      await stage.update({ deploymentConfiguration: { maximumPercent, minimumHealthyPercent } });
      return;
    }
    case "stop deployment": {
      const { serviceDeploymentArn } = await stage.serviceDeployment();
      // A finished one refuses.
      await stage.ecs.stopServiceDeployment({ serviceDeploymentArn }).catch((error: unknown) => {
        expect(error).toMatchObject({ name: "ConflictException" });
      });
      return;
    }
    case "stop task": {
      const { taskArns = [] } = await stage.ecs.listTasks({ cluster: "main", serviceName: "app" });
      if (taskArns[0] !== undefined) await stage.ecs.stopTask({ cluster: "main", task: taskArns[0] });
      return;
    }
  }
}

async function lookAt({ aws }: Stage): Promise<Seen> {
  const read = (operation: string, input: object) => readPastClient(aws, operation, { cluster: "main", ...input });
  const { services = [] }: DescribeServicesResponse = await read("DescribeServices", { services: ["app"] });
  const { serviceDeployments = [] }: ListServiceDeploymentsResponse = await read("ListServiceDeployments", {
    service: "app",
  });
  const { taskArns = [] }: ListTasksResponse = await read("ListTasks", { serviceName: "app" });
  const { tasks = [] }: DescribeTasksResponse =
    taskArns.length === 0 ? {} : await read("DescribeTasks", { tasks: taskArns });
  return { service: existing(services[0]), serviceDeployments, tasks };
}
