import { judgeEnd } from "../../../src/tasks/judge.ts";

const container = (name: string, exitCode?: number, reason?: string) => ({
  name,
  ...(exitCode === undefined ? {} : { exitCode }),
  ...(reason === undefined ? {} : { reason }),
});

test.each([
  [
    "the named container decides, wherever it stands",
    [container("proxy", 137), container("app", 0)],
    { kind: "exited", exitCode: 0 },
  ],
  ["and not another one that went well", [container("app", 1), container("proxy", 0)], { kind: "exited", exitCode: 1 }],
  ["no exit code is no success", [container("app")], { kind: "never-started" }],
  ["not even when a sidecar had one", [container("app"), container("proxy", 0)], { kind: "never-started" }],
  ["a container that is not there never started", [container("proxy", 0)], { kind: "never-started" }],
])("%s", (_, containers, end) =>
  expect(judgeEnd({ containers, stopCode: "EssentialContainerExited" }, "app")).toMatchObject(end),
);

test("others are reported with their exit codes and reasons", () => {
  expect(
    judgeEnd({ containers: [container("app", 0), container("proxy", 137, "OutOfMemoryError")] }, "app"),
  ).toMatchObject({ others: [{ name: "proxy", exitCode: 137, reason: "OutOfMemoryError" }] });
});

test("every reason of a task that never started is given once", () => {
  const end = judgeEnd(
    {
      stopCode: "TaskFailedToStart",
      stoppedReason: "no image",
      containers: [container("app", undefined, "no image"), container("proxy", undefined, "not begun")],
    },
    "app",
  );
  expect(end).toMatchObject({ kind: "never-started", stopCode: "TaskFailedToStart", reason: "no image; not begun" });
});

test.each([
  ["CannotPullContainerError: pull image manifest has been retried 1 time(s)", /the execution role may pull it/],
  ["ResourceInitializationError: unable to pull secrets or registry auth: secret not found", /registry/],
  ["ResourceInitializationError: unable to retrieve secret from asm", /each secret and parameter/],
  ["ResourceInitializationError: failed to validate logger args: create stream", /log group exists/],
  ['CannotStartContainerError: exec: "alembic": executable file not found in $PATH', /does not have the program/],
  ["Timeout waiting for network interface provisioning to complete.", /free addresses/],
  ["Capacity is unavailable at this time.", /allow another availability zone/],
  ["something new", /Change what ECS names/],
])("%s comes with what to do", (stoppedReason, advice) => {
  expect(
    judgeEnd({ stopCode: "TaskFailedToStart", stoppedReason, containers: [container("app")] }, "app"),
  ).toMatchObject({ advice: expect.stringMatching(advice) as string });
});

test("a container that was stopped says by what", () => {
  const stopped = { stopCode: "UserInitiated", stoppedReason: "Task stopped by user" } as const;
  expect(judgeEnd({ ...stopped, containers: [container("app", 143)] }, "app")).toMatchObject({
    kind: "exited",
    exitCode: 143,
    stopCode: "UserInitiated",
    reason: "Task stopped by user",
  });
});
