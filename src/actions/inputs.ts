import * as z from "zod";
import { type AwsOfJob, awsOfJob } from "../aws/job.ts";
import { parseArn } from "../aws/arn.ts";
import type { RoleRequest } from "../aws/assumed-role.ts";
import type { Context, Report } from "../domain/context.ts";
import { Cancelled } from "../domain/errors.ts";
import { keySchema, releaseIdSchema } from "../domain/identifiers.ts";
import { parseRelease } from "../domain/release.ts";
import { logReport, mask } from "../github/report.ts";
import { choice, flag, lines, minutes, optional, required } from "../github/inputs.ts";
import { workflowRun } from "../github/run.ts";
import { markOpen } from "../github/state.ts";
import type { DeployRequest } from "../releases/deploy.ts";
import type { PromotionRequest } from "../releases/promotion.ts";
import type { SessionRequest } from "../releases/session.ts";

/** Names, one a line, in whatever order; null when there are none. */
const names = lines.transform((all) => (all.length === 0 ? null : [...new Set(all)].sort()));

/** `staging`, or `staging@<release id>` */
const promotion = optional.transform((text, context): PromotionRequest | null => {
  if (text === null) return null;
  const [, environment = "", id] = /^([^@]*)(?:@(.*))?$/.exec(text) ?? [];
  const release = id === undefined ? null : releaseIdSchema.safeParse(id);
  if (keySchema.safeParse(environment).success && release?.success !== false)
    return { environment, release: release?.data ?? null };
  context.addIssue("is an environment, or environment@release-id");
  return null;
});

/** Source of the pattern: API reference of AWS STS, AssumeRoleWithWebIdentity, RoleSessionName. */
const sessionName = /^[\w+=,.@-]{2,64}$/;

/** What every action takes. */
export const common = {
  stack: required,
  environment: required,
  "role-to-assume": optional.refine(
    (arn) => arn === null || isRole(arn),
    "is the ARN of an IAM role: arn:aws:iam::123456789012:role/deploy",
  ),
  "role-session-name": optional.refine(
    (name) => name === null || sessionName.test(name),
    "has 2 to 64 letters, digits and _+=,.@-",
  ),
  "allowed-account-ids": lines,
  "allow-divergent": flag,
  "lock-timeout": minutes,
  "github-token": optional,
};

/** What a release is to be about. */
export const about = {
  only: names,
  from: promotion,
};

/** What the actions take that pass a release on. */
export const travelling = {
  ...common,
  ...about,
  release: optional.transform((text) => (text === null ? null : parseRelease(text))),
};

/** What actions take that roll services, and may take a release back. */
export const rollingOut = {
  "queued-runs": choice(["keep", "cancel"]),
  "allow-state-loss": flag,
  "fail-early": flag,
  "in-flight": choice(["wait", "take-over", "fail"]),
  timeout: minutes.refine((seconds) => seconds > 0, "is a whole number of minutes, 1 to 9999"),
  "on-timeout": choice(["rollback", "leave"]),
  "on-cancel": choice(["leave", "rollback"]),
};

/** How services are rolled, and what becomes of what was taken back. */
export function rollingChoices(
  inputs: z.output<z.ZodObject<typeof rollingOut>>,
): Pick<DeployRequest, "queuedRuns" | "allowStateLoss" | "rolling"> {
  return {
    queuedRuns: inputs["queued-runs"],
    allowStateLoss: inputs["allow-state-loss"],
    rolling: {
      failEarly: inputs["fail-early"],
      inFlight: inputs["in-flight"],
      timeoutSeconds: inputs.timeout,
      onTimeout: inputs["on-timeout"],
      onCancel: inputs["on-cancel"],
    },
  };
}

type CommonInputs = z.output<z.ZodObject<typeof common>>;

/** In whose name AWS is called; null: with the credentials that the job has. */
export function roleRequest({
  "role-to-assume": arn,
  "role-session-name": name,
}: Pick<CommonInputs, "role-to-assume" | "role-session-name">): RoleRequest | null {
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
    allowedAccounts: inputs["allowed-account-ids"],
    allowDivergent: inputs["allow-divergent"],
    waitSeconds: inputs["lock-timeout"],
    isOver:
      token === null
        ? null
        : async (workflow) => {
            const { isRunOver } = await import("../github/workflow-runs.ts");
            return isRunOver(token, workflow);
          },
    onTake: markOpen,
    compare:
      token === null
        ? null
        : async (repository, ancestor, descendant) => {
            const { compareCommits } = await import("../github/ancestry.ts");
            return compareCommits(token, repository, ancestor, descendant);
          },
  };
}

/** Credentials of a role that this step assumes by itself are renewed: when those of the job end does not matter then. */
function jobOf({ "role-to-assume": role }: Pick<CommonInputs, "role-to-assume">): AwsOfJob {
  const job = awsOfJob(process.env);
  return role === null ? job : { ...job, credentialsEndAt: null };
}

/** Runs something with the log of this step, and closes what that has open. */
export async function logged<T>(work: (context: Context) => Promise<T>): Promise<T> {
  const { report, close } = logReport();
  try {
    return await work(stepContext(report));
  } finally {
    close();
  }
}

function isRole(text: string): boolean {
  const arn = parseArn(text);
  return arn?.service === "iam" && arn.account !== "" && arn.resource.startsWith("role/");
}

/**
 * Real time, and a signal that aborts when the runner cancels the job: SIGINT first, SIGTERM 7.5 s later, then the end. A signal that
 * comes again (a terminal sends it to the whole group) changes nothing: what is being closed must not be cut off.
 */
function stepContext(report: Report): Context {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => controller.abort(new Cancelled(`Cancelled by ${name}.`)));
  }
  return { clock: realClock, signal: controller.signal, report };
}

const realClock: Context["clock"] = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason instanceof Error ? signal.reason : new Cancelled());
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, milliseconds);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    }),
};
