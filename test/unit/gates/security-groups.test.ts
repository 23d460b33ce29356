import { ec2 } from "../../../src/aws/ec2.ts";
import { elb } from "../../../src/aws/elb.ts";
import type { GateResult } from "../../../src/gates/gate.ts";
import { type NetworkedService, securityGroupsGate } from "../../../src/gates/security-groups.ts";
import { judgeWay, openToAll, type Rule } from "../../../src/gates/security-groups/judge.ts";
import { documentedWith, neededBy } from "../../contract/actions/documented-permissions.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import type { SecurityRule } from "../../local-aws/neighbours/state.ts";
import { testContext } from "../context.ts";
import { addTargetGroup } from "../local-aws/load-balanced.ts";
import { openStage } from "../local-aws/stage.ts";

const rule = (given: Partial<Rule>): Rule => ({
  protocol: "tcp",
  ports: { from: 4000, to: 4000 },
  cidrs: [],
  groups: [],
  prefixLists: [],
  ...given,
});
const all = rule({ protocol: "-1", ports: null, cidrs: ["0.0.0.0/0"] });
const from = { name: "webserver", groups: ["sg-web"], cidrs: ["10.0.1.0/24", "10.0.2.0/24"] };
const to = { name: "code", groups: ["sg-code"], cidrs: ["10.0.1.0/24"] };

/** @param ingress of the code location's group @param egress of the webserver's */
const judged = (ingress: readonly Rule[], egress: readonly Rule[] = [all], ends = { from, to }) =>
  judgeWay(
    { "sg-web": { ingress: [], egress }, "sg-code": { ingress, egress: [] }, "sg-x": { ingress: [], egress: [all] } },
    { ...ends, port: 4000 },
  );

test.each<[string, readonly Rule[], "open" | "closed" | "unknown"]>([
  ["nothing", [], "closed"],
  ["the group", [rule({ groups: ["sg-web"] })], "open"],
  ["the group, by every protocol", [rule({ protocol: "-1", ports: null, groups: ["sg-web"] })], "open"],
  ["the group, by TCP's number", [rule({ protocol: "6", groups: ["sg-web"] })], "open"],
  ["the group, by UDP", [rule({ protocol: "udp", groups: ["sg-web"] })], "closed"],
  ["the group, on a range around it", [rule({ ports: { from: 3000, to: 5000 }, groups: ["sg-web"] })], "open"],
  ["the group, on another port", [rule({ ports: { from: 3000, to: 3999 }, groups: ["sg-web"] })], "closed"],
  ["another group", [rule({ groups: ["sg-x"] })], "closed"],
  ["both subnets", [rule({ cidrs: ["10.0.0.0/16"] })], "open"],
  ["each subnet by itself", [rule({ cidrs: ["10.0.1.0/24", "10.0.2.0/24"] })], "open"],
  ["one of two subnets", [rule({ cidrs: ["10.0.1.0/24"] })], "closed"],
  ["a part of the subnets", [rule({ cidrs: ["10.0.1.0/25", "10.0.2.0/24"] })], "closed"],
  ["everybody", [rule({ cidrs: ["0.0.0.0/0"] })], "open"],
  ["IPv6 alone", [rule({ cidrs: ["::/0"] })], "closed"],
  ["a prefix list", [rule({ prefixLists: ["pl-1"] })], "unknown"],
  ["a prefix list, on another port", [rule({ ports: { from: 1, to: 2 }, prefixLists: ["pl-1"] })], "closed"],
])("a connection that is let out is judged by who is let in: %s", (_, ingress, kind) => {
  expect(judged(ingress).kind).toBe(kind);
});

test.each<[string, readonly Rule[], "open" | "closed" | "unknown"]>([
  ["nothing", [], "closed"],
  ["to the group", [rule({ groups: ["sg-code"] })], "open"],
  ["to another port", [rule({ ports: { from: 443, to: 443 }, cidrs: ["0.0.0.0/0"] })], "closed"],
])("and it must be let out: %s", (_, egress, kind) => {
  expect(judged([rule({ groups: ["sg-web"] })], egress).kind).toBe(kind);
});

test("what is closed is told with the group, the port and the rule to add", () => {
  expect(judged([])).toEqual({
    kind: "closed",
    why: "sg-code of code does not let in webserver on TCP port 4000",
    fix: "Add an inbound rule to sg-code: TCP 4000, from sg-web.",
  });
  expect(judged([], [])).toMatchObject({ why: "sg-web of webserver does not let out to code on TCP port 4000" });
});

test("of whom nobody knows the groups, nobody says that he is reached", () => {
  const base = { name: "the database", groups: [], cidrs: [] };
  expect(judged([], [all], { from, to: base }).kind).toBe("unknown");
  expect(judged([], [rule({ groups: ["sg-x"] })], { from, to: base }).kind).toBe("unknown");
  expect(judged([], [], { from, to: base }).kind).toBe("closed");
});

test("a rule for everybody is seen, on any port", () => {
  const groups = {
    "sg-code": {
      ingress: [rule({ cidrs: ["0.0.0.0/0"] }), rule({ ports: null, cidrs: ["::/0", "10.0.0.0/8"] })],
      egress: [],
    },
  };
  expect(openToAll(groups, to)).toEqual([
    "sg-code of code lets in 0.0.0.0/0 on port 4000",
    "sg-code of code lets in ::/0 on every port",
  ]);
});

test.each(["icmp", "1", "icmpv6", "58"])("messages of the network, %s, open no port", (protocol) => {
  const ingress = [rule({ protocol, ports: { from: 3, to: 4 }, cidrs: ["0.0.0.0/0", "::/0"] })];
  expect(openToAll({ "sg-code": { ingress, egress: [] } }, to)).toEqual([]);
});

const place = { file: "dagster-stack.yml", line: 7, column: 5 };
const tcp = (port: number, ...groups: readonly string[]): SecurityRule => ({
  protocol: "tcp",
  fromPort: port,
  toPort: port,
  groups,
});

/** A webserver behind a load balancer, a daemon, a code location and a database, each with a group of its own. */
async function ask(
  changes: Readonly<Record<string, readonly SecurityRule[]>> = {},
  fault: string | null = null,
  databaseGroups: readonly string[] = ["sg-database"],
  frontGroups: readonly string[] = ["sg-front"],
  hasTargetGroup = true,
): Promise<GateResult & { readonly called: readonly string[] }> {
  const { aws, clock } = await openStage();
  const { neighbours } = aws;
  const target = addTargetGroup(aws);
  const balancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/front/1";
  neighbours.loadBalancers.clear();
  neighbours.loadBalancers.set(balancer, {
    arn: balancer,
    name: "front",
    dnsName: "front.example",
    scheme: "internal",
    vpcId: "vpc-1",
    subnetIds: ["subnet-1"],
    securityGroupIds: frontGroups,
    listeners: [
      {
        arn: `${balancer}/1`,
        port: 80,
        protocol: "HTTP",
        rules: [{ arn: `${balancer}/1/1`, priority: "default", action: { kind: "forward", targetGroupArn: target } }],
      },
    ],
  });
  neighbours.subnets.set("subnet-1", { id: "subnet-1", vpcId: "vpc-1", cidr: "10.0.1.0/24", availabilityZone: "a" });
  const ingress: Readonly<Record<string, readonly SecurityRule[]>> = {
    "sg-front": [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrs: ["0.0.0.0/0"] }],
    "sg-web": [tcp(3000, "sg-front")],
    "sg-daemon": [],
    "sg-code": [tcp(4000, "sg-web", "sg-daemon")],
    "sg-database": [tcp(5432, "sg-web", "sg-daemon", "sg-code")],
    ...changes,
  };
  for (const [id, rules] of Object.entries(ingress))
    neighbours.securityGroups.set(id, {
      id,
      name: id,
      vpcId: "vpc-1",
      ingress: rules,
      egress: [{ protocol: "-1", cidrs: ["0.0.0.0/0"] }],
    });
  if (fault !== null) aws.faults.inject({ on: fault, what: { kind: "access-denied" } });
  const service = (key: string, kind: NetworkedService["kind"], port: number | null, group: string) => ({
    key,
    kind,
    port,
    securityGroups: [group],
    subnets: ["subnet-1"],
    targetGroups: kind === "webserver" ? [target] : [],
  });
  if (!hasTargetGroup) neighbours.targetGroups.clear();
  const { context } = testContext(clock);
  const settings = {
    region: aws.region,
    credentials: { accessKeyId: "product", secretAccessKey: "x" },
    requestHandler: inProcessHandler(aws),
  };
  const clients = { ec2: ec2(context, settings), elb: elb(context, settings) };
  const gate = securityGroupsGate(clients, context, {
    stack: "shop",
    place,
    services: [
      service("webserver", "webserver", 3000, "sg-web"),
      service("daemon", "daemon", null, "sg-daemon"),
      service("code", "code-location", 4000, "sg-code"),
    ],
    database: { port: 5432, securityGroups: databaseGroups },
    timeoutSeconds: 60,
  });
  const result = await clock.run(gate);
  return { ...result, called: neededBy(aws.calls, "product") };
}

test("the gate passes when everybody reaches whom he must: the load balancer may be open to all", async () => {
  expect(await ask()).toMatchObject({ cause: null, seen: "6 of 6 ways are open", findings: [] });
});

test("it calls what is written of it, and no more", async () => {
  const documented = documentedWith("With `gates: { expect: { security-groups: true } }`");
  expect((await ask()).called).toEqual([...documented].sort());
});

test.each<[string, Readonly<Record<string, readonly SecurityRule[]>>, string, string]>([
  [
    "the load balancer may not reach the webserver",
    { "sg-web": [tcp(3000, "sg-other")] },
    "security-group-closed",
    "sg-web of webserver does not let in load balancer front on TCP port 3000",
  ],
  [
    "the daemon may not reach the code",
    { "sg-code": [tcp(4000, "sg-web")] },
    "security-group-closed",
    "sg-code of code does not let in daemon on TCP port 4000",
  ],
  [
    "code may not reach the database",
    { "sg-database": [tcp(5432, "sg-web", "sg-daemon")] },
    "security-group-closed",
    "sg-database of the database does not let in code on TCP port 5432",
  ],
  [
    "everybody reaches the webserver past the load balancer",
    { "sg-web": [tcp(3000, "sg-front"), { protocol: "tcp", fromPort: 3000, toPort: 3000, cidrs: ["0.0.0.0/0"] }] },
    "security-group-open",
    "sg-web of webserver lets in 0.0.0.0/0 on port 3000",
  ],
])("it fails when %s", async (_, changes, id, words) => {
  const { cause } = await ask(changes);
  expect(cause?.id).toBe(id);
  expect(cause?.what).toContain(words);
  expect(cause?.fix).not.toBe("");
});

test("services that share their host's network have no groups, which is said, and nothing is read", async () => {
  const refuse = (): Promise<never> => Promise.reject(new Error("nobody asks"));
  const { context, clock } = testContext();
  const expected = { stack: "shop", place, services: [], database: null, timeoutSeconds: 60 };
  const result = await clock.run(securityGroupsGate({ ec2: refuse, elb: refuse }, context, expected));
  expect(result).toMatchObject({ cause: null, findings: [{ id: "not-checked", where: place }] });
});

test("a database whose groups the contract does not name is said not to be looked at", async () => {
  const { cause, seen, findings } = await ask({}, null, []);
  expect([cause, seen]).toEqual([null, "3 of 6 ways are open"]);
  expect(findings).toHaveLength(3);
  expect(findings?.[0]).toMatchObject({ id: "not-checked", where: place });
  expect(findings?.[0]?.what).toContain("the security groups of the database are not known");
});

test.each(["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "elasticloadbalancing:DescribeLoadBalancers"])(
  "who may not call %s hears that nothing was looked at, and which right is missing",
  async (action) => {
    const { cause, findings } = await ask({}, action);
    expect(cause).toBeNull();
    expect(findings).toEqual([
      expect.objectContaining({
        id: "not-checked",
        level: "notice",
        what: expect.stringContaining("Security groups were not looked at") as string,
        fix: expect.stringContaining(action) as string,
      }),
    ]);
  },
);

test("a group of the database that is deleted is said, and fails nothing", async () => {
  const { cause, seen, findings } = await ask({}, null, ["sg-deleted"]);
  expect([cause, seen]).toEqual([null, "3 of 6 ways are open"]);
  expect(findings?.[0]).toMatchObject({
    id: "not-checked",
    what: expect.stringContaining("EC2 has no sg-deleted of the database") as string,
    fix: expect.stringContaining("sg-deleted") as string,
  });
});

test.each<[string, readonly SecurityRule[]]>([
  ["a range", [{ protocol: "tcp", fromPort: 3000, toPort: 3000, cidrs: ["10.0.0.0/8"] }]],
  ["everybody, whose addresses it hands on", [{ protocol: "tcp", fromPort: 3000, toPort: 3000, cidrs: ["0.0.0.0/0"] }]],
])(
  "of a network load balancer without groups it is said that nobody can tell; its webserver lets in %s",
  async (_, rules) => {
    const { cause, findings } = await ask({ "sg-web": rules }, null, ["sg-database"], []);
    expect(cause).toBeNull();
    expect(findings).toEqual([
      expect.objectContaining({
        what: expect.stringContaining("the security groups of load balancer front are not known") as string,
      }),
    ]);
  },
);

test("a target group that is deleted is said, and fails nothing", async () => {
  const { cause, findings } = await ask({}, null, ["sg-database"], ["sg-front"], false);
  expect(cause).toBeNull();
  expect(findings).toEqual([
    expect.objectContaining({
      id: "not-checked",
      what: expect.stringContaining("Security groups were not looked at") as string,
    }),
  ]);
});
