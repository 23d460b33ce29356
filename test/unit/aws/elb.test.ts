import { elb, DescribeTargetHealthCommand } from "../../../src/aws/elb.ts";
import type { ClientSettings } from "../../../src/aws/settings.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import { testContext } from "../context.ts";
import { addTargetGroup, behind } from "../local-aws/load-balanced.ts";
import { openStage } from "../local-aws/stage.ts";

const credentials = { accessKeyId: "product", secretAccessKey: "x" };

interface Sent {
  readonly hostname: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** @returns what would go out */
async function sent(settings: ClientSettings): Promise<Sent> {
  const requests: Sent[] = [];
  const requestHandler = {
    ...inProcessHandler({ handle: () => Promise.reject(new Error("nobody")) }),
    handle: (request: Sent) => {
      requests.push(request);
      const body = new TextEncoder().encode("<DescribeTargetHealthResponse/>");
      return Promise.resolve({ response: { statusCode: 200, headers: {}, body } });
    },
  } as unknown as NonNullable<ClientSettings["requestHandler"]>;
  const send = elb(testContext().context, { ...settings, credentials, requestHandler });
  await send(new DescribeTargetHealthCommand({ TargetGroupArn: "arn:x" }));
  const [request] = requests;
  if (request === undefined) throw new Error("nothing was sent");
  return request;
}

test.each([
  ["eu-central-1", "elasticloadbalancing.eu-central-1.amazonaws.com"],
  ["us-east-1", "elasticloadbalancing.us-east-1.amazonaws.com"],
  ["cn-north-1", "elasticloadbalancing.cn-north-1.amazonaws.com.cn"],
])("a call goes to Elastic Load Balancing in %s, is signed for it, and speaks its version", async (region, host) => {
  const { hostname, headers, body } = await sent({ region });
  expect(hostname).toBe(host);
  expect(headers["authorization"]).toContain(`/${region}/elasticloadbalancing/aws4_request`);
  expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
    Action: "DescribeTargetHealth",
    Version: "2015-12-01",
    TargetGroupArn: "arn:x",
  });
});

test("an address that somebody has set for all of AWS is called as it is", async () => {
  process.env["AWS_ENDPOINT_URL"] = "http://sts.proxy.example:4566";
  try {
    expect((await sent({ region: "eu-central-1" })).hostname).toBe("sts.proxy.example");
  } finally {
    delete process.env["AWS_ENDPOINT_URL"];
  }
});

test("answers and refusals are read as AWS's service model has them", async () => {
  const stage = await openStage();
  const arn = addTargetGroup(stage.aws);
  stage.runtime.script("app", { kind: "unhealthy", targetReason: "Request timed out" });
  await stage.create(await stage.register(), { ...behind(arn), healthCheckGracePeriodSeconds: 900 });
  await stage.pass(80);
  const { context } = testContext(stage.clock);
  const send = elb(context, { region: stage.aws.region, credentials, requestHandler: inProcessHandler(stage.aws) });
  const { TargetHealthDescriptions: described } = await send(new DescribeTargetHealthCommand({ TargetGroupArn: arn }));
  expect(described).toEqual([
    {
      Target: { Id: expect.stringMatching(/^10\./) as string, Port: 3000 },
      TargetHealth: { State: "unhealthy", Reason: "Target.FailedHealthChecks", Description: "Request timed out" },
    },
  ]);
  const missing = new DescribeTargetHealthCommand({ TargetGroupArn: arn.replace("/app/", "/gone/") });
  await expect(send(missing, { resource: "target group gone" })).rejects.toMatchObject({
    name: "AwsError",
    code: expect.stringContaining("TargetGroupNotFound") as string,
    where: expect.stringContaining("Elastic Load Balancing DescribeTargetHealth, target group gone") as string,
  });
  stage.aws.faults.inject({ on: "elasticloadbalancing:DescribeTargetHealth", what: { kind: "access-denied" } });
  await expect(send(new DescribeTargetHealthCommand({ TargetGroupArn: arn }))).rejects.toThrow(
    "elasticloadbalancing:DescribeTargetHealth",
  );
});
