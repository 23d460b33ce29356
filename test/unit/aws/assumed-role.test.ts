import { assumedRole, type Credentials } from "../../../src/aws/assumed-role.ts";
import { AwsError } from "../../../src/aws/error.ts";
import { classify, SessionOver } from "../../../src/aws/failure.ts";
import { sender } from "../../../src/aws/send.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { createFakeClock } from "../../local-aws/fake-clock.ts";
import { identityTokenOf } from "../../github/identity-token.ts";
import { refusal } from "../../releases/played/refusal.ts";
import { testContext } from "../context.ts";

const arn = "arn:aws:iam::123456789012:role/deploy";
const minute = 60_000;

/** A role whose STS does as a test says, and time that a test moves. */
function play() {
  const clock = createFakeClock();
  const { context, progress } = testContext(clock);
  const played = { refuse: null as (() => Error) | null, assumed: 0, tokens: 0, lastsMinutes: 60 };
  const client = {
    send: ({ input }: { readonly input: Readonly<Record<string, unknown>> }) => {
      if (played.refuse !== null) return Promise.reject(played.refuse());
      played.assumed += 1;
      expect(input).toMatchObject({ RoleArn: arn, RoleSessionName: "session", WebIdentityToken: token(played.tokens) });
      return Promise.resolve({
        Credentials: {
          AccessKeyId: `ASIA${played.assumed}`,
          SecretAccessKey: `secret-${played.assumed}`,
          SessionToken: `session-${played.assumed}`,
          Expiration: new Date(clock.product.now() + played.lastsMinutes * minute),
        },
      });
    },
  };
  const regions: string[] = [];
  const credentials: Credentials = assumedRole(
    context,
    (region) => {
      regions.push(region);
      return sender(client as never, { name: "STS", prefix: "sts" }, context);
    },
    {
      arn,
      sessionName: "session",
      identityToken: () => {
        played.tokens += 1;
        return Promise.resolve(token(played.tokens));
      },
    },
  );
  const key = async (): Promise<string> => (await clock.run(credentials("eu-central-1"))).accessKeyId;
  const lines = (): readonly string[] => progress.flatMap((event) => (event.kind === "line" ? [event.text] : []));
  const secrets = (): readonly string[] => progress.flatMap((event) => (event.kind === "secret" ? [event.value] : []));
  return { clock, played, regions, credentials, key, lines, secrets };
}

const token = (number: number): string => identityTokenOf({ jti: `token-${number}` });

const denied = (): Error => refusal("AccessDenied", 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity");

describe("A role that is assumed", () => {
  test("is assumed once, by the STS of the region, for all who ask at once and later", async () => {
    const { clock, played, regions, credentials, key } = play();
    const all = await clock.run(Promise.all([1, 2, 3].map(() => credentials("eu-central-1"))));
    expect(all.map(({ accessKeyId }) => accessKeyId)).toEqual(["ASIA1", "ASIA1", "ASIA1"]);
    await clock.pass(50 * minute);
    expect(await key()).toBe("ASIA1");
    expect(played).toMatchObject({ assumed: 1, tokens: 1 });
    expect(regions).toEqual(["eu-central-1"]);
  });

  test("has its secrets masked before anybody gets them", async () => {
    const { key, secrets } = play();
    await key();
    expect(secrets()).toEqual([token(1), "secret-1", "session-1"]);
  });

  test("gets a new session, by a new token, when fewer than five minutes are left", async () => {
    const { clock, played, key } = play();
    await key();
    await clock.pass(55 * minute);
    expect(await key()).toBe("ASIA1");
    await clock.pass(1);
    await key(); // nobody waits for the renewal
    await clock.pass(0);
    expect(await key()).toBe("ASIA2");
    expect(played).toMatchObject({ assumed: 2, tokens: 2 });
  });

  test("goes on with its session while it cannot be renewed, says so, and tries again every half minute", async () => {
    const { clock, played, key, lines } = play();
    await key();
    await clock.pass(56 * minute);
    played.refuse = () => refusal("IDPCommunicationError", 400, "the identity provider cannot be reached");
    for (let second = 0; second < 120; second += 1) {
      expect(await key()).toBe("ASIA1");
      await clock.pass(1000);
    }
    expect(lines().length).toBeGreaterThanOrEqual(2);
    expect(lines().length).toBeLessThanOrEqual(4);
    expect(lines()[0]).toMatch(
      /^the AWS session, which lasts until 2026-11-21T11:00:00.000Z, could not be renewed yet: /,
    );
    played.refuse = null;
    await clock.pass(minute);
    await key();
    await clock.pass(0);
    expect(await key()).toBe("ASIA2");
  });

  test("says at once that its session is over, and why there is no other; and works again when there is", async () => {
    const { clock, played, credentials, key } = play();
    await key();
    played.refuse = denied;
    await clock.pass(61 * minute);
    const over: unknown = await clock.run(credentials("eu-central-1").catch((error: unknown) => error));
    expect(over).toBeInstanceOf(SessionOver);
    expect(over).toMatchObject({
      what: expect.stringMatching(
        /^The AWS session of this job is over, and could not be renewed: AWS does not let this job assume the role/,
      ) as unknown,
    });
    expect(classify(over)).toMatchObject({ kind: "expired", refused: true });
    played.refuse = null;
    expect(await key()).toBe("ASIA2");
  });
});

describe("A role that cannot be assumed", () => {
  const refused = async (error: () => Error): Promise<unknown> => {
    const { clock, played, credentials } = play();
    played.refuse = error;
    return clock.run(credentials("eu-central-1").catch((thrown: unknown) => thrown));
  };

  test("is told with the claims that its trust policy must allow, and never with the token", async () => {
    const error = await refused(denied);
    expect(error).toBeInstanceOf(UserError);
    expect(error).not.toBeInstanceOf(AwsError);
    expect(String(error)).toContain(
      '{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com","token.actions.githubusercontent.com:sub":"repo:owner/small:ref:refs/heads/main"}}',
    );
    expect(String(error)).toContain(arn);
    expect(String(error)).not.toContain(token(1));
  });

  test("for want of an identity provider in the account, is told so", async () => {
    const said = "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com";
    const error = await refused(() => refusal("InvalidIdentityToken", 400, said));
    expect(error).toMatchObject({
      what: expect.stringContaining(said) as unknown,
      fix: "Let the account have an IAM OpenID Connect provider for https://token.actions.githubusercontent.com with the audience sts.amazonaws.com.",
    });
  });

  test("for a token that is out of date, is told of the token and not of a session", async () => {
    expect(await refused(() => refusal("ExpiredTokenException", 400, "Token expired"))).toMatchObject({
      what: expect.stringContaining("identity token of this job") as unknown,
      fix: expect.stringContaining("clock") as unknown,
    });
  });

  test("for a session name that AWS does not take, is told in AWS's words", async () => {
    expect(await refused(() => refusal("ValidationError", 400, "1 validation error detected"))).toMatchObject({
      name: "AwsError",
      failure: "invalid",
    });
  });

  test("tells whoever calls, and not that the call was refused", async () => {
    const { clock, played, credentials } = play();
    played.refuse = denied;
    const client = { send: async () => ({ ...(await credentials("eu-central-1")) }) };
    const { context } = testContext(clock);
    const send = sender(client as never, { name: "ECS", prefix: "ecs" }, context);
    const call = send({ schema: [0, "", "UpdateService"] } as never).catch((error: unknown) => error);
    const error = await clock.run(call);
    expect(error).not.toBeInstanceOf(AwsError);
    expect(String(error)).toContain("does not let this job assume the role");
  });
});
