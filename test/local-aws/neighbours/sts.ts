import * as z from "zod";
import { type Bed, Refusal, type Operations } from "../ecs/bed.ts";
import { assumedRoleArn, type Session } from "./sessions.ts";
import { type TokenClaims, trusts } from "./trust-policy.ts";

/** Seconds. Source: API reference of STS, AssumeRoleWithWebIdentity, and IAM's default for a role's MaxSessionDuration. */
const usualSeconds = 3600;
const mostSeconds = 3600;

interface AssumeRequest {
  readonly RoleArn: string;
  readonly RoleSessionName: string;
  readonly WebIdentityToken: string;
  readonly DurationSeconds?: number;
}

/** Who somebody is, and a role for somebody who brings an identity token. Signatures of tokens are not looked at. */
export const stsOperations = {
  GetCallerIdentity: (bed, _input: object, { caller, session }) => ({
    Arn: assumedRoleArn(bed.account, caller, session),
    UserId: `AROALOCALAWS:${session}`,
    Account: bed.account,
  }),
  AssumeRoleWithWebIdentity: (bed, input: AssumeRequest) => {
    const claims = readClaims(bed, input.WebIdentityToken);
    const { RoleArn: arn, RoleSessionName: name, DurationSeconds: asked = usualSeconds } = input;
    const { roles, sessions, sessionSeconds } = bed.neighbours;
    const role = [...roles.values()].find((known) => known.arn === arn);
    // Whether there is no such role, or one that does not trust, is not told.
    if (role === undefined || !trusts(role.trustPolicy, bed.account, claims)) {
      throw new Refusal("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403);
    }
    if (asked > mostSeconds) {
      const words = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
      throw new Refusal("ValidationError", words);
    }
    const number = String(sessions.size + 1).padStart(16, "0");
    const session: Session = {
      accessKeyId: `ASIA${number}`,
      sessionToken: `session-token-of-${bed.names.hexadecimal()}`,
      role: role.name,
      name,
      endsAt: bed.time.now() + (sessionSeconds ?? asked) * 1000,
    };
    sessions.set(session.accessKeyId, session);
    return {
      Credentials: {
        AccessKeyId: session.accessKeyId,
        SecretAccessKey: `secret-key-of-${bed.names.hexadecimal()}`,
        SessionToken: session.sessionToken,
        Expiration: new Date(session.endsAt),
      },
      SubjectFromWebIdentityToken: claims.sub,
      AssumedRoleUser: { Arn: assumedRoleArn(bed.account, role.name, name), AssumedRoleId: `AROALOCALAWS:${name}` },
      Provider: `arn:aws:iam::${bed.account}:oidc-provider/${claims.iss.replace(/^https:\/\//, "")}`,
      Audience: claims.aud,
    };
  },
} satisfies Operations;

const tokenSchema = z.object({ iss: z.string(), aud: z.string(), sub: z.string(), exp: z.number() });

function readClaims(bed: Bed, token: string): TokenClaims {
  const claims = parse(token);
  const { identityProviders } = bed.neighbours;
  const audiences = identityProviders.get(claims.iss);
  if (identityProviders.size > 0 && audiences === undefined) {
    throw invalid(`No OpenIDConnect provider found in your account for ${claims.iss}`);
  }
  if (audiences?.includes(claims.aud) === false) throw invalid("Incorrect token audience");
  if (claims.exp * 1000 <= bed.time.now()) {
    throw new Refusal(
      "ExpiredTokenException",
      "Token expired: current date/time must be before the expiration date/time",
    );
  }
  return claims;
}

function parse(token: string): z.infer<typeof tokenSchema> {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    return tokenSchema.parse(payload);
  } catch {
    throw invalid("The ID Token provided is not a valid JWT.");
  }
}

function invalid(message: string): Refusal {
  return new Refusal("InvalidIdentityToken", message);
}
