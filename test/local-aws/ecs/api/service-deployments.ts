import type {
  ContinueServiceDeploymentRequest,
  ContinueServiceDeploymentResponse,
  DescribeServiceDeploymentsRequest,
  DescribeServiceDeploymentsResponse,
  DescribeServiceRevisionsRequest,
  DescribeServiceRevisionsResponse,
  ListServiceDeploymentsRequest,
  ListServiceDeploymentsResponse,
  StopServiceDeploymentRequest,
  StopServiceDeploymentResponse,
} from "@aws-sdk/client-ecs";
import { Refusal, type Bed, type CallContext, type Given, type Operations } from "../bed.ts";
import { isFinal, moveTo } from "../deployments.ts";
import { findCluster, findService, findServiceDeployment, findServiceRevision } from "../find.ts";
import { atMost, pageOf } from "../pages.ts";
import { answerHook } from "../stages.ts";
import { serviceDeploymentBrief, serviceDeploymentView, serviceRevisionView } from "../service-deployment-view.ts";

export const serviceDeploymentOperations = {
  ListServiceDeployments: (
    bed,
    input: Given<ListServiceDeploymentsRequest, "service">,
    call: CallContext,
  ): ListServiceDeploymentsResponse => {
    const service = findService(bed, findCluster(bed, input.cluster), input.service);
    const { after, before } = input.createdAt ?? {};
    const briefs = service.serviceDeployments
      .filter(({ arn }) => isVisible(bed, call, arn))
      .filter(({ status }) => input.status === undefined || input.status.includes(status))
      .filter(({ createdAt }) => after === undefined || createdAt > after.getTime())
      .filter(({ createdAt }) => before === undefined || createdAt < before.getTime())
      .map((deployment) => serviceDeploymentBrief(service, deployment));
    const { elements, nextToken } = pageOf(briefs, input, bed.rules.listServiceDeploymentsPage, bed.rules.pageMost);
    return { serviceDeployments: [...elements], nextToken };
  },

  DescribeServiceDeployments: (
    bed,
    { serviceDeploymentArns: arns }: Given<DescribeServiceDeploymentsRequest, "serviceDeploymentArns">,
    call: CallContext,
  ): DescribeServiceDeploymentsResponse => {
    atMost(bed.rules.describeServiceDeploymentsMost, arns, "serviceDeploymentArns");
    const found = arns.map((arn) => (isVisible(bed, call, arn) ? findServiceDeployment(bed, arn) : null));
    return {
      serviceDeployments: found.flatMap((one) =>
        one === null ? [] : [serviceDeploymentView(bed, one.service, one.deployment)],
      ),
      failures: missing(arns, found),
    };
  },

  DescribeServiceRevisions: (
    bed,
    { serviceRevisionArns: arns }: Given<DescribeServiceRevisionsRequest, "serviceRevisionArns">,
    call: CallContext,
  ): DescribeServiceRevisionsResponse => {
    atMost(bed.rules.describeServiceDeploymentsMost, arns, "serviceRevisionArns");
    const found = arns.map((arn) => (isVisible(bed, call, arn) ? findServiceRevision(bed, arn) : null));
    return {
      serviceRevisions: found.flatMap((one) => (one === null ? [] : [serviceRevisionView(one.service, one.revision)])),
      failures: missing(arns, found),
    };
  },

  StopServiceDeployment: (
    bed,
    { serviceDeploymentArn, stopType = "ROLLBACK" }: Given<StopServiceDeploymentRequest, "serviceDeploymentArn">,
  ): StopServiceDeploymentResponse => {
    if (stopType !== "ROLLBACK") {
      throw new Refusal("InvalidParameterException", `The stop type ${stopType} is not supported.`);
    }
    const { service, deployment } = existing(bed, serviceDeploymentArn);
    if (isFinal(deployment.status)) {
      throw new Refusal(bed.rules.stopOfFinished, "The service deployment has already finished.");
    }
    if (deployment.status === "PENDING" || deployment.status === "IN_PROGRESS") {
      moveTo(bed, deployment, "ROLLBACK_REQUESTED");
      bed.wake(service);
    }
    return { serviceDeploymentArn };
  },

  ContinueServiceDeployment: (
    bed,
    {
      serviceDeploymentArn,
      hookId,
      action = "CONTINUE",
    }: Given<ContinueServiceDeploymentRequest, "serviceDeploymentArn" | "hookId">,
  ): ContinueServiceDeploymentResponse => {
    const { service, deployment } = existing(bed, serviceDeploymentArn);
    if (answerHook(bed, service, deployment, hookId, action)) return { serviceDeploymentArn };
    throw new Refusal("InvalidParameterException", `The lifecycle hook ${hookId} is not awaiting action.`);
  },
} satisfies Operations;

function existing(bed: Bed, arn: string) {
  const found = findServiceDeployment(bed, arn);
  if (found === null) throw new Refusal("ServiceDeploymentNotFoundException", "Service deployment not found.");
  return found;
}

/** A stale read does not see what the last write has made. */
function isVisible(bed: Bed, { stale }: CallContext, arn: string): boolean {
  return !stale || bed.before?.arns.has(arn) === true;
}

function missing(arns: readonly string[], found: readonly unknown[]) {
  return arns.filter((_arn, index) => found[index] === null).map((arn) => ({ arn, reason: "MISSING" }));
}
