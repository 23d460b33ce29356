import type { SsmSend } from "../../../src/aws/ssm.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { basicLogin } from "../../../src/releases/login.ts";
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
  expect(await login.authorization()).toBe(`Basic ${token}`);
  expect(await login.authorization()).toBe(`Basic ${token}`);
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
    const error: unknown = await login.authorization().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).where).toBe(auth.place);
    expect((error as UserError).message).toContain("Secret shop/gates");
    expect((error as UserError).message).not.toContain("hunter2");
  },
);
