import { awsOfJob } from "../aws/job.ts";
import type { Context } from "../domain/context.ts";
import { UserError } from "../domain/errors.ts";
import type * as Work from "../releases/work.ts";
import { roleRequest } from "./inputs.ts";

/** Who calls AWS, and in which accounts that may be. */
export type SignIn = Parameters<typeof roleRequest>[0] & { readonly "allowed-account-ids": readonly string[] };

type Connections = ReturnType<typeof Work.connect>;

/** AWS as it is called without a stack file, which would name the region. */
export interface OpenAws {
  readonly connections: Connections;
  readonly clients: ReturnType<Connections["aws"]>;
}

/**
 * Does this step write to what others use? `auto`: it does, unless it runs for a pull request.
 * @param event that the workflow runs for
 */
export function writesFor(choice: "auto" | "true" | "false", event: string): boolean {
  return choice === "auto" ? !event.startsWith("pull_request") : choice === "true";
}

/** A few of the files that differ from the commit, for people. */
export function someOf(files: readonly string[]): string {
  return `${files.slice(0, 5).join(", ")}${files.length > 5 ? ", …" : ""}`;
}

/** The region that the job names. @throws UserError when it names none */
export function regionOfJob(): string {
  const { region } = awsOfJob(process.env);
  if (region !== null) return region;
  throw new UserError({
    what: "No AWS region is set.",
    where: "AWS_REGION",
    fix: "Set AWS_REGION in the job, or aws-region of aws-actions/configure-aws-credentials before this step.",
  });
}

/** @throws UserError in an account that may not be touched */
export async function openAws(
  { connect, wrongAccount }: typeof Work,
  context: Context,
  region: string,
  inputs: SignIn,
): Promise<OpenAws> {
  const connections = connect(context, roleRequest(inputs));
  const allowed = inputs["allowed-account-ids"];
  if (allowed.length > 0) {
    const { account } = await connections.caller(context, region);
    if (!allowed.includes(account)) throw wrongAccount(account, allowed);
  }
  return { connections, clients: connections.aws(context, region) };
}
