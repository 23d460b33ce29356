import { awsOfJob, requiredRegion } from "../aws/job.ts";
import type { Context } from "../domain/context.ts";
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

/** The region that the job names. @throws UserError when it names none */
export function regionOfJob(): string {
  return requiredRegion(awsOfJob(process.env));
}

/** @throws UserError in an account that may not be touched */
export async function openAws(
  { checkAccount, connect }: typeof Work,
  context: Context,
  region: string,
  inputs: SignIn,
): Promise<OpenAws> {
  const connections = connect(context, roleRequest(inputs));
  await checkAccount(context, connections, region, inputs["allowed-account-ids"]);
  return { connections, clients: connections.aws(context, region) };
}
