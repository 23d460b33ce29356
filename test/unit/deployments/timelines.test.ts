import type { Deployment, Service } from "@aws-sdk/client-ecs";
import { isGoingBack, judge, verdictOf } from "../../../src/deployments/judge.ts";
import { observed } from "../../../src/deployments/service.ts";
import { follow, type Track, track } from "../../../src/deployments/track.ts";
import { aim, start } from "./observations.ts";

/*
 * Rollouts as people have published them: states, texts, order and durations are theirs. Ids, account and what DescribeServices
 * answered between the quoted moments are filled in. None of it comes from the bed.
 */

/** What DescribeServices answers from this second on. */
interface Moment {
  readonly second: number;
  readonly deployments: readonly Deployment[];
  /** Without the date, as the service's log has it. */
  readonly events?: readonly string[];
}

interface Timeline {
  readonly name: string;
  /** Where it was published. */
  readonly source: string;
  readonly moments: readonly Moment[];
  /** `verdict at second` for what must be said, `second` for each moment that must not be judged yet. */
  readonly verdict: string;
}

const mine = "ecs-svc/2222222222222222222";
const good = "ecs-svc/1111111111111111111";
const back = "ecs-svc/3333333333333333333";
const arnOf = (revision: number) => `arn:aws:ecs:ap-northeast-1:123456789012:task-definition/app:${revision}`;
const at = (second: number) => new Date(start + second * 1000);

const goodBefore: Deployment = {
  id: good,
  status: "ACTIVE",
  taskDefinition: arnOf(1),
  desiredCount: 1,
  runningCount: 1,
  pendingCount: 0,
  failedTasks: 0,
  createdAt: at(-86_400),
  updatedAt: at(-86_300),
  rolloutState: "COMPLETED",
  rolloutStateReason: `ECS deployment ${good} completed.`,
};

const ours = (second: number, changes: Partial<Deployment> = {}): Deployment => ({
  id: mine,
  status: "PRIMARY",
  taskDefinition: arnOf(2),
  desiredCount: 1,
  runningCount: 0,
  pendingCount: 1,
  failedTasks: 0,
  createdAt: at(0),
  updatedAt: at(second),
  rolloutState: "IN_PROGRESS",
  rolloutStateReason: `ECS deployment ${mine} in progress.`,
  ...changes,
});

const failed = (second: number, changes: Partial<Deployment> = {}): Deployment =>
  ours(second, {
    status: "ACTIVE",
    desiredCount: 0,
    pendingCount: 0,
    failedTasks: 3,
    rolloutState: "FAILED",
    rolloutStateReason: "ECS deployment circuit breaker: tasks failed to start.",
    ...changes,
  });

const rollback = (begun: number, second: number, changes: Partial<Deployment> = {}): Deployment => ({
  ...goodBefore,
  id: back,
  status: "PRIMARY",
  runningCount: 0,
  pendingCount: 1,
  createdAt: at(begun),
  updatedAt: at(second),
  rolloutState: "IN_PROGRESS",
  rolloutStateReason: `ECS deployment circuit breaker: rolling back to deploymentId ${changes.id ?? back}.`,
  ...changes,
});

const rolledBack = (begun: number, second: number, changes: Partial<Deployment> = {}): Deployment =>
  rollback(begun, second, {
    runningCount: 1,
    pendingCount: 0,
    rolloutState: "COMPLETED",
    rolloutStateReason: `ECS deployment ${changes.id ?? back} completed.`,
    ...changes,
  });

const saysFailed = `(service app) (deployment ${mine}) deployment failed: tasks failed to start.`;
const saysRollingBack = (id: string) => `(service app) rolling back to deployment ${id}.`;
const saysUnplaced =
  "(service app) was unable to place a task. Reason: CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref registry/app:2: not found.";
const saysInconsistent = "(service app) is unable to consistently start tasks successfully.";
const saysUnhealthy = "(service app) (task 0668) failed container health checks.";
const saysDone = (id: string) => `(service app) (deployment ${id}) deployment completed.`;

const timelines: readonly Timeline[] = [
  {
    name: "exits at start: four starts 52 s apart, the breaker opens at 2:36, rolled back 1:20 later",
    source: "https://dev.classmethod.jp/en/articles/ecs-deployment-circuit-breaker-custom-threshold-settings/",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore], events: ["(service app) has started 1 tasks: (task 60a7)."] },
      { second: 52, deployments: [ours(52, { failedTasks: 1 }), goodBefore] },
      { second: 104, deployments: [ours(104, { failedTasks: 2 }), goodBefore] },
      {
        second: 156,
        deployments: [rollback(156, 156), failed(156), goodBefore],
        events: [saysFailed, saysRollingBack(back)],
      },
      { second: 200, deployments: [rollback(156, 200, { runningCount: 1, pendingCount: 0 }), goodBefore] },
      { second: 236, deployments: [rolledBack(156, 236)], events: [saysDone(back)] },
    ],
    verdict: "rolled-back at 236",
  },
  {
    name: "missing image: failed starts at 2:34, 4:46 and 11:00, and goes back at 11:44",
    source: "public issues that quote service events; the times are one account's",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore], events: ["(service app) has started 1 tasks: (task 60a7)."] },
      { second: 154, deployments: [ours(154, { failedTasks: 1 }), goodBefore], events: [saysUnplaced] },
      {
        second: 286,
        deployments: [ours(286, { failedTasks: 2 }), goodBefore],
        events: [saysUnplaced, saysInconsistent],
      },
      {
        second: 660,
        deployments: [rollback(660, 660), failed(660), goodBefore],
        events: [saysUnplaced, saysFailed, saysRollingBack(back)],
      },
      {
        second: 704,
        deployments: [rolledBack(660, 704)],
        events: [saysDone(back), "(service app) has reached a steady state."],
      },
    ],
    verdict: "rolled-back at 704",
  },
  {
    name: "health check fails: three tasks of five minutes each, and ECS goes back",
    source: "public issues that quote service events; 10 to 15 minutes in several accounts",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore] },
      { second: 300, deployments: [ours(300, { failedTasks: 1 }), goodBefore], events: [saysUnhealthy] },
      {
        second: 610,
        deployments: [ours(610, { failedTasks: 2, runningCount: 1, pendingCount: 0 }), goodBefore],
        events: [saysUnhealthy],
      },
      {
        second: 900,
        deployments: [rollback(900, 900), failed(900, { runningCount: 1 }), goodBefore],
        events: [saysUnhealthy, saysFailed, saysRollingBack(back)],
      },
      {
        second: 960,
        deployments: [rollback(900, 960, { runningCount: 1, pendingCount: 0 }), failed(960, { runningCount: 1 })],
      },
      { second: 1010, deployments: [rolledBack(900, 1010)], events: [saysDone(back)] },
    ],
    verdict: "rolled-back at 1010",
  },
  {
    name: "scale-in waits for tasks under protection, while all of ours run",
    source: "public issues that quote the event; the end is filled in",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore] },
      {
        second: 120,
        deployments: [ours(120, { runningCount: 1, pendingCount: 0 }), goodBefore],
        events: [
          "(service app) was unable to reach steady state because (taskSet ecs-svc/1111111111111111111) was unable to scale in due to (reason 1 tasks under protection)",
        ],
      },
      {
        second: 3720,
        deployments: [ours(3720, { runningCount: 1, pendingCount: 0, rolloutState: "COMPLETED" })],
        events: [saysDone(mine)],
      },
    ],
    verdict: "succeeded at 3720",
  },
  {
    name: "the failed deployment is ACTIVE and still IN_PROGRESS while ECS goes back",
    source: "https://github.com/aws/copilot-cli/issues/4838",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore] },
      {
        second: 600,
        deployments: [
          rollback(600, 600),
          failed(600, { rolloutState: "IN_PROGRESS", rolloutStateReason: `ECS deployment ${mine} in progress.` }),
          goodBefore,
        ],
        events: [saysRollingBack(back)],
      },
      { second: 660, deployments: [rolledBack(600, 660)], events: [saysDone(back)] },
    ],
    verdict: "rolled-back at 660",
  },
  {
    name: "the failed deployment has a status that the reference does not know: DRAINING",
    source: "public issues that quote DescribeServices",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore] },
      {
        second: 300,
        deployments: [rollback(300, 300), failed(300, { status: "DRAINING", runningCount: 1 }), goodBefore],
        events: [saysFailed],
      },
      { second: 380, deployments: [rolledBack(300, 380)], events: [saysDone(back)] },
    ],
    verdict: "rolled-back at 380",
  },
  {
    name: "the good deployment itself begins again",
    source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore] },
      {
        second: 156,
        deployments: [rollback(156, 156, { id: good, runningCount: 1, pendingCount: 0 }), failed(156)],
        events: [saysFailed, saysRollingBack(good)],
      },
      { second: 170, deployments: [rolledBack(156, 170, { id: good })], events: [saysDone(good)] },
    ],
    verdict: "rolled-back at 170",
  },
  {
    name: "the rollback is over before anybody looks again",
    source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore] },
      { second: 400, deployments: [rolledBack(300, 400)], events: [saysFailed, saysRollingBack(back), saysDone(back)] },
    ],
    verdict: "rolled-back at 400",
  },
  {
    name: "no task finds a place for 46 minutes, and the log of the service is silent",
    source: "public issues on service events; the silence lasted 46 minutes in one account",
    moments: [
      {
        second: 0,
        deployments: [ours(0, { pendingCount: 0 }), goodBefore],
        events: ["(service app) was unable to place a task."],
      },
      { second: 2760, deployments: [ours(0, { pendingCount: 0 }), goodBefore] },
    ],
    verdict: "moving",
  },
  {
    name: "complete a millisecond before the steady state, old deployment gone",
    source: "public issues that quote service events",
    moments: [
      { second: 0, deployments: [ours(0), goodBefore] },
      { second: 60, deployments: [ours(30, { runningCount: 1, pendingCount: 0 }), goodBefore] },
      {
        second: 90,
        deployments: [
          ours(90, { runningCount: 1, pendingCount: 0, rolloutState: "COMPLETED", rolloutStateReason: "completed" }),
        ],
        events: [saysDone(mine), "(service app) has reached a steady state."],
      },
    ],
    verdict: "succeeded at 90",
  },
  {
    name: "stable, says the service, and runs the old revision",
    source: "https://github.com/aws-actions/amazon-ecs-deploy-task-definition/issues/191",
    moments: [
      {
        second: 0,
        deployments: [
          ours(0, { taskDefinition: arnOf(1), runningCount: 1, pendingCount: 0, rolloutState: "COMPLETED" }),
        ],
      },
    ],
    verdict: "failed at 0",
  },
];

function answer({ deployments }: Moment, events: NonNullable<Service["events"]>): Service {
  const sum = (count: "runningCount" | "pendingCount") =>
    deployments.reduce((total, deployment) => total + (deployment[count] ?? 0), 0);
  return {
    serviceName: "app",
    status: "ACTIVE",
    desiredCount: 1,
    runningCount: sum("runningCount"),
    pendingCount: sum("pendingCount"),
    taskDefinition: deployments[0]?.taskDefinition,
    deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    deployments: [...deployments],
    events,
  };
}

describe("A rollout in a real account", () => {
  test.each(timelines)("$name: $verdict ($source)", ({ moments, verdict }) => {
    const [first] = moments;
    if (first === undefined) throw new Error("a timeline without moments");
    let seen: Track = {
      ...track(aim({ deploymentId: mine, before: [good] }), observed(answer(first, [])), []),
      digests: {},
      serviceDeployment: "refused",
    };
    let events: NonNullable<Service["events"]> = [];
    let said = "moving";
    for (const moment of moments) {
      const { second } = moment;
      const told = (moment.events ?? []).map((message, index) => ({
        id: `${second}-${index}`,
        createdAt: at(second),
        message,
      }));
      events = [...told.reverse(), ...events];
      const now = start + second * 1000;
      seen = follow(seen, observed(answer(moment, events)), now);
      const judgement = judge(seen, now);
      if (judgement.kind !== "ended") continue;
      said = `${verdictOf(judgement.ending, seen, isGoingBack(seen, now))} at ${second}`;
      break;
    }
    expect(said).toBe(verdict);
  });
});
