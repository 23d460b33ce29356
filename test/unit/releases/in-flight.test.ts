import { foreignDeployments } from "../../../src/releases/in-flight.ts";
import type { Step } from "../../../src/domain/plan.ts";
import { deployment, revision, service } from "../deployments/observations.ts";

type Arguments = Parameters<typeof foreignDeployments>;

const roll: Step = {
  id: "roll/code",
  part: "rollout",
  after: [],
  reason: "",
  undo: { kind: "none", why: "" },
  kind: "roll",
  service: "code",
  from: revision(2),
  to: "app:3",
  count: null,
};

const undo = { kind: "none", why: "" } as const;

const release = (number: number): Arguments[1]["target"] =>
  ({ taskDefinitions: { "service/code": revision(number) } }) as unknown as Arguments[1]["target"];

const back = (number: number) => ({ kind: "roll", service: "code", to: revision(number), count: null }) as const;

const found = (
  plan: Partial<Arguments[1]>,
  {
    code = service(),
    current = release(1),
    madeFor = null,
  }: {
    code?: ReturnType<typeof service>;
    current?: Arguments[2]["current"];
    madeFor?: { stack: string; environment: string } | null;
  } = {},
) => {
  const arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/app:2";
  const running = { revision: revision(2), arn, active: true, contentHash: null, madeFor, content: {} };
  return foreignDeployments(
    { name: "small", environment: "production" },
    { steps: [roll], moved: [], target: release(3), ...plan },
    {
      services: { code },
      current,
      definitions: { "service/code": { running, former: null, released: null, newest: null } },
    },
  ).map(({ name }) => name);
};
const ours = { stack: "small", environment: "production" };

describe("A deployment under way is somebody else's", () => {
  test("when it brings what is neither released nor to be released", () => {
    expect(found({})).toEqual(["code"]);
  });

  test("also before the first release", () => {
    expect(found({}, { current: null })).toEqual(["code"]);
  });

  test("also in a service that a release which was cut has moved", () => {
    const moved = [{ service: "code", undo: back(1) }];
    expect(found({ moved })).toEqual(["code"]);
    expect(found({ moved }, { madeFor: { ...ours, environment: "staging" } })).toEqual(["code"]);
  });

  test.each<[string, Parameters<typeof found>]>([
    ["it brings what this release brings", [{ target: release(2) }]],
    ["ECS goes back to what is released", [{}, { current: release(2) }]],
    ["a release that was cut has begun it", [{ moved: [{ service: "code", undo }] }, { madeFor: ours }]],
    ["ECS goes back to what was before a release that was cut", [{ moved: [{ service: "code", undo: back(2) }] }]],
    ["nothing moves its service", [{ steps: [] }]],
    ["it is complete", [{}, { code: service({ primary: deployment({ state: "COMPLETED" }) }) }]],
    ["it has failed", [{}, { code: service({ primary: deployment({ state: "FAILED" }) }) }]],
    ["its service is to run nothing", [{}, { code: service({ desiredCount: 0 }) }]],
  ])("but not when %s", (_, given) => {
    expect(found(...given)).toEqual([]);
  });
});
