import { actionOf, denialOf, statementFor } from "../../../src/aws/permission.ts";

const user = "User: arn:aws:sts::123456789012:assumed-role/deploy/session-1 is not authorized to perform:";

describe("What a denial says", () => {
  test.each([
    {
      message: `${user} ecs:UpdateService on resource: arn:aws:ecs:eu-west-1:123456789012:service/prod/web because no identity-based policy allows the ecs:UpdateService action`,
      denial: {
        action: "ecs:UpdateService",
        resource: "arn:aws:ecs:eu-west-1:123456789012:service/prod/web",
        principal: "deploy",
        deniedBy: null,
      },
    },
    {
      message: `${user} iam:PassRole on resource: arn:aws:iam::123456789012:role/path/task because no identity-based policy allows the iam:PassRole action`,
      denial: {
        action: "iam:PassRole",
        resource: "arn:aws:iam::123456789012:role/path/task",
        principal: "deploy",
        deniedBy: null,
      },
    },
    {
      message: `${user} ecs:UpdateService on resource: * with an explicit deny in a service control policy`,
      denial: {
        action: "ecs:UpdateService",
        resource: "*",
        principal: "deploy",
        deniedBy: "a service control policy",
      },
    },
    {
      message: `${user} ecs:UpdateService on resource: * with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/no`,
      denial: {
        action: "ecs:UpdateService",
        resource: "*",
        principal: "deploy",
        deniedBy: "an identity-based policy",
      },
    },
    {
      message:
        "User: arn:aws:iam::123456789012:user/team/anna is not authorized to perform: ecs:UpdateService with an explicit deny",
      denial: { action: "ecs:UpdateService", resource: "*", principal: "anna", deniedBy: "a policy" },
    },
    {
      message: "Access Denied",
      denial: { action: "ecs:UpdateService", resource: "*", principal: null, deniedBy: null },
    },
  ])("$message", ({ message, denial }) => {
    expect(denialOf(message, "ecs", "UpdateService")).toEqual(denial);
  });

  test("operations of S3 are allowed under other names", () => {
    expect(actionOf("s3", "HeadObject")).toBe("s3:GetObject");
    expect(actionOf("s3", "ListObjectsV2")).toBe("s3:ListBucket");
    expect(actionOf("s3", "PutObject")).toBe("s3:PutObject");
  });

  test("the statement is JSON that can be pasted", () => {
    expect(JSON.parse(statementFor({ action: "ecs:UpdateService", resource: "*" }))).toEqual({
      Effect: "Allow",
      Action: "ecs:UpdateService",
      Resource: "*",
    });
  });
});
