import { AgentCallFailed, type AgentCall } from "../../local-aws/runtimes/tasks/agent.ts";
import { parseSecretSource, resolveSecrets } from "../../local-aws/runtimes/tasks/secrets.ts";

const secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:deal-flow/database-AbCdEf";

test.each([
  [secret, { kind: "secretsmanager", id: secret, key: null, stage: null, version: null }],
  [`${secret}:password::`, { kind: "secretsmanager", id: secret, key: "password", stage: null, version: null }],
  [`${secret}::AWSPREVIOUS:`, { kind: "secretsmanager", id: secret, key: null, stage: "AWSPREVIOUS", version: null }],
  ["arn:aws:ssm:eu-central-1:123456789012:parameter/a/b", { kind: "ssm", name: "/a/b" }],
  ["arn:aws:ssm:eu-central-1:123456789012:parameter/a", { kind: "ssm", name: "a" }],
  ["/a/b", { kind: "ssm", name: "/a/b" }],
])("%s is understood as ECS does", (valueFrom, expected) => {
  expect(parseSecretSource(valueFrom)).toEqual(expected);
});

const answers: Readonly<Record<string, unknown>> = {
  GetSecretValue: { SecretString: JSON.stringify({ password: "hidden", port: 5432 }) },
  GetParameters: { Parameters: [{ Value: "of a parameter" }], InvalidParameters: [] },
};
const known: AgentCall = async (_service, operation) => answers[operation];

test("a container gets values, of a key or of the whole secret", async () => {
  const secrets = [
    { name: "PASSWORD", valueFrom: `${secret}:password::` },
    { name: "PORT", valueFrom: `${secret}:port::` },
    { name: "ALL", valueFrom: secret },
    { name: "PARAMETER", valueFrom: "/a/b" },
  ];
  expect(await resolveSecrets(known, { secrets })).toEqual({
    PASSWORD: "hidden",
    PORT: "5432",
    ALL: '{"password":"hidden","port":5432}',
    PARAMETER: "of a parameter",
  });
});

const missing: AgentCall = async (service) => {
  if (service === "ssm") return { Parameters: [], InvalidParameters: ["/a/b"] };
  throw new AgentCallFailed("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
};

test.each([
  ["a secret that is not there", missing, secret, "ResourceNotFoundException: Secrets Manager can't find"],
  ["a key that is not there", known, `${secret}:nope::`, "did not contain json key nope"],
  ["a parameter that is not there", missing, "/a/b", "invalid parameters: /a/b"],
])("%s fails in ECS's words, which name no value", async (_what, call, valueFrom, words) => {
  const failure = resolveSecrets(call, { secrets: [{ name: "X", valueFrom }] });
  await expect(failure).rejects.toThrow(/^ResourceInitializationError: unable to pull secrets or registry auth: /);
  await expect(failure).rejects.toThrow(words);
  await expect(failure).rejects.not.toThrow("hidden");
});
