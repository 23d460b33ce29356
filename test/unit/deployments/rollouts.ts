import { roll } from "../../../src/deployments/index.ts";
import type { CauseId } from "../../../src/deployments/explain.ts";
import type { RollRequest } from "../../../src/deployments/request.ts";
import { digestSchema } from "../../../src/domain/identifiers.ts";
import type { Verdict, VerdictKind } from "../../../src/domain/verdict.ts";
import { breakerAlone, breakerWithRollback, existing } from "../local-aws/stage.ts";
import { caller, openScene, request, type Scene, type SceneOptions } from "./scene.ts";

/** A rollout of `app:2` onto `app:1`, and what is to be said of it. */
export interface Row {
  readonly rollout: string;
  readonly scene?: SceneOptions;
  /** Registers `app:2`, says how it behaves, and lets things happen. */
  readonly given: (scene: Scene) => unknown;
  readonly request?: Partial<RollRequest>;
  readonly verdict: VerdictKind;
  readonly cause: CauseId | null;
  /** In the cause's own words. */
  readonly says?: RegExp;
  /** Each is somewhere in the evidence. */
  readonly evidence?: readonly RegExp[];
  /** Calls of the product that write. */
  readonly writes?: readonly string[];
  readonly seconds?: number;
}

const rollsBack: SceneOptions = { service: { deploymentConfiguration: breakerWithRollback } };
const givesUp: SceneOptions = { service: { deploymentConfiguration: breakerAlone } };

/** Bears twenty failed tasks. */
const patient = {
  enable: true,
  rollback: true,
  resetOnHealthyTask: true,
  thresholdConfiguration: { type: "COUNT", value: 20 },
} as const;

const register = (scene: Scene): Promise<string> => scene.register();

/** `app:2` exits with 3 soon after each start. */
async function crashes(scene: Scene): Promise<void> {
  const log = [{ text: "Traceback" }, { text: "KeyError: 'DATABASE'" }];
  scene.runtime.script("app:2", { kind: "exits", code: 3, afterSeconds: 2, log });
  await scene.register();
}

async function neverDone(scene: Scene): Promise<void> {
  scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 7200 });
  await scene.register();
}

/** Somebody else rolls out the next revision. */
async function somebodyDeploys(scene: Scene): Promise<void> {
  await scene.update({ taskDefinition: await scene.register() });
}

/** Does this as soon as ECS has begun to go back to `app:1`. */
function whenTakenBack(scene: Scene, act: () => unknown): void {
  const look = async (): Promise<void> => {
    const { taskDefinition = "" } = await scene.service();
    if (taskDefinition.endsWith(":1")) await act();
    else scene.later(10, look);
  };
  // Not before the product has begun.
  scene.later(60, look);
}

function refuse(scene: Scene, operation: string): void {
  scene.aws.faults.inject({ on: `ecs:${operation}`, caller, what: { kind: "access-denied" } });
}

const crashEvidence = [/EssentialContainerExited/, /app: exit code 3/, /Traceback\nKeyError: 'DATABASE'/];

export const rows: readonly Row[] = [
  {
    rollout: "is good",
    given: register,
    verdict: "succeeded",
    cause: null,
    writes: ["UpdateService ok"],
  },
  {
    rollout: "is slow",
    given: async (scene) => {
      scene.runtime.script("app:2", { kind: "healthy", startsAfterSeconds: 600 });
      await scene.register();
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "is slower than its time",
    given: neverDone,
    request: { timeoutSeconds: 300 },
    verdict: "timed-out",
    cause: "slow",
    says: /0 of 1 tasks of app:2 run, and none has failed: it takes longer than 300 s\. ECS goes on with app:2/,
    evidence: [/has started 1 tasks/],
    seconds: 300,
  },
  {
    rollout: "loops through crashes, and ECS rolls it back",
    scene: rollsBack,
    given: crashes,
    verdict: "rolled-back",
    cause: "container-exited",
    says: /Tasks of app:2 failed 3 times: container app exited with code 3\. What its log says usually means: a variable is missing in the environment\. ECS took the service back to app:1\./,
    evidence: [...crashEvidence, /circuit breaker/],
  },
  {
    rollout: "loops through crashes, and ECS gives it up",
    scene: givesUp,
    given: crashes,
    verdict: "failed",
    cause: "container-exited",
    says: /failed 3 times: container app exited with code 3\..*still running: app:1/,
    evidence: [...crashEvidence, /circuit breaker/],
  },
  {
    rollout: "loops through crashes, and nothing but its time stops it",
    given: crashes,
    request: { timeoutSeconds: 200 },
    verdict: "timed-out",
    cause: "container-exited",
    says: /container app exited with code 3\..* This is a crash loop.*ECS goes on with app:2/,
    evidence: crashEvidence,
    seconds: 200,
  },
  {
    rollout: "loops through crashes, and ECS never ends it",
    given: crashes,
    verdict: "failed",
    cause: "container-exited",
    says: /container app exited with code 3\..* This is a crash loop.*ECS goes on with app:2/,
    evidence: crashEvidence,
    writes: ["UpdateService ok"],
  },
  {
    rollout: "crashes for four minutes, and then starts",
    given: async (scene) => {
      await crashes(scene);
      scene.later(240, () => scene.runtime.script("app:2", { kind: "healthy" }));
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "crashes twice, and then starts, under a breaker",
    scene: rollsBack,
    given: async (scene) => {
      await crashes(scene);
      scene.later(40, () => scene.runtime.script("app:2", { kind: "healthy" }));
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "dies after a while, before it is complete",
    scene: rollsBack,
    given: async (scene) => {
      scene.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 25 });
      await scene.register();
    },
    verdict: "rolled-back",
    cause: "container-exited",
    evidence: [/app: exit code 1/],
  },
  {
    // What ECS calls complete is complete; what happens later is a matter of the gates.
    rollout: "dies after it was complete",
    given: async (scene) => {
      scene.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 300 });
      await scene.register();
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "takes more memory than it has",
    scene: rollsBack,
    given: async (scene) => {
      const reason = "OutOfMemoryError: Container killed due to memory usage";
      scene.runtime.script("app:2", { kind: "exits", code: 137, afterSeconds: 5, reason });
      await scene.register();
    },
    verdict: "rolled-back",
    cause: "out-of-memory",
    evidence: [/exit code 137 \(OutOfMemoryError/],
  },
  {
    rollout: "has no image",
    scene: rollsBack,
    given: async (scene) => {
      scene.runtime.forgetImage("registry/app:2");
      await scene.register({ image: "registry/app:2" });
    },
    verdict: "rolled-back",
    cause: "image-not-pulled",
    evidence: [/TaskFailedToStart: CannotPullContainerError.*registry\/app:2: not found/, /app: never ran/],
  },
  {
    rollout: "has no image, and nothing stops it",
    given: async (scene) => {
      scene.runtime.forgetImage("registry/app:2");
      await scene.register({ image: "registry/app:2" });
    },
    request: { timeoutSeconds: 500 },
    verdict: "timed-out",
    cause: "image-not-pulled",
    evidence: [/CannotPullContainerError/],
    seconds: 500,
  },
  {
    rollout: "names a secret that is not there",
    scene: rollsBack,
    given: async (scene) => {
      const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:database-x1y2z3";
      scene.runtime.forgetSecret(secret);
      await scene.register({ secrets: [secret] });
    },
    verdict: "rolled-back",
    cause: "secret-not-read",
    evidence: [/ResourceInitializationError: unable to pull secrets/],
  },
  {
    rollout: "has no image, which two tasks are enough to tell",
    scene: rollsBack,
    given: async (scene) => {
      scene.runtime.forgetImage("registry/app:2");
      await scene.register({ image: "registry/app:2" });
    },
    request: { failEarly: true },
    verdict: "rolled-back",
    cause: "image-not-pulled",
    says: /Tasks of app:2 failed 2 times: the image does not exist in the registry\. .*this job told it to go back\. ECS took the service back to app:1\./,
    evidence: [/CannotPullContainerError/],
    writes: ["UpdateService ok", "StopServiceDeployment ok"],
  },
  {
    rollout: "has no image, which two tasks are enough to tell, and ECS would not go back",
    given: async (scene) => {
      scene.runtime.forgetImage("registry/app:2");
      await scene.register({ image: "registry/app:2" });
    },
    request: { failEarly: true },
    verdict: "failed",
    cause: "image-not-pulled",
    says: /failed 2 times: the image does not exist in the registry\. The next one would fail alike\. ECS goes on with app:2/,
    writes: ["UpdateService ok"],
  },
  {
    rollout: "names a secret that is not there, which two tasks are enough to tell",
    scene: rollsBack,
    given: async (scene) => {
      const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:database-x1y2z3";
      scene.runtime.forgetSecret(secret);
      await scene.register({ secrets: [secret] });
    },
    request: { failEarly: true },
    verdict: "rolled-back",
    cause: "secret-not-read",
    says: /failed 2 times: a secret or parameter of its definition does not exist/,
    writes: ["UpdateService ok", "StopServiceDeployment ok"],
  },
  {
    rollout: "crashes with the same words, which two tasks are enough to tell",
    scene: rollsBack,
    given: crashes,
    request: { failEarly: true },
    verdict: "rolled-back",
    cause: "container-exited",
    says: /failed [23] times: container app exited with code 3\..*this job told it to go back/,
    evidence: crashEvidence,
    writes: ["UpdateService ok", "StopServiceDeployment ok"],
  },
  {
    rollout: "crashes with the same words, which two tasks are enough to tell, and ECS would not go back",
    given: crashes,
    request: { failEarly: true },
    verdict: "failed",
    cause: "container-exited",
    says: /failed 2 times: container app exited with code 3\..*ECS goes on with app:2/,
    writes: ["UpdateService ok"],
  },
  {
    rollout: "crashes with other words each time, and then starts",
    scene: { service: { deploymentConfiguration: { deploymentCircuitBreaker: patient } } },
    given: async (scene) => {
      for (let index = 0; index < 26; index += 1) {
        const text = `waiting ${String.fromCodePoint(97 + index)}`;
        const crash = { kind: "exits", code: 3, afterSeconds: 2, log: [{ text }] } as const;
        scene.later(index * 5, () => scene.runtime.script("app:2", crash));
      }
      scene.later(26 * 5, () => scene.runtime.script("app:2", { kind: "healthy" }));
      await scene.register();
    },
    request: { failEarly: true },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "crashes while its database is away, and then starts",
    scene: { service: { deploymentConfiguration: { deploymentCircuitBreaker: patient } } },
    given: async (scene) => {
      const log = [{ text: 'connection to server at "db", port 5432 failed: Connection refused' }];
      scene.runtime.script("app:2", { kind: "exits", code: 1, afterSeconds: 2, log });
      await scene.register();
      scene.later(120, () => scene.runtime.script("app:2", { kind: "healthy" }));
    },
    request: { failEarly: true },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "fails in two tasks at once, and starts when they are tried again",
    scene: { service: { desiredCount: 2, deploymentConfiguration: { deploymentCircuitBreaker: patient } } },
    given: async (scene) => {
      await crashes(scene);
      scene.later(20, () => scene.runtime.script("app:2", { kind: "healthy" }));
    },
    request: { failEarly: true },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "never passes the health check of its container",
    scene: rollsBack,
    given: async (scene) => {
      scene.runtime.script("app:2", { kind: "unhealthy", log: [{ text: "listening on 4000" }] });
      await scene.register({ healthCheck: true });
    },
    verdict: "rolled-back",
    cause: "health-check-failed",
    says: /the health check of container app does not pass/,
    evidence: [/Task failed container health checks/, /app: .*unhealthy/, /listening on 4000/],
  },
  {
    rollout: "never passes the health check of its load balancer",
    scene: { ...rollsBack, loadBalanced: true },
    given: async (scene) => {
      const targetReason = "Health checks failed with these codes: [500]";
      scene.runtime.script("app:2", { kind: "unhealthy", targetReason });
      await scene.register();
    },
    verdict: "rolled-back",
    cause: "target-unhealthy",
    says: /What the load balancer says usually means: it answers the check with 500\./,
    evidence: [/Task failed ELB health checks/, /with these codes: \[500\]/],
  },
  {
    rollout: "is superseded",
    given: async (scene) => {
      await neverDone(scene);
      scene.later(30, () => somebodyDeploys(scene));
    },
    verdict: "superseded",
    cause: "superseded",
    says: /a newer deployment: app:3 \(ecs-svc\/\d+\), begun /,
    seconds: 30,
  },
  {
    rollout: "is superseded by what ran before",
    scene: rollsBack,
    given: async (scene) => {
      await neverDone(scene);
      scene.later(30, () => scene.update({ taskDefinition: "app:1" }));
    },
    verdict: "superseded",
    cause: "superseded",
  },
  {
    rollout: "is superseded while ECS takes it back",
    scene: rollsBack,
    given: async (scene) => {
      scene.runtime.script("app:2", { kind: "never-starts", reason: "CannotPullContainerError: not found" });
      await scene.register();
      const next = await scene.register();
      whenTakenBack(scene, () => scene.update({ taskDefinition: next }));
    },
    verdict: "superseded",
    cause: "superseded",
  },
  {
    rollout: "runs already",
    given: () => undefined,
    request: { taskDefinition: "app:1" },
    verdict: "unchanged",
    cause: null,
    writes: [],
    seconds: 0,
  },
  {
    rollout: "is under way already",
    given: async (scene) => {
      await scene.update({ taskDefinition: await scene.register() });
      await scene.pass(20);
    },
    verdict: "succeeded",
    cause: null,
    writes: [],
  },
  {
    rollout: "failed before, and is tried again",
    scene: givesUp,
    given: async (scene) => {
      scene.runtime.script("app:2", { kind: "never-starts", reason: "CannotPullContainerError: not found" });
      await scene.update({ taskDefinition: await scene.register() });
      await scene.pass(1200);
      scene.runtime.script("app:2", { kind: "healthy" });
    },
    verdict: "succeeded",
    cause: null,
    writes: ["UpdateService ok"],
  },
  {
    rollout: "changes nothing but the count",
    given: () => undefined,
    request: { taskDefinition: "app:1", desiredCount: 3 },
    verdict: "succeeded",
    cause: null,
    writes: ["UpdateService ok"],
  },
  {
    rollout: "changes the count as well",
    given: register,
    request: { desiredCount: 2 },
    verdict: "succeeded",
    cause: null,
    writes: ["UpdateService ok"],
  },
  {
    rollout: "stops before it starts",
    scene: { service: { deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 } } },
    given: register,
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "is complete while old tasks still run, as its service wants it",
    scene: {
      service: {
        desiredCount: 2,
        deploymentConfiguration: {
          earlySuccessCriteria: { enable: true, healthyPercent: 50, sourceServiceRevisionCleanup: "DEFERRED" },
        },
      },
    },
    given: register,
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "runs the digest that was asked for",
    given: async (scene) => {
      scene.runtime.tag("registry/app:2", `sha256:${"a".repeat(64)}`);
      await scene.register({ image: "registry/app:2" });
    },
    request: { digests: { app: digestSchema.parse(`sha256:${"a".repeat(64)}`) } },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "runs another digest than was asked for",
    given: async (scene) => {
      scene.runtime.tag("registry/app:2", `sha256:${"b".repeat(64)}`);
      await scene.register({ image: "registry/app:2" });
    },
    request: { digests: { app: digestSchema.parse(`sha256:${"a".repeat(64)}`) } },
    verdict: "failed",
    cause: "other-digest",
    says: /container app should be sha256:a+ and is sha256:b+/,
  },
  {
    rollout: "is throttled",
    given: async (scene) => {
      await scene.register();
      scene.aws.faults.inject({ on: "ecs:*", caller, what: { kind: "throttle" }, times: 4 });
      scene.later(20, () => scene.aws.faults.inject({ on: "ecs:*", caller, what: { kind: "throttle" }, times: 20 }));
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "meets errors of AWS, proxies and cut lines",
    given: async (scene) => {
      await scene.register();
      for (const operation of ["DescribeServices", "DescribeServiceDeployments", "DescribeServiceRevisions"]) {
        scene.aws.faults.inject({ on: `ecs:${operation}`, caller, what: { kind: "server-error" }, times: 1 });
        scene.aws.faults.inject({ on: `ecs:${operation}`, caller, what: { kind: "html" }, times: 2 });
        scene.aws.faults.inject({ on: `ecs:${operation}`, caller, what: { kind: "reset" }, times: 3 });
      }
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "cannot be read for four minutes",
    given: async (scene) => {
      await scene.register();
      scene.later(10, () => {
        const restore = scene.aws.faults.inject({
          on: "ecs:DescribeServices",
          caller,
          what: { kind: "server-error" },
        });
        scene.later(240, restore);
      });
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "cannot be read until its time is over",
    given: async (scene) => {
      await scene.register();
      scene.later(10, () =>
        scene.aws.faults.inject({ on: "ecs:DescribeServices", caller, what: { kind: "server-error" } }),
      );
    },
    request: { timeoutSeconds: 300 },
    verdict: "timed-out",
    cause: "not-readable",
  },
  {
    rollout: "is rolled back while nothing but the service itself can be read",
    scene: rollsBack,
    given: async (scene) => {
      scene.runtime.script("app:2", { kind: "never-starts", reason: "CannotPullContainerError: not found" });
      await scene.register();
      for (const operation of ["DescribeServiceDeployments", "ListTasks"]) {
        const restore = scene.aws.faults.inject({ on: `ecs:${operation}`, caller, what: { kind: "throttle" } });
        scene.later(200, restore);
      }
    },
    verdict: "rolled-back",
    cause: "image-not-pulled",
  },
  {
    rollout: "is shown as it was before it began",
    given: async (scene) => {
      await scene.register();
      scene.aws.faults.inject({ on: "ecs:DescribeServices", caller, what: { kind: "stale" }, times: 6 });
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "loses the answer to its start",
    given: async (scene) => {
      await scene.register();
      const lost = { on: "ecs:UpdateService", caller, what: { kind: "reset" }, times: 1, when: "after" } as const;
      scene.aws.faults.inject(lost);
    },
    verdict: "succeeded",
    cause: null,
    writes: ["UpdateService unreachable"],
  },
  {
    rollout: "loses its start",
    given: async (scene) => {
      await scene.register();
      scene.aws.faults.inject({ on: "ecs:UpdateService", caller, what: { kind: "server-error" }, times: 1 });
    },
    verdict: "succeeded",
    cause: null,
    writes: ["UpdateService unavailable", "UpdateService ok"],
  },
  {
    rollout: "loses its service",
    given: async (scene) => {
      await neverDone(scene);
      scene.later(30, () => scene.ecs.deleteService({ cluster: "main", service: "app", force: true }));
    },
    verdict: "failed",
    cause: "service-gone",
    seconds: 30,
  },
  {
    rollout: "is scaled to nothing by somebody",
    given: async (scene) => {
      await neverDone(scene);
      scene.later(30, () => scene.update({ desiredCount: 0 }));
    },
    verdict: "failed",
    cause: "scaled-to-zero",
  },
  {
    rollout: "is stopped by somebody",
    given: async (scene) => {
      await neverDone(scene);
      scene.later(30, async () => {
        const { serviceDeploymentArn } = await scene.serviceDeployment();
        await scene.ecs.stopServiceDeployment({ serviceDeploymentArn: existing(serviceDeploymentArn) });
      });
    },
    verdict: "rolled-back",
    cause: "stopped-by-hand",
    says: /StopServiceDeployment\. ECS took the service back to app:1\./,
  },
  {
    rollout: "is cancelled",
    given: async (scene) => {
      await neverDone(scene);
      scene.later(40, () => scene.abort());
    },
    verdict: "cancelled",
    cause: "cancelled",
    says: /ECS goes on with app:2 .*: 0 of 1 run, 1 pending/,
    seconds: 40,
  },
  {
    rollout: "is cancelled while its tasks fail",
    given: async (scene) => {
      await crashes(scene);
      scene.later(100, () => scene.abort());
    },
    verdict: "cancelled",
    cause: "cancelled",
    says: /The waiting was cancelled\. So far: (A task|Tasks) of app:2 failed.*: container app exited with code 3\..*ECS goes on with app:2/,
    evidence: [/app: exit code 3/],
    seconds: 100,
  },
  {
    rollout: "is rolled back, and the caller may not look at service deployments",
    scene: rollsBack,
    given: async (scene) => {
      scene.runtime.forgetImage("registry/app:2");
      await scene.register({ image: "registry/app:2" });
      refuse(scene, "DescribeServiceDeployments");
      refuse(scene, "DescribeServiceRevisions");
    },
    verdict: "rolled-back",
    cause: "image-not-pulled",
  },
  {
    rollout: "is superseded, and the caller may not look at service deployments",
    given: async (scene) => {
      await neverDone(scene);
      refuse(scene, "DescribeServiceDeployments");
      scene.later(30, () => somebodyDeploys(scene));
    },
    verdict: "superseded",
    cause: "superseded",
  },
  {
    rollout: "is good, and the caller may do nothing but update and describe services",
    given: async (scene) => {
      await scene.register();
      for (const operation of [
        "DescribeServiceDeployments",
        "DescribeServiceRevisions",
        "DescribeTaskDefinition",
        "ListTasks",
        "DescribeTasks",
      ]) {
        refuse(scene, operation);
      }
    },
    verdict: "succeeded",
    cause: null,
  },
  {
    rollout: "is rolled back, and the caller may not look at tasks",
    scene: rollsBack,
    given: async (scene) => {
      await crashes(scene);
      refuse(scene, "ListTasks");
    },
    verdict: "rolled-back",
    cause: "unexplained",
    evidence: [/call .*may not do ecs:ListTasks/],
  },
];

/** Plays one rollout. */
export async function play(
  row: Row,
  options: Pick<SceneOptions, "rules" | "clients"> = {},
): Promise<{ verdict: Verdict; scene: Scene }> {
  const scene = await openScene({ ...row.scene, ...options });
  await row.given(scene);
  const verdict = await scene.run(roll(scene.clients, scene.context, request(row.request)));
  await scene.aws.close();
  return { verdict, scene };
}

/** Everything the evidence says, with what it is about. */
export function evidenceOf({ evidence }: Verdict): string {
  return evidence.map(({ kind, subject, text }) => `${kind} ${subject}: ${text.untrusted}`).join("\n");
}
