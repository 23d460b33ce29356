import { ECSClient, ListTasksCommand } from "@aws-sdk/client-ecs";
import { AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { type IdentityClaims, identityTokenOf, trustPolicyFor } from "../../github/identity-token.ts";
import { inProcessHandler } from "../../local-aws/local-aws.ts";
import { existing, openStage } from "./stage.ts";

const arn = "arn:aws:iam::123456789012:role/deploy";
const issuer = "https://token.actions.githubusercontent.com";

function policy(condition: object): string {
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { Federated: "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" },
        Action: "sts:AssumeRoleWithWebIdentity",
        Condition: condition,
      },
    ],
  });
}

const onlyMain = trustPolicyFor("123456789012", "repo:owner/small:ref:refs/heads/main");

/** An account with one role, and clients that nobody has given credentials. */
async function open(trustPolicy = onlyMain) {
  const { aws, clock } = await openStage();
  aws.neighbours.roles.set("deploy", { name: "deploy", arn, trustPolicy });
  const settings = { region: "eu-central-1", requestHandler: inProcessHandler(aws), maxAttempts: 1 };
  const nobody = () => Promise.reject(new Error("nobody has credentials here"));
  const sts = new STSClient({ ...settings, credentials: nobody });
  const assume = async (claims: Partial<IdentityClaims> = {}, changes: object = {}) => {
    const WebIdentityToken = identityTokenOf(claims);
    const request = { RoleArn: arn, RoleSessionName: "job-1", WebIdentityToken, ...changes };
    const { Credentials: given } = await sts.send(new AssumeRoleWithWebIdentityCommand(request));
    return {
      accessKeyId: existing(given?.AccessKeyId),
      secretAccessKey: existing(given?.SecretAccessKey),
      sessionToken: existing(given?.SessionToken),
      expiration: existing(given?.Expiration),
    };
  };
  return { aws, clock, settings, assume };
}

test("whoever brings a token that the role trusts gets a session of an hour, unsigned", async () => {
  const { clock, settings, assume } = await open();
  const { expiration, ...credentials } = await assume();
  expect(expiration.getTime()).toBe(clock.product.now() + 3_600_000);
  const identity = await new STSClient({ ...settings, credentials }).send(new GetCallerIdentityCommand({}));
  expect(identity).toMatchObject({
    Account: "123456789012",
    Arn: "arn:aws:sts::123456789012:assumed-role/deploy/job-1",
  });
});

test("calls of a session are its role's, until it ends by the bed's clock", async () => {
  const { aws, clock, settings, assume } = await open();
  const { expiration: _end, ...credentials } = await assume();
  const ecs = new ECSClient({ ...settings, credentials });
  await ecs.send(new ListTasksCommand({ cluster: "main" }));
  expect(aws.calls.at(-1)).toMatchObject({ operation: "ListTasks", caller: "deploy", outcome: "ok" });
  await clock.pass(3_600_000);
  await expect(ecs.send(new ListTasksCommand({ cluster: "main" }))).rejects.toMatchObject({
    name: "ExpiredTokenException",
  });
});

test("the key of a session without its token is nobody's", async () => {
  const { settings, assume } = await open();
  const { accessKeyId, secretAccessKey } = await assume();
  const ecs = new ECSClient({ ...settings, credentials: { accessKeyId, secretAccessKey } });
  await expect(ecs.send(new ListTasksCommand({ cluster: "main" }))).rejects.toMatchObject({
    name: "InvalidClientTokenId",
  });
});

test.each<[string, Partial<IdentityClaims>, object]>([
  ["another repository", { sub: "repo:other/small:ref:refs/heads/main" }, {}],
  ["another branch", { sub: "repo:owner/small:ref:refs/heads/main2" }, {}],
  ["another audience", { aud: "somebody.else" }, {}],
  ["another issuer", { iss: "https://token.example.com" }, {}],
  ["a role that is not there", {}, { RoleArn: "arn:aws:iam::123456789012:role/other" }],
])("a token of %s is refused, and nobody is told why", async (_what, claims, changes) => {
  const { assume } = await open();
  await expect(assume(claims, changes)).rejects.toMatchObject({
    name: "AccessDenied",
    message: "Not authorized to perform sts:AssumeRoleWithWebIdentity",
  });
});

test("StringLike takes asterisks, and what is denied is not allowed", async () => {
  const like = { StringLike: { "token.actions.githubusercontent.com:sub": "repo:owner/*:environment:?rod" } };
  const { aws, assume } = await open(policy(like));
  await assume({ sub: "repo:owner/small:environment:prod" });
  await expect(assume()).rejects.toMatchObject({ name: "AccessDenied" });
  const both = JSON.parse(policy(like)) as { readonly Statement: readonly object[] };
  const trustPolicy = JSON.stringify({
    ...both,
    Statement: [...both.Statement, { ...both.Statement[0], Effect: "Deny" }],
  });
  aws.neighbours.roles.set("deploy", { name: "deploy", arn, trustPolicy });
  await expect(assume({ sub: "repo:owner/small:environment:prod" })).rejects.toMatchObject({ name: "AccessDenied" });
});

test("an account that knows other providers says so", async () => {
  const { aws, assume } = await open();
  aws.neighbours.identityProviders.set("https://other.example.com", []);
  await expect(assume()).rejects.toMatchObject({
    name: "InvalidIdentityTokenException",
    message: `No OpenIDConnect provider found in your account for ${issuer}`,
  });
  aws.neighbours.identityProviders.set(issuer, ["somebody.else"]);
  await expect(assume()).rejects.toMatchObject({ message: "Incorrect token audience" });
});

test("a token that is over, one that is none, a name and a duration that AWS does not take are refused", async () => {
  const { assume } = await open();
  await expect(assume({ exp: 0 })).rejects.toMatchObject({ name: "ExpiredTokenException" });
  await expect(assume({}, { WebIdentityToken: "none" })).rejects.toMatchObject({
    name: "InvalidIdentityTokenException",
  });
  await expect(assume({}, { RoleSessionName: "with blanks" })).rejects.toMatchObject({ name: "ValidationError" });
  await expect(assume({}, { DurationSeconds: 43_200 })).rejects.toMatchObject({ name: "ValidationError" });
});
