import { explain } from "../../../src/deployments/explain.ts";
import { type FailureId, failureOf, mainFailure, suspects } from "../../../src/deployments/stopped-tasks/explain.ts";
import type { StoppedContainer, StoppedTask } from "../../../src/deployments/stopped-tasks/read.ts";
import { untrusted } from "../../../src/domain/evidence.ts";
import { begun, deployment, former, service, serviceDeployment, start } from "./observations.ts";

const container = (
  changes: Partial<Omit<StoppedContainer, "reason">> & { reason?: string } = {},
): StoppedContainer => ({
  name: "app",
  exitCode: null,
  unhealthy: false,
  ...changes,
  reason: untrusted(changes.reason ?? ""),
});

const task = (code: string, reason: string, ...containers: readonly StoppedContainer[]): StoppedTask => ({
  id: "60a7",
  isOver: true,
  at: start,
  lived: 0,
  code,
  reason: untrusted(reason),
  containers,
});

// Reasons in AWS's words, as stopped-task-error-codes of the developer guide has them, or public issues quote them.
const failures: readonly { readonly id: FailureId; readonly task: StoppedTask }[] = [
  {
    id: "image-not-pulled",
    task: task(
      "TaskFailedToStart",
      "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref REPO:TAG: not found.",
      container(),
    ),
  },
  {
    id: "image-not-pulled",
    task: task(
      "TaskFailedToStart",
      "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
      container(),
    ),
  },
  {
    id: "image-not-pulled",
    task: task(
      "TaskFailedToStart",
      "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to get registry auth from asm: service call has been retried 1 time(s)",
      container(),
    ),
  },
  {
    id: "secret-not-read",
    task: task(
      "TaskFailedToStart",
      "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s)",
      container(),
    ),
  },
  {
    id: "task-not-started",
    task: task("TaskFailedToStart", "ResourceInitializationError: failed to invoke EFS utils commands", container()),
  },
  {
    id: "health-check-failed",
    task: task(
      "ServiceSchedulerInitiated",
      "Task failed container health checks",
      container({ exitCode: 0, unhealthy: true }),
    ),
  },
  {
    id: "target-unhealthy",
    task: task(
      "ServiceSchedulerInitiated",
      "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/app/1)",
      container({ exitCode: 0 }),
    ),
  },
  {
    id: "out-of-memory",
    task: task(
      "EssentialContainerExited",
      "Essential container in task exited",
      container({ exitCode: 137, reason: "OutOfMemoryError: Container killed due to memory usage" }),
    ),
  },
  {
    id: "container-exited",
    task: task("EssentialContainerExited", "Essential container in task exited", container({ exitCode: 1 })),
  },
  { id: "stopped-by-user", task: task("UserInitiated", "for a test", container({ exitCode: 143 })) },
  { id: "task-interrupted", task: task("SpotInterruption", "Your Spot Task was interrupted.", container()) },
];

describe("A stopped task", () => {
  test.each(failures)("$task.reason.untrusted: $id", ({ id, task: stopped }) => {
    expect(failureOf(stopped).id).toBe(id);
  });

  test("is blamed on the container that failed, not on those that were taken down with it", () => {
    const stopped = task(
      "EssentialContainerExited",
      "Essential container in task exited",
      container({ name: "app", exitCode: 143 }),
      container({ name: "proxy", exitCode: 2 }),
      container({ name: "agent", exitCode: 137 }),
    );
    expect(suspects(stopped)).toEqual(["proxy"]);
    expect(failureOf(stopped).what).toBe("container proxy exited with code 2");
  });

  test("that simply ended is blamed on what ended", () => {
    const stopped = task("EssentialContainerExited", "Essential container in task exited", container({ exitCode: 0 }));
    expect(failureOf(stopped)).toMatchObject({ id: "container-exited", what: "container app exited with code 0" });
  });

  test("that was unhealthy is blamed on the container that was", () => {
    const [name] = suspects(
      task(
        "ServiceSchedulerInitiated",
        "Task failed container health checks",
        container({ name: "proxy", exitCode: 0 }),
        {
          ...container({ exitCode: 137 }),
          unhealthy: true,
        },
      ),
    );
    expect(name).toBe("app");
  });
});

describe("Of several failures", () => {
  const crash = (id: string, at: number): StoppedTask => ({
    ...task("EssentialContainerExited", "Essential container in task exited", container({ exitCode: 1 })),
    id,
    at,
  });
  const pull = (id: string, at: number): StoppedTask => ({
    ...task("TaskFailedToStart", "CannotPullContainerError: not found", container()),
    id,
    at,
  });

  test("the most frequent one is the cause, and its newest task is looked at", () => {
    expect(mainFailure([crash("a", 1), crash("b", 2), pull("c", 3)])).toMatchObject({
      failure: { id: "container-exited" },
      times: 2,
      task: { id: "b" },
    });
  });

  test("of equally frequent ones the latest is", () => {
    expect(mainFailure([crash("a", 1), pull("b", 2)])?.failure.id).toBe("image-not-pulled");
  });

  test("none is none", () => {
    expect(mainFailure([])).toBeNull();
  });
});

describe("The explanation", () => {
  const options = { goesBack: false, logs: [], now: start };

  test("keeps AWS's words out of ours", () => {
    const hostile = "::error::</details><script>";
    const stopped = [task("TaskFailedToStart", `CannotPullContainerError: ${hostile}`, container({ reason: hostile }))];
    const { cause, evidence } = explain({ ...begun(), stopped }, "failed", options);
    expect(JSON.stringify(cause)).not.toContain("script");
    expect(evidence.map(({ subject }) => subject).join()).not.toContain("script");
    expect(JSON.stringify(evidence)).toContain("script");
  });

  test("names tasks that find no place by the service's event", () => {
    const text = untrusted("(service app) was unable to place a task. Reason: Capacity is unavailable at this time.");
    const track = { ...begun(), events: [{ id: "1", at: start, text }] };
    expect(explain(track, "time-over", options)).toMatchObject({
      cause: { id: "task-not-placed" },
      evidence: [{ text }, {}],
    });
  });

  test("of a rollback without a failed task names the alarm", () => {
    const known = serviceDeployment("ROLLBACK_SUCCESSFUL", { alarms: ["errors"] });
    const { cause, evidence } = explain({ ...begun(), serviceDeployment: known }, "rolled-back", options);
    expect(cause?.id).toBe("alarm-triggered");
    expect(evidence).toContainEqual(expect.objectContaining({ text: untrusted("errors") }));
  });

  test("of a rollback by an alarm names it, whatever stopped meanwhile", () => {
    const stopped = [task("SpotInterruption", "Your Spot Task was interrupted.", container({ exitCode: 143 }))];
    const known = serviceDeployment("ROLLBACK_SUCCESSFUL", { alarms: ["errors"] });
    const { cause } = explain({ ...begun(), stopped, serviceDeployment: known }, "rolled-back", options);
    expect(cause?.id).toBe("alarm-triggered");
  });

  test("of a rollback by a hook names the hook, and nobody's hand", () => {
    const known = serviceDeployment("ROLLBACK_SUCCESSFUL", { failedHooks: ["smoke-test"] });
    const { cause } = explain({ ...begun(), serviceDeployment: known }, "rolled-back", options);
    expect(cause).toMatchObject({
      id: "hook-failed",
      what: expect.stringContaining("in time: smoke-test.") as unknown,
    });
  });

  test("of a staged rollback without a cause says that it may have been turned back at a pause", () => {
    const known = serviceDeployment("ROLLBACK_SUCCESSFUL");
    const staged = service({ rollout: { ...service().rollout, strategy: "CANARY" } });
    const { cause } = explain({ ...begun({}, staged), serviceDeployment: known }, "rolled-back", options);
    expect(cause).toMatchObject({
      id: "stopped-by-hand",
      what: expect.stringContaining("turned it back at a pause") as unknown,
    });
  });

  test("shows the three tasks that stopped last", () => {
    const stopped = ["a", "b", "c", "d", "e"].map((id, index) => ({
      ...task("EssentialContainerExited", "", container({ exitCode: 1 })),
      id,
      at: start + index,
    }));
    const { evidence } = explain({ ...begun(), stopped }, "failed", options);
    expect(evidence.filter(({ kind }) => kind === "task").map(({ subject }) => subject)).toEqual([
      "task c",
      "task d",
      "task e",
    ]);
  });

  test("says that tasks may not be read, when that keeps it from seeing whether they fail", () => {
    const { cause } = explain({ ...begun(), tasksRefused: untrusted("denied") }, "time-over", options);
    expect(cause).toMatchObject({ id: "unexplained" });
    expect(cause?.fix).toContain("ecs:ListTasks");
  });

  test.each([
    ["asked", "rolled-back", "this job told it to go back"],
    ["refused", "failed", "this job could not stop it (ecs:StopServiceDeployment"],
  ] as const)("of a crash loop says that stopping it was %s", (stop, ending, words) => {
    const crashed = task("EssentialContainerExited", "", container({ exitCode: 1 }));
    const track = { ...begun(), stop, stopped: [crashed, { ...crashed, id: "b" }] };
    expect(explain(track, ending, options).cause?.what).toContain(words);
    const blind = { ...begun(), stop, tasksRefused: untrusted("denied") };
    expect(explain(blind, ending, options).cause?.what).toContain(words);
  });

  test("of a first rollout that failed says that nothing runs", () => {
    const track = begun({ from: null, before: [] }, service({ primary: deployment({ state: "FAILED" }) }));
    expect(explain(track, "failed", options).cause?.what).toContain("no task of an older deployment runs");
  });

  test("of a rollout whose old tasks do not end names them", () => {
    const seen = service({ primary: deployment({ runningCount: 1 }), others: [former()] });
    const { cause } = explain(begun({}, seen), "time-over", options);
    expect(cause).toMatchObject({ id: "old-tasks-remain" });
    expect(cause?.what).toContain("app:1 (ecs-svc/1)");
  });
});
