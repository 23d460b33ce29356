import { DescribeSubnetsCommand, ec2 } from "../../../src/aws/ec2.ts";
import { GetRoleCommand, iam, SimulatePrincipalPolicyCommand } from "../../../src/aws/iam.ts";
import { DescribeSecretCommand, secretsManager } from "../../../src/aws/secrets-manager.ts";
import { DescribeParametersCommand, ssm } from "../../../src/aws/ssm.ts";
import type { ClientSettings } from "../../../src/aws/settings.ts";
import type { Context } from "../../../src/domain/context.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import { testContext } from "../context.ts";
import { openStage } from "../local-aws/stage.ts";

const credentials = { accessKeyId: "product", secretAccessKey: "x" };

interface Sent {
  readonly hostname: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Calls = (context: Context, settings: ClientSettings) => Promise<unknown>;

const getRole: Calls = (context, settings) => iam(context, settings)(new GetRoleCommand({ RoleName: "run" }));
const describeSubnets: Calls = (context, settings) =>
  ec2(context, settings)(new DescribeSubnetsCommand({ Filters: [{ Name: "subnet-id", Values: ["subnet-1"] }] }));
const describeSecret: Calls = (context, settings) =>
  secretsManager(context, settings)(new DescribeSecretCommand({ SecretId: "shop/db" }));

function textOf(body: string | Uint8Array): string {
  return typeof body === "string" ? body : new TextDecoder().decode(body);
}

/** @returns what would go out */
async function sent(call: Calls, region: string, answer: string): Promise<Sent> {
  const requests: Sent[] = [];
  const requestHandler = {
    ...inProcessHandler({ handle: () => Promise.reject(new Error("nobody")) }),
    handle: (request: Sent) => {
      requests.push({ ...request, body: textOf(request.body) });
      return Promise.resolve({
        response: { statusCode: 200, headers: {}, body: new TextEncoder().encode(answer) },
      });
    },
  } as unknown as NonNullable<ClientSettings["requestHandler"]>;
  await call(testContext().context, { region, credentials, requestHandler });
  const [request] = requests;
  if (request === undefined) throw new Error("nothing was sent");
  return request;
}

test.each<[string, Calls, string, string, string]>([
  ["iam", getRole, "eu-central-1", "iam.amazonaws.com", "us-east-1/iam"],
  ["iam", getRole, "cn-north-1", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1/iam"],
  ["iam", getRole, "us-gov-east-1", "iam.us-gov.amazonaws.com", "us-gov-west-1/iam"],
  ["ec2", describeSubnets, "eu-central-1", "ec2.eu-central-1.amazonaws.com", "eu-central-1/ec2"],
])("a call of %s goes to its own address, and is signed for it", async (_, call, region, host, scope) => {
  const { hostname, headers } = await sent(call, region, "<Answer/>");
  expect(hostname).toBe(host);
  expect(headers["authorization"]).toContain(`/${scope}/aws4_request`);
});

test("Secrets Manager is spoken to in JSON", async () => {
  const { hostname, headers, body } = await sent(describeSecret, "eu-central-1", "{}");
  expect(hostname).toBe("secretsmanager.eu-central-1.amazonaws.com");
  expect(headers).toMatchObject({
    "x-amz-target": "secretsmanager.DescribeSecret",
    "content-type": "application/x-amz-json-1.1",
  });
  expect(JSON.parse(body)).toEqual({ SecretId: "shop/db" });
});

const describeParameters: Calls = (context, settings) =>
  ssm(
    context,
    settings,
  )(
    new DescribeParametersCommand({
      ParameterFilters: [{ Key: "Path", Option: "OneLevel", Values: ["/shop"] }],
      NextToken: undefined,
    }),
  );

test("SSM is spoken to in JSON, and its filters are written as its service model has them", async () => {
  const { hostname, headers, body } = await sent(describeParameters, "cn-north-1", "{}");
  expect(hostname).toBe("ssm.cn-north-1.amazonaws.com.cn");
  expect(headers).toMatchObject({
    "x-amz-target": "AmazonSSM.DescribeParameters",
    "content-type": "application/x-amz-json-1.1",
    authorization: expect.stringContaining("/cn-north-1/ssm/aws4_request") as string,
  });
  expect(JSON.parse(body)).toEqual({ ParameterFilters: [{ Key: "Path", Option: "OneLevel", Values: ["/shop"] }] });
});

test("a filter of EC2 is written as EC2 reads it, and its answer read as its service model has it", async () => {
  expect(
    Object.fromEntries(new URLSearchParams((await sent(describeSubnets, "eu-central-1", "<Answer/>")).body)),
  ).toEqual({
    Action: "DescribeSubnets",
    Version: "2016-11-15",
    "Filter.1.Name": "subnet-id",
    "Filter.1.Value.1": "subnet-1",
  });
  const { aws, clock } = await openStage();
  aws.neighbours.subnets.set("subnet-1", {
    id: "subnet-1",
    vpcId: "vpc-1",
    cidr: "10.0.0.0/24",
    availabilityZone: "a",
  });
  const send = ec2(testContext(clock).context, {
    region: aws.region,
    credentials,
    requestHandler: inProcessHandler(aws),
  });
  const wanted = [{ Name: "subnet-id", Values: ["subnet-1", "subnet-2"] }];
  const { Subnets } = await send(new DescribeSubnetsCommand({ Filters: wanted }));
  expect(Subnets).toEqual([
    { SubnetId: "subnet-1", VpcId: "vpc-1", CidrBlock: "10.0.0.0/24", AvailableIpAddressCount: 250 },
  ]);
});

test("what IAM says of a role, and of what it may do, is read as its service model has it", async () => {
  const { aws, clock } = await openStage();
  const arn = `arn:aws:iam::${aws.account}:role/run`;
  const statement = { Sid: "Logs", Effect: "Allow", Action: "logs:*", Resource: "*" };
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  aws.neighbours.roles.set("run", { name: "run", arn, trustPolicy: '{"Statement":[]}', policy });
  const send = iam(testContext(clock).context, {
    region: aws.region,
    credentials,
    requestHandler: inProcessHandler(aws),
  });
  const { Role } = await send(new GetRoleCommand({ RoleName: "run" }));
  expect(Role).toEqual({ Arn: arn, AssumeRolePolicyDocument: encodeURIComponent('{"Statement":[]}') });
  await expect(send(new GetRoleCommand({ RoleName: "gone" }))).rejects.toMatchObject({ failure: "not-found" });
  const { EvaluationResults: results, IsTruncated } = await send(
    new SimulatePrincipalPolicyCommand({
      PolicySourceArn: arn,
      ActionNames: ["logs:PutLogEvents", "ecs:RunTask"],
      ResourceArns: ["arn:aws:ecs:eu-central-1:1:x"],
      ContextEntries: [{ ContextKeyName: "ecs:cluster", ContextKeyValues: ["shop"], ContextKeyType: "string" }],
      Marker: undefined,
    }),
  );
  expect(IsTruncated).toBe(false);
  expect(results?.map(({ EvalActionName, EvalDecision }) => [EvalActionName, EvalDecision])).toEqual([
    ["logs:PutLogEvents", "allowed"],
    ["ecs:RunTask", "implicitDeny"],
  ]);
});
