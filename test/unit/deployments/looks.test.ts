import { DescribeServicesCommand } from "@aws-sdk/client-ecs";
import type { EcsSend } from "../../../src/aws/ecs.ts";
import { roll, sharedLooks } from "../../../src/deployments/index.ts";
import { openScene, request, type Scene } from "./scene.ts";

describe("Those who wait for their next look", () => {
  const asked: (readonly string[])[] = [];
  const ecs = ((command: DescribeServicesCommand) => {
    const { services = [] } = command.input;
    asked.push(services);
    return Promise.resolve({ services: services.map((serviceName) => ({ serviceName })) });
  }) as unknown as EcsSend;
  beforeEach(() => asked.splice(0));

  test("join the one that is due first, and share its answer", async () => {
    const looks = sharedLooks(ecs);
    expect(looks.next("main", "a", 0, 3000)).toBe(3000);
    expect(looks.next("main", "b", 1000, 4000)).toBe(3000);
    expect(looks.next("main", "c", 2000, 2500)).toBe(2500);
    const found = await Promise.all([
      looks.look("main", "c", 2500),
      looks.look("main", "b", 3000),
      looks.look("main", "a", 3001),
    ]);
    expect(found.map((one) => one?.name)).toEqual(["c", "b", "a"]);
    expect(asked).toEqual([["c"], ["b", "a"]]);
  });

  test("do not get an answer twice, nor one that is old, nor one of another cluster", async () => {
    const looks = sharedLooks(ecs);
    looks.next("main", "a", 0, 3000);
    looks.next("main", "b", 0, 3000);
    expect(looks.next("other", "c", 0, 5000)).toBe(5000);
    await looks.look("main", "a", 3000);
    await looks.look("main", "a", 3000);
    await looks.look("main", "b", 9000);
    expect(asked).toEqual([["a", "b"], ["a"], ["b"]]);
  });

  test("look by themselves when nobody else does", async () => {
    await sharedLooks(ecs).look("main", "a", 0);
    expect(asked).toEqual([["a"]]);
  });

  test("all hear of a failure", async () => {
    const looks = sharedLooks(() => Promise.reject(new Error("throttled")));
    looks.next("main", "a", 0, 3000);
    looks.next("main", "b", 0, 3000);
    const both = await Promise.allSettled([looks.look("main", "a", 3000), looks.look("main", "b", 3000)]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});

describe("Three services that roll side by side", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await openScene();
    const first = "app:1";
    for (const serviceName of ["second", "third"]) {
      await scene.ecs.createService({
        cluster: "main",
        serviceName,
        taskDefinition: first,
        desiredCount: 1,
        ...(await networkOf(scene)),
      });
    }
    await scene.pass(600);
    await scene.register();
  });
  afterEach(() => scene.aws.close());

  async function rolled(isShared: boolean) {
    const clients = isShared ? { ...scene.clients, looks: sharedLooks(scene.clients.ecs) } : scene.clients;
    const before = scene.asked().length;
    const verdicts = await scene.run(
      Promise.all(
        ["app", "second", "third"].map(async (service, index) => {
          await scene.context.clock.sleep(index * 700);
          return roll(clients, scene.context, request({ service }));
        }),
      ),
    );
    const looks = scene
      .asked()
      .slice(before)
      .filter((call) => call.startsWith("DescribeServices "));
    return { verdicts: verdicts.map(({ verdict }) => verdict), looks: looks.length };
  }

  test("are looked at together, and end as they would alone", async () => {
    const { verdicts, looks } = await rolled(true);
    expect(verdicts).toEqual(["succeeded", "succeeded", "succeeded"]);
    for (const service of ["app", "second", "third"]) {
      await scene.ecs.updateService({ cluster: "main", service, taskDefinition: "app:1" });
    }
    await scene.pass(600);
    const alone = await rolled(false);
    expect(alone.verdicts).toEqual(verdicts);
    expect(looks).toBeLessThan(alone.looks * 0.6);
  });
});

async function networkOf(scene: Scene) {
  const { networkConfiguration, launchType } = await scene.service();
  return {
    ...(networkConfiguration === undefined ? {} : { networkConfiguration }),
    ...(launchType === undefined ? {} : { launchType }),
  };
}
