import * as z from "zod";
import { GetParameterCommand, type SsmSend } from "../aws/ssm.ts";
import type { Login } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { type Place, UserError } from "../domain/errors.ts";
import { parsedJson } from "../domain/json.ts";
import type { GateLogin, Secret } from "../stack/stack.ts";

/** Keys of the secret; others, such as `htpasswd`, are nginx's. A colon would end the user: RFC 7617. */
const secretSchema = z.object({ username: z.string().regex(/^[^:]+$/), password: z.string().min(1) });

interface Clients {
  readonly ssm: SsmSend;
}

/** What the gates are let in with: read at the first question, and masked before anybody has it. */
export function loginOf(clients: Clients, context: Pick<Context, "report">, auth: GateLogin): Login {
  return auth.kind === "basic" ? basicLogin(clients, context, auth) : headersLogin(clients, context, auth);
}

/** What people are told of it. */
export function sentBy(auth: GateLogin): Pick<Login, "kind" | "from"> {
  return auth.kind === "basic"
    ? { kind: "basic", from: `secret ${auth.secret}` }
    : { kind: "headers", from: `the headers ${Object.keys(auth.headers).join(", ")}` };
}

/** User and password for the gates. */
export function basicLogin(
  clients: Clients,
  { report }: Pick<Context, "report">,
  { secret, place }: { readonly secret: string; readonly place: Place | string },
): Login {
  const read = async (): Promise<Readonly<Record<string, string>>> => {
    const found = secretSchema.safeParse(
      parsedJson(await valueIn(clients, { kind: "secret", name: secret, key: null })),
    );
    if (!found.success) {
      throw new UserError({
        what: `Secret ${secret}, with which the gates log in, is no JSON with a \`username\` (without a colon) and a \`password\`.`,
        where: place,
        fix: 'Make it {"username": "…", "password": "…"} in Secrets Manager; or name another one under `gates: auth`.',
      });
    }
    const { username, password } = found.data;
    const token = Buffer.from(`${username}:${password}`).toString("base64");
    for (const value of [password, token]) report({ kind: "secret", value });
    return { authorization: `Basic ${token}` };
  };
  let known: Readonly<Record<string, string>> | null = null;
  return { kind: "basic", from: `secret ${secret}`, headers: async () => (known ??= await read()) };
}

/** What may stand in a header: RFC 9110, 5.5. */
const headerValue = /^[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?$/;

/** What may be said without its scheme. @see RFC 6750, 2.1 */
function bearerToken(value: string): readonly string[] {
  const token = /^bearer +(\S.*)$/i.exec(value)?.[1];
  return token === undefined ? [] : [token];
}

function headersLogin(
  clients: Clients,
  { report }: Pick<Context, "report">,
  auth: Extract<GateLogin, { kind: "headers" }>,
): Login {
  const read = async (): Promise<Readonly<Record<string, string>>> => {
    const values = await Promise.all(
      Object.entries(auth.headers).map(async ([name, secret]) => {
        const value = keyed(await valueIn(clients, secret), secret);
        if (value === null || !headerValue.test(value)) {
          throw new UserError({
            what: `The header ${name}, with which the gates log in, gets its value from ${nameOf(secret)}, which ${value === null ? "does not have that key" : "is no text of one line"}.`,
            where: auth.place,
            fix: "Put the value there, in one line and without blanks around it; or name another place under `gates: { auth: { headers: … } }`.",
          });
        }
        return [name, value] as const;
      }),
    );
    for (const [, value] of values) {
      for (const secret of [value, ...bearerToken(value)]) report({ kind: "secret", value: secret });
    }
    return Object.fromEntries(values);
  };
  let known: Readonly<Record<string, string>> | null = null;
  return { ...sentBy(auth), headers: async () => (known ??= await read()) };
}

function nameOf(secret: Secret): string {
  if (secret.kind === "parameter") return `parameter ${secret.name}`;
  return `secret ${secret.name}${secret.key === null ? "" : `, key ${secret.key}`}`;
}

/** @returns null when it has no such key */
function keyed(text: string, secret: Secret): string | null {
  if (secret.kind === "parameter" || secret.key === null) return text;
  const found = z.record(z.string(), z.unknown()).safeParse(parsedJson(text));
  const value = found.success ? found.data[secret.key] : undefined;
  return typeof value === "string" ? value : null;
}

/**
 * SSM gives secrets of Secrets Manager as well, under a name of its own, so that no further client is needed. Source:
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
 */
async function valueIn({ ssm }: Clients, secret: Secret): Promise<string> {
  const isParameter = secret.kind === "parameter";
  const Name = isParameter ? secret.name : `/aws/reference/secretsmanager/${secret.name}`;
  const resource = `${isParameter ? "parameter" : "secret"} ${secret.name}`;
  const { Parameter } = await ssm(new GetParameterCommand({ Name, WithDecryption: true }), { resource });
  return Parameter?.Value ?? "";
}
