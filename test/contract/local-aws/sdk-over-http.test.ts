import { ECS } from "@aws-sdk/client-ecs";
import { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import { serve, type Served } from "./clients.ts";

describe("the SDK over HTTP", () => {
  let served: Served;
  const settings = () => ({
    region: served.aws.region,
    endpoint: served.server.url,
    credentials: { accessKeyId: "deployer", secretAccessKey: "unused", sessionToken: "session" },
  });

  beforeEach(async () => {
    served = await serve();
  });
  afterEach(() => served.close());

  test("registers, creates, lists and deletes", async () => {
    const ecs = new ECS(settings());
    await ecs.createCluster({ clusterName: "main" });
    const containerDefinitions = [{ name: "app", image: "app:1", memory: 128 }];
    const { taskDefinition } = await ecs.registerTaskDefinition({ family: "app", containerDefinitions });
    expect(taskDefinition).toMatchObject({ revision: 1, registeredAt: expect.any(Date) as unknown });
    const { service } = await ecs.createService({
      cluster: "main",
      serviceName: "app",
      taskDefinition: "app:1",
      desiredCount: 0,
    });
    expect(service?.createdAt?.getFullYear()).toBeGreaterThan(2000);
    expect((await ecs.listServices({ cluster: "main" })).serviceArns).toEqual([service?.serviceArn]);
    await ecs.deleteService({ cluster: "main", service: "app" });
    await expect(ecs.updateService({ cluster: "main", service: "app" })).rejects.toMatchObject({
      name: "ServiceNotActiveException",
    });
    expect(served.aws.calls.every(({ caller }) => caller === "deployer")).toBe(true);
    ecs.destroy();
  });

  test("keeps requests of other services apart, whose errors are XML", async () => {
    const elb = new ElasticLoadBalancingV2(settings());
    await expect(elb.describeLoadBalancers({ Names: ["no & <one>"] })).rejects.toMatchObject({
      name: "LoadBalancerNotFoundException",
      message: "One or more load balancers not found",
    });
    elb.destroy();
  });

  test("meets a cut connection, a proxy's page and a throttled call, and gets through", async () => {
    const ecs = new ECS({ ...settings(), maxAttempts: 4 });
    for (const kind of ["reset", "html", "throttle"] as const) {
      served.aws.faults.inject({ on: "ecs:CreateCluster", what: { kind }, times: 1 });
    }
    await ecs.createCluster({ clusterName: "main" });
    expect(served.aws.calls.map(({ outcome }) => outcome)).toContain("ok");
    ecs.destroy();
  });

  test("is told when a service is not played here", async () => {
    const response = await fetch(served.server.url, {
      method: "POST",
      headers: { "x-amz-target": "DynamoDB_20120810.ListTables" },
      body: "{}",
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toBe("the bed does not play this service");
  });
});
