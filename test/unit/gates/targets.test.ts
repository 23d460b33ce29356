import { elb } from "../../../src/aws/elb.ts";
import { targetsGate } from "../../../src/gates/targets.ts";
import { adviceFor, judgeTargets, type Target } from "../../../src/gates/targets/judge.ts";
import type { Place } from "../../../src/domain/errors.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import type { Fault } from "../../local-aws/faults.ts";
import type { TaskBehaviour } from "../../local-aws/runtimes/scripted.ts";
import { testContext } from "../context.ts";
import { addTargetGroup, behind } from "../local-aws/load-balanced.ts";
import { openStage } from "../local-aws/stage.ts";

const target = (state: string, some: Partial<Target> = {}): Target => ({
  group: "web",
  address: "10.0.0.1:3000",
  state,
  reason: null,
  description: null,
  ...some,
});

test.each<[string, readonly Target[], number, string]>([
  ["all are healthy", [target("healthy"), target("healthy")], 2, "2 targets healthy in web"],
  ["older ones leave", [target("draining"), target("healthy")], 1, "1 target healthy in web"],
  ["nothing is to run", [], 0, "0 targets healthy in web"],
])("passes when %s", (_, targets, tasks, seen) => {
  expect(judgeTargets(["web"], targets, tasks)).toEqual({ kind: "healthy", seen });
});

test.each<[string, readonly string[], readonly Target[], number, string]>([
  ["none is registered", ["web"], [], 1, "not all tasks are targets yet: 0 of 1 in web"],
  ["only older ones are there", ["web"], [target("draining")], 1, "not all tasks are targets yet: 0 of 1 in web"],
  [
    "one of two groups lacks one",
    ["web", "api"],
    [target("healthy")],
    1,
    "not all tasks are targets yet: 0 of 1 in api",
  ],
  [
    "one is ill",
    ["web"],
    [
      target("healthy"),
      target("unhealthy", { address: "10.0.0.2:3000", reason: "Target.Timeout", description: "Request timed out" }),
    ],
    2,
    "1 of 2 targets healthy: 10.0.0.2:3000 in web unhealthy (Target.Timeout: Request timed out)",
  ],
  ["nobody uses the group", ["web"], [target("unused")], 1, "0 of 1 targets healthy: 10.0.0.1:3000 in web unused"],
  [
    "many are ill",
    ["web"],
    Array.from({ length: 5 }, () => target("initial")),
    5,
    "0 of 5 targets healthy: 10.0.0.1:3000 in web initial; 10.0.0.1:3000 in web initial; 10.0.0.1:3000 in web initial; and 2 more",
  ],
])("waits while %s", (_, groups, targets, tasks, why) => {
  expect(judgeTargets(groups, targets, tasks)).toMatchObject({ kind: "waiting", why });
});

test.each([
  ["Target.ResponseCodeMismatch", "/server_info"],
  ["Target.Timeout", "security group"],
  ["Target.NotInUse", "No listener"],
  [null, "EC2 console"],
])("what is to be done about %s has its words", (reason, words) => {
  expect(adviceFor([target("unhealthy", { reason })])).toContain(words);
});

test("advice is for the reason that most have", () => {
  const reasons = ["Target.NotInUse", "Target.Timeout", "Target.Timeout"];
  expect(adviceFor(reasons.map((reason) => target("unhealthy", { reason })))).toContain("security group");
});

/** @param tasks that ECS wants, by how often it was asked */
async function ask(
  behaviour: TaskBehaviour,
  tasks: (times: number) => number = () => 1,
  {
    what = { kind: "throttle" },
    unread = null,
    times: faults = 2,
  }: { readonly what?: Fault["what"]; readonly unread?: Place | null; readonly times?: number } = {},
) {
  const stage = await openStage();
  const arn = addTargetGroup(stage.aws);
  stage.runtime.script("app", behaviour);
  await stage.create(await stage.register(), { ...behind(arn), healthCheckGracePeriodSeconds: 900 });
  const { context, progress } = testContext(stage.clock);
  const clients = {
    elb: elb(context, {
      region: stage.aws.region,
      credentials: { accessKeyId: "product", secretAccessKey: "x" },
      requestHandler: inProcessHandler(stage.aws),
    }),
  };
  const fault = { on: "elasticloadbalancing:DescribeTargetHealth", what, times: faults } as const;
  stage.aws.faults.inject(fault);
  let times = 0;
  const wanted = () => Promise.resolve(tasks((times += 1)));
  const expected = { service: "webserver", groups: [arn], tasks: wanted, unread, timeoutSeconds: 180 };
  return { result: await stage.clock.run(targetsGate(clients, context, expected)), progress };
}

test("the gate waits until the load balancer calls the new task healthy, throttled or not", async () => {
  const { result, progress } = await ask({ kind: "healthy", healthyAfterSeconds: 20 });
  expect(result).toMatchObject({ gate: "targets", on: "webserver", cause: null, seen: "1 target healthy in app" });
  const lines = JSON.stringify(progress);
  expect(lines).toContain("not all tasks are targets yet: 0 of 1 in app");
  expect(lines).toMatch(/0 of 1 targets healthy: \S+ in app (initial|unhealthy)/);
});

test("one that stays ill fails it, with the reason and what to do", async () => {
  const { result } = await ask({ kind: "unhealthy", targetReason: "Request timed out" });
  expect(result.cause).toMatchObject({
    id: "targets-unhealthy",
    what: expect.stringMatching(
      /^Behind the load balancer webserver is not healthy after 180 s: 0 of 1 targets healthy: \S+ in app unhealthy/,
    ) as string,
    fix: expect.stringContaining("Nobody answers the health check") as string,
  });
  expect(result.evidence).toMatchObject([{ kind: "target", subject: "target group app" }]);
});

test("a service that is scaled down meanwhile is not waited for", async () => {
  const { result, progress } = await ask({ kind: "healthy", healthyAfterSeconds: 20 }, (times) => (times < 60 ? 2 : 1));
  expect(result).toMatchObject({ cause: null, seen: "1 target healthy in app" });
  expect(JSON.stringify(progress)).toContain("not all tasks are targets yet: 1 of 2 in app");
});

const denied = { kind: "access-denied" } as const;
const place = { file: "dagster-stack.yml", line: 1, column: 1 };

test("who may not read them, and need not, is told that nobody did", async () => {
  const { result } = await ask({ kind: "healthy" }, undefined, { what: denied, unread: place });
  expect(result).toMatchObject({ cause: null, findings: [{ id: "not-checked", level: "notice", where: place }] });
});

test("who must read them, and may not, is stopped with the right that is missing", async () => {
  await expect(ask({ kind: "healthy" }, undefined, { what: denied })).rejects.toThrow(/DescribeTargetHealth/);
});

const reset = { kind: "reset" } as const;

test("who never reaches the load balancer's service, and need not, is told that nobody asked; who must, fails", async () => {
  const never = { what: reset, times: 10_000 };
  const { result } = await ask({ kind: "healthy" }, undefined, { ...never, unread: place });
  expect(result).toMatchObject({ cause: null, findings: [{ id: "not-checked", level: "notice", where: place }] });
  expect(result.findings?.[0]?.what).toContain("does not reach Elastic Load Balancing");
  const { result: stopped } = await ask({ kind: "healthy" }, undefined, never);
  expect(stopped.cause?.id).toBe("targets-unhealthy");
});
