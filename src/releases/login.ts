import { GetParameterCommand } from "@aws-sdk/client-ssm";
import * as z from "zod";
import type { SsmSend } from "../aws/ssm.ts";
import type { Login } from "../dagster/client.ts";
import type { Context } from "../domain/context.ts";
import { type Place, UserError } from "../domain/errors.ts";

/** Keys of the secret; others, such as `htpasswd`, are nginx's. A colon would end the user: RFC 7617. */
const secretSchema = z.object({ username: z.string().regex(/^[^:]+$/), password: z.string().min(1) });

/**
 * User and password for the gates. SSM gives secrets of Secrets Manager as well, under a name of its own, so that no further client
 * is needed. Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
 */
export function basicLogin(
  { ssm }: { readonly ssm: SsmSend },
  { report }: Pick<Context, "report">,
  { secret, place }: { readonly secret: string; readonly place: Place | string },
): Login {
  const from = `secret ${secret}`;
  const read = async (): Promise<string> => {
    const Name = `/aws/reference/secretsmanager/${secret}`;
    const { Parameter } = await ssm(new GetParameterCommand({ Name, WithDecryption: true }), { resource: from });
    const found = secretSchema.safeParse(json(Parameter?.Value ?? ""));
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
    return `Basic ${token}`;
  };
  let known: string | null = null;
  return { from, authorization: async () => (known ??= await read()) };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
