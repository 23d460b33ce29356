import type { RunningService } from "./observe.ts";

/**
 * How a CloudFormation stack lets go of services without a task that stops, as steps for people. Compose keeps no template: AWS has it.
 * That a policy alone is no change, and that what is retained is left alone: AWS CloudFormation user guide, "DeletionPolicy attribute".
 */
export function retiringSteps(services: readonly Pick<RunningService, "service">[]): readonly string[] {
  const owners = [...new Set(services.flatMap(({ service }) => service.cloudFormationStack ?? []))].sort();
  return owners.flatMap((owner) => {
    const named = `--stack-name ${owner}`;
    return [
      `CloudFormation stack ${owner} still owns ${namesOf(services, owner)}. Retire it after a release went well, and before anybody deploys it again:`,
      `  aws cloudformation get-template ${named} --template-stage Original --query TemplateBody > ${owner}.json`,
      '  In it, give every resource "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain" and a new "Metadata" (a policy alone is no change to CloudFormation), and nothing else.',
      `  aws cloudformation create-change-set ${named} --change-set-name retain --template-body file://${owner}.json --capabilities CAPABILITY_NAMED_IAM`,
      `  aws cloudformation describe-change-set ${named} --change-set-name retain: every change must be of Metadata or DeletionPolicy, none a replacement.`,
      `  aws cloudformation execute-change-set ${named} --change-set-name retain, and wait; then aws cloudformation delete-stack ${named}`,
      "  `docker compose up` makes a second stack from then on, beside what runs: take it out of scripts.",
    ];
  });
}

function namesOf(services: readonly Pick<RunningService, "service">[], owner: string): string {
  return services.flatMap(({ service }) => (service.cloudFormationStack === owner ? [service.name] : [])).join(", ");
}
