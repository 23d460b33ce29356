import type { Finding } from "../domain/finding.ts";
import { isOption, ofFew, type OptionName, options } from "./options.ts";

/** What the root action does when it is told to, as `command` names it. */
export const commands: readonly string[] = ["deploy", "plan", "rollback", "status", "unlock", "clean-up"];

/** What is said to whoever writes a workflow, and what a person at a terminal does first in its place. A test finds the former in the source. */
export const atTerminal: readonly (readonly [inJob: string, here: string])[] = [
  ["This job has no AWS credentials.", "There are no AWS credentials here."],
  [
    "Give this step the input `role-to-assume`, or put aws-actions/configure-aws-credentials before it; and give the job the permission id-token: write. On your own machine, log in first: aws sso login.",
    "Log in first: `aws sso login`; AWS_PROFILE names which of your profiles is meant. In a job of a workflow, put aws-actions/configure-aws-credentials before this step.",
  ],
  [
    "Set AWS_REGION in the job, or aws-region of aws-actions/configure-aws-credentials before this step.",
    "Set AWS_REGION, or the region of your profile; in a job of a workflow, aws-region of aws-actions/configure-aws-credentials.",
  ],
  ["The AWS session of this job is over", "The AWS session is over"],
  [
    "Let it be renewed: input `role-to-assume`. Or give the job a longer one: role-duration-seconds",
    "Log in again: `aws sso login`. In a job of a workflow, give it a longer one: role-duration-seconds",
  ],
  ["AWS does not accept the credentials of this job", "AWS does not accept these credentials"],
  [
    "Let the job get fresh ones: input `role-to-assume`, or aws-actions/configure-aws-credentials before this step, with the account and the partition that are meant. On a runner of your own, check its clock.",
    "Log in again: `aws sso login`, with the profile (AWS_PROFILE) of the account and the partition that are meant; and check the clock of this machine.",
  ],
  ["The credentials of this job are of account", "These credentials are of account"],
  [
    "Check the role that this step assumes (`role-to-assume`), or aws-actions/configure-aws-credentials before it, and the environment.",
    "Check whose they are, with `aws sts get-caller-identity` and AWS_PROFILE, and `--environment`.",
  ],
  [
    "Let them be renewed: input `role-to-assume`. Or give the job a longer session: role-duration-seconds",
    "Log in again before: `aws sso login`. In a job of a workflow, give it a longer session: role-duration-seconds",
  ],
  [
    "Set it as an environment variable of the step (`env:`), and write",
    "Set it as an environment variable: `export` here, `env:` of the step in a workflow; and write",
  ],
  [
    "Set it for the step that runs this (`env:` in the workflow).",
    "Set it in this terminal: `export NAME=value`; in a workflow, by `env:` of the step.",
  ],
  ["`status` lists them", "`dagster-ecs history` lists them"],
  ["`status` lists the releases", "`dagster-ecs history` lists the releases"],
  [", and the checkout must be there (actions/checkout).", "."],
  [
    "Check the repository out first (actions/checkout), and run this step in it.",
    "Run it in a checkout of the repository.",
  ],
  ["a new one (actions/checkout) is the quickest way", "a new one (`git clone`) is the quickest way"],
];

/**
 * Says in the words of the command line what was written for inputs of an action: they bear the same names.
 * @param taken options of the command that says it
 */
export function inOptions(text: string, taken: readonly OptionName[] = []): string {
  const isMeant = (name: string): name is OptionName =>
    isOption(name) && (!ofFew.includes(name) || taken.includes(name));
  return atTerminal
    .reduce((all, [inJob, here]) => all.replaceAll(inJob, () => here), text)
    .replaceAll(/`command: ([a-z-]+)`/g, (whole, name: string) =>
      commands.includes(name) ? `\`dagster-ecs ${name}\`` : whole,
    )
    .replaceAll(/(?:\binput )?`([a-z-]+): ([^`]+)`/g, (whole, name: string, value: string) =>
      isMeant(name) ? `\`${given(name, value)}\`` : whole,
    )
    .replaceAll(/\b([Ii])nputs? `?([a-z-]+)\b`?/g, (whole, _letter: string, name: string) =>
      isMeant(name) ? `\`--${name}\`` : name === "to" || name === "from" ? `<${name}>` : whole,
    )
    .replaceAll(/`([a-z]+(?:-[a-z]+)+)`/g, (whole, name: string) => (isMeant(name) ? `\`--${name}\`` : whole));
}

/** What a check has to say. */
export function inOptionsOf(finding: Finding, taken: readonly OptionName[] = []): Finding {
  return { ...finding, what: inOptions(finding.what, taken), fix: inOptions(finding.fix, taken) };
}

function given(name: keyof typeof options, value: string): string {
  if (options[name].takes !== null) return `--${name}=${value}`;
  return value === "true" ? `--${name}` : `--no-${name}`;
}
