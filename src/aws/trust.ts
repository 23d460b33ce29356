import * as z from "zod";
import type { Advice } from "../domain/errors.ts";
import type { AwsError } from "./error.ts";

/** What an identity token says of its job; all that a trust policy usually asks for. */
export interface Claims {
  /** `https://token.actions.githubusercontent.com` */
  readonly issuer: string;
  /** For whom it is: `sts.amazonaws.com`. */
  readonly audience: string;
  /** `repo:owner/name:environment:production` */
  readonly subject: string;
}

const claimsSchema = z.object({ iss: z.string(), aud: z.string(), sub: z.string() });

/**
 * Reads the claims of a token without verifying it: they are told to the user, and nothing is decided by them.
 * @returns null when it is none that can be read
 */
export function claimsOf(token: string): Claims | null {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    const { iss, aud, sub } = claimsSchema.parse(payload);
    return { issuer: iss, audience: aud, subject: sub };
  } catch {
    return null;
  }
}

/**
 * What to do when STS does not accept an identity token for a role. The token itself is never part of it.
 * Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html (errors) and
 * https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws (trust policy)
 * @param role its ARN
 * @returns null when that is not what went wrong
 */
export function trustAdvice(role: string, error: AwsError, token: string): Advice | null {
  const claims = claimsOf(token);
  const { where } = error;
  switch (error.code) {
    case "AccessDenied":
      return {
        what: `AWS does not let this job assume the role ${role}: its trust policy does not allow it, or there is no such role.`,
        where,
        fix: `Check the ARN, and let the trust policy of the role allow sts:AssumeRoleWithWebIdentity under a condition that ${saying(claims)}`,
      };
    case "InvalidIdentityToken":
      return {
        what: `The account of the role ${role} does not accept the identity token of this job. ${error.what}`,
        where,
        fix: `Let the account have an IAM OpenID Connect provider for ${claims?.issuer ?? "GitHub"} with the audience ${claims?.audience ?? "sts.amazonaws.com"}.`,
      };
    case "ExpiredTokenException":
      return {
        what: "AWS takes the identity token of this job for one that is out of date, although it was just made.",
        where,
        fix: "Run it again. On a runner of your own, check its clock.",
      };
    default:
      return null;
  }
}

/** As JSON, in which a branch of any name is one line. */
function saying(claims: Claims | null): string {
  if (claims === null) return "fits the token of this job.";
  const provider = claims.issuer.replace(/^https:\/\//, "");
  const condition = { [`${provider}:aud`]: claims.audience, [`${provider}:sub`]: claims.subject };
  return `fits what the token of this job says:\n${JSON.stringify({ StringEquals: condition })}`;
}
