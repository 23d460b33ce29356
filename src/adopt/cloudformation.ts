import type { RunningService } from "./observe.ts";

/**
 * How a CloudFormation stack lets go of services without a task that stops, as steps for people. Compose keeps no template: AWS has
 * it, in YAML, which AWS's command line would print with `--output json` as one quoted string.
 * That a policy alone is no change, and that what is retained is left alone: AWS CloudFormation user guide, "DeletionPolicy attribute".
 */
export function retiringSteps(services: readonly Pick<RunningService, "service">[]): readonly string[] {
  const owners = [...new Set(services.flatMap(({ service }) => service.cloudFormationStack ?? []))].sort();
  return owners.flatMap((owner) => {
    const named = `--stack-name ${owner}`;
    const changeSet = `${named} --change-set-name retain`;
    return [
      `CloudFormation stack ${owner} still owns ${namesOf(services, owner)}. Retire it after a release went well, and before anybody deploys it again:`,
      `  aws cloudformation get-template ${named} --template-stage Original --query TemplateBody --output text > ${owner}.yaml`,
      "  In it, give every resource, beside its `Type:`, these three lines, and change nothing else (a policy alone is no change to CloudFormation):",
      "    DeletionPolicy: Retain",
      "    UpdateReplacePolicy: Retain",
      "    Metadata: { Retired: true }",
      `  aws cloudformation create-change-set ${changeSet} --template-body file://${owner}.yaml --capabilities CAPABILITY_NAMED_IAM`,
      `  aws cloudformation wait change-set-create-complete ${changeSet}`,
      `  aws cloudformation describe-change-set ${changeSet} --query 'Changes[].ResourceChange.[LogicalResourceId,Action,Replacement,join(\`,\`,Scope)]' --output text`,
      "  Go on only when every line says Modify and False, and its last word nothing but Metadata, DeletionPolicy and UpdateReplacePolicy.",
      `  aws cloudformation execute-change-set ${changeSet} && aws cloudformation wait stack-update-complete ${named}`,
      `  aws cloudformation delete-stack ${named}`,
      "  `docker compose up` makes a second stack from then on, beside what runs: take it out of scripts.",
    ];
  });
}

function namesOf(services: readonly Pick<RunningService, "service">[], owner: string): string {
  return services.flatMap(({ service }) => (service.cloudFormationStack === owner ? [service.name] : [])).join(", ");
}
