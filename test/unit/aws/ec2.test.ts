import { DescribeSecurityGroupsCommand, DescribeSubnetsCommand, ec2 } from "../../../src/aws/ec2.ts";
import type { ClientSettings } from "../../../src/aws/settings.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import { testContext } from "../context.ts";
import { openStage } from "../local-aws/stage.ts";

const among = (...Values: readonly string[]) => ({ Filters: [{ Name: "subnet-id", Values }] });
const groupsAmong = (...Values: readonly string[]) => ({ Filters: [{ Name: "group-id", Values }] });
const credentials = { accessKeyId: "product", secretAccessKey: "x" };

test("a call goes to EC2, is signed for it, and speaks its version", async () => {
  const requests: { hostname: string; headers: Record<string, string>; body: string }[] = [];
  const requestHandler = {
    ...inProcessHandler({ handle: () => Promise.reject(new Error("nobody")) }),
    handle: (request: (typeof requests)[number]) => {
      requests.push(request);
      const body = new TextEncoder().encode("<DescribeSubnetsResponse/>");
      return Promise.resolve({ response: { statusCode: 200, headers: {}, body } });
    },
  } as unknown as NonNullable<ClientSettings["requestHandler"]>;
  const send = ec2(testContext().context, { region: "eu-central-1", credentials, requestHandler });
  await send(new DescribeSubnetsCommand(among("subnet-1", "subnet-2")));
  expect(requests.map(({ hostname }) => hostname)).toEqual(["ec2.eu-central-1.amazonaws.com"]);
  expect(requests[0]?.headers["authorization"]).toContain("/eu-central-1/ec2/aws4_request");
  expect(Object.fromEntries(new URLSearchParams(requests[0]?.body))).toEqual({
    Action: "DescribeSubnets",
    Version: "2016-11-15",
    "Filter.1.Name": "subnet-id",
    "Filter.1.Value.1": "subnet-1",
    "Filter.1.Value.2": "subnet-2",
  });
});

test("answers and refusals are read as AWS's service model has them", async () => {
  const { aws } = await openStage();
  aws.neighbours.subnets.set("subnet-9", {
    id: "subnet-9",
    vpcId: "vpc-1",
    cidr: "10.0.9.0/24",
    availabilityZone: "a",
  });
  aws.neighbours.securityGroups.set("sg-9", {
    id: "sg-9",
    name: "nine",
    vpcId: "vpc-1",
    ingress: [{ protocol: "tcp", fromPort: 4000, toPort: 4010, groups: ["sg-8"], cidrs: ["10.0.0.0/16"] }],
    egress: [{ protocol: "-1", cidrs: ["0.0.0.0/0"] }],
  });
  const { context } = testContext();
  const send = ec2(context, { region: aws.region, credentials, requestHandler: inProcessHandler(aws) });
  const { SecurityGroups: groups } = await send(new DescribeSecurityGroupsCommand(groupsAmong("sg-9")));
  expect(groups).toMatchObject([
    {
      GroupId: "sg-9",
      IpPermissions: [
        {
          IpProtocol: "tcp",
          FromPort: 4000,
          ToPort: 4010,
          IpRanges: [{ CidrIp: "10.0.0.0/16" }],
          UserIdGroupPairs: [{ GroupId: "sg-8" }],
        },
      ],
      IpPermissionsEgress: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
    },
  ]);
  const { Subnets: subnets } = await send(new DescribeSubnetsCommand(among("subnet-9")));
  expect(subnets).toMatchObject([{ SubnetId: "subnet-9", CidrBlock: "10.0.9.0/24" }]);
  expect((await send(new DescribeSecurityGroupsCommand(groupsAmong("sg-7", "sg-9")))).SecurityGroups).toHaveLength(1);
  aws.faults.inject({ on: "ec2:DescribeSecurityGroups", what: { kind: "access-denied" } });
  await expect(send(new DescribeSecurityGroupsCommand(groupsAmong("sg-9")))).rejects.toMatchObject({
    failure: "denied",
    fix: expect.stringContaining("ec2:DescribeSecurityGroups") as string,
  });
});
