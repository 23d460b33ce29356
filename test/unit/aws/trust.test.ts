import { readFileSync } from "node:fs";
import { claimsOf } from "../../../src/aws/trust.ts";
import { identityTokenOf } from "../../github/identity-token.ts";
import { trusts } from "../../local-aws/neighbours/trust-policy.ts";

test("the claims of a token are read as they stand there", () => {
  expect(claimsOf(identityTokenOf({ sub: "repo:owner/ümlaut:environment:x" }))).toEqual({
    issuer: "https://token.actions.githubusercontent.com",
    audience: "sts.amazonaws.com",
    subject: "repo:owner/ümlaut:environment:x",
  });
});

test.each(["", "a.b.c", "a", `x.${Buffer.from('{"sub":1}').toString("base64url")}.y`])(
  "what is no identity token has none: %j",
  (token) => expect(claimsOf(token)).toBeNull(),
);

describe("the trust policy that docs/permissions.md shows", () => {
  const [, policy = ""] = /```json\n([^]*?)```/.exec(readFileSync("docs/permissions.md", "utf8")) ?? [];
  const claims = { iss: "https://token.actions.githubusercontent.com", aud: "sts.amazonaws.com" };

  test.each(["repo:example/data:environment:production", "repo:example@1234/data@5678:environment:production"])(
    "trusts %s",
    (sub) => expect(trusts(policy, "123456789012", { ...claims, sub })).toBe(true),
  );

  test.each([
    "repo:example/data:pull_request",
    "repo:example/data:ref:refs/heads/main",
    "repo:example/data:environment:production-2",
    "repo:other/data:environment:production",
    "repo:example@1/data@5678:environment:production",
  ])("does not trust %s", (sub) => expect(trusts(policy, "123456789012", { ...claims, sub })).toBe(false));

  test("does not trust a token that was made for somebody else", () => {
    const sub = "repo:example/data:environment:production";
    expect(trusts(policy, "123456789012", { ...claims, aud: "https://github.com/example", sub })).toBe(false);
  });
});
