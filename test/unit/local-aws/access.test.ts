import { DescribeServicesCommand, ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { type AskedOfBacking, requestsOfBacking } from "../../local-aws/access/backing-calls.ts";
import { requestsOfOwn } from "../../local-aws/access/own-calls.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import { allowedBy, parsePolicy } from "../../infra/policy.ts";
import fc from "../../properties.ts";
import { openStage } from "./stage.ts";

type Statement = Readonly<Record<string, unknown>>;

const allow = (Action: string, Resource: string, more: object = {}): Statement => ({
  Sid: "Given",
  Effect: "Allow",
  Action,
  Resource,
  ...more,
});
const text = (...Statement: readonly Statement[]): string => JSON.stringify({ Version: "2012-10-17", Statement });
const policy = (...statements: readonly Statement[]) => parsePolicy(text(...statements));
const repository = "arn:aws:ecr:eu-central-1:123456789012:repository/shop";
const home = { account: "123456789012", region: "eu-central-1" } as const;

describe("a policy", () => {
  test.each<[string, string, string, boolean]>([
    ["ecr:PutImage", repository, repository, true],
    ["ECR:putimage", repository, repository, true],
    ["ecr:Put*", `${repository.slice(0, -1)}?`, repository, true],
    ["ecr:*", "*", repository, true],
    ["ecr:PutImages", repository, repository, false],
    ["ecr:PutImage", `${repository}s`, repository, false],
    ["ecr:PutImage", "arn:aws:ecr:*:repository/shop", repository, false],
    ["ecr:PutImage", "arn:aws:ecr:*:*:repository/shop", repository, true],
    ["ecr:PutImage", repository, "*", false],
  ])("of %s on %s, asked for %s", (action, resource, asked, isAllowed) => {
    const found = allowedBy(policy(allow(action, resource)), { action: "ecr:PutImage", resource: asked });
    expect(found !== null).toBe(isAllowed);
  });

  test.each<[object, string | undefined, boolean]>([
    [{ StringEquals: { key: "a*" } }, "a*", true],
    [{ StringEquals: { key: "a*" } }, "ab", false],
    [{ StringLike: { key: ["b", "a*"] } }, "ab", true],
    [{ StringLike: { key: "a*" } }, undefined, false],
    [{ ArnEquals: { key: "arn:aws:ecs:*:*:cluster/shop" } }, "arn:aws:ecs:x:1:cluster/shop", true],
    [{ ArnLike: { key: "arn:aws:ecs:*:cluster/shop" } }, "arn:aws:ecs:x:1:cluster/shop", false],
    [{ Bool: { key: "false" } }, "False", true],
    [{ Bool: { key: "false" } }, "true", false],
    [{ StringEquals: { key: "a" }, Bool: { key: "true" } }, "a", false],
  ])("under the condition %j of a request with %p", (Condition, value, isAllowed) => {
    const request = { action: "a:B", resource: "*", context: value === undefined ? {} : { key: value } };
    expect(allowedBy(policy(allow("a:B", "*", { Condition })), request) !== null).toBe(isAllowed);
  });

  test.each([
    { Effect: "Perhaps" },
    { NotAction: "a:B" },
    { NotResource: "*" },
    { Principal: "*" },
    { Condition: { StringEqualsIgnoreCase: { key: "a" } } },
    { Condition: { "ForAnyValue:StringLike": { key: "a" } } },
  ])("that says what the evaluator does not know is refused: %j", (more) => {
    expect(() => policy(allow("a:B", "*", more))).toThrow();
  });

  const words = fc.constantFrom("a:B", "a:C", "a:*", "*", "b:C");
  const statements = fc.array(
    fc.record({
      Sid: fc.constant("Given"),
      Effect: fc.constantFrom("Allow", "Deny"),
      Action: words,
      Resource: fc.constantFrom("*", "arn:x", "arn:y", "arn:?"),
    }),
  );
  const requests = fc.record({
    action: fc.constantFrom("a:B", "a:C", "b:C"),
    resource: fc.constantFrom("arn:x", "arn:y", "*"),
  });

  test("says the same in whatever order its statements stand", () => {
    fc.assert(
      fc.property(statements, requests, (given, request) => {
        const turned = policy(...[...given].reverse());
        expect(allowedBy(turned, request) === null).toBe(allowedBy(policy(...given), request) === null);
      }),
    );
  });

  test("that denies everything besides allows nothing, and one without statements neither", () => {
    fc.assert(
      fc.property(statements, requests, (given, request) => {
        expect(allowedBy(policy(...given, allow("*", "*", { Effect: "Deny" })), request)).toBeNull();
        expect(allowedBy(policy(), request)).toBeNull();
      }),
    );
  });

  test("never allows less for another permission", () => {
    fc.assert(
      fc.property(statements, requests, words, (given, request, action) => {
        if (allowedBy(policy(...given), request) === null) return;
        expect(allowedBy(policy(...given, allow(action, "*")), request)).not.toBeNull();
      }),
    );
  });
});

async function open(granted: string) {
  const { aws } = await openStage();
  const arn = "arn:aws:iam::123456789012:role/deploy";
  aws.neighbours.roles.set("deploy", { name: "deploy", arn, trustPolicy: "", policy: granted });
  const settings = { region: "eu-central-1", maxAttempts: 1, requestHandler: inProcessHandler(aws, "deploy") };
  const ecs = new ECSClient({ ...settings, credentials: { accessKeyId: "deploy", secretAccessKey: "secret" } });
  return { aws, ecs };
}

test("a call that the policy of its role does not allow is denied, in AWS's words, and does nothing", async () => {
  const { aws, ecs } = await open(text(allow("ecs:RunTask", "arn:aws:ecs:*:*:task-definition/other:*")));
  await expect(ecs.send(new RunTaskCommand({ cluster: "shop", taskDefinition: "once:3" }))).rejects.toMatchObject({
    name: "AccessDeniedException",
    message:
      "User: arn:aws:sts::123456789012:assumed-role/deploy/local-aws is not authorized to perform: ecs:RunTask on resource: arn:aws:ecs:eu-central-1:123456789012:task-definition/once:3 because no identity-based policy allows the ecs:RunTask action",
  });
  expect(aws.calls.at(-1)).toMatchObject({ operation: "RunTask", tookEffect: false });
});

test("a list of which one is not allowed is denied as a whole, and names that one", async () => {
  const { ecs } = await open(text(allow("ecs:DescribeServices", "arn:aws:ecs:*:*:service/shop/code")));
  const both = new DescribeServicesCommand({ cluster: "shop", services: ["code", "daemon"] });
  await expect(ecs.send(both)).rejects.toThrow("service/shop/daemon");
});

test("a role without a policy may do anything", async () => {
  const { aws, ecs } = await open(text());
  aws.neighbours.roles.clear();
  const asked = await ecs.send(new DescribeServicesCommand({ cluster: "shop", services: ["code"] })).catch(String);
  expect(asked).not.toContain("not authorized");
});

test("a call whose rights nobody has written down is no right of anybody", () => {
  const call = { service: "logs", operation: "DeleteLogGroup", resource: "" };
  expect(requestsOfBacking({ call, url: "/", copySource: "", input: {} }, home)).toBeNull();
  expect(requestsOfOwn("ecs", "DeleteCluster", {}, { ...home, definition: () => null })).toBeNull();
});

describe("what a call behind the gateway takes", () => {
  const asked = (service: string, operation: string, resource: string, more: Partial<AskedOfBacking> = {}) =>
    requestsOfBacking({ call: { service, operation, resource }, url: "/", copySource: "", input: null, ...more }, home);

  test("a copy reads one object and writes another", () => {
    expect(asked("s3", "CopyObject", "here/b", { copySource: "/there/a%20b" })).toEqual([
      { action: "s3:GetObject", resource: "arn:aws:s3:::there/a b" },
      { action: "s3:PutObject", resource: "arn:aws:s3:::here/b" },
    ]);
  });

  test("a list is of a bucket, and says its prefix", () => {
    expect(asked("s3", "ListObjectsV2", "here", { url: "/here?list-type=2&prefix=shop%2F" })).toEqual([
      { action: "s3:ListBucket", resource: "arn:aws:s3:::here", context: { "s3:prefix": "shop/" } },
    ]);
  });

  test("a layer of another repository is read there", () => {
    const url = "/v2/shop/blobs/uploads/?mount=sha256:1&from=base/python";
    expect(asked("registry", "POST uploads", "/v2/shop/blobs/uploads/", { url })).toEqual([
      { action: "ecr:InitiateLayerUpload", resource: repository },
      { action: "ecr:GetDownloadUrlForLayer", resource: repository.replace("shop", "base/python") },
    ]);
  });

  test("a secret under a name of SSM is asked for twice", () => {
    const input = { Name: "/aws/reference/secretsmanager/shop/login" };
    expect(asked("ssm", "GetParameter", "", { input })?.map(({ action }) => action)).toEqual([
      "ssm:GetParameter",
      "secretsmanager:GetSecretValue",
    ]);
  });
});

test("whoever starts a task passes the roles of its definition", () => {
  const definition = () => ({ arn: "arn:definition", roles: ["arn:execution", "arn:task"] });
  const input = { cluster: "shop", taskDefinition: "once:1", tags: [{ key: "a", value: "b" }] };
  const requests = requestsOfOwn("ecs", "RunTask", input, { ...home, definition }) ?? [];
  expect(requests.map(({ action, resource }) => `${action} ${resource}`)).toEqual([
    "ecs:RunTask arn:definition",
    "ecs:TagResource arn:aws:ecs:eu-central-1:123456789012:task/shop/new",
    "iam:PassRole arn:execution",
    "iam:PassRole arn:task",
  ]);
});
