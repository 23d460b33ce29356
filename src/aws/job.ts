import { UserError } from "../domain/errors.ts";

/** What the environment of a job says of AWS, beside the credentials themselves. */
export interface AwsOfJob {
  /** null: it names none. */
  readonly region: string | null;
  /** When the credentials that it gives end, in milliseconds since 1970; null: it does not say. */
  readonly credentialsEndAt: number | null;
}

/**
 * Reads what may be told: a session token does not say when it ends. `AWS_CREDENTIAL_EXPIRATION` is what the SDKs read and
 * `aws configure export-credentials` writes, `AWS_SESSION_EXPIRATION` what aws-vault writes; aws-actions/configure-aws-credentials
 * sets neither, and gives it as its output `aws-expiration` when `output-credentials` is true.
 */
export function awsOfJob(variables: Readonly<Record<string, string | undefined>>): AwsOfJob {
  const given = (...names: readonly string[]): string | null =>
    names.map((name) => variables[name]).find((value) => value !== undefined && value !== "") ?? null;
  const end = Date.parse(given("AWS_CREDENTIAL_EXPIRATION", "AWS_SESSION_EXPIRATION") ?? "");
  return {
    region: given("AWS_REGION", "AWS_DEFAULT_REGION"),
    credentialsEndAt: given("AWS_ACCESS_KEY_ID") === null || Number.isNaN(end) ? null : end,
  };
}

/** @throws UserError when the environment names no region, and nothing else does */
export function requiredRegion({ region }: Pick<AwsOfJob, "region">): string {
  if (region !== null) return region;
  throw new UserError({
    what: "No AWS region is set.",
    where: "AWS_REGION",
    fix: "Set AWS_REGION in the job, or aws-region of aws-actions/configure-aws-credentials before this step.",
  });
}
