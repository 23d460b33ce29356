import { basename } from "node:path";
import { UserError } from "../../src/domain/errors.ts";
import { connect } from "../../src/releases/connections.ts";
import { rolePolicy } from "../../src/releases/policy/read.ts";
import type { PolicyDocument, Statement } from "../../src/releases/policy/policy.ts";
import type { Bed } from "../local-aws/bed.ts";
import { administrator } from "../local-aws/neighbours/sessions.ts";
import { type Job, readAction, type Step } from "../runner/run-step.ts";

/** The role that jobs have in the beds of the tests. */
const role = "deploy";

/** Those that a role has at the moment, by bed: jobs may run at once. */
const granted = new WeakMap<Bed, Set<PolicyDocument>>();

/**
 * From now on the role of jobs may do what `dagster-ecs policy` prints for this step and the stack file as it is, and no more. A stack
 * file that cannot be read gives it no right at all.
 * @returns what takes that away again; the role may then do anything, as before the first
 */
export async function grantPolicy(
  bed: Bed,
  { workspace, environment }: Pick<Job, "workspace" | "environment">,
  step: Step,
): Promise<() => void> {
  const document = await policyOfStep(bed, { workspace, environment }, step);
  const documents = granted.get(bed) ?? new Set<PolicyDocument>();
  granted.set(bed, documents.add(document));
  setPolicy(bed, documents);
  return () => {
    documents.delete(document);
    setPolicy(bed, documents);
  };
}

function setPolicy({ account, aws }: Bed, documents: ReadonlySet<PolicyDocument>): void {
  const { roles } = aws.neighbours;
  const arn = `arn:aws:iam::${account}:role/${role}`;
  const { policy: _before, ...kept } = roles.get(role) ?? { name: role, arn, trustPolicy: "" };
  const Statement = [...documents].flatMap((document) => document.Statement);
  const policy = JSON.stringify({ Version: "2012-10-17", Statement });
  roles.set(role, documents.size === 0 ? kept : { ...kept, policy });
}

/** What docs/permissions.md tells in words, since the stack file does not: the command does not print it. */
function besideTheCommand({ region, account }: Bed, given: (input: string) => string): readonly Statement[] {
  const here = `${region}:${account}`;
  const allow = (Sid: string, Action: readonly string[], Resource: readonly string[]): Statement => ({
    Sid,
    Effect: "Allow",
    Action,
    Resource,
  });
  return [
    ...(given("verify") === "secret-keys"
      ? [allow("SecretValues", ["secretsmanager:GetSecretValue"], [`arn:aws:secretsmanager:${here}:secret:*`])]
      : []),
    ...(given("from") === ""
      ? []
      : [
          allow(
            "From",
            ["ssm:GetParameter", "s3:GetObject", "s3:ListBucket"],
            [`arn:aws:ssm:${here}:*`, "arn:aws:s3:::*"],
          ),
          allow(
            "FromImages",
            ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [`arn:aws:ecr:${here}:repository/*`],
          ),
        ]),
  ];
}

/** @throws Error when the stack can be read and there is no policy for it */
export async function policyOfStep(
  bed: Bed,
  { workspace: root, environment: variables }: Pick<Job, "workspace" | "environment">,
  step: Step,
): Promise<PolicyDocument> {
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
      root,
      file: given("stack") || "dagster-stack.yml",
      environment: given("environment") || "production",
      allowedAccounts: [],
      variables,
      job: { region: null, credentialsEndAt: null },
      commands: [step.action === "." ? given("command") : basename(step.action)],
      verifies: !["", "false"].includes(given("verify")),
      keepsRevisions: given("keep-revisions") !== "",
    });
    return { Version, Statement: [...Statement, ...besideTheCommand(bed, given)] };
  } catch (error) {
    if (error instanceof UserError) return { Version: "2012-10-17", Statement: [] };
    throw error;
  } finally {
    for (const name of Object.keys(process.env)) if (!Object.hasOwn(kept, name)) delete process.env[name];
    Object.assign(process.env, kept);
  }
}
