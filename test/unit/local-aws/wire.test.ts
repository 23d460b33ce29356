import { modelOf } from "../../local-aws/models/model.ts";
import { fromForm } from "../../local-aws/wire/form.ts";
import { fromJson, toJson } from "../../local-aws/wire/json.ts";
import { callerOf, serviceOf } from "../../local-aws/wire/route.ts";
import { xmlAnswer, xmlError } from "../../local-aws/wire/xml.ts";
import { existing } from "./stage.ts";

function inputOf(service: string, operation: string) {
  const model = modelOf(service);
  return { model, input: existing(model.operations[operation]?.input) };
}

describe("which service a request is for", () => {
  const signed = (service: string) => ({
    authorization: `AWS4-HMAC-SHA256 Credential=deployer/20261121/eu-central-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
  });
  test.each([
    { headers: { "x-amz-target": "AmazonEC2ContainerServiceV20141113.ListTasks" }, service: "ecs" },
    {
      headers: { "x-amz-target": "AnyScaleFrontendService.DescribeScalableTargets" },
      service: "application-autoscaling",
    },
    { headers: { "x-amz-target": "Route53AutoNaming_v20170314.ListServices" }, service: "servicediscovery" },
    { headers: signed("ecs"), service: "ecs" },
    { headers: signed("elasticloadbalancing"), service: "elasticloadbalancing" },
    { headers: signed("s3"), service: null },
    { headers: { "x-amz-target": "AmazonSSM.GetParameter", ...signed("ssm") }, service: null },
    { headers: {}, service: null },
  ])("is $service", ({ headers, service }) => {
    expect(serviceOf(headers)).toBe(service);
  });

  test("and who signed it", () => {
    expect(callerOf(signed("ecs"))).toBe("deployer");
    expect(callerOf({})).toBe("");
  });
});

describe("awsJson", () => {
  const { model, input } = inputOf("ecs", "ListServiceDeployments");
  test("carries times as seconds and leaves unknown members where they are", () => {
    const read = fromJson(model, input, { service: "app", createdAt: { after: 1_790_000_000.5 }, extra: null, odd: 1 });
    expect(read).toEqual({ service: "app", createdAt: { after: new Date(1_790_000_000_500) }, odd: 1 });
    expect(toJson(read)).toEqual({ service: "app", createdAt: { after: 1_790_000_000.5 }, odd: 1 });
  });
});

describe("forms", () => {
  test("of EC2 have flat lists", () => {
    const { model, input } = inputOf("ec2", "DescribeSubnets");
    const form = new URLSearchParams(
      "Action=DescribeSubnets&Version=2016-11-15&SubnetId.1=a&SubnetId.2=b&DryRun=false" +
        "&Filter.1.Name=tag:Tier&Filter.1.Value.1=x&Filter.1.Value.2=y&MaxResults=5&Nonsense=1",
    );
    expect(fromForm(model, input, form)).toEqual({
      SubnetIds: ["a", "b"],
      DryRun: false,
      Filters: [{ Name: "tag:Tier", Values: ["x", "y"] }],
      MaxResults: 5,
      Nonsense: "1",
    });
  });

  test("of other query services have members", () => {
    const { model, input } = inputOf("elasticloadbalancing", "DescribeTargetGroups");
    const form = new URLSearchParams("Action=DescribeTargetGroups&Names.member.2=b&Names.member.1=a&PageSize=3");
    expect(fromForm(model, input, form)).toEqual({ Names: ["a", "b"], PageSize: 3 });
  });
});

describe("XML", () => {
  test("of EC2 wraps lists in items", () => {
    const model = modelOf("ec2");
    const operation = existing(model.operations["DescribeVpcs"]);
    const vpc = { VpcId: "vpc-1", Tags: [{ Key: "Name", Value: "a <b> & c" }] };
    expect(xmlAnswer(model, "DescribeVpcs", operation, "id-1", { Vpcs: [vpc] })).toBe(
      '<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15"><requestId>id-1</requestId><vpcSet><item>' +
        "<tagSet><item><key>Name</key><value>a &lt;b&gt; &amp; c</value></item></tagSet><vpcId>vpc-1</vpcId>" +
        "</item></vpcSet></DescribeVpcsResponse>",
    );
  });

  test("of other query services has a result and its metadata", () => {
    const model = modelOf("elasticloadbalancing");
    const operation = existing(model.operations["DescribeTargetHealth"]);
    const described = { Target: { Id: "10.0.0.1", Port: 3000 }, TargetHealth: { State: "healthy" } };
    expect(xmlAnswer(model, "DescribeTargetHealth", operation, "id-1", { TargetHealthDescriptions: [described] })).toBe(
      '<DescribeTargetHealthResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">' +
        "<DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>10.0.0.1</Id><Port>3000</Port></Target>" +
        "<TargetHealth><State>healthy</State></TargetHealth></member></TargetHealthDescriptions>" +
        "</DescribeTargetHealthResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>" +
        "</DescribeTargetHealthResponse>",
    );
  });

  test("words errors as each protocol does", () => {
    const error = { name: "Gone", message: "a & b", status: 400, requestId: "id-1" };
    expect(xmlError(modelOf("ec2"), error)).toBe(
      "<Response><Errors><Error><Code>Gone</Code><Message>a &amp; b</Message></Error></Errors><RequestID>id-1</RequestID></Response>",
    );
    expect(xmlError(modelOf("iam"), error)).toBe(
      "<ErrorResponse><Error><Type>Sender</Type><Code>Gone</Code><Message>a &amp; b</Message></Error><RequestId>id-1</RequestId></ErrorResponse>",
    );
  });
});
