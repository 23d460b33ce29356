import { Cancelled, UserError } from "../../../src/domain/errors.ts";
import { stop } from "../../../src/deployments/index.ts";
import { revision } from "./observations.ts";
import { caller, openScene } from "./scene.ts";

const request = { cluster: "main", service: "app", from: revision(1), timeoutSeconds: 600 };

describe("Stopping a service", () => {
  test("ends when none of its tasks is left, and leaves it its task definition", async () => {
    const scene = await openScene();
    const verdict = await scene.run(stop(scene.clients, scene.context, request));
    expect(verdict).toMatchObject({ verdict: "succeeded", from: revision(1), to: null });
    expect(await scene.service()).toMatchObject({ desiredCount: 0, runningCount: 0, pendingCount: 0 });
    expect((await scene.service()).taskDefinition).toMatch(/app:1$/);
    expect(scene.written()).toEqual(["UpdateService ok"]);
    await scene.aws.close();
  });

  test("that is stopped writes nothing", async () => {
    const scene = await openScene();
    await scene.update({ desiredCount: 0 });
    await scene.pass(120);
    expect((await scene.run(stop(scene.clients, scene.context, request))).verdict).toBe("unchanged");
    expect(scene.written()).toEqual([]);
    await scene.aws.close();
  });

  test("to which somebody else has deployed is refused, before any write", async () => {
    const scene = await openScene();
    await scene.update({ taskDefinition: await scene.register() });
    await scene.pass(600);
    const error = await scene.run(stop(scene.clients, scene.context, request).catch((thrown: unknown) => thrown));
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain("Service app runs app:2; when this was planned it ran app:1");
    expect(scene.written()).toEqual([]);
    await scene.aws.close();
  });

  test("is not misled by an answer from before", async () => {
    const scene = await openScene();
    await scene.update({ taskDefinition: await scene.register() });
    await scene.pass(600);
    scene.aws.faults.inject({ on: "ecs:DescribeServices", caller, what: { kind: "stale" }, times: 1 });
    const verdict = await scene.run(stop(scene.clients, scene.context, { ...request, from: revision(2) }));
    expect(verdict.verdict).toBe("succeeded");
    await scene.aws.close();
  });

  test("says which tasks do not end in time", async () => {
    const scene = await openScene();
    const verdict = await scene.run(stop(scene.clients, scene.context, { ...request, timeoutSeconds: 3 }));
    expect(verdict).toMatchObject({ verdict: "timed-out", cause: { id: "slow" } });
    await scene.aws.close();
  });

  test.each([
    ["before it was begun", 0, []],
    ["while its tasks end", 2, ["UpdateService ok"]],
  ])("that is cancelled %s has a verdict that says so", async (_, seconds, written) => {
    const scene = await openScene();
    if (seconds === 0) scene.abort(new Cancelled("Cancelled by SIGINT."));
    else scene.later(seconds, () => scene.abort(new Cancelled("Cancelled by SIGINT.")));
    const verdict = await scene.run(stop(scene.clients, scene.context, request));
    expect(verdict).toMatchObject({ verdict: "cancelled", from: revision(1), to: null });
    expect(scene.written()).toEqual(written);
    await scene.aws.close();
  });
});
