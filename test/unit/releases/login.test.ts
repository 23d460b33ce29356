import type { SsmSend } from "../../../src/aws/ssm.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { basicLogin, loginOf } from "../../../src/releases/login.ts";
import { testContext } from "../context.ts";

const auth = { kind: "basic", secret: "shop/gates", place: { file: "dagster-stack.yml", line: 9, column: 3 } } as const;

function open(value: string) {
  const inputs: unknown[] = [];
  const ssm = ((command: { readonly input: unknown }) => {
    inputs.push(command.input);
    return Promise.resolve({ Parameter: { Value: value } });
  }) as unknown as SsmSend;
  const { context, progress } = testContext();
  return { login: basicLogin({ ssm }, context, auth), progress, inputs };
}

test("user and password are read once, at the first question, and are masked before anybody has them", async () => {
  const { login, progress, inputs } = open('{"username":"gates","password":"pä:ss","htpasswd":"x"}');
  expect([login.from, inputs, progress]).toEqual(["secret shop/gates", [], []]);
  const token = Buffer.from("gates:pä:ss").toString("base64");
  expect(await login.headers()).toEqual({ authorization: `Basic ${token}` });
  expect(await login.headers()).toEqual({ authorization: `Basic ${token}` });
  expect(inputs).toEqual([{ Name: "/aws/reference/secretsmanager/shop/gates", WithDecryption: true }]);
  expect(progress).toEqual([
    { kind: "secret", value: "pä:ss" },
    { kind: "secret", value: token },
  ]);
});

test.each(["hunter2", '{"user":"a","password":"hunter2"}', '{"username":"a:b","password":"hunter2"}', ""])(
  "a secret of another form is refused at its place in the stack file, without its value: %j",
  async (value) => {
    const { login } = open(value);
    const error: unknown = await login.headers().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).where).toBe(auth.place);
    expect((error as UserError).message).toContain("Secret shop/gates");
    expect((error as UserError).message).not.toContain("hunter2");
  },
);

describe("Headers", () => {
  const place = { file: "dagster-stack.yml", line: 9, column: 3 };
  const headers = {
    "CF-Access-Client-Id": { kind: "secret", name: "shop/access", key: "id" },
    Authorization: { kind: "parameter", name: "/shop/token" },
  } as const;
  const asked = (values: Readonly<Record<string, string>>) => {
    const names: string[] = [];
    const ssm = ((command: { readonly input: { readonly Name: string } }) => {
      names.push(command.input.Name);
      return Promise.resolve({ Parameter: { Value: values[command.input.Name] } });
    }) as unknown as SsmSend;
    const { context, progress } = testContext();
    return { login: loginOf({ ssm }, context, { kind: "headers", place, headers }), names, progress };
  };
  const secret = "/aws/reference/secretsmanager/shop/access";

  test("are read once, at the first question, each from its place, and masked before anybody has them", async () => {
    const { login, names, progress } = asked({
      [secret]: '{"id":"x.access","other":"y"}',
      "/shop/token": "Bearer abc",
    });
    expect([login.from, names]).toEqual(["the headers CF-Access-Client-Id, Authorization", []]);
    const sent = { "CF-Access-Client-Id": "x.access", Authorization: "Bearer abc" };
    expect([await login.headers(), await login.headers()]).toEqual([sent, sent]);
    expect(names).toEqual([secret, "/shop/token"]);
    expect(progress).toEqual(["x.access", "Bearer abc", "abc"].map((value) => ({ kind: "secret", value })));
  });

  test.each([
    ["lacks the key", '{"other":"hunter2"}', "secret shop/access, key id, which does not have that key"],
    ["is no JSON", "hunter2", "secret shop/access, key id, which does not have that key"],
    ["has two lines", '{"id":"hunter2\\nhost: evil"}', "secret shop/access, key id, which is no text of one line"],
    ["is empty", '{"id":""}', "secret shop/access, key id, which is no text of one line"],
  ])("whose secret %s are refused at their place, without the value", async (_, value, what) => {
    const { login } = asked({ [secret]: value, "/shop/token": "t" });
    const error: unknown = await login.headers().catch((thrown: unknown) => thrown);
    if (!(error instanceof UserError)) throw error;
    expect(error.message).toContain(
      `The header CF-Access-Client-Id, with which the gates log in, gets its value from ${what}.`,
    );
    expect(error.where).toBe(place);
    expect(error.message).not.toContain("hunter2");
  });
});
