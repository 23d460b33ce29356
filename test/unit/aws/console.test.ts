import { deploymentsPage, logStreamPage } from "../../../src/aws/console.ts";

const service = (partition: string, region: string): string =>
  `arn:${partition}:ecs:${region}:123456789012:service/main/app`;

test.each([
  ["aws", "eu-west-1", "console.aws.amazon.com"],
  ["aws-cn", "cn-north-1", "console.amazonaws.cn"],
  ["aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com"],
])("In partition %s a service is at %s, %s", (partition, region, host) => {
  expect(deploymentsPage(service(partition, region))).toBe(
    `https://${host}/ecs/v2/clusters/main/services/app/deployments?region=${region}`,
  );
});

test("An ARN that names no cluster has no page", () => {
  expect(deploymentsPage("arn:aws:ecs:eu-west-1:123456789012:service/app")).toBeNull();
  expect(deploymentsPage("")).toBeNull();
});

test("A log stream is named as CloudWatch wants it, in its own region", () => {
  const stream = { group: "/ecs/app", stream: "code/app/60a7" };
  expect(logStreamPage(service("aws", "eu-west-1"), stream)).toBe(
    "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Fecs$252Fapp/log-events/code$252Fapp$252F60a7",
  );
  expect(logStreamPage(service("aws", "eu-west-1"), { ...stream, region: "us-east-1" })).toContain("region=us-east-1#");
  expect(logStreamPage("no arn", stream)).toBeNull();
});
