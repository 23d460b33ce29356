import type { ServiceObservation } from "../../../src/deployments/index.ts";
import { planRoll, type RollPlan } from "../../../src/deployments/plan.ts";
import type { RollRequest } from "../../../src/deployments/request.ts";
import { UserError } from "../../../src/domain/errors.ts";
import { deployment, former, service } from "./observations.ts";
import { request } from "./scene.ts";

/** `app:1` runs and is complete. */
const settled = service({ primary: former() });
const update = (changes: Extract<RollPlan, { kind: "update" }>["changes"]) => ({ kind: "update", changes });

describe("The plan", () => {
  test.each<{ name: string; request?: Partial<RollRequest>; seen: ServiceObservation; plan: object }>([
    { name: "names the revision and nothing else", seen: settled, plan: update({ taskDefinition: "app:2" }) },
    {
      name: "names the count when it differs",
      request: { desiredCount: 2 },
      seen: settled,
      plan: update({ taskDefinition: "app:2", desiredCount: 2 }),
    },
    {
      name: "leaves out a count that is there",
      request: { desiredCount: 1 },
      seen: settled,
      plan: update({ taskDefinition: "app:2" }),
    },
    {
      name: "knows a revision by its ARN as well",
      request: { taskDefinition: "arn:aws:ecs:eu-west-1:123456789012:task-definition/app:1" },
      seen: settled,
      plan: { kind: "unchanged" },
    },
    {
      name: "is empty when all is as wanted",
      request: { taskDefinition: "app:1", desiredCount: 1 },
      seen: settled,
      plan: { kind: "unchanged" },
    },
    {
      name: "is the count alone when the revision runs",
      request: { taskDefinition: "app:1", desiredCount: 3 },
      seen: settled,
      plan: update({ desiredCount: 3 }),
    },
    {
      name: "waits for a deployment of this revision that is under way",
      seen: service({ others: [former()] }),
      plan: { kind: "attach", deploymentId: "ecs-svc/2" },
    },
    {
      name: "waits for a task that is missing",
      request: { taskDefinition: "app:1" },
      seen: service({ primary: former({ runningCount: 0 }) }),
      plan: { kind: "attach", deploymentId: "ecs-svc/1" },
    },
    {
      name: "forces a deployment when the last one of this revision failed: ECS would do nothing",
      seen: service({ primary: deployment({ state: "FAILED" }) }),
      plan: update({ taskDefinition: "app:2", forceNewDeployment: true }),
    },
    {
      name: "starts a service that runs nothing when it is given a count",
      request: { taskDefinition: "app:1", desiredCount: 1 },
      seen: service({ primary: former({ runningCount: 0 }), desiredCount: 0 }),
      plan: update({ desiredCount: 1 }),
    },
  ])("$name", ({ request: changes, seen, plan }) => {
    expect(planRoll(request(changes), seen)).toMatchObject(plan);
  });

  test.each<{ name: string; request?: Partial<RollRequest>; seen: ServiceObservation | null; what: RegExp }>([
    { name: "a service that is not there", seen: null, what: /no service app/ },
    { name: "a service that was deleted", seen: service({ status: "INACTIVE" }), what: /is INACTIVE: it was deleted/ },
    {
      name: "a service whose deployments ECS does not control",
      seen: service({ controller: "CODE_DEPLOY" }),
      what: /controlled by CODE_DEPLOY/,
    },
    {
      name: "a family without its revision",
      request: { taskDefinition: "app" },
      seen: settled,
      what: /does not name one revision/,
    },
    {
      name: "a service that would run nothing",
      seen: service({ primary: former({ runningCount: 0 }), desiredCount: 0 }),
      what: /nothing would show whether app:2 works/,
    },
    {
      name: "a count of nothing",
      request: { desiredCount: 0 },
      seen: settled,
      what: /nothing would show whether app:2 works/,
    },
  ])("refuses $name", ({ request: changes, seen, what }) => {
    const plan = () => planRoll(request(changes), seen);
    expect(plan).toThrow(UserError);
    expect(plan).toThrow(what);
  });
});
