import { AssumeRoleWithWebIdentityCommand } from "@aws-sdk/client-sts";
import type { AwsCredentialIdentity } from "@smithy/types";
import type { Context } from "../domain/context.ts";
import { type Advice, messageOf, UserError } from "../domain/errors.ts";
import { isAwsError } from "./error.ts";
import { SessionOver } from "./failure.ts";
import type { StsSend } from "./sts.ts";
import { trustAdvice } from "./trust.ts";

/** A role that this job assumes by a token that says who it is. */
export interface RoleRequest {
  readonly arn: string;
  /** What the session is called in AWS's logs. */
  readonly sessionName: string;
  /** Gets a new identity token of this job. */
  readonly identityToken: () => Promise<string>;
}

/** Gives credentials that are good for the next call, by way of the STS of a region. */
export type Credentials = (region: string) => Promise<AwsCredentialIdentity>;

/** Milliseconds: the SDK takes credentials for expired that have less left, and asks for others. */
const renewBefore = 5 * 60_000;
const renewAgainAfter = 30_000;

/**
 * Credentials of a role for every client of a process. They are of one session, which is replaced by a new one when fewer than five
 * minutes of it are left. A renewal that fails is said, and tried again, for as long as the old session lives.
 * They reject with UserError or AwsError when the role cannot be assumed, and with {@link SessionOver} when no renewal came in time.
 */
export function assumedRole(
  context: Pick<Context, "clock" | "report">,
  sts: (region: string) => StsSend,
  request: RoleRequest,
): Credentials {
  const { clock, report } = context;
  let session: Session | null = null;
  let underWay: Promise<Session> | null = null;
  let notBefore = 0;

  const renewed = (region: string): Promise<Session> => {
    underWay ??= assume(context, sts(region), request)
      .then((next) => (session = next))
      .finally(() => {
        underWay = null;
      });
    return underWay;
  };

  return async (region) => {
    const known = session;
    if (known === null) return (await renewed(region)).credentials;
    const now = clock.now();
    if (known.endsAt <= now) return (await renewed(region).catch(sessionOver)).credentials;
    if (known.endsAt - now < renewBefore && now >= notBefore) {
      notBefore = now + renewAgainAfter;
      // Nobody waits for it: the old session is good, and what is going on with it must not stand still.
      renewed(region).catch((error: unknown) => {
        const until = new Date(known.endsAt).toISOString();
        const text = `the AWS session, which lasts until ${until}, could not be renewed yet: ${adviceOf(error).what}`;
        report({ kind: "line", text });
      });
    }
    return known.credentials;
  };
}

interface Session {
  readonly credentials: AwsCredentialIdentity;
  /** Milliseconds since 1970. */
  readonly endsAt: number;
}

/** For the default of one hour: a role always allows that, and what takes longer is renewed. */
async function assume(
  { report }: Pick<Context, "report">,
  sts: StsSend,
  { arn, sessionName, identityToken }: RoleRequest,
): Promise<Session> {
  const token = await identityToken();
  report({ kind: "secret", value: token });
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: arn,
    RoleSessionName: sessionName,
    WebIdentityToken: token,
  });
  const { Credentials: given } = await sts(command, { resource: `role ${arn}`, idempotent: true }).catch(
    (error: unknown) => {
      const advice = isAwsError(error) ? trustAdvice(arn, error, token) : null;
      throw advice === null ? error : new UserError(advice, { cause: error });
    },
  );
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
  if (
    AccessKeyId === undefined ||
    SecretAccessKey === undefined ||
    SessionToken === undefined ||
    Expiration === undefined
  )
    throw new Error("STS AssumeRoleWithWebIdentity answered without credentials");
  report({ kind: "secret", value: SecretAccessKey });
  report({ kind: "secret", value: SessionToken });
  return {
    credentials: {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      expiration: Expiration,
    },
    endsAt: Expiration.getTime(),
  };
}

function adviceOf(error: unknown): Pick<Advice, "what" | "fix"> {
  return error instanceof UserError ? error : { what: messageOf(error), fix: "Run it again." };
}

function sessionOver(cause: unknown): never {
  const { what, fix } = adviceOf(cause);
  throw new SessionOver(
    { what: `The AWS session of this job is over, and could not be renewed: ${what}`, fix },
    { cause },
  );
}
