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
  expect(end).toEqual({ kind: "never-started", stopCode: "TaskFailedToStart", reason: "no image; not begun" });
});
