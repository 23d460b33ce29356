import type { Context } from "../../domain/context.ts";
import { UserError } from "../../domain/errors.ts";
import { ProgramFailed, run } from "../../programs/index.ts";
import { ecrToken } from "../access.ts";
import type { ImageClients } from "../clients.ts";
import { lastError } from "./explain.ts";

/**
 * Gives `docker` the password of the registry, on its standard input.
 * @param environment names the folder of settings that keeps it
 * @throws UserError, AwsError
 */
export async function logIn(
  { ecr }: ImageClients,
  context: Context,
  host: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { authorization } = await ecrToken(context, ecr);
  const [user = "", ...password] = Buffer.from(authorization.replace(/^Basic /, ""), "base64")
    .toString()
    .split(":");
  const args = ["login", "--username", user, "--password-stdin", host];
  // What it says is that the password is not encrypted: it lies in a folder of ours, for as long as the build takes.
  const quiet: Context = { ...context, report: () => undefined };
  try {
    await run(quiet, { command: "docker", args, environment, input: password.join(":"), output: "capture" });
  } catch (error) {
    if (!(error instanceof ProgramFailed)) throw error;
    throw new UserError(
      {
        what: `docker could not log in to the registry: ${lastError(error.errors.untrusted) ?? error.message}`,
        where: host,
        fix: "Look at the runner's way to the registry, and at the settings of its docker (config.json).",
      },
      { cause: error },
    );
  }
}
