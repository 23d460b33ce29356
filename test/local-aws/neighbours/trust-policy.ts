import * as z from "zod";

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const policySchema = z.object({
  Statement: z.array(
    z.strictObject({
      Sid: z.string().optional(),
      Effect: z.enum(["Allow", "Deny"]),
      Principal: z.record(z.string(), oneOrMore),
      Action: oneOrMore,
      Condition: z
        .strictObject({
          StringEquals: z.record(z.string(), oneOrMore).default({}),
          StringLike: z.record(z.string(), oneOrMore).default({}),
        })
        .default({ StringEquals: {}, StringLike: {} }),
    }),
  ),
});

/** What an identity token says, as far as policies ask for it. */
export interface TokenClaims {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
}

/**
 * Does a role's trust policy let the bearer of a token assume it? Of conditions only `StringEquals` and `StringLike` on `aud` and
 * `sub` are played, and everything else in a policy is refused aloud.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
 */
export function trusts(policy: string, account: string, { iss, aud, sub }: TokenClaims): boolean {
  const provider = iss.replace(/^https:\/\//, "");
  const claims = new Map([
    [`${provider}:aud`, aud],
    [`${provider}:sub`, sub],
  ]);
  const holds = (wanted: Readonly<Record<string, readonly string[]>>, like: boolean): boolean =>
    Object.entries(wanted).every(([key, values]) => {
      const claim = claims.get(key);
      return claim !== undefined && values.some((value) => (like ? glob(value).test(claim) : value === claim));
    });
  const concerned = policySchema
    .parse(JSON.parse(policy))
    .Statement.filter(
      ({ Principal, Action, Condition }) =>
        (Principal["Federated"] ?? []).includes(`arn:aws:iam::${account}:oidc-provider/${provider}`) &&
        Action.includes("sts:AssumeRoleWithWebIdentity") &&
        holds(Condition.StringEquals, false) &&
        holds(Condition.StringLike, true),
    );
  return concerned.length > 0 && concerned.every(({ Effect }) => Effect === "Allow");
}

function glob(pattern: string): RegExp {
  const parts = pattern.split(/([*?])/).map((part) => (part === "*" ? ".*" : part === "?" ? "." : RegExp.escape(part)));
  return new RegExp(`^${parts.join("")}$`, "s");
}
