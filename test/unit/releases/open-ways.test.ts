import type { ListenerRule } from "../../../src/aws/elb.ts";
import { letsEverybodyIn } from "../../../src/gates/security-groups/judge.ts";
import { isOpenWay } from "../../../src/releases/verify/open-ways.ts";

const there = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1";
const elsewhere = there.replace("/web/", "/api/");
const forward = { Type: "forward", TargetGroupArn: there };

test.each<[what: string, rule: ListenerRule, isOpen: boolean]>([
  ["sends there", { Actions: [forward] }, true],
  ["sends elsewhere", { Actions: [{ ...forward, TargetGroupArn: elsewhere }] }, false],
  ["redirects", { Actions: [{ Type: "redirect" }] }, false],
  [
    "sends a part of all requests there",
    {
      Actions: [
        {
          Type: "forward",
          ForwardConfig: { TargetGroups: [elsewhere, there].map((TargetGroupArn) => ({ TargetGroupArn })) },
        },
      ],
    },
    true,
  ],
  ["asks for a login by OIDC", { Actions: [{ Type: "authenticate-oidc" }, forward] }, false],
  ["asks for a login by Cognito", { Actions: [{ Type: "authenticate-cognito" }, forward] }, false],
  ["asks for a token", { Actions: [{ Type: "jwt-validation" }, forward] }, false],
  ["is for one host, which everybody may name", { Conditions: [{ Field: "host-header" }], Actions: [forward] }, true],
  ["is for some addresses", { Conditions: [{ Field: "source-ip" }], Actions: [forward] }, false],
  ["is for who knows a header", { Conditions: [{ Field: "http-header" }], Actions: [forward] }, false],
])("a rule that %s", (_, rule, isOpen) => {
  expect(isOpenWay(rule, there)).toBe(isOpen);
});

const rule = { protocol: "tcp", ports: { from: 443, to: 443 }, cidrs: ["0.0.0.0/0"], groups: [], prefixLists: [] };

test.each([
  ["everybody at that port", rule, true],
  ["everybody by IPv6", { ...rule, cidrs: ["::/0"] }, true],
  ["everybody at every port", { ...rule, protocol: "-1", ports: null }, true],
  ["everybody at another port", { ...rule, ports: { from: 80, to: 80 } }, false],
  ["one block", { ...rule, cidrs: ["10.0.0.0/8"] }, false],
])("a security group that lets in %s", (_, ingress, isOpen) => {
  const groups = { "sg-1": { ingress: [ingress], egress: [] } };
  expect(letsEverybodyIn(groups, ["sg-0", "sg-1"], 443)).toBe(isOpen);
});
