import { readFileSync } from "node:fs";
import { parse } from "yaml";
import * as z from "zod";
import { permissionsOf } from "../../../scripts/generate/permissions.ts";
import { documentedFor, documentedWith } from "../actions/documented-permissions.ts";
import { policyNames } from "../../../src/releases/policy/names.ts";
import { policyFor } from "../../../src/releases/policy/policy.ts";
import { parseContract, parseStackFile, resolveStack } from "../../../src/stack/index.ts";
import { trusts } from "../../local-aws/neighbours/trust-policy.ts";
import { allowedBy, parsePolicy, type Policy, type Request } from "../../infra/policy.ts";
import { copyInfrastructure } from "../../infra/tofu.ts";

// docs/permissions.md says what the actions call: other tests run them and compare. Here the policies that infrastructure makes are held
// against it, and against AWS's own list of actions, resources and conditions.

const infrastructure = await copyInfrastructure();
/** By the role's name. */
let policies: ReadonlyMap<string, Policy>;
let trustPolicies: ReadonlyMap<string, string>;

let contract: string;

beforeAll(async () => {
  const part = "examples/new-account";
  const commented =
    /  # publishers = \{\n(?:  #.*\n)*?  # \}\n/.exec(await infrastructure.read(`${part}/main.tf`))?.[0] ?? "";
  await infrastructure.replace(`${part}/main.tf`, commented, commented.replaceAll("  # ", "  "));
  expect(await infrastructure.tofu(part, "apply", "-auto-approve", "-no-color")).toMatchObject({ exitCode: 0 });
  const text = z.string();
  policies = new Map(
    (await infrastructure.applied(part, "aws_iam_role_policy")).map(({ role, policy }) => [
      text.parse(role),
      parsePolicy(text.parse(policy)),
    ]),
  );
  contract = text.parse((await infrastructure.applied(part, "aws_s3_object"))[0]?.["content"]);
  trustPolicies = new Map(
    (await infrastructure.applied(part, "aws_iam_role")).map(({ name, assume_role_policy: trust }) => [
      text.parse(name),
      text.parse(trust),
    ]),
  );
});

afterAll(() => infrastructure.remove());

function policyOf(role: string): Policy {
  const policy = policies.get(role);
  if (policy === undefined) throw new Error(`no policy of ${role} among ${[...policies.keys()].join(", ")}`);
  return policy;
}

const workflowSchema = z.object({
  jobs: z.record(
    z.string(),
    z.object({
      environment: z.unknown().optional(),
      steps: z.array(z.object({ with: z.record(z.string(), z.unknown()).default({}) })),
    }),
  ),
});

const claims = { iss: "https://token.actions.githubusercontent.com", aud: "sts.amazonaws.com" };

function trusted(role: string, sub: string, aud = claims.aud): boolean {
  return trusts(trustPolicies.get(role) ?? "", "111122223333", { ...claims, aud, sub });
}

const actionsOf = ({ Statement }: Policy): readonly string[] =>
  [...new Set(Statement.flatMap(({ Action }) => Action))].sort();

test.each([
  ["shop-github-deploy", ["deploy", "rollback", "status", "unlock"]],
  ["shop-github-plan", ["plan", "status"]],
  ["shop-github-build", ["build-push-image"]],
  ["shop-dags-shop", ["sync-dags"]],
])("%s may do what is written of %s, and no more", (role, commands) => {
  expect(actionsOf(policyOf(role))).toEqual([...new Set(commands.flatMap(documentedFor))].sort());
});

test.each([
  ["reach-task", documentedWith("With [`gates: { reach: task }`]")],
  ["scan", [...documentedWith("`ecr:DescribeImageScanFindings`")]],
  ["verify", documentedWith("With `verify: true`")],
  ["keep-revisions", documentedWith("With `keep-revisions`")],
  ["dags", documentedWith("With [`dags:`](dags.md#in-a-stack)")],
  ["create", documentedWith("`ecr:CreateRepository`").filter((action) => !action.startsWith("kms:"))],
])("what a stack file asks for takes what is written of it: %s", (asked, documented) => {
  const { permissions } = permissionsOf((path) => readFileSync(path, "utf8"));
  const given = permissions.filter(
    (one) => one.with === asked || (one.with === undefined && one.columns.includes("deploy")),
  );
  expect(given.map(({ action }) => action)).toEqual(expect.arrayContaining([...documented]));
  const own = permissions.filter((one) => one.with === asked).map(({ action }) => action);
  expect(documented).toEqual(expect.arrayContaining(own));
});

const stackFile = `
name: shop
region: us-east-1
contract: ssm:/dagster/shop/contract
images:
  host: { repository: shop/host, build: { dockerfile: Dockerfile } }
  code: { repository: shop/code, build: { dockerfile: Dockerfile } }
services:
  webserver: { kind: webserver, image: host }
  daemon: { kind: daemon, image: host }
  code: { kind: code-location, image: code, location: shop, module: shop }
migrations: [{ name: instance, tool: dagster, image: host }]
gates: { reach: task }
`;

/** Order means nothing in a policy. */
const sorted = ({ Statement }: Pick<Policy, "Statement">): readonly object[] =>
  Statement.map((statement) => ({
    ...statement,
    Action: [...statement.Action].sort(),
    Resource: [...statement.Resource].sort(),
  })).sort((a, b) => a.Sid.localeCompare(b.Sid));

test.each([
  ["shop-github-deploy", ["deploy", "rollback", "status", "unlock"]],
  ["shop-github-plan", ["plan", "status"]],
  ["shop-github-build", ["build-push-image"]],
  ["shop-dags-shop", ["sync-dags"]],
])("for those without OpenTofu, the command line prints the policy of %s", (role, commands) => {
  const variables = {};
  const read = parseStackFile(stackFile, "dagster-stack.yml", { environment: "production", variables });
  const where = { environment: "production", account: "111122223333", region: "us-east-1", variables };
  const stack = resolveStack(read, { ...where, contract: parseContract(contract, "contract") });
  const object = { bucket: "example-shop-dagster", key: "contracts/shop.json" };
  const address = { parameter: "/dagster/shop/contract", object };
  const names = policyNames(stack, { address, contents: [], bases: [] });
  const printed = parsePolicy(JSON.stringify(policyFor(names, { commands, asked: ["reach-task"] })));
  expect(sorted(printed)).toEqual(sorted(policyOf(role)));
});

describe("AWS's list", () => {
  const { actions } = z
    .object({
      actions: z.record(z.string(), z.object({ resources: z.array(z.string()), conditions: z.array(z.string()) })),
    })
    .parse(JSON.parse(readFileSync("test/infra/iam-actions.json", "utf8")));
  // Its one resource, an instance of EC2, is none that Fargate has.
  const withoutResource = new Set(["ecs:ListTasks"]);

  const statements = (): readonly Policy["Statement"][number][] =>
    [...policies.values()].flatMap(({ Statement }) => Statement);

  test("has every action, as it is spelled", () => {
    const all = statements().flatMap(({ Action }) => Action);
    expect(all.length).toBeGreaterThan(40);
    const listed = permissionsOf((path) => readFileSync(path, "utf8")).permissions.map(({ action }) => action);
    expect([...all, ...listed].filter((action) => !Object.hasOwn(actions, action))).toEqual([]);
  });

  test("knows no resource of the actions that are allowed on everything", () => {
    const onEverything = statements()
      .filter(({ Resource }) => Resource.includes("*"))
      .flatMap(({ Action }) => Action);
    expect(
      onEverything.filter((action) => !withoutResource.has(action) && (actions[action]?.resources.length ?? 1) > 0),
    ).toEqual([]);
  });

  test("fills in every condition that is asked for, so that none denies everything", () => {
    const never = statements().flatMap(({ Action, Condition }) =>
      Object.values(Condition)
        .flatMap((keys) => Object.keys(keys))
        .flatMap((key) =>
          Action.filter((action) => actions[action]?.conditions.includes(key) !== true).map((action) => [action, key]),
        ),
    );
    expect(never).toEqual([]);
  });
});

const here = "us-east-1:111122223333";
const cluster = { "ecs:cluster": `arn:aws:ecs:${here}:cluster/shop` };
const toTasks = { "iam:PassedToService": "ecs-tasks.amazonaws.com" };
const request = (action: string, resource: string, context: Readonly<Record<string, string>> = {}): Request => ({
  action,
  resource,
  context,
});

/** What AWS asks when a release does its work. */
const ofRelease: readonly Request[] = [
  request("ssm:GetParameter", `arn:aws:ssm:${here}:parameter/dagster/shop/contract`),
  request("ssm:DescribeParameters", "*"),
  request("s3:GetObject", "arn:aws:s3:::example-shop-dagster/contracts/shop.json"),
  request("s3:GetObject", "arn:aws:s3:::example-shop-dagster/shop/current.json"),
  request("s3:PutObject", "arn:aws:s3:::example-shop-dagster/shop/lock.json"),
  request("s3:ListBucket", "arn:aws:s3:::example-shop-dagster", { "s3:prefix": "shop/" }),
  request("ecr:GetAuthorizationToken", "*"),
  ...[
    "BatchGetImage",
    "GetDownloadUrlForLayer",
    "BatchCheckLayerAvailability",
    "InitiateLayerUpload",
    "UploadLayerPart",
    "CompleteLayerUpload",
    "PutImage",
  ].map((name) => request(`ecr:${name}`, `arn:aws:ecr:${here}:repository/shop/code`)),
  request("ecs:DescribeServices", `arn:aws:ecs:${here}:service/shop/shop-code`, cluster),
  request("ecs:UpdateService", `arn:aws:ecs:${here}:service/shop/shop-daemon`, cluster),
  request("ecs:ListServiceDeployments", `arn:aws:ecs:${here}:service/shop/shop-webserver`, cluster),
  request("ecs:DescribeServiceDeployments", `arn:aws:ecs:${here}:service-deployment/shop/shop-code/abc`, cluster),
  request("ecs:DescribeServiceRevisions", `arn:aws:ecs:${here}:service-revision/shop/shop-code/123`, cluster),
  request("ecs:StopServiceDeployment", `arn:aws:ecs:${here}:service-deployment/shop/shop-code/abc`, cluster),
  request("ecs:DescribeTaskDefinition", "*"),
  request("ecs:RegisterTaskDefinition", `arn:aws:ecs:${here}:task-definition/shop-run-shop:7`),
  request("ecs:TagResource", `arn:aws:ecs:${here}:task-definition/shop-code:7`, {
    "ecs:CreateAction": "RegisterTaskDefinition",
  }),
  request("ecs:TagResource", `arn:aws:ecs:${here}:task/shop/abc`, { "ecs:CreateAction": "RunTask" }),
  ...["execution", "run", "webserver", "daemon", "code-location"].map((kind) =>
    request("iam:PassRole", `arn:aws:iam::111122223333:role/shop-${kind}`, toTasks),
  ),
  request("ecs:RunTask", `arn:aws:ecs:${here}:task-definition/shop-once-code:1`, {
    ...cluster,
    "ecs:enable-execute-command": "false",
  }),
  request("ecs:DescribeTasks", `arn:aws:ecs:${here}:task/shop/abc`, cluster),
  request("ecs:StopTask", `arn:aws:ecs:${here}:task/shop/abc`, cluster),
  request("ecs:ListTasks", "*", cluster),
  request("logs:GetLogEvents", `arn:aws:logs:${here}:log-group:/dagster/shop/code:log-stream:code/code/abc`),
  request("logs:GetLogEvents", `arn:aws:logs:${here}:log-group:/dagster/shop:log-stream:once/once/abc`),
];

test.each(ofRelease)("a release may $action on $resource", (one) => {
  expect(allowedBy(policyOf("shop-github-deploy"), one)).not.toBeNull();
});

test("every statement of a release is needed for something", () => {
  const used = new Set(
    ofRelease.flatMap((one) =>
      policyOf("shop-github-deploy")
        .Statement.filter((statement) => allowedBy({ Version: "2012-10-17", Statement: [statement] }, one) !== null)
        .map(({ Sid }) => Sid),
    ),
  );
  expect(
    policyOf("shop-github-deploy")
      .Statement.map(({ Sid }) => Sid)
      .filter((sid) => !used.has(sid)),
  ).toEqual([]);
});

test.each([
  request("s3:PutObject", "arn:aws:s3:::example-shop-dagster/contracts/shop.json"),
  request("s3:PutObject", "arn:aws:s3:::example-shop-dagster/other/lock.json"),
  request("s3:GetObject", "arn:aws:s3:::example-shop-dagster/io/asset"),
  request("s3:DeleteObject", "arn:aws:s3:::example-shop-dagster/shop/current.json"),
  request("ssm:GetParameter", `arn:aws:ssm:${here}:parameter/shop/password`),
  request("ecr:PutImage", `arn:aws:ecr:${here}:repository/other`),
  request("ecs:UpdateService", `arn:aws:ecs:${here}:service/shop/other`, cluster),
  request("ecs:UpdateService", `arn:aws:ecs:${here}:service/production/shop-code`, {
    "ecs:cluster": `arn:aws:ecs:${here}:cluster/production`,
  }),
  request("ecs:RegisterTaskDefinition", `arn:aws:ecs:${here}:task-definition/other:1`),
  request("ecs:RunTask", `arn:aws:ecs:${here}:task-definition/shop-run-shop:1`, {
    ...cluster,
    "ecs:enable-execute-command": "false",
  }),
  request("ecs:RunTask", `arn:aws:ecs:${here}:task-definition/shop-once-code:1`, {
    ...cluster,
    "ecs:enable-execute-command": "true",
  }),
  request("ecs:RunTask", `arn:aws:ecs:${here}:task-definition/shop-webserver:7`, {
    ...cluster,
    "ecs:enable-execute-command": "false",
  }),
  request("iam:PassRole", "arn:aws:iam::111122223333:role/Administrator", toTasks),
  request("iam:PassRole", "arn:aws:iam::111122223333:role/shop-run", { "iam:PassedToService": "lambda.amazonaws.com" }),
  request("ecs:TagResource", `arn:aws:ecs:${here}:task-definition/shop-code:7`),
  request("ecs:ListTasks", "*", { "ecs:cluster": `arn:aws:ecs:${here}:cluster/production` }),
  request("ecs:CreateService", `arn:aws:ecs:${here}:service/shop/shop-code`, cluster),
  request("ecs:DeleteService", `arn:aws:ecs:${here}:service/shop/shop-code`, cluster),
])("a release may not $action on $resource", (one) => {
  expect(allowedBy(policyOf("shop-github-deploy"), one)).toBeNull();
});

test.each([
  request("ecs:DescribeServiceRevisions", `arn:aws:ecs:${here}:service-revision/shop/shop-code/123`, cluster),
  request("ecs:ListTasks", "*", cluster),
  request("ecs:DescribeTasks", `arn:aws:ecs:${here}:task/shop/abc`, cluster),
  request("ecr:BatchGetImage", `arn:aws:ecr:${here}:repository/shop/code`),
])("a plan finds out which image a tag means: it may $action on $resource", (one) => {
  expect(allowedBy(policyOf("shop-github-plan"), one)).not.toBeNull();
});

test("a plan may nothing that changes anything", () => {
  expect(
    actionsOf(policyOf("shop-github-plan")).filter((action) => !/:(Get|Describe|List|BatchGet)/.test(action)),
  ).toEqual([]);
});

describe("what Dagster does in its tasks", () => {
  test.each([
    request("ecs:RunTask", `arn:aws:ecs:${here}:task-definition/shop-run-shop:7`, cluster),
    request("iam:PassRole", "arn:aws:iam::111122223333:role/shop-run", toTasks),
    request("iam:PassRole", "arn:aws:iam::111122223333:role/shop-execution", toTasks),
    request("ecs:TagResource", `arn:aws:ecs:${here}:task/shop/abc`, { "ecs:CreateAction": "RunTask" }),
    request("ecs:DescribeTasks", `arn:aws:ecs:${here}:task/shop/abc`, cluster),
    request("ecs:StopTask", `arn:aws:ecs:${here}:task/shop/abc`, cluster),
    request("ecs:DescribeTaskDefinition", "*"),
    request("ec2:DescribeNetworkInterfaces", "*"),
    request("logs:GetLogEvents", `arn:aws:logs:${here}:log-group:/dagster/shop:log-stream:run/run/abc`),
  ])("a daemon may $action", (one) => {
    expect(allowedBy(policyOf("shop-daemon"), one)).not.toBeNull();
  });

  test.each([
    request("ecs:RunTask", `arn:aws:ecs:${here}:task-definition/shop-once-code:1`, cluster),
    request("ecs:UpdateService", `arn:aws:ecs:${here}:service/shop/shop-code`, cluster),
    request("iam:PassRole", "arn:aws:iam::111122223333:role/shop-daemon", toTasks),
    request("s3:GetObject", "arn:aws:s3:::example-shop-dagster/shop/current.json"),
  ])("a daemon may not $action on $resource", (one) => {
    expect(allowedBy(policyOf("shop-daemon"), one)).toBeNull();
  });

  test("a run writes its logs and its data, and nothing else", () => {
    const may = (action: string, key: string): boolean =>
      allowedBy(policyOf("shop-run"), request(action, `arn:aws:s3:::example-shop-dagster/${key}`)) !== null;
    expect(may("s3:PutObject", "compute-logs/a.err")).toBe(true);
    expect(may("s3:PutObject", "io/asset")).toBe(true);
    expect(may("s3:GetObject", "dags/main/abc.tar")).toBe(true);
    expect(may("s3:PutObject", "dags/main/abc.tar")).toBe(false);
    expect(may("s3:PutObject", "shop/lock.json")).toBe(false);
    expect(may("s3:PutObject", "contracts/shop.json")).toBe(false);
  });
});

/** What AWS asks when a location is published. */
const ofPublisher: readonly Request[] = [
  request("s3:GetObject", "arn:aws:s3:::example-shop-dagster/dags/shop/current.json"),
  request("s3:PutObject", "arn:aws:s3:::example-shop-dagster/dags/shop/current.json"),
  request("s3:ListBucket", "arn:aws:s3:::example-shop-dagster", { "s3:prefix": "dags/shop/current.json" }),
];

test.each(ofPublisher)("a publisher may $action on $resource", (one) => {
  expect(allowedBy(policyOf("shop-dags-shop"), one)).not.toBeNull();
});

test.each([
  request("s3:PutObject", "arn:aws:s3:::example-shop-dagster/dags/other/current.json"),
  request("s3:PutObject", "arn:aws:s3:::example-shop-dagster/shop/production/lock.json"),
  request("s3:GetObject", "arn:aws:s3:::example-shop-dagster/contracts/shop.json"),
  request("s3:DeleteObject", "arn:aws:s3:::example-shop-dagster/dags/shop/current.json"),
  request("s3:ListBucket", "arn:aws:s3:::example-shop-dagster", { "s3:prefix": "shop/" }),
  request("ecs:UpdateService", `arn:aws:ecs:${here}:service/shop/shop-code`, cluster),
])("a publisher may not $action on $resource", (one) => {
  expect(allowedBy(policyOf("shop-dags-shop"), one)).toBeNull();
});

describe("the roles of the workflows", () => {
  /** Jobs that sign in, with the first word of their role and how the subject of their token ends. */
  const jobs = ["deploy", "preview", "rollback", "drift"].flatMap((workflow) =>
    Object.entries(workflowSchema.parse(parse(readFileSync(`.github/workflows/${workflow}.yml`, "utf8"))).jobs).flatMap(
      ([job, { environment, steps }]) =>
        steps.flatMap(({ with: inputs }) => {
          const [, role] = /^\$\{\{ inputs\.(\w+)-role \}\}$/.exec(String(inputs["role-to-assume"])) ?? [];
          if (role === undefined) return [];
          const without = workflow === "preview" ? "pull_request" : "ref:refs/heads/main";
          return [{ workflow, job, role, end: environment === undefined ? without : "environment:production" }];
        }),
    ),
  );

  test("are all that there are", () => {
    expect(jobs).toHaveLength(7);
    expect([...new Set(jobs.map(({ role }) => role))].sort()).toEqual(["build", "deploy", "plan"]);
  });

  test.each(jobs)("trust the job $job of $workflow.yml", ({ role, end }) => {
    for (const repository of ["example/shop", "example@1234/shop@5678"]) {
      const sub = `repo:${repository}:${end}`;
      expect({ role, sub, trusted: trusted(`shop-github-${role}`, sub) }).toEqual({ role, sub, trusted: true });
    }
  });

  test("trust no other branch", () => {
    for (const role of ["plan", "build", "deploy"]) {
      expect(trusted(`shop-github-${role}`, "repo:example/shop:ref:refs/heads/feature")).toBe(false);
    }
  });

  test("make no image for a pull request", () => {
    expect(trusted("shop-github-build", "repo:example/shop:pull_request")).toBe(false);
  });
});

describe("who may assume a role from GitHub", () => {
  test.each(["repo:example/shop:environment:production", "repo:example@1234/shop@5678:environment:production"])(
    "a job of the environment releases: %s",
    (sub) => expect(trusted("shop-github-deploy", sub)).toBe(true),
  );

  test.each([
    "repo:example/shop:pull_request",
    "repo:example/shop:ref:refs/heads/main",
    "repo:example/shop:environment:staging",
    "repo:example/shop-2:environment:production",
    "repo:example@1/shop@5678:environment:production",
  ])("nobody else does: %s", (sub) => expect(trusted("shop-github-deploy", sub)).toBe(false));

  test("a repository publishes its DAGs from its branch", () => {
    expect(trusted("shop-dags-shop", "repo:example/shop-assets:ref:refs/heads/main")).toBe(true);
    expect(trusted("shop-dags-shop", "repo:example/shop-assets:pull_request")).toBe(false);
    expect(trusted("shop-dags-shop", "repo:example/shop:ref:refs/heads/main")).toBe(false);
  });

  test("a pull request plans, and a token for somebody else does not", () => {
    expect(trusted("shop-github-plan", "repo:example/shop:pull_request")).toBe(true);
    expect(trusted("shop-github-plan", "repo:example/shop:environment:production")).toBe(false);
    expect(
      trusted("shop-github-deploy", "repo:example/shop:environment:production", "https://github.com/example"),
    ).toBe(false);
  });
});
