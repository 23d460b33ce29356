const api = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/";
const guide = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/";
const noServiceDeployments = `ministack plays no service deployments; ECS lists each: ${api}API_ListServiceDeployments.html`;

/** Why a fact differs, by situation and fact: what AWS's documentation has. */
export const reasons: Readonly<Record<string, string>> = {
  "a service is created: state of its deployment in the answer": `A service begins IN_PROGRESS, and is COMPLETED in a steady state: ${api}API_Deployment.html, rolloutState`,
  "a service is created: who started its task": `A service's task has the id of the deployment that starts it, not the service's name: ${api}API_Task.html, startedBy`,
  "a service is created: the image's digest is told": `The image was imported into the engine and is of no registry, so that the engine knows no digest; ECS pulls from one: ${api}API_Container.html, imageDigest`,
  "a service is created: its service deployment is named": `ministack plays no service deployments: ${api}API_Service.html, currentServiceDeployment`,
  "a service is created: it says that it is steady": `ministack has no event for it: ${guide}service-event-messages-list.html`,
  "a good revision is rolled out: why the old task was stopped": `The scheduler stops it, not a user: ${api}API_Task.html, stopCode; the words are those of public answers of real accounts`,
  "a good revision is rolled out: service deployments that are listed": noServiceDeployments,
  "a revision crashes, and the breaker goes back: deployments that are left": `ministack never takes the failed one out; ACTIVE means that it still has tasks, and it has none: ${api}API_Deployment.html, status`,
  "a revision crashes, and the breaker goes back: service deployments that are listed": noServiceDeployments,
  "a revision crashes, and the breaker gives up: the old task runs on": `ministack ends the healthy old task; without rollback ECS starts nothing new, and stops nothing: ${guide}deployment-circuit-breaker.html`,
  "a revision crashes, and the breaker gives up: tasks in the end": "The same: ministack has ended the old one",
  "a revision crashes, and the breaker gives up: service deployments that are listed": noServiceDeployments,
  "an image is missing: the container's reason begins with": `ministack has the reason on the task alone, ECS on the container, too: ${guide}stopped-task-error-codes.html`,
  "a one-off task fails: reason": `ECS says "Essential container in task exited": ${guide}stopped-task-error-codes.html`,
};
