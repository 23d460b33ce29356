import fc from "../../properties.ts";
import {
  type Home,
  nameOf,
  parameterArn,
  parseArn,
  partitionOf,
  roleArn,
  serviceArn,
  showArn,
  taskDefinitionArn,
} from "../../../src/aws/arn.ts";

const home: Home = { partition: "aws", region: "eu-west-1", account: "123456789012" };

describe("ARN", () => {
  test.each([
    [serviceArn(home, "prod", "web"), "arn:aws:ecs:eu-west-1:123456789012:service/prod/web"],
    [taskDefinitionArn(home, "web", 7), "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7"],
    [roleArn(home, "path/task"), "arn:aws:iam::123456789012:role/path/task"],
    [parameterArn(home, "/stack/key"), "arn:aws:ssm:eu-west-1:123456789012:parameter/stack/key"],
  ])("%s is built from names", (built, expected) => {
    expect(built).toBe(expected);
  });

  test("what is shown is what was parsed", () => {
    const arn = fc.record({
      partition: fc.constantFrom("aws" as const, "aws-cn" as const, "aws-us-gov" as const),
      service: fc.stringMatching(/^[a-z0-9-]{1,20}$/),
      region: fc.constantFrom("", "eu-west-1", "cn-north-1", "us-gov-west-1"),
      account: fc.constantFrom("", "123456789012"),
      resource: fc.string({ minLength: 1 }).filter((text) => text.trim() !== ""),
    });
    fc.assert(fc.property(arn, (parts) => expect(parseArn(showArn(parts))).toEqual(parts)));
  });

  test.each(["", "web:7", "arn:aws:ecs:eu-west-1:123:cluster/x", "arn:azure:ecs:x:123456789012:y"])(
    "%j is no ARN",
    (text) => {
      expect(parseArn(text)).toBeNull();
    },
  );

  test.each([
    ["eu-central-1", "aws"],
    ["cn-northwest-1", "aws-cn"],
    ["us-gov-east-1", "aws-us-gov"],
  ])("%s is of partition %s", (region, partition) => {
    expect(partitionOf(region)).toBe(partition);
  });

  test("a name is what follows the last slash or colon", () => {
    expect(nameOf(serviceArn(home, "prod", "web"))).toBe("web");
    expect(nameOf("arn:aws:ssm:eu-west-1:123456789012:db")).toBe("db");
    expect(nameOf("web")).toBe("web");
  });
});
