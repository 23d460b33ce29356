import { basename } from "node:path";
import { UserError } from "../../src/domain/errors.ts";
import { connect } from "../../src/releases/connections.ts";
import { rolePolicy } from "../../src/releases/policy/read.ts";
import type { PolicyDocument, Statement } from "../../src/releases/policy/policy.ts";
import type { Bed } from "../local-aws/bed.ts";
import { administrator } from "../local-aws/neighbours/sessions.ts";
import { readAction, type Step } from "../runner/run-step.ts";

/** The role that jobs have in the beds of the tests. */
const role = "deploy";

/**
 * Runs a step by a role that may do what `dagster-ecs policy` prints for that step and the stack file as it is, and no more. Afterwards
 * it may do what it could before. A stack file that cannot be read gives it no right at all.
 */
export async function withPolicy<Result>(
  bed: Bed,
  folder: string,
  step: Step,
  run: () => Promise<Result>,
): Promise<Result> {
  const { roles } = bed.aws.neighbours;
  const before = roles.get(role);
  const policy = JSON.stringify(await policyOfStep(bed, folder, step));
  const arn = `arn:aws:iam::${bed.account}:role/${role}`;
  roles.set(role, { name: role, arn, trustPolicy: before?.trustPolicy ?? "", policy });
  try {
    return await run();
  } finally {
    if (before === undefined) roles.delete(role);
    else roles.set(role, before);
  }
}

/** What docs/permissions.md tells of `verify: secret-keys`, and the command does not print. */
function secretValues({ region, account }: Bed): Statement {
  const Resource = [`arn:aws:secretsmanager:${region}:${account}:secret:*`];
  return { Sid: "SecretValues", Effect: "Allow", Action: ["secretsmanager:GetSecretValue"], Resource };
}

/** @throws Error when the stack can be read and there is no policy for it */
async function policyOfStep(bed: Bed, folder: string, step: Step): Promise<PolicyDocument> {
  const { inputs } = await readAction(step.action);
  const given = (name: string): string => step.with?.[name] ?? inputs[name]?.default ?? "";
  const context = {
    clock: { now: () => bed.clock.now(), sleep: () => Promise.resolve() },
    signal: new AbortController().signal,
    report: () => undefined,
  };
  const kept = { ...process.env };
  // As for any program in this bed: the SDK finds its way by the environment.
  Object.assign(process.env, bed.environment(administrator));
  try {
    const { Version, Statement } = await rolePolicy(context, connect(context, null), {
      root: folder,
      file: given("stack"),
      environment: given("environment"),
      allowedAccounts: [],
      variables: {},
      job: { region: null, credentialsEndAt: null },
      commands: [step.action === "." ? given("command") : basename(step.action)],
      verifies: !["", "false"].includes(given("verify")),
      keepsRevisions: given("keep-revisions") !== "",
    });
    return { Version, Statement: [...Statement, ...(given("verify") === "secret-keys" ? [secretValues(bed)] : [])] };
  } catch (error) {
    if (error instanceof UserError) return { Version: "2012-10-17", Statement: [] };
    throw error;
  } finally {
    for (const name of Object.keys(process.env)) if (!Object.hasOwn(kept, name)) delete process.env[name];
    Object.assign(process.env, kept);
  }
}
