/** What GitHub says of a job. Source: https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims */
export interface IdentityClaims {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly jti: string;
  /** Seconds since 1970. */
  readonly exp: number;
}

const usual: IdentityClaims = {
  iss: "https://token.actions.githubusercontent.com",
  aud: "sts.amazonaws.com",
  sub: "repo:owner/small:ref:refs/heads/main",
  jti: "1",
  exp: Date.parse("2100-01-01T00:00:00Z") / 1000,
};

/** An identity token as GitHub makes them, but for its signature, which nobody here looks at. */
export function identityTokenOf(claims: Partial<IdentityClaims> = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return [part({ typ: "JWT", alg: "RS256" }), part({ ...usual, ...claims }), "bm90LXNpZ25lZA"].join(".");
}

/** The trust policy of a role for jobs that are this subject. Source: docs/permissions.md, which shows it to users. */
export function trustPolicyFor(account: string, subject: string): string {
  const provider = "token.actions.githubusercontent.com";
  const statement = {
    Effect: "Allow",
    Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${provider}` },
    Action: "sts:AssumeRoleWithWebIdentity",
    Condition: { StringEquals: { [`${provider}:aud`]: usual.aud, [`${provider}:sub`]: subject } },
  };
  return JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
}
