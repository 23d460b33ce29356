import { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import { inProcessHandler, type LocalAws, type ServiceName } from "../../local-aws/local-aws.ts";
import { addTargetGroup, behind } from "./load-balanced.ts";
import { existing, openStage } from "./stage.ts";

function balancers(aws: LocalAws): ElasticLoadBalancingV2 {
  return new ElasticLoadBalancingV2({
    region: aws.region,
    credentials: { accessKeyId: "deployer", secretAccessKey: "unused" },
    requestHandler: inProcessHandler(aws),
  });
}

async function read(aws: LocalAws, service: ServiceName, operation: string, input: object): Promise<unknown> {
  const answer = await aws.handle({ service, operation, input, caller: "deployer" });
  return answer.kind === "output" ? answer.output : answer;
}

describe("a load balancer", () => {
  test("shows a task from its registration to its end", async () => {
    const stage = await openStage();
    const arn = addTargetGroup(stage.aws, 60);
    const elb = balancers(stage.aws);
    const states = async () => {
      const { TargetHealthDescriptions = [] } = await elb.describeTargetHealth({ TargetGroupArn: arn });
      return TargetHealthDescriptions.map(({ TargetHealth }) => TargetHealth?.State);
    };
    const seen: string[] = [];
    stage.runtime.script("app", { kind: "healthy", healthyAfterSeconds: 20 });
    await stage.create(await stage.register(), { ...behind(arn), healthCheckGracePeriodSeconds: 120 });
    for (let second = 0; second < 240; second += 1) {
      const now = (await states()).join(",");
      if (now !== seen.at(-1)) seen.push(now);
      if (second === 100) await stage.update({ desiredCount: 0 });
      await stage.pass(1);
    }
    expect(seen).toEqual(["", "initial", "unhealthy", "healthy", "draining", ""]);
    expect((await stage.events()).join("\n")).toMatch(
      /has begun draining connections on 1 tasks[^]*deregistered 1 targets in \(target-group arn[^]*registered 1 targets/,
    );
  });

  test("calls an unhealthy target healthy again after as many good checks as its group wants", async () => {
    const stage = await openStage();
    const arn = addTargetGroup(stage.aws);
    stage.runtime.script("app", { kind: "healthy", healthyAfterSeconds: 35 });
    await stage.create(await stage.register(), { ...behind(arn), healthCheckGracePeriodSeconds: 600 });
    // Started after 23 seconds, registered after 27, checked every 10 from then on; good from 58 on.
    await stage.pass(70);
    expect(stage.aws.targets(arn)).toMatchObject([{ state: "unhealthy" }]);
    await stage.pass(8);
    expect(stage.aws.targets(arn)).toMatchObject([{ state: "healthy" }]);
  });

  test("takes an unhealthy task out with the reason of its check", async () => {
    const stage = await openStage();
    const arn = addTargetGroup(stage.aws);
    stage.runtime.script("app", { kind: "unhealthy", targetReason: "Request timed out" });
    await stage.create(await stage.register(), behind(arn));
    await stage.pass(80);
    expect((await stage.events()).join("\n")).toMatch(
      /\(task [0-9a-f]{32}\) \(port 3000\) is unhealthy in \(target-group arn\S+\) due to \(reason Request timed out\)/,
    );
  });

  test("lets connections end before a task is stopped, but not when its container is gone", async () => {
    const seconds = async (crashes: boolean) => {
      const stage = await openStage();
      const arn = addTargetGroup(stage.aws, 100);
      if (crashes) stage.runtime.script("app", { kind: "exits", code: 1, afterSeconds: 60 });
      await stage.create(await stage.register(), behind(arn));
      await stage.pass(60);
      const { taskArns: tasks = [] } = await stage.ecs.listTasks({ cluster: "main" });
      if (!crashes) await stage.ecs.stopTask({ cluster: "main", task: tasks[0] });
      await stage.pass(300);
      const [task] = (await stage.ecs.describeTasks({ cluster: "main", tasks })).tasks ?? [];
      return ((task?.stoppedAt?.getTime() ?? 0) - (task?.stoppingAt?.getTime() ?? 0)) / 1000;
    };
    expect(await seconds(false)).toBeGreaterThan(100);
    expect(await seconds(true)).toBeLessThan(20);
  });

  test("is found with its listeners, rules and groups", async () => {
    const { aws } = await openStage();
    const group = addTargetGroup(aws);
    const rule = { arn: "rule/1", priority: "1", hosts: ["dagster.example.com"] };
    aws.neighbours.loadBalancers.set("main", {
      arn: "arn:lb",
      name: "main",
      dnsName: "main.elb.local",
      scheme: "internal",
      vpcId: "vpc-1",
      subnetIds: ["subnet-1"],
      securityGroupIds: ["sg-1"],
      listeners: [
        {
          arn: "arn:listener",
          port: 443,
          protocol: "HTTPS",
          certificateArn: "arn:certificate",
          rules: [
            { ...rule, action: { kind: "forward", targetGroupArn: group } },
            { arn: "rule/0", priority: "default", action: { kind: "fixed-response", status: 404 } },
          ],
        },
      ],
    });
    const elb = balancers(aws);
    expect((await elb.describeLoadBalancers({ Names: ["main"] })).LoadBalancers).toMatchObject([
      { LoadBalancerArn: "arn:lb", DNSName: "main.elb.local", State: { Code: "active" } },
    ]);
    expect((await elb.describeTargetGroups({ Names: ["app"] })).TargetGroups).toMatchObject([
      { TargetGroupArn: group, Port: 3000, HealthCheckPath: "/server_info", LoadBalancerArns: ["arn:lb"] },
    ]);
    expect((await elb.describeListeners({ LoadBalancerArn: "arn:lb" })).Listeners).toMatchObject([
      { Port: 443, DefaultActions: [{ Type: "fixed-response", FixedResponseConfig: { StatusCode: "404" } }] },
    ]);
    expect((await elb.describeRules({ ListenerArn: "arn:listener" })).Rules).toMatchObject([
      { Priority: "1", Conditions: [{ HostHeaderConfig: { Values: ["dagster.example.com"] } }] },
      { Priority: "default", IsDefault: true },
    ]);
    await expect(elb.describeTargetGroups({ Names: ["nope"] })).rejects.toMatchObject({
      name: "TargetGroupNotFoundException",
    });
  });
});

describe("Cloud Map", () => {
  test("resolves a name to the tasks that run now, and to nobody else's", async () => {
    const stage = await openStage();
    const registryArn = "arn:aws:servicediscovery:eu-central-1:123456789012:service/srv-1";
    stage.aws.neighbours.namespaces.set("ns-1", { id: "ns-1", arn: "arn:ns", name: "deal-flow.local" });
    const name = { id: "srv-1", arn: registryArn, name: "code", namespaceId: "ns-1", ttlSeconds: 10 };
    stage.aws.neighbours.names.set("srv-1", name);
    await stage.create(await stage.register(), { serviceRegistries: [{ registryArn }] });
    expect(stage.aws.resolve("code.deal-flow.local")).toEqual([]);
    await stage.untilSettled();
    expect(stage.aws.resolve("code.deal-flow.local")).toEqual([
      { taskId: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown, address: "10.0.0.2", healthy: true },
    ]);
    expect(stage.aws.resolve("code.other.local")).toBeNull();

    const found = { NamespaceName: "deal-flow.local", ServiceName: "code" };
    expect(await read(stage.aws, "servicediscovery", "DiscoverInstances", found)).toMatchObject({
      Instances: [{ HealthStatus: "HEALTHY", Attributes: { AWS_INSTANCE_IPV4: "10.0.0.2" } }],
    });
    expect(await read(stage.aws, "servicediscovery", "ListServices", {})).toMatchObject({
      Services: [{ Name: "code", DnsConfig: { DnsRecords: [{ Type: "A", TTL: 10 }] } }],
    });
    expect(await read(stage.aws, "servicediscovery", "GetService", { Id: "srv-2" })).toMatchObject({
      kind: "error",
      name: "ServiceNotFound",
    });

    await stage.update({ desiredCount: 0 });
    await stage.pass(2);
    expect(stage.aws.resolve("code.deal-flow.local")).toEqual([]);
  });
});

describe("EC2", () => {
  test("answers by id and by tag", async () => {
    const { aws } = await openStage();
    aws.neighbours.subnets.set("subnet-1", {
      id: "subnet-1",
      vpcId: "vpc-1",
      cidr: "10.0.1.0/24",
      availabilityZone: "eu-central-1a",
      tags: { Name: "private-a", Tier: "private" },
    });
    aws.neighbours.subnets.set("subnet-2", {
      id: "subnet-2",
      vpcId: "vpc-1",
      cidr: "10.0.2.0/24",
      availabilityZone: "eu-central-1b",
      tags: { Name: "public-b", Tier: "public" },
    });
    const ids = async (input: object) => {
      const answer = await read(aws, "ec2", "DescribeSubnets", input);
      return JSON.stringify(answer).match(/subnet-\d/g) ?? [];
    };
    expect(await ids({ SubnetIds: ["subnet-2"] })).toEqual(["subnet-2"]);
    expect(await ids({ Filters: [{ Name: "tag:Tier", Values: ["private"] }] })).toEqual(["subnet-1"]);
    expect(await ids({ Filters: [{ Name: "tag:Name", Values: ["*-b"] }] })).toEqual(["subnet-2"]);
    expect(await ids({ Filters: [{ Name: "vpc-id", Values: ["vpc-1"] }] })).toEqual(["subnet-1", "subnet-2"]);
    expect(await read(aws, "ec2", "DescribeSubnets", { SubnetIds: ["subnet-9"] })).toMatchObject({
      name: "InvalidSubnetID.NotFound",
    });
  });

  test("shows the interface of a running task", async () => {
    const stage = await openStage();
    const assignPublicIp = "ENABLED" as const;
    await stage.create(await stage.register(), {
      networkConfiguration: {
        awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"], assignPublicIp },
      },
    });
    await stage.untilSettled();
    const { taskArns } = await stage.ecs.listTasks({ cluster: "main" });
    const { tasks } = await stage.ecs.describeTasks({ cluster: "main", tasks: taskArns });
    const details = existing(tasks?.[0]?.attachments?.[0]?.details);
    const id = details.find(({ name }) => name === "networkInterfaceId")?.value;
    expect(await read(stage.aws, "ec2", "DescribeNetworkInterfaces", { NetworkInterfaceIds: [id] })).toMatchObject({
      NetworkInterfaces: [
        {
          NetworkInterfaceId: id,
          SubnetId: "subnet-1",
          Groups: [{ GroupId: "sg-1" }],
          PrivateIpAddress: tasks?.[0]?.containers?.[0]?.networkInterfaces?.[0]?.privateIpv4Address,
          Association: { PublicIp: expect.stringMatching(/^203\.0\.113\./) as unknown },
        },
      ],
    });
  });

  test("refuses a service in a subnet that does not exist, where any is known", async () => {
    const stage = await openStage();
    stage.aws.neighbours.subnets.set("subnet-9", {
      id: "subnet-9",
      vpcId: "vpc-1",
      cidr: "10.0.9.0/24",
      availabilityZone: "eu-central-1a",
    });
    await expect(stage.create(await stage.register())).rejects.toMatchObject({ name: "InvalidParameterException" });
  });
});

describe("IAM and Application Auto Scaling", () => {
  test("know a role, or every role while none is set", async () => {
    const { aws } = await openStage();
    expect(await read(aws, "iam", "GetRole", { RoleName: "task" })).toMatchObject({
      Role: {
        Arn: "arn:aws:iam::123456789012:role/task",
        AssumeRolePolicyDocument: expect.stringContaining("ecs-tasks") as unknown,
      },
    });
    aws.neighbours.roles.set("other", { name: "other", arn: "arn:other", trustPolicy: "{}" });
    expect(await read(aws, "iam", "GetRole", { RoleName: "task" })).toMatchObject({
      name: "NoSuchEntity",
      status: 404,
    });
  });

  test("know which service is scaled by somebody else", async () => {
    const { aws } = await openStage();
    aws.neighbours.scalableTargets.set("web", { resourceId: "service/main/web", minimum: 1, maximum: 2 });
    const input = { ServiceNamespace: "ecs", ResourceIds: ["service/main/web"] };
    expect(await read(aws, "application-autoscaling", "DescribeScalableTargets", input)).toMatchObject({
      ScalableTargets: [{ ResourceId: "service/main/web", MinCapacity: 1, MaxCapacity: 2 }],
    });
  });
});
