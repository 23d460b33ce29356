import { createAgent } from "../../local-aws/runtimes/tasks/agent.ts";
import type { StepResult } from "../../runner/run-step.ts";
import type { ListenerRule } from "../../local-aws/neighbours/state.ts";
import { type Checkout, checkOut, type SmallStack, startSmallStack, stackFile, writesOf } from "./small-stack.ts";

// The root action as a process, with `verify`: everything is there, and then one thing after another is not.

let small: SmallStack;
let checkout: Checkout;

beforeAll(async () => {
  small = await startSmallStack();
  checkout = await checkOut(small);
});
afterAll(async () => {
  await checkout.remove();
  await small.bed.close();
});

const ids = [
  "image-missing",
  "log-group-missing",
  "not-checked",
  "role-right-missing",
  "role-unfit",
  "secret-key-missing",
  "secret-missing",
  "subnet-unfit",
  "target-group-unfit",
  "webserver-public",
];

async function verified(verify = "true", command = "plan"): Promise<StepResult> {
  return checkout.run({ with: { command, verify, "on-plan-change": "continue" } });
}

/** What it says of the checks of this page, and whether that stops a release. */
function told({ summary, exitCode }: StepResult): {
  readonly found: readonly string[];
  readonly exitCode: number | null;
} {
  const found = [...summary.matchAll(/\*\*(\w+)\*\* `([a-z-]+)`: (.*)/g)].flatMap(
    ([, level = "", id = "", text = ""]) => (ids.includes(id) ? [`${level} ${id}: ${text}`] : []),
  );
  return { found, exitCode };
}

const agent = () => createAgent(small.bed.url, small.bed.region, "infrastructure");

test("nothing is found where everything is there, with 60 calls at most, all of them reads", async () => {
  const since = small.bed.calls.length;
  expect(told(await verified("secret-keys"))).toEqual({ found: [], exitCode: 0 });
  const calls = small.bed.calls.slice(since).filter(({ service }) => service !== "registry");
  expect(calls.length).toBeLessThanOrEqual(60);
  expect(calls.map(({ operation }) => operation)).toEqual(
    expect.arrayContaining([
      "DescribeSecret",
      "GetSecretValue",
      "GetRole",
      "SimulatePrincipalPolicy",
      "DescribeLogGroups",
      "DescribeTargetGroups",
      "DescribeSubnets",
    ]),
  );
  expect(calls.filter(({ operation }) => !/^(Get|Describe|List|Head|Simulate)/.test(operation))).toEqual([]);
});

test("values of secrets are read only when that is asked for", async () => {
  const since = small.bed.calls.length;
  await verified();
  expect(small.bed.calls.slice(since).map(({ operation }) => operation)).not.toContain("GetSecretValue");
});

test("without it nobody is asked", async () => {
  const since = small.bed.calls.length;
  await verified("false");
  expect(small.bed.calls.slice(since).map(({ operation }) => operation)).not.toContain("GetRole");
});

test("a key that a secret does not have", async () => {
  await checkout.write(
    "dagster-stack.yml",
    stackFile((text) => `${text}secrets: { TOKEN: "secret:small/database#token" }\n`),
  );
  const { found, exitCode } = told(await verified("secret-keys"));
  expect(exitCode).toBe(1);
  expect(found).toEqual([
    expect.stringContaining("error secret-key-missing: Secret small/database has no key token: it has password."),
  ]);
  await checkout.write("dagster-stack.yml", stackFile());
});

test("secrets and parameters that are not there stop a deploy before its first write", async () => {
  await checkout.write(
    "dagster-stack.yml",
    stackFile((text) => `${text}secrets: { TOKEN: "secret:small/token", KEY: "ssm:/small/key" }\n`),
  );
  checkout.commit("Name secrets");
  const since = small.bed.calls.length;
  const { found, exitCode } = told(await verified("true", "deploy"));
  expect(exitCode).toBe(1);
  expect(found).toHaveLength(2);
  expect(found.join("\n")).toContain("There is no SSM parameter /small/key");
  expect(found.join("\n")).toContain("There is no secret small/token");
  expect(writesOf(small, since)).toEqual([]);
  await agent()("ssm", "PutParameter", { Name: "/small/key", Value: "x", Type: "SecureString" });
  await agent()("secretsmanager", "CreateSecret", { Name: "small/token", SecretString: "x" });
  expect(told(await verified())).toEqual({ found: [], exitCode: 0 });
  await checkout.write("dagster-stack.yml", stackFile());
  checkout.commit("Name none");
});

test("a role that is not there, one that is not for tasks, and rights that are missing", async () => {
  const { roles } = small.bed.aws.neighbours;
  const before = new Map(roles);
  const of = (name: string) => {
    const role = roles.get(name);
    if (role === undefined) throw new Error(`no role ${name}`);
    return role;
  };
  roles.delete("small-run");
  roles.set("small-webserver", {
    ...of("small-webserver"),
    trustPolicy: of("small-webserver").trustPolicy.replace("ecs-tasks", "lambda"),
  });
  const statement = { Sid: "Some", Effect: "Allow", Resource: "*" };
  const policy = (...actions: readonly string[]): string =>
    JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, Action: actions }] });
  roles.set("small-execution", { ...of("small-execution"), policy: policy("ecr:*", "logs:*") });
  roles.set("small-daemon", { ...of("small-daemon"), policy: policy("iam:PassRole") });
  try {
    const { found, exitCode } = told(await verified());
    expect(exitCode).toBe(1);
    expect(found.map((text) => text.replace(/ on arn.*| for tasks.*|: no task.*/, ""))).toEqual([
      "error role-unfit: There is no role small-run",
      "error role-unfit: ECS may not take on the role small-webserver",
      "error role-right-missing: No policy of role small-daemon allows it ecs:RunTask",
      "warning role-right-missing: No policy of role small-execution allows it secretsmanager:GetSecretValue",
    ]);
  } finally {
    for (const [name, role] of before) roles.set(name, role);
  }
});

test("a policy names a secret by its name and what AWS appends to it", async () => {
  const { roles } = small.bed.aws.neighbours;
  const before = roles.get("small-execution");
  if (before === undefined) throw new Error("no execution role");
  const arn = `arn:aws:secretsmanager:${small.bed.region}:${small.bed.account}:secret:small/database-??????`;
  const allow = (Sid: string, Action: readonly string[], Resource: string) => ({
    Sid,
    Effect: "Allow",
    Action,
    Resource,
  });
  const statements = [allow("Some", ["ecr:*", "logs:*"], "*"), allow("Secret", ["secretsmanager:GetSecretValue"], arn)];
  roles.set("small-execution", { ...before, policy: JSON.stringify({ Version: "2012-10-17", Statement: statements }) });
  try {
    expect(told(await verified())).toEqual({ found: [], exitCode: 0 });
  } finally {
    roles.set("small-execution", before);
  }
});

test("log group, target group and subnets that are not there, or do not fit", async () => {
  const { subnets, targetGroups, loadBalancers } = small.bed.aws.neighbours;
  const saved = [new Map(subnets), new Map(targetGroups), new Map(loadBalancers)] as const;
  const group = { logGroupName: "/dagster/small" };
  await agent()("logs", "DeleteLogGroup", group);
  const [subnet = ""] = subnets.keys();
  subnets.delete(subnet);
  loadBalancers.clear();
  try {
    const { found } = told(await verified());
    expect(found.map((text) => text.replace(/[:,] (no|in which|ECS).*/, ""))).toEqual([
      "error log-group-missing: There is no log group /dagster/small",
      `error subnet-unfit: There is no subnet ${subnet}`,
      "error target-group-unfit: Target group small-webserver belongs to no load balancer",
    ]);
    targetGroups.clear();
    expect(told(await verified()).found.join("\n")).toContain("There is no target group");
  } finally {
    await agent()("logs", "CreateLogGroup", group);
    for (const [id, one] of saved[0]) subnets.set(id, one);
    for (const [arn, one] of saved[1]) targetGroups.set(arn, one);
    for (const [arn, one] of saved[2]) loadBalancers.set(arn, one);
  }
});

test("a webserver that everybody on the internet reaches, until somebody asks him for a login, or lets in some only", async () => {
  const { loadBalancers, securityGroups } = small.bed.aws.neighbours;
  const saved = [new Map(loadBalancers), new Map(securityGroups)] as const;
  const [[id, balancer] = ["", undefined]] = loadBalancers;
  const group = balancer?.securityGroupIds[0] ?? "";
  const before = securityGroups.get(group);
  if (balancer === undefined || before === undefined) throw new Error("no load balancer, or no group of it");
  const face = (change: Partial<ListenerRule> | { readonly login: "authenticate-oidc" }): void => {
    const listeners = balancer.listeners.map((listener) => ({
      ...listener,
      rules: listener.rules.map((rule) =>
        "login" in change
          ? { ...rule, action: { ...rule.action, ...change } as typeof rule.action }
          : { ...rule, ...change },
      ),
    }));
    loadBalancers.set(id, { ...balancer, scheme: "internet-facing", listeners });
  };
  const letIn = (cidr: string): void => {
    const rule = { protocol: "tcp" as const, fromPort: 80, toPort: 80, cidrs: [cidr], groupIds: [] };
    securityGroups.set(group, { ...before, ingress: [rule] });
  };
  try {
    letIn("0.0.0.0/0");
    expect(told(await verified()).found).toEqual([]);
    face({});
    const since = small.bed.calls.length;
    const { found, exitCode } = told(await verified());
    expect(found).toEqual([
      expect.stringMatching(
        /^warning webserver-public: Everybody on the internet reaches the webserver, at port 80 of load balancer small-webserver, and nobody asks/,
      ),
    ]);
    expect(exitCode).toBe(0);
    expect(small.bed.calls.slice(since).filter(({ service }) => service !== "registry").length).toBeLessThanOrEqual(60);
    face({ login: "authenticate-oidc" });
    expect(told(await verified()).found).toEqual([]);
    face({ from: ["203.0.113.0/24"] });
    expect(told(await verified()).found).toEqual([]);
    face({});
    letIn("203.0.113.0/24");
    expect(told(await verified()).found).toEqual([]);
  } finally {
    for (const [arn, one] of saved[0]) loadBalancers.set(arn, one);
    for (const [name, one] of saved[1]) securityGroups.set(name, one);
  }
});

test("a check that lacks a right says which, and stops nothing", async () => {
  const stop = small.bed.aws.faults.inject({ on: "iam:*", what: { kind: "access-denied" } });
  try {
    const { found, exitCode } = told(await verified());
    expect(exitCode).toBe(0);
    expect(found).toContainEqual(expect.stringMatching(/^notice not-checked: Not verified: .*iam:GetRole/));
    expect(found).toContainEqual(expect.stringMatching(/^notice not-checked: .*iam:SimulatePrincipalPolicy/));
  } finally {
    stop();
  }
});
