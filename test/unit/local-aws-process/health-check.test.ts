import {
  firstPause,
  type HealthState,
  healthCheckSettings,
  judgeHealth,
  pauseAfter,
  unknownHealth,
} from "../../local-aws/runtimes/tasks/health-check.ts";

const settings = healthCheckSettings({ command: ["CMD", "check"], interval: 10, retries: 3, startPeriod: 20 });
if (settings === null) throw new Error("the check has a command");

test("a check has the defaults of ECS", () => {
  expect(healthCheckSettings({ command: ["CMD-SHELL", "curl -f http://localhost || exit 1"] })).toEqual({
    command: ["/bin/sh", "-c", "curl -f http://localhost || exit 1"],
    intervalMilliseconds: 30_000,
    timeoutMilliseconds: 5_000,
    retries: 3,
    startPeriodMilliseconds: 0,
  });
});

test.each([undefined, { command: [] }, { command: ["NONE"] }])("%j is no check", (check) => {
  expect(healthCheckSettings(check)).toBeNull();
});

test("one passed check makes healthy, whatever was before", () => {
  const unhealthy: HealthState = { status: "UNHEALTHY", failures: 7 };
  expect(judgeHealth(settings, unknownHealth, true, 0).status).toBe("HEALTHY");
  expect(judgeHealth(settings, unhealthy, true, 100_000).status).toBe("HEALTHY");
});

test("a container has start period and all retries to become healthy, however often it is asked meanwhile", () => {
  const after = (elapsed: number) => judgeHealth(settings, { status: "UNKNOWN", failures: 99 }, false, elapsed).status;
  expect(after(49_999)).toBe("UNKNOWN");
  expect(after(50_000)).toBe("UNHEALTHY");
});

test("a healthy container becomes unhealthy when as many checks as it has retries fail in a row", () => {
  let state: HealthState = { status: "HEALTHY", failures: 0 };
  const statuses = [false, false, true, false, false, false].map((passed) => {
    state = judgeHealth(settings, state, passed, 60_000);
    return state.status;
  });
  expect(statuses).toEqual(["HEALTHY", "HEALTHY", "HEALTHY", "HEALTHY", "HEALTHY", "UNHEALTHY"]);
});

test("a container is asked at its own pace once it has answered, and much sooner before", () => {
  expect(firstPause(settings)).toBe(1_000);
  expect(pauseAfter(settings, { status: "HEALTHY", failures: 0 })).toBe(10_000);
  expect(pauseAfter(settings, unknownHealth)).toBeLessThan(1_000);
});
