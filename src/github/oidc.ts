import { getIDToken } from "@actions/core";
import { messageOf, UserError } from "../domain/errors.ts";

/**
 * Gets a new identity token of this job from GitHub; it is masked.
 * Source: https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
 * @param audience for whom it is: `sts.amazonaws.com`
 * @throws UserError when the job may not have one, or GitHub gives none
 */
export async function identityToken(variables: NodeJS.ProcessEnv, audience: string): Promise<string> {
  // The runner sets both for jobs that have the permission, and for no others.
  if (!variables["ACTIONS_ID_TOKEN_REQUEST_URL"] || !variables["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]) {
    throw new UserError(
      {
        what: "This job may not ask GitHub for an identity token, and so cannot assume a role.",
        where: "permissions of this job",
        fix: "Give the job the permission; a pull request from a fork never has it:\npermissions:\n  id-token: write",
      },
      { kind: "no-credentials" },
    );
  }
  try {
    return await getIDToken(audience);
  } catch (cause) {
    throw new UserError(
      {
        what: `GitHub gave this job no identity token: ${messageOf(cause).replaceAll(/\s+/g, " ")}`,
        where: "identity token of this job",
        fix: "Look at https://www.githubstatus.com, and run it again.",
      },
      { cause },
    );
  }
}
