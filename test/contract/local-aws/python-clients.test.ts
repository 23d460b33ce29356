import { fileURLToPath } from "node:url";
import { environmentOf } from "../../local-aws/runtime.ts";
import { pythonTools, type PythonTools } from "../../python-tools.ts";
import { addTargetGroup } from "../../unit/local-aws/load-balanced.ts";
import { runClient, serve, type Served } from "./clients.ts";

const models = fileURLToPath(new URL("../../local-aws/models/generate.py", import.meta.url));

describe("clients that we did not write", () => {
  let tools: PythonTools;
  let served: Served;

  beforeAll(async () => {
    tools = await pythonTools();
  }, 300_000);
  beforeEach(async () => {
    served = await serve();
  });
  afterEach(() => served.close());

  test("boto3 drives a rollout, a rollback, pages, a single task, refusals and the neighbours", async () => {
    const { aws, runtime } = served;
    addTargetGroup(aws);
    const subnet = { vpcId: "vpc-1", cidr: "10.0.1.0/24", availabilityZone: "eu-central-1a" };
    aws.neighbours.subnets.set("subnet-1", { ...subnet, id: "subnet-1", tags: { Tier: "private" } });
    aws.neighbours.scalableTargets.set("app", { resourceId: "service/main/app", minimum: 1, maximum: 4 });
    aws.neighbours.names.set("srv-1", { id: "srv-1", arn: "arn", name: "code", namespaceId: "ns-1", ttlSeconds: 10 });
    const quick = { startsAfterSeconds: 0.1, stopsAfterSeconds: 0 };
    runtime.script("app", { kind: "healthy", ...quick });
    runtime.script(({ definition }) => definition.containerDefinitions?.[0]?.command?.[0] === "crash", {
      kind: "exits",
      code: 1,
      afterSeconds: 0.1,
      ...quick,
    });
    runtime.script((task) => environmentOf(task, "app")["A"] === "1", {
      kind: "exits",
      code: 7,
      afterSeconds: 0.1,
      ...quick,
    });

    const script = fileURLToPath(new URL("drive.py", import.meta.url));
    const { code, stdout, stderr } = await runClient(tools, served, tools.python, [script]);

    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      created: 2,
      updated: "app:2",
      "createdAt is a time": true,
      "rolled back to": "app:2",
      "service deployments": ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL"],
      breaker: "TRIGGERED",
      "waiter after the rollback": "stable",
      pages: [2, 1],
      tasks: 2,
      ran: ["EssentialContainerExited", 7],
      typo: "refused by boto3",
      "unknown service": "Service not found.",
      "unknown cluster": "ClusterNotFoundException",
      subnets: [["subnet-1", "private", false]],
      "target group": [3000, "200"],
      "target health": [],
      role: "sts:AssumeRole",
      scaling: [4],
      "unknown subnet": "InvalidSubnetID.NotFound",
      names: ["code"],
      "unknown name": "ServiceNotFound",
    });
    expect(aws.calls.every(({ caller }) => caller === "deployer")).toBe(true);
  });

  test("the AWS command line reads a service and is told what it got wrong", async () => {
    const cli = (...args: readonly string[]) => runClient(tools, served, tools.python, ["-s", tools.aws, ...args]);
    const register = ["--family", "app", "--container-definitions", '[{"name":"app","image":"app:1","memory":128}]'];
    expect((await cli("ecs", "create-cluster", "--cluster-name", "main")).code).toBe(0);
    expect((await cli("ecs", "register-task-definition", ...register)).code).toBe(0);
    const create = ["--cluster", "main", "--service-name", "app", "--task-definition", "app", "--desired-count", "0"];
    expect((await cli("ecs", "create-service", ...create)).code).toBe(0);

    const query = ["--query", "services[0].deployments[0].[status,desiredCount]", "--output", "text"];
    const described = await cli("ecs", "describe-services", "--cluster", "main", "--services", "app", ...query);
    expect(described).toMatchObject({ code: 0, stdout: "PRIMARY\t0\n" });
    const missing = await cli("ecs", "update-service", "--cluster", "main", "--service", "nope");
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain("(ServiceNotFoundException) when calling the UpdateService operation");
  });

  test("the models are what their generator makes of the pinned botocore", async () => {
    expect(await runClient(tools, served, tools.python, [models, "--check"])).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
  });
});
