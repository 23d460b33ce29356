import type * as z from "zod";
import { type AwsOfJob, awsOfJob } from "../aws/job.ts";
import { parseArn } from "../aws/arn.ts";
import type { RoleRequest } from "../aws/assumed-role.ts";
import type { Context } from "../domain/context.ts";
import type { Finding } from "../domain/finding.ts";
import { optional } from "../domain/given.ts";
import { parseRelease } from "../domain/release.ts";
import { logReport, mask } from "../github/report.ts";
import { workflowRun } from "../github/run.ts";
import { markOpen } from "../github/state.ts";
import { processContext } from "../programs/this-process.ts";
import { about, whichStack } from "../releases/asked.ts";
import type { SessionRequest } from "../releases/session.ts";

/** Source of the pattern: API reference of AWS STS, AssumeRoleWithWebIdentity, RoleSessionName. */
const sessionName = /^[\w+=,.@-]{2,64}$/;

/** In whose name AWS and GitHub are asked. */
export const signIn = {
  "role-to-assume": optional.refine(
    (arn) => arn === null || isRole(arn),
    "is the ARN of an IAM role: arn:aws:iam::123456789012:role/deploy",
  ),
  "role-session-name": optional.refine(
    (name) => name === null || sessionName.test(name),
    "has 2 to 64 letters, digits and _+=,.@-",
  ),
  "github-token": optional,
};

/** What every action takes that works on a stack. */
export const common = { ...whichStack, ...signIn };

/** What the actions take that pass a release on. */
export const travelling = {
  ...common,
  ...about,
  release: optional.transform((text) => (text === null ? null : parseRelease(text))),
};

type SignInInputs = z.output<z.ZodObject<typeof signIn>>;
type CommonInputs = z.output<z.ZodObject<typeof common>>;

/** In whose name AWS is called; null: with the credentials that the job has. */
export function roleRequest({
  "role-to-assume": arn,
  "role-session-name": name,
}: Pick<SignInInputs, "role-to-assume" | "role-session-name">): RoleRequest | null {
  if (arn === null) return null;
  const { id, owner } = workflowRun(process.env);
  return {
    arn,
    sessionName: name ?? `dagster-ecs-${id}-${owner.attempt}`,
    identityToken: async () => {
      const { identityToken } = await import("../github/oidc.ts");
      return identityToken(process.env, "sts.amazonaws.com");
    },
  };
}

/** Who asks for what, from the common inputs and from what the runner says of this step. */
export function sessionRequest(inputs: CommonInputs): SessionRequest {
  const run = workflowRun(process.env);
  const token = inputs["github-token"];
  if (token !== null) mask(token);
  return {
    root: run.workspace,
    file: inputs.stack,
    environment: inputs.environment,
    variables: process.env,
    job: jobOf(inputs),
    repository: run.repository,
    owner: run.owner,
    scratch: run.temporaryFolder,
    kept: run.keptFolder,
    allowedAccounts: inputs["allowed-account-ids"],
    allowDivergent: inputs["allow-divergent"],
    allowDirty: inputs["allow-dirty"],
    waitSeconds: inputs["lock-timeout"],
    isOver:
      token === null
        ? null
        : async (workflow) => {
            const { isRunOver } = await import("../github/workflow-runs.ts");
            return isRunOver(token, workflow);
          },
    onTake: markOpen,
    compare: compareBy(token),
  };
}

/** Asks GitHub which commit came before which; null without a token. */
export function compareBy(token: string | null): SessionRequest["compare"] {
  if (token === null) return null;
  return async (repository, ancestor, descendant) => {
    const { compareCommits } = await import("../github/ancestry.ts");
    return compareCommits(token, repository, ancestor, descendant);
  };
}

/** Credentials of a role that this step assumes by itself are renewed: when those of the job end does not matter then. */
function jobOf({ "role-to-assume": role }: Pick<CommonInputs, "role-to-assume">): AwsOfJob {
  const job = awsOfJob(process.env);
  return role === null ? job : { ...job, credentialsEndAt: null };
}

/**
 * Runs something with the log of this step, and closes what that has open.
 * @param isAnnotated as {@link logReport} has it
 */
export async function logged<T>(
  work: (context: Context) => Promise<T>,
  isAnnotated?: (finding: Finding) => boolean,
): Promise<T> {
  const { report, close } = logReport(isAnnotated);
  try {
    return await work(processContext(report));
  } finally {
    close();
  }
}

function isRole(text: string): boolean {
  const arn = parseArn(text);
  return arn?.service === "iam" && arn.account !== "" && arn.resource.startsWith("role/");
}
