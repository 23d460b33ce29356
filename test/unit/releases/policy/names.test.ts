import { statementsOfGates } from "../../../../src/releases/policy/gates.ts";
import { policyNames } from "../../../../src/releases/policy/names.ts";
import { policyFor } from "../../../../src/releases/policy/policy.ts";
import { withNames } from "../../../../src/releases/existing.ts";
import { existingFile } from "../../../../src/task-definitions/existing.ts";
import { allowedBy, parsePolicy, type Policy } from "../../../infra/policy.ts";
import { contract, stackOf, withTop } from "../../stack/reading.ts";

const address = {
  parameter: "/shop/contract",
  object: { bucket: "elsewhere", key: "contracts/shop.json" },
};

const definition = JSON.stringify({
  family: "web",
  executionRoleArn: "arn:aws:iam::$account:role/team/exec",
  taskRoleArn: "web-task",
  containerDefinitions: [
    {
      name: "web",
      image: "x",
      logConfiguration: { logDriver: "awslogs", options: { "awslogs-group": "/web", "awslogs-stream-prefix": "web" } },
    },
  ],
});

const home = { partition: "aws", region: "eu-central-1", account: "123456789012" } as const;

/** What gates of this text add. */
function added(gates: string, commands: readonly string[] = ["deploy"]): readonly string[] {
  const stack = stackOf(
    withTop(`images: { app: { repository: shop, layers: { base: b } } }
services:
  web: { kind: webserver, image: app, locations: [shop], url: "https://shop.example" }
  daemon: { kind: daemon, image: app, locations: [shop] }
runs: { launcher: in-process }
gates: ${gates}
`),
    { contract: contract() },
  );
  return statementsOfGates(home, stack.gates, commands).flatMap(({ Action, Resource }) =>
    Action.flatMap((action) => Resource.map((resource) => `${action} ${resource}`)),
  );
}

test.each<[string, readonly string[]]>([
  ["{}", []],
  [
    "{ expect: { security-groups: true } }",
    [
      "ec2:DescribeSecurityGroups *",
      "ec2:DescribeSubnets *",
      "elasticloadbalancing:DescribeTargetGroups *",
      "elasticloadbalancing:DescribeLoadBalancers *",
    ],
  ],
  ["{ canary: { location: shop, job: j, compute-logs: s3://logs/a/ } }", ["s3:ListBucket arn:aws:s3:::logs"]],
  [
    "{ auth: { basic: secret:shop/login } }",
    [
      "ssm:GetParameter arn:aws:ssm:eu-central-1:123456789012:parameter/aws/reference/secretsmanager/shop/login",
      "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/login-??????",
    ],
  ],
  [
    '{ auth: { headers: { X-Token: "ssm:/shop/token" } } }',
    ["ssm:GetParameter arn:aws:ssm:eu-central-1:123456789012:parameter/shop/token"],
  ],
  ["{ reach: task, auth: { basic: secret:shop/login } }", []],
])("what gates look at is in the policy of who rolls: %s", (gates, wanted) => {
  expect(added(gates)).toEqual(wanted);
  expect(added(gates, ["plan", "status"])).toEqual([]);
});

/** Of a stack whose webserver has a definition of its own, and replaces another service. */
function printed(commands: readonly string[], asked: Parameters<typeof policyFor>[1]["asked"] = []): Policy {
  const stack = stackOf(
    withTop(`
placeholders: { account: "\${account}" }
images: { app: { repository: shop, layers: { base: "shop/base:1" } } }
services:
  web: { kind: webserver, image: app, task-definition: web.json, service: shop-web, replaces: old-web, locations: [shop] }
  daemon: { kind: daemon, image: app, service: shop-daemon, locations: [shop] }
runs: { launcher: in-process }
`),
    { contract: contract() },
  );
  const existing = { "service/web": existingFile(definition, "web.json", stack.placeholders) };
  const named = withNames(stack, { existing, definitions: {}, services: {} });
  const contents = Object.values(existing).map(({ content }) => content);
  const names = policyNames(named, { address, contents, bases: ["shop/base"] });
  return parsePolicy(JSON.stringify(policyFor(names, { commands, asked })));
}

const resourcesOf = (policy: Policy, sid: string): readonly string[] =>
  policy.Statement.find(({ Sid }) => Sid === sid)?.Resource ?? [];

test("roles, family and log group of a definition of the user's own are in it, and a service that is replaced", () => {
  const policy = printed(["deploy"]);
  expect(resourcesOf(policy, "Roles")).toEqual(
    expect.arrayContaining([expect.stringMatching(/:role\/team\/exec$/), expect.stringMatching(/:role\/web-task$/)]),
  );
  expect(resourcesOf(policy, "Families")).toContainEqual(expect.stringMatching(/:task-definition\/web:\*$/));
  expect(resourcesOf(policy, "LogStreams")).toContainEqual(expect.stringMatching(/:log-group:\/web:log-stream:\*$/));
  expect(resourcesOf(policy, "Services")).toContainEqual(expect.stringMatching(/\/old-web$/));
  expect(resourcesOf(policy, "Repositories")).toEqual([
    expect.stringMatching(/:repository\/shop$/),
    expect.stringMatching(/:repository\/shop\/base$/),
  ]);
});

test("nothing is allowed on everything that has a name", () => {
  const named = printed(["deploy", "rollback", "status", "unlock"]).Statement.filter(({ Resource }) =>
    Resource.includes("*"),
  );
  expect(named.map(({ Sid }) => Sid).sort()).toEqual(["All", "TasksListed"]);
});

test("who only looks may write nothing, and what nobody asked for is not in it", () => {
  const looks = printed(["plan", "status"]);
  const actions = looks.Statement.flatMap(({ Action }) => Action);
  expect(actions.filter((action) => !/:(Get|Describe|List|BatchGet)/.test(action))).toEqual([]);
  expect(actions).not.toContain("iam:GetRole");
  expect(printed(["plan"], ["verify"]).Statement.flatMap(({ Action }) => Action)).toContain("iam:GetRole");
});

test("the contract is read where it is, and not written", () => {
  const policy = printed(["deploy"]);
  const resource = "arn:aws:s3:::elsewhere/contracts/shop.json";
  expect(allowedBy(policy, { action: "s3:GetObject", resource })).toBe("ContractObject");
  expect(allowedBy(policy, { action: "s3:PutObject", resource })).toBeNull();
});
